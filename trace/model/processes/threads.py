"""The threads of a process: who they are, when they started and ended, and what they used.

A thread of Python's ``threading`` tells of its start itself. All others, and that one is gone, are
known from samples, ten times a second, and so are CPU time and status, once a second.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from mpviz.trace.model.events import ThreadSample
from mpviz.trace.model.processes.core_times import CoreTimes

MOST_THREADS = 64
"""Maximum number of living threads of a process that are kept with their names."""

MOST_ENDED = 16
"""Number of ended threads of a process that are kept, of those that were busy and of the others:
the latest ones."""

BUSY_SECONDS, BUSY_SHARE = 0.1, 0.05
"""A thread is busy once it has had a core for so long, and for so much (0 to 1) of its life."""

LATELY_NANOSECONDS = 2_000_000_000
"""For how long after a sample has seen it at work a thread counts as being at work."""

HELPERS_SHARE = 0.25
"""Minimum share (0 to 1) of a core that a thread which serves a pool or queue uses while it pickles
or unpickles. Those that look after the workers of a pool wake ten times a second for nothing."""


@dataclass(slots=True)
class KnownThread:
    """A thread of an observed process."""

    number: int
    """The kernel's number; that of the main thread is the pid."""
    since: int
    """When it started, nanoseconds; for one that Python did not start, when it was first seen."""
    name: str = ""
    """The name that the program gave it, else the kernel's."""
    ident: int = 0
    """Its number as in events; 0 for the main thread, and for one that has told nothing."""
    daemon: bool | None = None
    """None if unknown."""
    own: bool = False
    """It runs code of the program or of a library, and serves no pool or queue."""
    until: int = -1
    """When it was seen to be gone, nanoseconds; -1 while it lives."""
    cpu_seconds: float = -1.0
    """As of the last sample that told it; -1 if unknown."""
    status: str = ""
    """The operating system's letter at that sample; empty before the first."""
    sampled: int = -1
    """The time of that sample, nanoseconds; -1 before the first."""
    worked: tuple[int, int] = (-1, -1)
    """Times of the last two samples between which it was at work, nanoseconds; -1 for never."""
    times: CoreTimes = field(default_factory=CoreTimes)
    """When it had a core, and when it lacked one."""
    told: tuple[int, int] = (0, 0)
    """Nanoseconds with a core and without one, as of the last sample that told them."""
    is_busy: bool = False
    """It has used a good part of a core, in work that is the program's."""

    def take_in(self, time: int, sample: ThreadSample) -> None:
        """Note what a sample says, and whether it was at work since the sample before."""
        more = sample.cpu_seconds - max(0.0, self.cpu_seconds)
        before = self.sampled if self.sampled >= 0 else self.since
        least = 0.0 if self.own else HELPERS_SHARE * (time - before) / 1e9
        if time > before and sample.cpu_seconds >= 0 and more > least:
            self.worked = before, time
        self.name = self.name or sample.name
        self.cpu_seconds, self.status, self.sampled = sample.cpu_seconds, sample.status, time

    def take_in_times(self, before: int, time: int, had: int, lacked: int) -> None:
        """Note for how long it has had a core, and lacked one; ``before``: the last sample."""
        (had_before, lacked_before), self.told = self.told, (had, lacked)
        since, most = max(before, self.since), max(0, time - max(before, self.since))
        had, lacked = max(0, had - had_before), max(0, lacked - lacked_before)
        self.times.add(since, time, min(had, most), min(lacked, most))
        self.note_busy(time)

    def note_busy(self, time: int) -> None:
        """Once busy, it stays so: its lane never goes away."""
        had, _ = self.times.between(self.since, time)
        least = max(BUSY_SECONDS * 1e9, BUSY_SHARE * (time - self.since))
        serves = self.ident != 0 and not self.own
        self.is_busy = self.is_busy or (had >= least and not serves)


