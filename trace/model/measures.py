"""Small bounded measures that stay exact in their totals: spans, distributions, series, rates."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import NamedTuple, TypeAlias


class Activity(IntEnum):
    """What a process is doing, as finely as a timeline colours it."""

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
    """A stretch of one activity, from ``start`` up to ``end`` in nanoseconds."""

    start: int
    end: int
    activity: Activity
    detail: str
    """The id of the task or of the object waited for; empty where there is none."""


_new_span = partial(tuple.__new__, Span)
"""Takes half as long as ``Span(...)``; a lane may get a million."""

# A look into an enum takes longer than what is done with it here.
_RUNNING, _TASK = int(Activity.RUNNING), int(Activity.TASK)
_ASIDE = tuple(map(int, (Activity.STARTING, Activity.INITIALIZING, Activity.ENDING)))
_STARTING, _INITIALIZING, _ENDING = _ASIDE


@dataclass(slots=True)
class Lane:
    """What one process did from its first moment: exact of late, thinned to buckets before that.

    The newest spans are kept as they were: at most :attr:`limit`, and seven eighths of that at
    least. What falls off the end, many at a time, is added to buckets of equal width that hold
    nanoseconds per activity, so totals stay exact; when there are too many buckets their width
    doubles.
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
        """Close the open span at this time and open the next; no change, no new span."""
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
        """Keep no span and at most so many buckets, for a process that ended long ago."""
        self.limit = 0
        self._thin_oldest()
        while len(self.buckets) > buckets:
            self._halve()

    def between(self, start: int, end: int) -> Iterator[Span]:
        """The exact spans that touch this stretch, the open one (up to ``end``) last."""
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
        """Nanoseconds of each activity within this stretch, exact or from the buckets."""
        total = [0] * len(Activity)
        if self.buckets:
            self._mix_buckets(start, end, total)
        for span in self.between(start, end):
            total[span.activity] += min(span.end, end) - max(span.start, start)
        return total

    def at_work_and_aside(self, time: int) -> tuple[int, int]:
        """Nanoseconds up to this time of work, and of what a process does before and after it."""
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
                # Nearly all lie in the last bucket.
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
        pairs = range(0, len(self.buckets), 2)
        self.buckets = [
            array("q", map(sum, zip(*self.buckets[index : index + 2], strict=True)))
            for index in pairs
        ]
        self.width *= 2


AT_WORK = (Activity.RUNNING, Activity.TASK, Activity.SLEEPING)
"""What may be work: of who sleeps in its own code nobody knows for what."""


