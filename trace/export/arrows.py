"""Matches a get with its put and an acquire with the release before it, if that is certain.

mpviz adds nothing to the items of a queue, so an item cannot be recognised. What is known is order:

- Writes to a SimpleQueue are recorded under its lock: its items come out in the order of puts.
- The items of a Queue come out in the order in which they went into its pipe. Those of one process
  keep their order, but those of two processes may mix. So a get is certain only while a single
  process has items on their way.
- The messages of one sender come in order, and their sizes have to agree.
- A lock that somebody had to wait for was freed by the release before, and so was a place of a
  semaphore, if it was the only free one.

A guess is no arrow: uncertain matches are left out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

Putter = tuple[int, int]
"""A process and a thread of it, as numbered in the exported file."""


class Moment(NamedTuple):
    """The time of something that a thread did."""

    process: int
    """As numbered in the exported file."""
    thread: int
    time: int
    """Nanoseconds."""
    size: int = -1
    """Bytes of a message; -1 if not told."""


@dataclass(slots=True)
class Channel:
    """What is on its way from putters to getters, in the order of each putter."""

    waiting: dict[Putter, deque[Moment | None]] = field(default_factory=dict)
    """For each putter, its items that are certainly on their way, oldest first; None for an item
    whose put is unknown. Putters without items are left out."""
    mixed: int = 0
    """Number of items on their way whose putters are unknown; then there are no others."""
    broken: bool = False
    """Whether more came out than was put in, so that nothing is certain any more."""

    def put(self, who: Putter, moment: Moment) -> None:
        """Add an item that is on its way."""
        if self.mixed:
            self.mixed += 1
        else:
            self.waiting.setdefault(who, deque()).append(moment)

    def got(self) -> Moment | None:
        """Remove an item that has arrived; return its put, if that is certain."""
        if self.mixed:
            self.mixed -= 1
            return None
        if len(self.waiting) == 1:
            (who,) = self.waiting
            moment = self.waiting[who].popleft()
            self._tidy(who)
            return None if self.broken else moment
        if not self.waiting:
            self.broken = True
        self.mixed = max(0, self._mix() - 1)
        return None

    def taken_back(self, who: Putter) -> None:
        """Remove the last item of a putter, whose put has failed."""
        if self.mixed:
            self.mixed -= 1
        elif who in self.waiting:
            self.waiting[who].pop()
            self._tidy(who)

    def lost(self, whose: list[Putter]) -> None:
        """Remove one item of these putters, which will never arrive."""
        if self.mixed:
            self.mixed -= 1
            return
        theirs = [who for who in whose if who in self.waiting]
        if len(theirs) == 1:
            waiting = self.waiting[theirs[0]]
            self.waiting[theirs[0]] = deque([None] * (len(waiting) - 1))
            self._tidy(theirs[0])
        elif theirs:
            self.mixed = max(0, self._mix() - 1)

    def _mix(self) -> int:
        """Forget the putters; return how many items are on their way."""
        count = sum(map(len, self.waiting.values()))
        self.waiting.clear()
        return count

    def _tidy(self, who: Putter) -> None:
        if not self.waiting[who]:
            del self.waiting[who]


@dataclass(slots=True)
class Places:
    """The free places of a lock or semaphore, and the release that freed the next one taken."""

    known: Moment | None = None
    """The release of the only free place."""
    unknown: int = 0
    """Number of free places whose releases are unknown, or one of several."""

    def released(self, moment: Moment) -> None:
        """Add a free place."""
        if self.known is None and not self.unknown:
            self.known = moment
        else:
            self.unknown += 1 + (self.known is not None)
            self.known = None

    def refused(self) -> None:
        """Remove a free place, since the last release has failed."""
        if self.known is not None:
            self.known = None
        else:
            self.unknown = max(0, self.unknown - 1)

    def used(self) -> None:
        """Forget the release: a place was taken and released unseen."""
        if self.known is not None:
            self.known, self.unknown = None, 1

    def acquired(self) -> Moment | None:
        """Remove a place that was taken; return its release, if that is certain."""
        moment, self.known = self.known, None
        if moment is None:
            self.unknown = max(0, self.unknown - 1)
        return moment
