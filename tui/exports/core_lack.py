"""Work without a core, in pictures and reports: the part of a block that a process had no core."""

from __future__ import annotations

from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.processes.core_times import CoreTimes
from mpviz.tui.render.lanes.core_share import FULL, level_of

CLASS = "ph-waiting_for_core"
WORDS = "ready to run, without a core"

STEP = 4
"""Units of a lane's width that have one height: quarters of a core, which look calm."""

WORK = (Activity.RUNNING, Activity.TASK)


def has_lacked(times: CoreTimes) -> bool:
    """Whether it is known to have lacked a core at any time."""
    return bool(times.times) and times.lacked[-1] > 0


def lack_shapes(times: CoreTimes, span: Span, place: tuple[float, float], height: int) -> str:
    """What lies over the block of this span, from the top down, as a path; empty for nothing.

    ``place``: where the block begins, and how many units a nanosecond is.
    """
    if span.activity not in WORK or not has_lacked(times):
        return ""
    left, scale = place
    width = (span.end - span.start) * scale
    pieces: list[list[float]] = []
    at = 0.0
    while at < width:
        stop = min(at + STEP, width)
        start = span.start + round(at / scale)
        lacked = times.share_lacked(start, max(start + 1, span.start + round(stop / scale)))
        depth = height * (FULL - level_of(lacked)) / FULL
        if pieces and pieces[-1][2] == depth:
            pieces[-1][1] = stop
        else:
            pieces.append([at, stop, depth])
        at = stop
    steps = [
        f"M{left + start:.1f} 0h{stop - start:.1f}v{depth:.0f}h-{stop - start:.1f}z"
        for start, stop, depth in pieces
        if depth
    ]
    return f'<path class="{CLASS}" d="{"".join(steps)}"/>' if steps else ""