@dataclass(slots=True)
class CpuReadings:
    """How much of its work a process was on a CPU, from readings of the kernel's clock for it.

    Between two readings it had at most as much of a CPU for its work as it had time for that: what
    more there was went into other threads, or into its waits. Where it was also starting or ending
    in between, each has its share by the time that it took. All that is in nanoseconds.
    """

    AHEAD = 10_000_000
    """So much more than there was time for may still count for the time after the reading: a clock
    is read a little later than its sample says."""

    on_cpu: int = 0
    """Of its work it was on a CPU for so long."""
    worked: int = 0
    """For so long it had been at work by the last reading."""
    aside: int = 0
    """And at its start and its end."""
    clock: int = 0
    """What the last reading said."""
    ahead: int = 0
    without_core: int = 0
    """Part of its work for which it was ready to run but had no core, nanoseconds."""
    counted: tuple[int, int, int] = (0, 0, 0)
    """Its total wait for a core when it was last known not to be waiting for one, and the values
    of :attr:`worked` and :attr:`aside` at that moment."""
    looks: int = 0
    """Samples that saw the process at work."""
    ready: int = 0
    """How many of these saw it on a CPU, or ready for one that others had."""
    tasks_in_locks: int = 0
    """How many of these samples saw it asleep within a task, in a lock that mpviz does not know."""

    def add(self, clock: int, worked: int, aside: int) -> None:
        """Take in a reading, and what the process had been at by then; an old one says nothing."""
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
        # What is told late may say that it was at work for less than it seemed.
        if more > 0:
            self.worked = worked
            if available > more:
                self.ahead = min(self.AHEAD, available - more)
                available = more
            self.on_cpu += available

    def add_waits(self, waited: int, worked: int, aside: int) -> None:
        """Take in its total wait for a core so far, and attribute it to what the process did.

        The kernel adds a wait only when it is over, so do not call this while it may be in one.
        """
        waited_before, worked_before, aside_before = self.counted
        if waited < waited_before:
            return
        self.counted = waited, worked, aside
        more, less = worked - worked_before, max(0, aside - aside_before)
        if more > 0:
            self.without_core += min(more, (waited - waited_before) * more // (more + less))


@dataclass(slots=True)
class Distribution:
    """How long something took, each time it did, in buckets a quarter of a doubling wide."""

    total: int = 0
    """Nanoseconds in all."""
    longest: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
    """Exponent in quarters of a doubling: how many durations fell there."""

    def add(self, duration: int) -> None:
        """Count one duration in nanoseconds; a negative one (clocks never do that) counts as 0."""
        if duration <= 0:
            self.buckets[0] = self.buckets.get(0, 0) + 1
            return
        self.total += duration
        if duration > self.longest:
            self.longest = duration
        bucket = _bucket(duration)
        try:
            self.buckets[bucket] += 1
        except KeyError:
            self.buckets[bucket] = 1

    def add_all(self, durations: list[int]) -> None:
        """Count these durations in nanoseconds."""
        if min(durations, default=1) <= 0:
            for duration in durations:
                self.add(duration)
            return
        self.total += sum(durations)
        self.longest = max([self.longest, *durations])
        buckets = self.buckets
        for bucket, count in Counter(map(_bucket, durations)).items():
            buckets[bucket] = buckets.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How often it took time; counted here, because a duration is added far more often."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> int:
        """The duration in nanoseconds that this share stays below, within a fifth; 0 for none."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(self.longest, _top_of_bucket(bucket))
        return self.longest

    @property
    def mean(self) -> int:
        """Nanoseconds on average; 0 for none."""
        return self.total // self.count if self.count else 0

    def histogram(self) -> list[tuple[int, int]]:
        """(nanoseconds that they stayed below or at, how many), from the shortest on."""
        return [(_top_of_bucket(bucket), self.buckets[bucket]) for bucket in sorted(self.buckets)]


TimingFields: TypeAlias = "tuple[str, str, str, str, Distribution]"
"""The fields of a :class:`Timing`, which cost less to make: there may be thousands."""


class Timing(NamedTuple):
    """How long something took that a program does again and again."""

    what: str
    """task, wait or hold."""
    kind: str
    bare_name: str
    object: str
    """The id of the pool, the lock, the queue …."""
    times: Distribution

    @property
    def name(self) -> str:
        """What was done, waited for or held: "tasks of pool", "lock counter"."""
        return f"{self.kind} {self.bare_name}"


def _bucket(duration: int) -> int:
    bits = duration.bit_length()
    return bits * 4 + (duration >> bits - 3 & 3) if bits > 2 else bits * 4


def _top_of_bucket(bucket: int) -> int:
    bits, quarter = divmod(bucket, 4)
    if bits <= 2:
        return (1 << bits) - 1
    return ((4 + quarter + 1) << (bits - 3)) - 1


@dataclass(slots=True)
class Series:
    """A value over time in a bounded number of steps: for each its time, highest and last value.

    When there are too many steps, neighbours are merged and ``width`` doubles, so the whole run
    stays in view and no peak is lost. A value is added for every record of a queue, so the step
    that is open has fields of its own, which change faster than the end of a list.
    """

    LIMIT = 1024

    width: int = 1_000_000
    """Nanoseconds that one step covers at least."""
    times: list[int] = field(default_factory=list)
    """When each step began, the open one included."""
    closed: list[tuple[int, float, float]] = field(default_factory=list)
    """Of each step but the open one: when it took its last value, which holds from there to the
    next step; its highest value; its last value."""
    ends: int = -1
    """When the open step ends; -1 before the first."""
    until: int = -1
    """When the open step took its last value."""
    highest: float = 0
    last: float = 0

    def add(self, time: int, value: float) -> None:
        """Note the value that holds from this time on."""
        if time < self.ends:
            self.last = value
            if time > self.until:
                self.until = time
            if value > self.highest:
                self.highest = value
            return
        if len(self.times) >= self.LIMIT:
            self._halve()
            self.add(time, value)
            return
        if self.times:
            self.closed.append((self.until, self.highest, self.last))
        self.times.append(time)
        self.ends = time + self.width
        self.until = time
        self.highest = self.last = value

    def add_all(self, times: list[int], values: Sequence[float]) -> None:
        """Note values, each with its time; the times are in order."""
        at = 0
        while at < len(times):
            stop = bisect_left(times, self.ends, at)
            if stop > at:
                self.last = values[stop - 1]
                self.until = max(self.until, times[stop - 1])
                self.highest = max([self.highest, *values[at:stop]])
                at = stop
            else:
                self.add(times[at], values[at])
                at += 1

    def peak(self, start: int, end: int) -> float | None:
        """The highest value within this stretch, the one that held at its start included."""
        first = max(0, bisect_right(self.times, start) - 1)
        stop = bisect_right(self.times, end - 1)
        if stop <= 0:
            return None
        steps = self.closed[first:stop]
        if stop == len(self.times):
            steps.append((self.until, self.highest, self.last))
        until, highest, last = steps[0]
        held = last if start > until else highest
        return max([held, *(highest for _, highest, _ in steps[1:])])

    def _halve(self) -> None:
        steps = [*self.closed, (self.until, self.highest, self.last)]
        merged = [_merged(steps[at : at + 2]) for at in range(0, len(steps), 2)]
        self.times = self.times[::2]
        self.width *= 2
        self.ends = self.times[-1] + self.width
        self.until, self.highest, self.last = merged.pop()
        self.closed = merged


def _merged(steps: list[tuple[int, float, float]]) -> tuple[int, float, float]:
    until, _, last = steps[-1]
    return until, max(highest for _, highest, _ in steps), last


@dataclass(slots=True)
class Rate:
    """How often something happens: a count, and counts for each tenth of the last seconds."""

    STEP = 100_000_000
    STEPS = 50

    before: int = 0
    """How often it happened before the open step."""
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=Rate.STEPS))
    """(step number, times in that step), steps without any left out."""
    begins: int = -1
    """When the open step begins and ends; -1 before the first."""
    ends: int = -1
    in_step: int = 0

    def add(self, time: int) -> None:
        """Count one more at this time in nanoseconds."""
        if self.begins <= time < self.ends:
            self.in_step += 1
            return
        if self.in_step:
            self.recent.append((self.step, self.in_step))
            self.before += self.in_step
        self.begins = time - time % self.STEP
        self.ends = self.begins + self.STEP
        self.in_step = 1

    def add_all(self, times: list[int]) -> None:
        """Count one more at each of these times, which are in order."""
        at = 0
        while at < len(times):
            stop = bisect_left(times, self.ends, at)
            if stop > at and self.begins <= times[at]:
                self.in_step += stop - at
                at = stop
            else:
                self.add(times[at])
                at += 1

    @property
    def count(self) -> int:
        """How often it happened in all."""
        return self.before + self.in_step

    @property
    def step(self) -> int:
        """The number of the open step, whose start is so many times :attr:`STEP`; -1 before."""
        return self.begins // self.STEP

    def per_second(self, now: int, seconds: float = 1.0) -> float:
        """Times a second over the last whole tenths of a second before ``now``."""
        last = now // self.STEP
        first = last - max(1, round(seconds * 10))
        times = sum(number for step, number in self.recent if first <= step < last)
        if first <= self.step < last:
            times += self.in_step
        return times / ((last - first) / 10)


@dataclass(slots=True)
class Density:
    """How many things happened when, over all of a time whose end is not known beforehand."""

    BUCKETS = 1024

    origin: int = -1
    """Start of the first bucket in nanoseconds; -1 before the first time."""
    width: int = 1_000_000
    """Nanoseconds in a bucket."""
    counts: list[int] = field(default_factory=list)

    def add(self, times: list[int]) -> None:
        """Count what happened at these times; earlier than the very first counts as there."""
        if self.origin < 0 and times:
            self.origin = times[0]
        latest = max(times, default=0) - self.origin
        while latest // self.width >= self.BUCKETS:
            halves = range(0, len(self.counts), 2)
            self.counts = [sum(self.counts[index : index + 2]) for index in halves]
            self.width *= 2
        origin, width, counts = self.origin, self.width, self.counts
        counts += [0] * (latest // width + 1 - len(counts))
        for time in times:
            counts[max(0, time - origin) // width] += 1

    def between(self, start: int, end: int) -> float:
        """How many things happened in this stretch; a bucket that it cuts counts by its share."""
        first, last = (start - self.origin) / self.width, (end - self.origin) / self.width
        total = 0.0
        for index in range(max(0, int(first)), min(len(self.counts), int(last) + 1)):
            total += self.counts[index] * max(0.0, min(last, index + 1) - max(first, index))
        return total
