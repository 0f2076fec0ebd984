"""The rows of the lanes, with their labels."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.glyphs import lane_name, mark, moment_of
from mpviz.tui.render.rows import Row, finished, fit, row, selected
from mpviz.tui.render.timeline.cells import EMPTY, Cell, row_of_lane
from mpviz.tui.render.timeline.core_share import shade
from mpviz.tui.render.timeline.ends import mark_end
from mpviz.tui.render.timeline.lanes import cell_parts, lane_cells
from mpviz.tui.render.timeline.layout import (
    HERE,
    TO_COME,
    Layout,
    is_alive,
    playhead,
    processes_of,
)
from mpviz.tui.render.timeline.tasks import part_tasks_from_running, tasks_in, tell_tasks_apart
from mpviz.tui.render.timeline.updates import mark_updates, name_of_mark, updates_in
from mpviz.tui.render.view import View


def lane_rows(state: RunState, view: View, placed: Layout) -> tuple[list[Row], Counter[str]]:
    """The lanes with their labels, and how often each style is in them, for the legend."""
    rows: list[Row] = []
    styles: Counter[str] = Counter()
    head = playhead(state, view, placed.grid)
    updates = updates_in(state, view.whole, placed.grid)
    for key, same in groupby(placed.rows):
        high = len(list(same))
        if not key:
            blank = [EMPTY] * placed.grid.count
            rows += [
                row(" " * placed.label, *cell_parts(with_playhead(blank, head, view.ascii)))
            ] * high
            continue
        process = processes_of(state, view)[key]
        cells, labels = lane_of(state, view, key, placed)
        if key in updates:
            marks = mark_updates(updates[key], cells, placed.grid)
            styles.update({name_of_mark(mark) for mark in marks.values()})
            labels = labels | marks
        styles.update([style for _, style, _ in cells])
        for at in range(high):
            is_middle = at == (high - 1) // 2
            label = [_label(state, view, process, placed.label) if is_middle else row("")]
            # The lane is of our own making: only the label can hold what must be made harmless.
            name = finished(label, placed.label, 1, view.ascii)[0].parts
            shown = lane_row(cells, labels, high, at)
            lane = cell_parts(with_playhead(shown, head, view.ascii))
            if key == view.selected:
                name = selected(name, placed.label)
                lane = list(selected(lane, placed.grid.count, "selected.lane"))
            rows.append(Row((*name, *lane), key))
    return rows, styles


def lane_row(cells: list[Cell], labels: dict[int, Cell], high: int, at: int) -> list[Cell]:
    """The row ``at`` (0 is the top) of a lane so many rows high; the middle one has the labels."""
    shown = row_of_lane(cells, high, at)
    if labels and at == (high - 1) // 2:
        shown = [labels.get(column, cell) for column, cell in enumerate(shown)]
    return shown


def with_playhead(cells: list[Cell], head: int, ascii: bool) -> list[Cell]:
    """A row of a lane with the playhead on it; what is still to come is dim."""
    if head >= len(cells):
        return cells
    after = [
        (glyph, TO_COME, task) if (glyph, style, task) != EMPTY else EMPTY
        for glyph, style, task in cells[max(0, head + 1) :]
    ]
    if head < 0:
        return after
    return [*cells[:head], ("|" if ascii else "┃", HERE, ""), *after]


def _label(state: RunState, view: View, process: Process, width: int) -> Row:
    """Mark, tag and name of a lane; a sign before the selected one."""
    if width < 3:
        return row(" " * width)
    chosen = process.key == view.selected
    alive = is_alive(state, view, process)
    style = "strong" if chosen else "faint" if process.role in HELPERS or not alive else ""
    sign = mark(process, alive=alive)
    room = width - 2 - len(sign[0][0])
    return row(
        ("▸" if chosen else " ", "title"),
        (sign[0][0][: width - 1], sign[0][1]),
        (fit(" " + lane_name(process), room) if room > 0 else "", style),
        (" " if width > len(sign[0][0]) + 1 else "", ""),
    )


def lane_of(
    state: RunState, view: View, key: str, placed: Layout
) -> tuple[list[Cell], dict[int, Cell]]:
    """The columns of one lane with its end mark, and the numbers of its tasks by column.

    In a replay, what is still to come is that of the whole recording.
    """
    head = playhead(state, view, placed.grid)
    if view.whole is None or head >= placed.grid.count:
        return _lane_until(state, moment_of(state, view), key, placed)
    cells, labels = _lane_until(view.whole, view.whole.now, key, placed)
    if head < 0 or key not in state.processes:
        return cells, labels
    past, known = _lane_until(state, moment_of(state, view), key, placed)
    labels = {
        column: cell
        for each, is_past in ((known, True), (labels, False))
        for column, cell in each.items()
        if (column <= head) is is_past
    }
    return past[: head + 1] + cells[head + 1 :], labels


def _lane_until(
    state: RunState, now: int, key: str, placed: Layout
) -> tuple[list[Cell], dict[int, Cell]]:
    process = state.processes.get(key)
    if process is None:
        return [EMPTY] * placed.grid.count, {}
    cells = lane_cells(process.key, process.lane, placed.grid, now)
    tasks = tasks_in(cells)
    if tasks:
        part_tasks_from_running(cells)
    shade(process, placed.grid, cells)
    labels: dict[int, Cell] = {}
    if tasks:
        known = state.table(Task)
        found = [known[task] for task in tasks if task in known]
        labels = tell_tasks_apart(
            cells, {task.id: (str(task.number), task.order % 2 == 1) for task in found}
        )
    if 0 <= process.ended <= now:
        mark_end(cells, process, placed.grid)
    return cells, labels
