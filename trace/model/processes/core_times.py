"""How long a process or thread had a core over time, and how long it lacked one, from samples."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field


def _numbers() -> array[int]:
    return array("q")


MOST = 1 << 62
"""Nanoseconds; a recording may claim more, which no machine has."""


def _sum(before: int, more: int) -> int:
    return min(MOST, before + max(0, more))


@dataclass(slots=True)
class CoreTimes:
    """Two sums at each of a bounded number of moments. All in nanoseconds.

    Between two moments, the sums grow evenly. If there are too many moments, every other one is
    left out, so the sums that are left stay exact.
    """

    LIMIT = 2048

    times: array[int] = field(default_factory=_numbers)
    had: array[int] = field(default_factory=_numbers)
    """Time up to each moment with a core; for a process: at work without lacking one."""
    lacked: array[int] = field(default_factory=_numbers)
    """Time up to each moment for which it was ready to run but had no core."""
    worked: int = 0
    """For a process: how long it had been at work at the last sample."""

    def add(self, before: int, time: int, had: int, lacked: int) -> None:
        """Add what it had and lacked from ``before`` up to ``time``."""
        if not self.times:
            self._append(before, 0, 0)
        elif before > self.times[-1]:
            self._append(before, self.had[-1], self.lacked[-1])
        if time > self.times[-1]:
            self._append(time, _sum(self.had[-1], had), _sum(self.lacked[-1], lacked))

    def _append(self, time: int, had: int, lacked: int) -> None:
        if len(self.times) >= self.LIMIT:
            for column in (self.times, self.had, self.lacked):
                del column[1:-1:2]
        self.times.append(time)
        self.had.append(had)
        self.lacked.append(lacked)

    @property
    def until(self) -> int:
        """The last moment; -1 before the first."""
        return self.times[-1] if self.times else -1

    def between(self, start: int, end: int) -> tuple[int, int]:
        """What it had and what it lacked within this time, as far as it is known."""
        if not self.times:
            return 0, 0
        first, last = self._at(start), self._at(end)
        return last[0] - first[0], last[1] - first[1]

    def share_lacked(self, start: int, end: int) -> float:
        """The share (0 to 1) of its work within this time for which it had no core."""
        had, lacked = self.between(start, end)
        return lacked / (had + lacked) if lacked > 0 else 0.0

    def _at(self, time: int) -> tuple[int, int]:
        times, had, lacked = self.times, self.had, self.lacked
        at = bisect_right(times, time)
        if at == 0:
            return had[0], lacked[0]
        if at == len(times):
            return had[-1], lacked[-1]
        before = times[at - 1]
        part, whole = time - before, times[at] - before
        return (
            had[at - 1] + (had[at] - had[at - 1]) * part // whole,
            lacked[at - 1] + (lacked[at] - lacked[at - 1]) * part // whole,
        )