@dataclass(slots=True)
class Threads:
    """The threads of a process; empty for one that never had a second."""

    living: dict[int, KnownThread] = field(default_factory=dict)
    """By the kernel's number."""
    ended: list[KnownThread] = field(default_factory=list)
    """The latest of those that have ended."""
    count: int = 1
    """How many it has for the kernel, with those that are not kept."""
    main: KnownThread | None = None
    """The main thread, also while it is the only one; None before the first sample."""

    def named(self, ident: int) -> KnownThread | None:
        """The living thread with this number, as in events; None if it has told nothing."""
        return next((each for each in self.living.values() if each.ident == ident), None)

    def start(self, thread: KnownThread) -> None:
        """A thread tells that it has started; the kernel may have shown it before."""
        seen = self.living.pop(thread.number, None)
        if seen is not None and seen.ident:
            self._end(seen, thread.since)
        elif seen is not None:
            thread.cpu_seconds, thread.status = seen.cpu_seconds, seen.status
            thread.sampled = seen.sampled
        if len(self.living) < MOST_THREADS:
            self.living[thread.number] = thread

    def take_in(
        self, time: int, count: int, samples: list[ThreadSample], main: tuple[int, int]
    ) -> None:
        """Note how many threads the kernel has, and, if it is told, which.

        ``main``: the number of the main thread, and when it started, nanoseconds.
        """
        self.count = count
        if count > 1 and not samples:
            return
        for each in samples:
            known = self.living.get(each.number)
            if known is None and len(self.living) < MOST_THREADS:
                if each.number == main[0]:
                    known = self._main(*main)
                else:
                    known = self._overlooked(each.number) or KnownThread(each.number, time)
                self.living[each.number] = known
            if known is not None:
                known.take_in(time, each)
        seen = {each.number for each in samples} or {main[0]}
        # Of many, only the oldest are told, which mostly have the lowest numbers.
        last = max(seen) if 0 < len(samples) < count else None
        for number, known in list(self.living.items()):
            is_told = last is None or number <= last
            if number not in seen and is_told and known.since <= time:
                self._end(self.living.pop(number), time)

    def take_in_times(
        self,
        stretch: tuple[int, int],
        main: tuple[int, int],
        alone: tuple[int, int],
        times: list[tuple[int, int, int]],
    ) -> None:
        """Note how long each had a core and lacked one in this stretch, nanoseconds.

        ``main``: as for :meth:`take_in`. ``alone``: the times of the main thread so far, if it is
        the only one; -1 if it is not, or if they are unknown.
        """
        if min(alone) >= 0:
            times = [(main[0], *alone)]
        for number, had, lacked in times:
            known = self._main(*main) if number == main[0] else self.living.get(number)
            if known is not None:
                known.take_in_times(*stretch, had, lacked)

    def _main(self, number: int, since: int) -> KnownThread:
        if self.main is None or self.main.until >= 0:
            self.main = KnownThread(number, since)
        return self.main

    def _overlooked(self, number: int) -> KnownThread | None:
        """The thread of this number that has told of its start, but not been seen in a sample.

        A sample has the time of its end: who starts in the middle of it is missing, and yet older.
        """
        for thread in reversed(self.ended):
            if thread.number == number and thread.sampled < 0:
                self.ended.remove(thread)
                thread.until = -1
                return thread
        return None

    def end_all(self, time: int) -> None:
        """The process has ended, or has become another program."""
        for thread in self.living.values():
            self._end(thread, time)
        self.living.clear()

    def _end(self, thread: KnownThread, time: int) -> None:
        thread.until = time
        self.ended.append(thread)
        alike = [each for each in self.ended if each.is_busy is thread.is_busy]
        if len(alike) > MOST_ENDED:
            self.ended.remove(alike[0])

    def others_at_work(self, pid: int, waiting: Container[int], since: int, now: int) -> bool:
        """Whether a thread beside the main one has been at work since then, and still was lately.

        Those that wait (``waiting`` has their numbers, as in events) are not.
        """
        return any(
            each.number != pid
            and since < each.worked[1]
            and now - each.worked[1] <= LATELY_NANOSECONDS
            and not (each.ident and each.ident in waiting)
            for each in self.living.values()
        )

    @property
    def busy(self) -> list[KnownThread]:
        """The threads that are or were busy, the main one first; none if it is the only one."""
        others = [each for each in (*self.ended, *self.living.values()) if each.is_busy]
        others = [each for each in others if each is not self.main]
        others.sort(key=lambda each: each.since)
        if self.main is not None and self.main.is_busy and others:
            return [self.main, *others]
        return others

    @property
    def names(self) -> list[str]:
        """The names of the living threads that run code of the program's own."""
        return [each.name for each in self.living.values() if each.own and each.name]
