"""The axis of time below the lanes, with the moments at which something was found wrong."""

from __future__ import annotations

from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.rows import Part, Row, finished, fit, row
from mpviz.tui.render.timeline.grid import Grid
from mpviz.tui.render.timeline.layout import Layout

MARK_STEPS = (1, 2, 5)
"""Time marks are at these times a power of ten."""
MARK_ROOM = 12
"""Cells between two time marks, at least."""


def axis_row(state: RunState, placed: Layout, width: int) -> Row:
    """The times below the lanes."""
    return finished([_axis(state, placed, width)], width, 1, placed.grid.ascii)[0]


def _axis(state: RunState, placed: Layout, width: int) -> Row:
    """Round times below the columns where they are."""
    grid = placed.grid
    step = mark_step(grid.width)
    origin = grid.start(0) - state.origin
    line = [" "] * grid.count
    found = _findings_in(state, grid)
    first = -(-origin // step)
    for number in range(first, first + grid.count // max(1, step // grid.width) + 1):
        column = (number * step - origin) // grid.width
        text = "╷" + moment(number * step, step)
        if any(column < each < column + len(text) for each in found):
            text = "╷"
        if column + len(text) <= grid.count:
            line[column : column + len(text)] = text
    out_of_sight = f"▾ {placed.hidden} more" if placed.hidden else ""
    return row((fit(" " + out_of_sight, placed.label), "dim"), *_with_findings(line, found))


def _findings_in(state: RunState, grid: Grid) -> list[int]:
    """The columns in which something was found wrong, or began to be."""
    columns = {grid.column(finding.since) for finding in state.findings.values()}
    return sorted(column for column in columns if 0 <= column < grid.count)


def _with_findings(line: list[str], found: list[int]) -> list[Part]:
    """The axis, with a ! in these columns; a time that would stand there is left out."""
    parts: list[Part] = []
    start = 0
    for column in found:
        parts += [("".join(line[start:column]), "dim"), ("!", "trouble")]
        start = column + 1
    return [*parts, ("".join(line[start:]), "dim")]


def mark_step(column: int) -> int:
    """The round distance in nanoseconds between time marks for columns this wide."""
    wanted = column * MARK_ROOM
    power = 1
    while True:
        for step in MARK_STEPS:
            if step * power >= wanted:
                return step * power
        power *= 10
