"""The rows of the lanes, with their labels."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.glyphs import lane_name, mark, moment_of
from mpviz.tui.render.rows import Row, finished, fit, row, selected
from mpviz.tui.render.timeline.cells import Cell, row_of_lane
from mpviz.tui.render.timeline.core_share import shade
from mpviz.tui.render.timeline.ends import mark_end
from mpviz.tui.render.timeline.lanes import cell_parts, lane_cells
from mpviz.tui.render.timeline.layout import Layout
from mpviz.tui.render.timeline.tasks import part_tasks_from_running, tasks_in, tell_tasks_apart
from mpviz.tui.render.view import View


def lane_rows(state: RunState, view: View, placed: Layout) -> tuple[list[Row], Counter[str]]:
    """The lanes with their labels, and how often each style is in them, for the legend."""
    rows: list[Row] = []
    styles: Counter[str] = Counter()
    for key, same in groupby(placed.rows):
        high = len(list(same))
        if not key:
            rows.append(row(" " * (placed.label + placed.grid.count)))
            continue
        process = state.processes[key]
        cells, labels = _lane(state, view, process, placed)
        styles.update([style for _, style, _ in cells])
        for at in range(high):
            is_middle = at == (high - 1) // 2
            label = [_label(view, process, placed.label) if is_middle else row("")]
            # The lane is of our own making: only the label can hold what must be made harmless.
            name = finished(label, placed.label, 1, view.ascii)[0].parts
            shown = row_of_lane(cells, high, at)
            if is_middle and labels:
                shown = [labels.get(column, cell) for column, cell in enumerate(shown)]
            lane = cell_parts(shown)
            if key == view.selected:
                name = selected(name, placed.label)
                lane = list(selected(lane, placed.grid.count, "selected.lane"))
            rows.append(Row((*name, *lane), key))
    return rows, styles


def _label(view: View, process: Process, width: int) -> Row:
    """Mark, tag and name of a lane; a sign before the selected one."""
    if width < 3:
        return row(" " * width)
    chosen = process.key == view.selected
    style = "strong" if chosen else "faint" if process.role in HELPERS or not process.alive else ""
    sign = mark(process)
    room = width - 2 - len(sign[0][0])
    return row(
        ("▸" if chosen else " ", "title"),
        (sign[0][0][: width - 1], sign[0][1]),
        (fit(" " + lane_name(process), room) if room > 0 else "", style),
        (" " if width > len(sign[0][0]) + 1 else "", ""),
    )


def _lane(
    state: RunState, view: View, process: Process, placed: Layout
) -> tuple[list[Cell], dict[int, Cell]]:
    """The columns of one lane with its end mark, and the numbers of its tasks by column."""
    now = moment_of(state, view)
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
