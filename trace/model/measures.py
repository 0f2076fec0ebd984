"""Measures of bounded size with exact totals: distributions, series, rates, densities."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

S = TypeVar("S")


@dataclass(slots=True)
class Distribution:
    """Durations, counted in buckets that are a quarter of a doubling wide."""

    total: int = 0
    """Nanoseconds in all."""
    longest: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
    """Exponent in quarters of a doubling: number of durations."""

    def add(self, duration: int) -> None:
        """Count one duration in nanoseconds; a negative one, which no clock gives, counts as 0."""
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

    def including(self, durations: list[int]) -> Distribution:
        """The same with these durations in nanoseconds, such as those of waits that go on."""
        if not durations:
            return self
        found = Distribution(self.total, self.longest, dict(self.buckets))
        found.add_all(durations)
        return found

    @property
    def count(self) -> int:
        """Number of durations; summed up here, because durations are added far more often."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> int:
        """The duration that this share (0 to 1) stays below, in nanoseconds, to within a fifth."""
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
        """(upper bound in nanoseconds, number of durations) of each bucket, the shortest first."""
        return [(_top_of_bucket(bucket), self.buckets[bucket]) for bucket in sorted(self.buckets)]


TimingFields: TypeAlias = "tuple[str, str, str, str, Distribution]"
"""The fields of a :class:`Timing`, cheaper to make, since there may be thousands."""


class Timing(NamedTuple):
    """How long something took that a program does repeatedly."""

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

    If there are too many steps, neighbours are merged and ``width`` doubles, so the whole run stays
    in view and no peak is lost. The open step has fields of its own, which are faster to change
    than the end of a list, because a value is added for every record of a queue.
    """

    LIMIT = 1024

    width: int = 1_000_000
    """Minimum width of a step, nanoseconds."""
    times: list[int] = field(default_factory=list)
    """When each step began, the open one included."""
    closed: list[tuple[int, float, float]] = field(default_factory=list)
    """For each step but the open one: the time of its last value, which holds up to the next step;
    its highest value; its last value."""
    ends: int = -1
    """When the open step ends; -1 before the first."""
    until: int = -1
    """The time of the last value."""
    highest: float = 0
    last: float = 0

    def add(self, time: int, value: float) -> None:
        """Add the value that holds from this time on."""
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
        """Add values, each with its time; the times are in order."""
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
        """The highest value within this time, including the value that held at its start."""
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
        merged = halved(steps, _merged)
        self.times = self.times[::2]
        self.width *= 2
        self.ends = self.times[-1] + self.width
        self.until, self.highest, self.last = merged.pop()
        self.closed = merged


def halved(steps: list[S], merge: Callable[[list[S]], S]) -> list[S]:
    """Half as many steps: each two neighbours are merged, and a last one by itself."""
    return [merge(steps[at : at + 2]) for at in range(0, len(steps), 2)]


def _merged(steps: list[tuple[int, float, float]]) -> tuple[int, float, float]:
    until, _, last = steps[-1]
    return until, max(highest for _, highest, _ in steps), last


@dataclass(slots=True)
class Rate:
    """How often something happens: in all, and in each tenth of the last seconds."""

    STEP = 100_000_000
    STEPS = 50

    before: int = 0
    """How often it happened before the open step."""
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=Rate.STEPS))
    """(step number, count), without empty steps."""
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
        """The number of the open step, counted from time 0; -1 before the first."""
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
    """How many things happened when, over a time whose end is not known beforehand."""

    BUCKETS = 1024

    origin: int = -1
    """Start of the first bucket in nanoseconds; -1 before the first time."""
    width: int = 1_000_000
    """Nanoseconds in a bucket."""
    counts: list[int] = field(default_factory=list)

    def add(self, times: list[int]) -> None:
        """Count these times; one that is earlier than the very first counts as the first."""
        if self.origin < 0 and times:
            self.origin = times[0]
        latest = max(times, default=0) - self.origin
        while latest // self.width >= self.BUCKETS:
            self.counts = halved(self.counts, sum)
            self.width *= 2
        origin, width, counts = self.origin, self.width, self.counts
        counts += [0] * (latest // width + 1 - len(counts))
        for time in times:
            counts[max(0, time - origin) // width] += 1

    def between(self, start: int, end: int) -> float:
        """How many things happened within this time; a bucket that it cuts counts in proportion."""
        first, last = (start - self.origin) / self.width, (end - self.origin) / self.width
        total = 0.0
        for index in range(max(0, int(first)), min(len(self.counts), int(last) + 1)):
            total += self.counts[index] * max(0.0, min(last, index + 1) - max(first, index))
        return total
