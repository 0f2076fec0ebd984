"""Running stretches without a core: blocks as high as the share of a core that a process got."""

from __future__ import annotations

from functools import lru_cache

from mpviz.trace.model.processes.core_times import CoreTimes
from mpviz.trace.model.processes.process import Process
from mpviz.tui.render.glyphs import UPWARD
from mpviz.tui.render.lanes.cells import CORE_GROUND, GAP_STYLE, TASK_STYLE, Cell
from mpviz.tui.render.lanes.columns import ColumnStore
from mpviz.tui.render.lanes.grid import Grid

FULL = 8
"""Eighths of a column: it had a core all the time."""

HELD = 200_000_000
"""Nanoseconds for which the last measured share is shown until the next sample has come."""

_RUNNING_STYLE = "activity.running"
_GAP_OF_RUNNING = "gap on activity.running"
_STEPS = ((1, 8), (3, 6), (5, 4), (7, 2))
"""Below so many eighths without a core, a column is so many eighths high: quarters look calm."""


def shade(process: Process, grid: Grid, cells: list[Cell]) -> None:
    """Lower the blocks in these columns of its lane by the share that it had no core."""
    levels = _levels_in_sight(process, grid)
    for column, level in enumerate(levels):
        if level < FULL:
            cells[column] = _shaded(cells[column], level, grid.ascii)


def _levels_in_sight(process: Process, grid: Grid) -> list[int]:
    """For each column from the left, how many eighths are work with a core."""
    times = process.core_times
    if not times.times or not times.lacked[-1]:
        return []
    known = (times.until - grid.origin) // grid.width
    # A late sample may still change what the last columns show.
    held = (times.until + HELD - grid.origin) // grid.width
    stop = min(grid.first + grid.count, known)
    if grid.first >= stop:
        return []
    levels = _STORE.columns(process.key, times, grid, range(grid.first, stop))
    after = min(grid.first + grid.count, held) - stop
    return levels + levels[-1:] * after


def _levels_of(times: CoreTimes, grid: Grid, first: int, stop: int) -> list[int]:
    start = grid.origin + first * grid.width
    return [
        level_of(times.share_lacked(at, at + grid.width))
        for at in range(start, start + (stop - first) * grid.width, grid.width)
    ]


_STORE: ColumnStore[CoreTimes, int] = ColumnStore(_levels_of)


def level_of(lacked: float) -> int:
    """How many eighths of a column are work, if this share (0 to 1) of it lacked a core."""
    eighths = 8 * lacked
    return next((level for below, level in _STEPS if eighths < below), 1)


@lru_cache(maxsize=2048)
def _shaded(cell: Cell, level: int, ascii: bool) -> Cell:
    glyph, style, task = cell
    if style in (_RUNNING_STYLE, TASK_STYLE):
        if ascii:
            sign = glyph if glyph == "[" else "*" if level > FULL // 2 else ":"
        else:
            sign = UPWARD[level]
        return sign, f"{style} on {CORE_GROUND}", task
    if style in (GAP_STYLE, _GAP_OF_RUNNING):
        if ascii:
            return glyph, f"{TASK_STYLE} on {CORE_GROUND}", task
        return glyph, f"gap on {CORE_GROUND}", task
    front, _, ground = style.partition(" on ")
    if front not in (_RUNNING_STYLE, TASK_STYLE) or not ground.endswith(".ground"):
        return cell
    if ascii:
        return cell
    eighths = UPWARD.index(glyph)
    lacked, waited = eighths * (FULL - level) / FULL, FULL - eighths
    work = max(1, round(eighths * level / FULL))
    return UPWARD[work], f"{front} on {CORE_GROUND if lacked > waited else ground}", task
