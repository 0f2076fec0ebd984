"""What led to what: which put to which get, which release to which acquire; where it is certain.

Nothing is added to what a program's queues carry, so an item has no name by which to know it again.
What is known is an order:

- A SimpleQueue is written to and told of under one lock: its items come out as they were put in.
- The items of a Queue come out in the order in which they went into its pipe. The thread of a
  process that puts them there keeps their order, but that of two processes may get in between each
  other: so a get is certain as long as one of them alone has items on their way.
- The messages of one sender come in order, and their sizes have to agree.
- A lock that somebody had to wait for was given free by the release before, and a place of a
  semaphore likewise, if it was the only one.

A guess is no arrow: what is not certain is left out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

Putter = tuple[int, int]
"""Who puts: a process and a thread of it, as the form that is exported numbers them."""


class Moment(NamedTuple):
    """Something that a thread of a process did, and when."""

    process: int
    """As the form that is exported numbers them."""
    thread: int
    time: int
    """Nanoseconds."""
    size: int = -1
    """Bytes of a message; -1 where they are not told."""


@dataclass(slots=True)
class Channel:
    """What is on its way from those who put to those who get, each in their own order."""

    waiting: dict[Putter, deque[Moment | None]] = field(default_factory=dict)
    """By who has put it: what is certain to be on its way, oldest first; None for one that is
    there, and is not known. Nobody without any."""
    mixed: int = 0
    """So many are on their way of whom nobody knows who has put which; no other is then."""
    broken: bool = False
    """More came out than was told to have been put in: nothing is certain any more."""

    def put(self, who: Putter, moment: Moment) -> None:
        """Something is on its way."""
        if self.mixed:
            self.mixed += 1
        else:
            self.waiting.setdefault(who, deque()).append(moment)

    def got(self) -> Moment | None:
        """Something has arrived: when it was put, if that is certain."""
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
        """What was put last by them has not been put after all."""
        if self.mixed:
            self.mixed -= 1
        elif who in self.waiting:
            self.waiting[who].pop()
            self._tidy(who)

    def lost(self, whose: list[Putter]) -> None:
        """One of what these have on their way will never arrive."""
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
        """Forget who has put what; how much is on its way."""
        count = sum(map(len, self.waiting.values()))
        self.waiting.clear()
        return count

    def _tidy(self, who: Putter) -> None:
        if not self.waiting[who]:
            del self.waiting[who]


@dataclass(slots=True)
class Places:
    """The free places of a lock or semaphore: who gave free the one that somebody takes."""

    known: Moment | None = None
    """The only free place was given free then."""
    unknown: int = 0
    """So many are free; of whom they come is not known, or does not matter among several."""

    def released(self, moment: Moment) -> None:
        """One more is free."""
        if self.known is None and not self.unknown:
            self.known = moment
        else:
            self.unknown += 1 + (self.known is not None)
            self.known = None

    def refused(self) -> None:
        """The release before was none."""
        if self.known is not None:
            self.known = None
        else:
            self.unknown = max(0, self.unknown - 1)

    def used(self) -> None:
        """Somebody has taken a place and given it back unseen."""
        if self.known is not None:
            self.known, self.unknown = None, 1

    def acquired(self) -> Moment | None:
        """Somebody has taken a place: when it was given free, if that is certain."""
        moment, self.known = self.known, None
        if moment is None:
            self.unknown = max(0, self.unknown - 1)
        return moment
