"""What processes have told: events from the pipe and the socket, and records from rings.

The latest of them are kept for the event log.
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
"""A record from a ring: time, form, thread, number, site, and the values that the form names.

It is folded as it is, because making an event of it would take longer than all the rest.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What the records of one kind, about one object, have in common."""

    pid: int
    kind: type[Event]
    object: str
    """The id of the object that these records are about; empty if there is none."""
    copy: Callable[[], Event]
    """Makes such an event, with zeros for the values that records have."""
    fields: tuple[str, ...]
    """The event's names for the site, if it has one, and for up to three more values."""
    bind: Bind
    """Makes the function that folds such records; see
    :class:`mpviz.trace.model.primitive.RingHandler`."""
    bounds: tuple[tuple[int, int, int], ...]
    """(index in the record, minimum, maximum) for values that may exceed what events allow."""

    def fits(self, record: RingRecord) -> bool:
        """Whether an event may have this thread and these values."""
        if record[2] < 0:
            return False
        for at, least, most in self.bounds:
            value = cast("int", record[at])
            if not least <= value <= most:
                return False
        return True

    def event(self, record: RingRecord) -> Event:
        """Make the event for a record."""
        event = self.copy()
        event.time, _, event.thread, event.number, *values = record
        for name, value in zip(self.fields, values, strict=False):
            setattr(event, name, value)
        return event


Told: TypeAlias = "Event | Stretch | list[RingRecord]"
"""An event, or ring records in their order."""


def as_events(told: Iterable[Told]) -> list[Event]:
    """Turn events and ring records into events, in their order."""
    events: list[Event] = []
    for each in told:
        if isinstance(each, Event):
            events.append(each)
        else:
            records = each if isinstance(each, list) else each.records()
            events += [record[1].event(record) for record in records]
    return events


RECENT_LIMIT = 2_000
"""Maximum number of records that the event log can show."""


@dataclass(slots=True, eq=False)
class Recent:
    """The last :data:`RECENT_LIMIT` records, without samples and output."""

    told: deque[Told] = field(default_factory=deque)
    """These, preceded by up to as many older ones."""
    count: int = 0
    """How many records ``told`` has."""

    def add(self, told: Told) -> None:
        """Add an event, or records of rings."""
        self.told.append(told)
        self.count += 1 if isinstance(told, Event) else len(told)
        if self.count > 2 * RECENT_LIMIT:
            self._forget()

    def __iter__(self) -> Iterator[Event]:
        """Iterate over them as events, the oldest first."""
        return iter(as_events(self.told)[-RECENT_LIMIT:])

    def __len__(self) -> int:
        """How many there are."""
        return min(self.count, RECENT_LIMIT)

    def settle(self) -> None:
        """Keep events instead of ring records, which keep the memory of whole rings alive."""
        self.told = deque(self)
        self.count = len(self.told)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same events."""
        return isinstance(other, Recent) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _forget(self) -> None:
        while self.count - (count := _count(self.told[0])) >= RECENT_LIMIT:
            self.count -= count
            self.told.popleft()


def _count(told: Told) -> int:
    return 1 if isinstance(told, Event) else len(told)
