"""The rows of the lanes, with their labels."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.glyphs import mark, moment_of
from mpviz.tui.render.lanes.cells import EMPTY, Cell, middle_of, row_of_lane
from mpviz.tui.render.lanes.columns import cell_parts, lane_cells
from mpviz.tui.render.lanes.core_share import shade
from mpviz.tui.render.lanes.ends import columns_of_end, mark_end
from mpviz.tui.render.lanes.tasks import (
    functions_in,
    look_of,
    part_tasks_from_running,
    tasks_in,
    tell_tasks_apart,
)
from mpviz.tui.render.lanes.thread_lanes import (
    SHARE_WIDTH,
    can_unfold,
    share_of_core,
    thread_cells,
    thread_name,
    thread_with,
)
from mpviz.tui.render.lanes.updates import mark_updates, name_of_mark, updates_in
from mpviz.tui.render.rows import Part, Row, finished, fit, fit_name, row, selected
from mpviz.tui.render.timeline.arrows import arrows
from mpviz.tui.render.timeline.layout import (
    HERE,
    TO_COME,
    Layout,
    is_alive,
    last_moment,
    playhead,
    processes_of,
    visible_stretch,
)
from mpviz.tui.render.timeline.part_names import BORDER, borders_in
from mpviz.tui.render.view import View

FOLDED, UNFOLDED = "+", "-"
"""Before the lane of a process that has threads: whether their lanes are hidden or shown."""

THREAD_INDENT = 4


def lane_rows(state: RunState, view: View, placed: Layout) -> tuple[list[Row], Counter[str]]:
    """The lanes with their labels, and how often each style is in them, for the legend."""
    rows: list[Row] = []
    styles: Counter[str] = Counter()
    head = playhead(state, view, placed.grid)
    updates = updates_in(state, view.whole, placed.grid)
    over = arrows(state, view, placed)
    unfolded = {key for key, thread in zip(placed.rows, placed.threads, strict=True) if thread}
    for (key, number), same in groupby(zip(placed.rows, placed.threads, strict=True)):
        high = len(list(same))
        if not key:
            gap = _gap(state, view, placed)
            for _ in range(high):
                drawn = with_playhead(_drawn_over(gap, over.get(len(rows))), head, view.ascii)
                rows.append(row(" " * placed.label, *cell_parts(drawn)))
            continue
        process = processes_of(state, view)[key]
        thread = thread_with(process, number) if number else None
        labels: dict[int, Cell] = {}
        ended = range(0)
        if thread is not None:
            cells = thread_cells(process, thread, placed.grid, last_moment(state, view))
            label = _label_of_thread(state, view, process, thread, placed.label)
        else:
            cells, labels = lane_of(state, view, key, placed)
            label = _label(state, view, process, placed.label, key in unfolded)
            ended = columns_of_end(cells, process, placed.grid, moment_of(state, view))
            if key in updates:
                marks = mark_updates(updates[key], cells, placed.grid)
                styles.update({name_of_mark(mark) for mark in marks.values()})
                labels = labels | marks
        styles.update([style for _, style, _ in cells])
        for at in range(high):
            # The lane is of our own making: only the label can hold what must be made harmless.
            named = label if at == middle_of(high) else row("")
            name = finished([named], placed.label, 1, view.ascii)[0].parts
            shown = _drawn_over(lane_row(cells, labels, high, at), over.get(len(rows)))
            lane = cell_parts(with_playhead(shown, head, view.ascii, ended))
            rows.append(_row_of(view, key, name, lane, placed))
    return rows, styles


def _gap(state: RunState, view: View, placed: Layout) -> list[Cell]:
    """What is between two lanes: where a part of the program begins, its border."""
    cells = [EMPTY] * placed.grid.count
    for column in borders_in(state, view, placed.grid):
        cells[column] = "|" if view.ascii else BORDER, "track", ""
    return cells


def _row_of(view: View, key: str, name: tuple[Part, ...], lane: list[Part], placed: Layout) -> Row:
    if key == view.selected:
        name = selected(name, placed.label)
        lane = list(selected(lane, placed.grid.count, "selected.lane"))
    return Row((*name, *lane), key)


def lane_row(cells: list[Cell], labels: dict[int, Cell], high: int, at: int) -> list[Cell]:
    """The row ``at`` (0 is the top) of a lane so many rows high; the middle one has the labels."""
    shown = row_of_lane(cells, high, at)
    return _drawn_over(shown, labels) if at == middle_of(high) else shown


def _drawn_over(cells: list[Cell], marks: dict[int, Cell] | None) -> list[Cell]:
    """These cells, with the marks in their columns."""
    if not marks:
        return cells
    return [marks.get(column, cell) for column, cell in enumerate(cells)]


def with_playhead(cells: list[Cell], head: int, ascii: bool, ended: range = range(0)) -> list[Cell]:
    """A row of a lane with the playhead on it; what is still to come is dim.

    ``ended``: where it says how the process has ended by then. That stays in sight, and bright.
    """
    if head >= len(cells):
        return cells
    after = [
        cell if column in ended else (cell[0], TO_COME, cell[2]) if cell != EMPTY else EMPTY
        for column, cell in enumerate(cells[max(0, head + 1) :], max(0, head + 1))
    ]
    if head < 0:
        return after
    sign = cells[head][0] if head in ended else " "
    here = sign if sign != " " else "|" if ascii else "┃"
    return [*cells[:head], (here, HERE, ""), *after]


def _label(state: RunState, view: View, process: Process, width: int, is_unfolded: bool) -> Row:
    """Mark, tag and name of a lane; a sign before the selected one, and one for its threads."""
    if width < 3:
        return row(" " * width)
    chosen = process.key == view.selected
    alive = is_alive(state, view, process)
    style = "strong" if chosen else "faint" if process.role in HELPERS or not alive else ""
    sign = mark(process, alive=alive)
    fold = (UNFOLDED if is_unfolded else FOLDED) if can_unfold(process) else ""
    room = width - len(fold) - 2 - len(sign[0][0])
    return row(
        ("▸" if chosen else " ", "title"),
        (sign[0][0][: width - 1], sign[0][1]),
        (fit(" " + described(process), room) if room > 0 else "", style),
        *([(fold, "key")] if fold else []),
        (" " if width > len(sign[0][0]) + len(fold) + 1 else "", ""),
    )


def _label_of_thread(
    state: RunState, view: View, process: Process, thread: KnownThread, width: int
) -> Row:
    """Name of a thread, and its share of a core in what is in sight."""
    room = width - THREAD_INDENT - SHARE_WIDTH
    if room < THREAD_INDENT:
        return row((fit("", width), ""))
    share = share_of_core(thread, *visible_stretch(state, view))
    name = fit_name(thread_name(process, thread), room)
    return row(
        (" " * THREAD_INDENT, ""), (name, "dim"), (f"{share:.0%}".rjust(SHARE_WIDTH - 1) + " ", "")
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
        functions = functions_in(state)
        labels = tell_tasks_apart(cells, {task.id: look_of(task, functions) for task in found})
    if 0 <= process.ended <= now:
        mark_end(cells, process, placed.grid)
    return cells, labels
