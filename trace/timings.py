"""How long tasks, waits and holds took, gathered from the primitives that count them."""

from __future__ import annotations

from mpviz.trace.measures import Timing
from mpviz.trace.primitives import PRIMITIVES
from mpviz.trace.state import RunState

KINDS = ("task", "wait", "hold")
"""In the order in which they are told."""


def timings(state: RunState) -> list[Timing]:
    """All that happened at least once: tasks, then waits, then holds, the costliest first."""
    found = [
        timing
        for primitive in PRIMITIVES
        if primitive.timings is not None
        for timing in primitive.timings(state)
        if timing.times.count
    ]
    return sorted(found, key=lambda timing: (KINDS.index(timing.what), -timing.times.total))
