"""What processes have told: events from the pipe and the socket, and records from the rings.

The last of them are kept as they came until somebody wants to see them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from mpviz.trace.model.events import Event
from mpviz.trace.model.stretches import Stretch

if TYPE_CHECKING:
    from mpviz.trace.model.primitive import Bind

RingRecord: TypeAlias = "tuple[int, Form, int, int, int, int, int, int]"
"""A record as a ring has it: time, form, thread, number, site, and the values that the form names.

It is folded without making an event of it, which would take longer than everything else.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What the records of one kind about one object have in common."""

    pid: int
    kind: type[Event]
    object: str
    """The id of the object that these records are about; empty if there is none."""
    copy: Callable[[], Event]
    """Makes such an event, with zeros for the values that differ between records."""
    fields: tuple[str, ...]
    """The event's names for the site, if it has one, and for up to three more values."""
    bind: Bind
    """Makes the function that folds such records; see
    :class:`mpviz.trace.model.primitive.RingHandler`."""
    bounds: tuple[tuple[int, int, int], ...]
    """The values of a record that its slot does not bound: where each is, its least, its most."""

    def fits(self, record: RingRecord) -> bool:
        """Whether a line with the same thread and values could be read."""
        if record[2] < 0:
            return False
        for at, least, most in self.bounds:
            value = cast("int", record[at])
            if not least <= value <= most:
                return False
        return True

    def event(self, record: RingRecord) -> Event:
        """Make the event that a record stands for."""
        event = self.copy()
        event.time, _, event.thread, event.number, *values = record
        for name, value in zip(self.fields, values, strict=False):
            setattr(event, name, value)
        return event


Told: TypeAlias = "Event | Stretch | list[RingRecord]"
"""An event, or ring records in their order."""


def as_events(told: Iterable[Told]) -> list[Event]:
    """Give events and ring records as events, in their order."""
    events: list[Event] = []
    for each in told:
        if isinstance(each, Event):
            events.append(each)
        else:
            records = each if isinstance(each, list) else each.records()
            events += [record[1].event(record) for record in records]
    return events


RECENT_LIMIT = 2_000
"""Maximum number of records that are shown."""


@dataclass(slots=True, eq=False)
class Recent:
    """The last :data:`RECENT_LIMIT` records, without samples and output."""

    told: deque[Told] = field(default_factory=deque)
    """These, and up to as many before them."""
    count: int = 0
    """How many records ``told`` has."""

    def add(self, told: Told) -> None:
        """Add an event, or records of rings."""
        self.told.append(told)
        self.count += 1 if isinstance(told, Event) else len(told)
        if self.count > 2 * RECENT_LIMIT:
            self._forget()

    def __iter__(self) -> Iterator[Event]:
        """Give them as events, the oldest first."""
        return iter(as_events(self.told)[-RECENT_LIMIT:])

    def __len__(self) -> int:
        """How many there are."""
        return min(self.count, RECENT_LIMIT)

    def settle(self) -> None:
        """Keep events instead of records of rings, which hold the memory of their rings."""
        self.told = deque(self)
        self.count = len(self.told)

    def __eq__(self, other: object) -> bool:
        """Whether both would give the same events."""
        return isinstance(other, Recent) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _forget(self) -> None:
        while self.count - (count := _count(self.told[0])) >= RECENT_LIMIT:
            self.count -= count
            self.told.popleft()


def _count(told: Told) -> int:
    return 1 if isinstance(told, Event) else len(told)
