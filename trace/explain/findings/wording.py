"""What several rules ask, and numbers in words as they say them."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.explain.findings import limits
from mpviz.trace.model.formatting import clock, plural
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process


def duration(nanoseconds: float) -> str:
    """A duration in few digits: "1.3 s", "2 s", "2:05", "25 ms", "0.05 ms"."""
    if nanoseconds >= 59.95e9:
        return clock(round(nanoseconds / 1e9))
    if nanoseconds >= 99.5e6:
        return f"{nanoseconds / 1e9:.1f}".removesuffix(".0") + " s"
    if nanoseconds >= 1e6:
        return f"{nanoseconds / 1e6:.0f} ms"
    return f"{nanoseconds / 1e6:.2g} ms"


def percent(share: float) -> str:
    """A share of 1 in whole percent: "82%"."""
    return f"{100 * share:.0f}%"


def counted(number: int, noun: str) -> str:
    """A number of things: "1 worker", "4 workers", "2 processes"."""
    return plural(number, noun)


def named(processes: Sequence[Process]) -> str:
    """Processes by name: "Anna", "Anna and Bert", "Anna and 3 others"."""
    names = [described(process) for process in processes[:2]]
    if len(processes) > 2:
        return f"{names[0]} and {len(processes) - 1} others"
    return " and ".join(names)


def is_busy(process: Process) -> bool:
    """Whether samples found it at work most of its life, whatever share of a core it was given."""
    busy, samples = process.busy_samples, process.samples
    return samples >= limits.BUSY_SAMPLES and busy >= limits.BUSY_SHARE * samples
