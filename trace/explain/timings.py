"""How long tasks, waits and holds took, from all primitives."""

from __future__ import annotations

from heapq import nlargest
from itertools import islice

from mpviz.trace.model.measures import Timing, TimingFields
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.state import RunState

KINDS = ("task", "wait", "hold")
"""In the order of reports."""


def timings(state: RunState) -> list[Timing]:
    """All that happened at least once: tasks, then waits, then holds, the costliest first."""
    return first_timings(state, None)[0]


def first_timings(state: RunState, most: int | None) -> tuple[list[Timing], int]:
    """The first ``most`` timings (None for all), and the number of all."""
    found: dict[str, list[TimingFields]] = {kind: [] for kind in KINDS}
    for primitive in PRIMITIVES:
        if primitive.timings is not None:
            for each in primitive.timings(state):
                if each[4].count:
                    found[each[0]].append(each)
    first: list[TimingFields] = []
    for kind in KINDS:
        room = len(found[kind]) if most is None else most - len(first)
        first += nlargest(room, found[kind], key=_total)
    return [Timing(*each) for each in first], sum(map(len, found.values()))


def count_timings(state: RunState, most: int) -> int:
    """The number of timings, counted only up to ``most``."""
    happened = (
        each
        for primitive in PRIMITIVES
        if primitive.timings is not None
        for each in primitive.timings(state)
        if each[4].count
    )
    return sum(1 for _ in islice(happened, most))


def _total(fields: TimingFields) -> int:
    times = fields[4]
    return times.total
