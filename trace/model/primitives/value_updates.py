"""The latest updates of shared values: when each was read and written, and which were lost."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import Part, Places

Content: TypeAlias = bool | int | float | str | None
"""Content of an element; a whole number has 64 bits, with or without a sign."""

MOST_UPDATES = 1_000
"""Number of updates of a value that are kept: the latest ones."""

MOST_LOST = 1_000
"""Number of lost ones that are kept as well, however many other updates follow."""

MOST_VALUES = 32
"""Number of values whose updates are kept: 16 MB in all."""

NEVER = 1 << 63

APART = 1_000_000
"""Minimum nanoseconds between two updates of a value that are kept, and between two lost ones: no
column of a timeline can show more, and a value may be written a million times."""


class Update(NamedTuple):
    """A write of a process, with what it had read before."""

    written: int
    """When, nanoseconds."""
    process: str
    """Key."""
    value: str
    """Id."""
    element: int
    """Its index; 0 for a Value."""
    read: int
    """When it had read the element, nanoseconds; -1 if it has not, since its last write."""
    old: Content
    """What it had read."""
    found: Content
    """What the element held just before the write."""
    new: Content
    """What it wrote."""
    lost: bool
    """Whether it overwrote by that what others had written since the reading."""


@dataclass(slots=True)
class Reader:
    """What one process last read of an element."""

    version: int = 0
    value: Content = None
    written: bool = False
    """Whether it has written since."""
    at: int = -1
    """When it read that, nanoseconds; -1 for never."""


class Place(NamedTuple):
    """An element, and the process that writes it."""

    process: str
    """Key."""
    value: str
    """Id."""
    element: int


@dataclass(slots=True)
class Updates:
    """Those of a value that are kept."""

    latest: deque[Update] = field(default_factory=lambda: deque(maxlen=MOST_UPDATES))
    """Those that were not lost, in the order of their writes."""
    lost: deque[Update] = field(default_factory=lambda: deque(maxlen=MOST_LOST))
    """Those that were lost."""
    next_latest: int = 0
    """From when on the next is kept that is not lost, nanoseconds."""
    next_lost: int = 0
    """From when on the next lost one is."""

    def keep(
        self,
        place: Place,
        time: int,
        reader: Reader,
        found: Content,
        new: Content,
        lost: bool = False,
    ) -> None:
        """Keep a write at this time, with what its process had read last."""
        read = -1 if reader.written else reader.at
        update = Update(time, *place, read, reader.value, found, new, lost)
        if lost:
            self.next_lost = time + APART
            self.lost.append(update)
        else:
            self.next_latest = time + APART
            self.latest.append(update)

    def keep_some(
        self, place: Place, reader: Reader, part: Part, read: Places, written: Places
    ) -> None:
        """Keep those of many writes, none of which is lost, that would be kept one by one."""
        times = part.times(written)
        at = bisect_left(times, self.next_latest)
        while at < len(times):
            before = bisect_left(read, written[at])
            known, last = reader, read[before - 1 : before] if before else []
            if last:
                known = Reader(value=part.values(0, last)[0], at=part.times(last)[0])
            if at:
                known = replace(known, written=not last or last[0] < written[at - 1])
            here = written[at : at + 1]
            found, new = part.values(0, here)[0], part.values(1, here)[0]
            self.keep(place, times[at], known, found, new)
            at = bisect_left(times, self.next_latest, at)


def updates_of(state: RunState, value_id: str) -> Updates:
    """Those that are kept of this value; of too many values, what never keeps any."""
    table = state.table(Updates)
    found = table.get(value_id)
    if found is None:
        found = (
            Updates() if len(table) < MOST_VALUES else Updates(next_latest=NEVER, next_lost=NEVER)
        )
        if len(table) < MOST_VALUES:
            table[value_id] = found
    return found
