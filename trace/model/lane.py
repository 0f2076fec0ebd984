"""What one process did over time: recent spans exactly, older ones in buckets."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from mpviz.trace.model.measures import halved


class Activity(IntEnum):
    """What a process does; each has its own colour on the timeline."""

    STARTING = 0
    RUNNING = 1
    TASK = 2
    LOCK = 3
    QUEUE = 4
    PROCESS = 5
    RESULT = 6
    SIGNAL = 7
    IDLE = 8
    SLEEPING = 9
    STOPPED = 10
    ZOMBIE = 11
    INITIALIZING = 12
    ENDING = 13
    ENDED = 14


WORDS: dict[Activity, str] = {
    Activity.STARTING: "starting",
    Activity.RUNNING: "running",
    Activity.TASK: "running",
    Activity.LOCK: "waiting",
    Activity.QUEUE: "waiting",
    Activity.PROCESS: "waiting",
    Activity.RESULT: "waiting",
    Activity.SIGNAL: "waiting",
    Activity.IDLE: "idle",
    Activity.SLEEPING: "sleeping",
    Activity.STOPPED: "stopped",
    Activity.ZOMBIE: "zombie",
    Activity.INITIALIZING: "starting",
    Activity.ENDING: "ending",
    Activity.ENDED: "ended",
}
"""The plain word for each activity: the state of the process."""


class Span(NamedTuple):
    """One activity from ``start`` up to ``end``, in nanoseconds."""

    start: int
    end: int
    activity: Activity
    detail: str
    """The id of the task, or of the object that is waited for; empty for none."""


_new_span = partial(tuple.__new__, Span)
"""Takes half as long as ``Span(...)``; a lane may get a million of them."""


# A look into an enum takes longer than what is done with it here.
_RUNNING, _TASK = int(Activity.RUNNING), int(Activity.TASK)
_ASIDE = tuple(map(int, (Activity.STARTING, Activity.INITIALIZING, Activity.ENDING)))
_STARTING, _INITIALIZING, _ENDING = _ASIDE


@dataclass(slots=True)
class Lane:
    """What one process did from its first moment: recent spans exactly, older ones in buckets.

    At most :attr:`limit` spans are kept, and at least seven eighths of that. Older spans are added,
    many at a time, to buckets of equal width, which hold nanoseconds per activity: so totals stay
    exact. If there are too many buckets, their width doubles.
    """

    BUCKETS = 2048
    FIRST_WIDTH = 4_000_000

    limit: int = 4096
    spans: deque[Span] = field(default_factory=deque)
    start: int = -1
    """Start of the open span in nanoseconds; -1 before the first."""
    activity: Activity = Activity.STARTING
    detail: str = ""
    origin: int = -1
    """Start of the first bucket, which is the first moment of the lane."""
    width: int = FIRST_WIDTH
    """Nanoseconds in a bucket."""
    buckets: list[array[int]] = field(default_factory=list)
    totals: list[int] = field(default_factory=lambda: [0] * len(Activity))
    """Nanoseconds in each activity over all closed spans."""

    def change(self, time: int, activity: Activity, detail: str = "") -> None:
        """End the open span at this time and begin the next, unless the activity stays the same."""
        start = self.start
        if start >= 0:
            if activity is self.activity and detail == self.detail:
                return
            if time > start:
                self.spans.append(_new_span((start, time, self.activity, self.detail)))
                self.totals[self.activity] += time - start
                if len(self.spans) > self.limit:
                    self._thin_oldest()
            else:
                time = start
        else:
            self.origin = time
        self.start = time
        self.activity = activity
        self.detail = detail

    def condense(self, buckets: int) -> None:
        """Keep no span and at most this many buckets, for a process that ended long ago."""
        self.limit = 0
        self._thin_oldest()
        while len(self.buckets) > buckets:
            self._halve()

    def between(self, start: int, end: int) -> Iterator[Span]:
        """The exact spans that overlap this time, the open one (up to ``end``) last."""
        spans = self.spans
        first = bisect_right(spans, start, key=lambda span: span.end)
        for index in range(first, len(spans)):
            span = spans[index]
            if span.start >= end:
                return
            yield span
        if 0 <= self.start < end:
            yield Span(self.start, end, self.activity, self.detail)

    def mix(self, start: int, end: int) -> list[int]:
        """Nanoseconds of each activity within this time, from spans and buckets."""
        total = [0] * len(Activity)
        if self.buckets:
            self._mix_buckets(start, end, total)
        for span in self.between(start, end):
            total[span.activity] += min(span.end, end) - max(span.start, start)
        return total

    def at_work_and_aside(self, time: int) -> tuple[int, int]:
        """Nanoseconds up to this time of work, and of what comes before and after work."""
        totals, activity = self.totals, self.activity
        worked = totals[_RUNNING] + totals[_TASK]
        aside = totals[_STARTING] + totals[_INITIALIZING] + totals[_ENDING]
        if time > self.start >= 0:
            if activity in (_RUNNING, _TASK):
                worked += time - self.start
            elif activity in _ASIDE:
                aside += time - self.start
        return worked, aside

    def _mix_buckets(self, start: int, end: int, total: list[int]) -> None:
        exact_from = self.spans[0].start if self.spans else self.start
        start, end = max(start, self.origin), min(end, exact_from)
        if start >= end:
            return
        first = (start - self.origin) // self.width
        last = min(len(self.buckets) - 1, (end - 1 - self.origin) // self.width)
        for index in (first, last) if first < last else (first,):
            bucket_start = self.origin + index * self.width
            # The last bucket is filled only up to where the exact spans begin.
            filled = min(bucket_start + self.width, exact_from) - bucket_start
            overlap = min(end, bucket_start + filled) - max(start, bucket_start)
            for activity, duration in enumerate(self.buckets[index]):
                if duration:
                    total[activity] += duration * overlap // filled
        for activity, durations in enumerate(zip(*self.buckets[first + 1 : last], strict=True)):
            total[activity] += sum(durations)

    def _thin_oldest(self) -> None:
        take = self.spans.popleft
        last: array[int] | list[int] = []
        last_start = last_end = 0
        for _ in range(len(self.spans) - self.limit + self.limit // 8):
            span = take()
            start, end, activity, _ = span
            if last_start <= start <= end <= last_end and last:
                # Nearly all spans lie in the last bucket.
                last[activity] += end - start
                continue
            self._thin(span)
            last = self.buckets[-1]
            last_start = self.origin + (len(self.buckets) - 1) * self.width
            last_end = last_start + self.width

    def _thin(self, span: Span) -> None:
        position, span_end, activity, _ = span
        while position < span_end:
            index = (position - self.origin) // self.width
            while index >= self.BUCKETS:
                self._halve()
                index = (position - self.origin) // self.width
            while len(self.buckets) <= index:
                self.buckets.append(array("q", bytes(8 * len(Activity))))
            end = min(span_end, self.origin + (index + 1) * self.width)
            self.buckets[index][activity] += end - position
            position = end

    def _halve(self) -> None:
        self.buckets = halved(
            self.buckets, lambda pair: array("q", map(sum, zip(*pair, strict=True)))
        )
        self.width *= 2


AT_WORK = (Activity.RUNNING, Activity.TASK, Activity.SLEEPING)
"""What may be work: why a process sleeps in its own code is unknown."""


@dataclass(slots=True)
class CpuReadings:
    """The CPU time of a process's work, from readings of its CPU clock. All in nanoseconds.

    Between two readings the CPU time of its work is at most the time that it was at work: any more
    went into other threads, or into its waits. If it also started or ended in between, each has a
    share in proportion to its time.
    """

    AHEAD = 10_000_000
    """CPU time up to this much in excess may count for the time after the reading, since a clock is
    read a little later than its sample says."""

    on_cpu: int = 0
    """CPU time while working."""
    worked: int = 0
    """Time at work up to the last reading."""
    aside: int = 0
    """Time of its start and its end up to the last reading."""
    clock: int = 0
    """CPU time at the last reading."""
    ahead: int = 0
    without_core: int = 0
    """Time while working for which it was ready to run but had no core."""
    counted: tuple[int, int, int] = (0, 0, 0)
    """Its total wait for a core when it was last known not to be waiting for one, and the values
    of :attr:`worked` and :attr:`aside` at that moment."""
    looks: int = 0
    """Samples that saw the process at work."""
    ready: int = 0
    """Samples that saw it at work on a CPU, or ready for one that others had."""
    asleep_in: dict[str, int] = field(default_factory=dict)
    """All other samples that saw it at work, by what it slept in, in the words of samples."""

    def add(self, clock: int, worked: int, aside: int) -> None:
        """Add a reading, and the times up to it; a reading older than the last one is ignored."""
        available = clock - self.clock
        if available < 0:
            return
        available += self.ahead
        self.clock = clock
        more, less = worked - self.worked, aside - self.aside
        if less > 0:
            self.aside = aside
            if more > 0:
                available = available * more // (more + less)
        self.ahead = 0
        # Late records may show that it was at work for less time than it seemed.
        if more > 0:
            self.worked = worked
            if available > more:
                self.ahead = min(self.AHEAD, available - more)
                available = more
            self.on_cpu += available

    def add_waits(self, waited: int, worked: int, aside: int) -> None:
        """Add its total wait for a core so far, and attribute it to what the process did.

        The kernel adds a wait only when it is over, so do not call this while it may be in one.
        """
        waited_before, worked_before, aside_before = self.counted
        if waited < waited_before:
            return
        self.counted = waited, worked, aside
        more, less = worked - worked_before, max(0, aside - aside_before)
        if more > 0:
            self.without_core += min(more, (waited - waited_before) * more // (more + less))
