"""The parts that a program has named itself: their names above the axis, and where each begins."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.model.fold.said import Part
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.state import RunState
from mpviz.tui.render import rows
from mpviz.tui.render.glyphs import moment_of
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.rows import Row, finished, fit, row
from mpviz.tui.render.view import View

BORDER = "│"
LEAST_ROOM = 4
"""Columns of a part; in fewer, its border is all there is room for."""


def has_parts(state: RunState, view: View) -> bool:
    """Whether the program has named any; in a replay, at any time."""
    return bool(_whole(state, view).table(Part))


def _whole(state: RunState, view: View) -> RunState:
    return state if view.whole is None else view.whole


def parts_of(state: RunState, now: int) -> Iterator[tuple[Part, int]]:
    """Each part with a name that has begun by now, and when it ends, nanoseconds."""
    parts = [part for part in state.table(Part).values() if part.since <= now]
    for index, part in enumerate(parts):
        end = (
            parts[index + 1].since
            if index + 1 < len(parts)
            else min(now, max(state.end, part.since))
        )
        if part.name:
            yield part, end


def parts_in(state: RunState, view: View) -> Iterator[tuple[Part, int]]:
    """The parts by the moment of the picture; in a replay, all of them."""
    if view.whole is None:
        return parts_of(state, moment_of(state, view))
    return parts_of(view.whole, view.whole.now)


def parts_row(state: RunState, view: View, grid: Grid, label: int) -> Row:
    """The names of the parts in sight, each from where it begins, with how long it took."""
    pieces: list[rows.Part] = [(" " * label, "")]
    column = 0
    for part, end in parts_in(state, view):
        first, stop = grid.column(part.since), min(grid.count, grid.column(end) + 1)
        first = max(column, first)
        if stop <= first or first >= grid.count:
            continue
        pieces.append((" " * (first - column), ""))
        pieces += _named(part, duration(end - part.since), stop - first)
        column = stop
    pieces.append((" " * (grid.count - column), ""))
    return finished([row(*pieces)], label + grid.count, 1, grid.ascii)[0]


def _named(part: Part, lasted: str, room: int) -> list[rows.Part]:
    """The border, the name, and how long it took if there is room."""
    if room < LEAST_ROOM:
        return [(BORDER, "dim"), (" " * (room - 1), "")]
    name = part.name
    if len(name) + len(lasted) + 3 <= room:
        return [
            (BORDER, "dim"),
            (name, "strong"),
            (f" {lasted}".ljust(room - 1 - len(name)), "dim"),
        ]
    return [(BORDER, "dim"), (fit(name, room - 1), "strong")]


def borders_in(state: RunState, view: View, grid: Grid) -> list[int]:
    """The columns in which a part begins."""
    columns = [grid.column(part.since) for part, _ in parts_in(state, view)]
    return [column for column in columns if 0 <= column < grid.count]
