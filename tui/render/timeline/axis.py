"""The axis of time below the lanes, with the moments at which something was found wrong."""

from __future__ import annotations

from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.rows import Part, Row, finished, fit, row
from mpviz.tui.render.timeline.layout import HERE, Layout, playhead
from mpviz.tui.render.view import View

MARK_STEPS = (1, 2, 5)
"""Time marks are at these times a power of ten."""
MARK_ROOM = 12
"""Cells between two time marks, at least."""


def axis_row(state: RunState, view: View, placed: Layout, width: int) -> Row:
    """The times below the lanes."""
    return finished([_axis(state, view, placed)], width, 1, placed.grid.ascii)[0]


def _axis(state: RunState, view: View, placed: Layout) -> Row:
    """Round times below the columns where they are."""
    grid = placed.grid
    step = mark_step(grid.width)
    origin = grid.start(0) - state.origin
    line = [" "] * grid.count
    signs = _signs(state, view, grid)
    first = -(-origin // step)
    for number in range(first, first + grid.count // max(1, step // grid.width) + 1):
        column = (number * step - origin) // grid.width
        text = "╷" + moment(number * step, step)
        if any(column < each < column + len(text) for each in signs):
            text = "╷"
        if column + len(text) <= grid.count:
            line[column : column + len(text)] = text
    out_of_sight = _out_of_sight(placed)
    return row((fit(" " + out_of_sight, placed.label), "dim"), *_with_signs(line, signs))


def _out_of_sight(placed: Layout) -> str:
    """How many lanes there are above and below those in sight: "▴ 2 ▾ 3 more".

    Those of threads for which there was no room are among those below.
    """
    below = placed.hidden - placed.above + placed.hidden_threads
    parts = [f"▴ {placed.above}"] * bool(placed.above) + [f"▾ {below}"] * bool(below)
    return " ".join([*parts, "more"]) if parts else ""


def _signs(state: RunState, view: View, grid: Grid) -> dict[int, Part]:
    """By column: where something was found wrong, or began to be, and what a person marked."""
    whole = state if view.whole is None else view.whole
    signs: dict[int, Part] = {
        grid.column(finding.since): ("!", "trouble") for finding in whole.findings.values()
    }
    if view.whole is not None:
        signs |= {grid.column(entry.time): ("!", "trouble") for entry in whole.log if entry.trouble}
        signs |= {grid.column(mark): ("^" if view.ascii else "◆", "key") for mark in view.marks}
        signs[playhead(state, view, grid)] = ("^" if view.ascii else "▲", HERE)
    return {column: signs[column] for column in sorted(signs) if 0 <= column < grid.count}


def _with_signs(line: list[str], signs: dict[int, Part]) -> list[Part]:
    """The axis, with these signs; a time that would stand there is left out."""
    parts: list[Part] = []
    start = 0
    for column, sign in signs.items():
        parts += [("".join(line[start:column]), "dim"), sign]
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
