"""The latest updates of shared values: when each was read and written, and which were lost."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import Part, Places

Content: TypeAlias = "bool | int | float | str | None"
"""Content of an element; a whole number has 64 bits, with or without a sign."""

MOST_UPDATES = 2_000
"""Number of updates of all values that are kept: the latest ones."""

MOST_LOST = 1_000
"""Number of lost ones among them that are kept as well, however many other updates follow."""

APART = 500_000
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
    index: int
    """Of the element; 0 for a Value."""
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
    index: int


@dataclass(slots=True)
class Pace:
    """How often updates of a value are kept."""

    kept: int = 0
    """From when on the next is kept that is not lost, nanoseconds."""
    lost: int = 0
    """From when on the next lost one is."""


@dataclass(slots=True)
class Updates:
    """Those that are kept of all values."""

    latest: deque[Update] = field(default_factory=lambda: deque(maxlen=MOST_UPDATES))
    """Those that were not lost, in the order of their writes."""
    lost: deque[Update] = field(default_factory=lambda: deque(maxlen=MOST_LOST))
    """Those that were lost."""

    def keep(  # noqa: PLR0917
        self,
        pace: Pace,
        place: Place,
        time: int,
        reader: Reader,
        found: Content,
        new: Content,
        lost: bool = False,
    ) -> None:
        """Keep a write at this time, unless too many come, with what its process had read last."""
        if time < (pace.lost if lost else pace.kept):
            return
        read = -1 if reader.written else reader.at
        update = Update(time, *place, read, reader.value, found, new, lost)
        if lost:
            pace.lost = time + APART
            self.lost.append(update)
        else:
            pace.kept = time + APART
            self.latest.append(update)

    def keep_some(  # noqa: PLR0917
        self, pace: Pace, place: Place, reader: Reader, part: Part, read: Places, written: Places
    ) -> None:
        """Keep those of many writes, none of which is lost, that would be kept one by one."""
        times = part.times(written)
        at = bisect_left(times, pace.kept)
        while at < len(times):
            before = bisect_left(read, written[at])
            known, last = reader, read[before - 1 : before] if before else []
            if last:
                known = Reader(value=part.values(0, last)[0], at=part.times(last)[0])
            if at:
                known = replace(known, written=not last or last[0] < written[at - 1])
            here = written[at : at + 1]
            found, new = part.values(0, here)[0], part.values(1, here)[0]
            self.keep(pace, place, times[at], known, found, new)
            at = bisect_left(times, pace.kept, at)


def updates_of(state: RunState) -> Updates:
    """The updates that are kept; there is one such object for a run."""
    table = state.table(Updates)
    found = table.get("")
    if found is None:
        found = table[""] = Updates()
    return found
