"""The timeline: a lane for each process from its first moment, coloured by what it was doing."""

from __future__ import annotations

from mpviz.trace.model.state import RunState
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.lanes.tasks import functions_in
from mpviz.tui.render.rows import Row
from mpviz.tui.render.timeline.axis import axis_row
from mpviz.tui.render.timeline.layout import (
    layout,
    processes_of,
    useful_heights,
    visible_stretch,
)
from mpviz.tui.render.timeline.legend import legend_row
from mpviz.tui.render.timeline.part_names import parts_row
from mpviz.tui.render.timeline.rows import lane_rows
from mpviz.tui.render.view import View


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """Lanes, then the axis of time, then a legend of what is in sight."""
    placed = layout(state, view, width, height)
    if not placed.rows:
        return []
    rows, styles = lane_rows(state, view, placed)
    if placed.parts:
        rows.append(parts_row(state, view, placed.grid, placed.label))
    if placed.axis:
        rows.append(axis_row(state, view, placed, width))
    if placed.legend:
        rows.append(legend_row(placed, styles, width, functions_in(state)))
    return rows


def title(state: RunState, view: View) -> str:
    """The stretch in sight."""
    if not processes_of(state, view):
        return "timeline"
    start, end = visible_stretch(state, view)
    step = max(1, (end - start) // 20)
    if not view.span and view.end < 0:
        return f"timeline, the whole run: {moment(end - state.origin, step)}"
    following = "" if view.end >= 0 or view.whole is not None else ", following"
    times = f"{moment(start - state.origin, step)} … {moment(end - state.origin, step)}"
    return f"timeline, {times}{following}"


def wanted_height(state: RunState, view: View) -> int:
    """The most that it can fill."""
    return max(3 + 2, useful(state, view)[-1])


def useful(state: RunState, view: View) -> tuple[int, ...]:
    """The heights at which no row is left over: lanes, gaps, the axis and the legend."""
    return tuple(rows + 2 for rows in useful_heights(state, view))


PANEL = Panel(
    name="timeline",
    title=title,
    help=(
        "A lane for each process, time from left to right, on one scale for all. Each column "
        "shows what the process did in that stretch of time; the legend says which sign and "
        "colour is what. A column that was only partly at work is a block as high as its share "
        "of work, over the colour of what it waited for. So is a process that was ready to run "
        "while others had the cores: with a quarter of a core, its block is a quarter high. "
        "Each task of a pool is a block of its own, with its number where there is room, and "
        "where pools run several functions, in the colour and with the name of its own; ▓ are "
        "many short ones. Below a process that works in threads, each has a lane as high as its "
        "share of a core, which is also in figures; the key for threads shows and hides them. "
        "The parts that the program has named, by lines that begin with ##, are above the axis. "
        "Where a shared value is used, R and W are its readings and writings, and a red ✗ is an "
        "update that was lost. Arrows lead to the selected process from who ended its waits, "
        "and from it to whose waits it ended. A click tells what the process did there, and why "
        "it ended. In a replay, the line across the lanes is the moment that all other panels "
        "show, and what is still to come is dim. ✓ is an end with exit code 0, ✗ any other, "
        "with the signal or the code. Zoom with + and -, move with the arrows; follow the "
        "present again with the key that the footer names."
    ),
    body=draw,
    thing="process",
    nothing="no process has started yet",
    is_harmless=True,
    useful=useful,
    wanted_height=wanted_height,
)
