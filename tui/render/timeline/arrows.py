"""Arrows between the lanes: from who ended a wait to who had waited, of the selected process."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain

from mpviz.trace.model.passes import Pass
from mpviz.trace.model.state import RunState
from mpviz.tui.render.lanes.cells import Cell
from mpviz.tui.render.palette import process_style
from mpviz.tui.render.timeline.layout import Layout
from mpviz.tui.render.view import View

MOST_ARROWS = 24
"""Number of arrows in sight: the latest ones."""
APART = 3
"""Minimum columns between two arrows."""

SIGNS = {
    False: (("╷", "│", "▼"), ("╵", "│", "▲")),
    True: (("|", "|", "v"), ("|", "|", "^")),
}
"""In Unicode and in ASCII, down and up: where an arrow begins, its shaft, and its head."""

Overlay = dict[int, dict[int, Cell]]
"""By row of the timeline and column: what to draw over it."""


def arrows(state: RunState, view: View, placed: Layout) -> Overlay:
    """Those to and from the selected process whose two lanes are in sight."""
    drawn: Overlay = defaultdict(dict)
    if not view.selected:
        return drawn
    lanes: dict[str, list[int]] = defaultdict(list)
    for row, (key, thread) in enumerate(zip(placed.rows, placed.threads, strict=True)):
        if key and not thread:
            lanes[key].append(row)
    taken: list[int] = []
    for each in _passes(state, view):
        column = placed.grid.column(each.time)
        if len(taken) >= MOST_ARROWS or column < 0:
            break
        if column >= placed.grid.count or each.by not in lanes or each.to not in lanes:
            continue
        if (
            view.selected in each[1:3]
            and each.by != each.to
            and all(abs(column - other) >= APART for other in taken)
        ):
            taken.append(column)
            _draw(drawn, lanes[each.by], lanes[each.to], column, _look(state, view, each.by))
    return drawn


def _passes(state: RunState, view: View) -> chain[Pass]:
    """The latest first; those that are still to come of a recording before them."""
    whole = view.whole
    to_come = [each for each in reversed(whole.passes) if each.time > state.now] if whole else []
    return chain(to_come, reversed(state.passes))


def _look(state: RunState, view: View, by: str) -> tuple[str, bool]:
    process = state.processes.get(by)
    return process_style(process.number) if process is not None else "dim", view.ascii


def _draw(
    drawn: Overlay, start: list[int], end: list[int], column: int, look: tuple[str, bool]
) -> None:
    """From the edge of one lane to the edge of the other."""
    style, ascii = look
    down, up = SIGNS[ascii]
    is_down = start[0] < end[0]
    begin, shaft, head = down if is_down else up
    first, last = (start[-1], end[0]) if is_down else (start[0], end[-1])
    for row in range(min(first, last) + 1, max(first, last)):
        drawn[row][column] = (shaft, style, "")
    drawn[first][column] = (begin, style, "")
    drawn[last][column] = (head, style, "")
