"""The last records of a run, kept as they came until somebody wants to see them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from mpviz.trace.events import Event
from mpviz.trace.told import Told, as_events

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
