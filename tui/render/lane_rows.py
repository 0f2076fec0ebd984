"""The rows of a timeline: lanes with their labels, the axis of time, and the legend."""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache
from itertools import groupby
from signal import SIGTERM

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.identity import signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import (
    ACTIVITY_WORDS,
    ASCII_GLYPHS,
    GLYPHS,
    SHORT_WORDS,
    lane_name,
    mark,
    moment_of,
)
from mpviz.tui.render.lanes import (
    EMPTY,
    Cell,
    Grid,
    cell_parts,
    lane_cells,
    part_tasks_from_running,
    row_of_lane,
    tasks_in,
    tell_tasks_apart,
)
from mpviz.tui.render.palette import activity_style, lane_style
from mpviz.tui.render.rows import Part, Row, finished, fit, in_ascii, length, row, selected
from mpviz.tui.render.states import asked_for
from mpviz.tui.render.timeline import Layout
from mpviz.tui.render.view import View

MARK_STEPS = (1, 2, 5)
"""Time marks are at these times a power of ten."""
MARK_ROOM = 12
"""Cells between two time marks, at least."""


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
        cells = _lane(state, view, process, placed)
        styles.update([style for _, style, _ in cells])
        for at in range(high):
            is_middle = at == (high - 1) // 2
            label = [_label(view, process, placed.label) if is_middle else row("")]
            # The lane is of our own making: only the label can hold what must be made harmless.
            name = finished(label, placed.label, 1, view.ascii)[0].parts
            lane = cell_parts(row_of_lane(cells, high, at, view.ascii))
            if key == view.selected:
                name = selected(name, placed.label)
                lane = list(selected(lane, placed.grid.count, "selected.lane"))
            rows.append(Row((*name, *lane), key))
    return rows, styles


def axis_row(state: RunState, placed: Layout, width: int) -> Row:
    """The times below the lanes."""
    return finished([_axis(state, placed, width)], width, 1, placed.grid.ascii)[0]


def legend_row(placed: Layout, styles: Counter[str], width: int) -> Row:
    """What the signs mean that are in sight."""
    return finished([_legend(placed, styles)], width, 1, placed.grid.ascii)[0]


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


def _lane(state: RunState, view: View, process: Process, placed: Layout) -> list[Cell]:
    """The columns of one lane, with its end mark and the numbers of its tasks."""
    now = moment_of(state, view)
    cells = lane_cells(process.key, process.lane, placed.grid, now)
    tasks = tasks_in(cells)
    if tasks:
        part_tasks_from_running(cells)
        known = state.table(Task)
        found = [known[task] for task in tasks if task in known]
        tell_tasks_apart(
            cells, {task.id: (str(task.number), task.order % 2 == 1) for task in found}
        )
    if 0 <= process.ended <= now:
        _mark_end(cells, process, placed.grid)
    return cells


def _mark_end(cells: list[Cell], process: Process, grid: Grid) -> None:
    """Write how it ended into the empty columns after its end."""
    column = grid.column(process.ended)
    at = column + 1 if column + 1 < len(cells) else column
    if not 0 <= at < len(cells):
        return
    text, style = end_mark(process)
    text = in_ascii(text) if grid.ascii else text
    for offset, character in enumerate(text[: len(cells) - at]):
        if offset and cells[at + offset] != EMPTY:
            return
        cells[at + offset] = (character, style, "")


def end_mark(process: Process) -> Part:
    """How a process ended, as a sign and a word or two: ``✓``, ``✗ SIGKILL``, ``✗ exit 1``.

    Red is for what nobody asked for: a child that its parent terminates is no trouble, and a pool
    that is left ends its workers so.
    """
    code = process.exit_code
    by_parent = (process.parent, SIGTERM) in [each[1:] for each in process.signals]
    if code == -SIGTERM and process.pool and by_parent:
        return "· ended by its pool", "dim"
    if code is None:
        return "? ended", "dim"
    if code == 0:
        return "✓", "good"
    if code > 0:
        return f"✗ exit {code}", "trouble"
    return f"✗ {signal_name(-code)}", "warning" if asked_for(process) else "trouble"


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


def _legend(placed: Layout, seen: Counter[str]) -> Row:
    """The signs in sight, in the same order always; with little room, without the rarest."""
    room, ascii = placed.grid.count, placed.grid.ascii
    cells: Counter[Activity | None] = Counter()
    for style, count in seen.items():
        for activity in _activities_of(style):
            cells[activity] += count
    mixed = next((style for style in sorted(seen) if _is_partly_work(style)), "")
    kept = [*(each for each in Activity if cells[each]), *([None] if mixed else [])]
    parts = _legend_parts(tuple(kept), mixed, ascii, False)
    while length(parts) > room and kept:
        parts = _legend_parts(tuple(kept), mixed, ascii, True)
        if length(parts) > room:
            kept.remove(min(kept, key=lambda each: cells[each]))
    return row((" " * placed.label, ""), *parts)


def _is_partly_work(style: str) -> bool:
    return ".ground" in style and style.startswith(("activity.running ", "activity.task "))


@cache
def _activities_of(style: str) -> tuple[Activity | None, ...]:
    """The activities whose signs a cell of this style shows; None for a share of work."""
    names = {name.partition("+")[0].removesuffix(".shade") for name in style.split(" on ")}
    found = [
        activity
        for activity in Activity
        if activity is not Activity.ENDED
        and {lane_style(activity), activity_style(activity), f"{activity_style(activity)}.ground"}
        & names
    ]
    return (*found, None) if _is_partly_work(style) else tuple(found)


@lru_cache(maxsize=512)
def _legend_parts(
    kept: tuple[Activity | None, ...], mixed: str, ascii: bool, short: bool
) -> tuple[Part, ...]:
    """These activities, each with its sign in its style and its words."""
    glyphs = ASCII_GLYPHS if ascii else GLYPHS
    words = SHORT_WORDS if short else ACTIVITY_WORDS
    parts: list[Part] = []
    for activity in kept:
        if activity is None:
            parts += [
                ("*" if ascii else "▄", mixed),
                (" partly" if short else " partly running", "dim"),
            ]
        else:
            parts += [
                (glyphs[activity], lane_style(activity)),
                (f" {words[activity]}" + ("  " if short else "   "), "dim"),
            ]
    return tuple(parts)
