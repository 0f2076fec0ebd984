"""The layout of the timeline: which lanes are in sight, how high, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.glyphs import lane_name, moment_of, process_matches, tag
from mpviz.tui.render.timeline.grid import Grid, column_width
from mpviz.tui.render.view import View

SHORTEST_RUN = 10_000_000
"""Nanoseconds; a run that has just begun is shown as if it had lasted this long."""


END_ROOM = 2
"""Columns to the right of the present, for the marks of those that end now."""
WIDEST_NAME = 24


HIGHEST_LANE = 4
"""Rows of a lane, at most: from the back of a room one is a thread."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything in the timeline is."""

    label: int
    """Cells that the lane's labels take at the left."""
    grid: Grid
    rows: tuple[str, ...]
    """The process key of each row from the top; "" for a row between lanes. A lane has one row or
    more."""
    hidden: int
    """Lanes that are out of sight."""
    axis: bool
    legend: bool


def run_length(state: RunState, view: View) -> int:
    """How long the run has lasted at the moment of the picture, nanoseconds."""
    return max(SHORTEST_RUN, moment_of(state, view) - state.origin)


def visible_stretch(state: RunState, view: View) -> tuple[int, int]:
    """Start and end of what is in sight, nanoseconds of the clock; roughly, as a title says it."""
    end = view.end if view.end >= 0 else moment_of(state, view)
    start = end - view.span if view.span else state.origin
    return max(state.origin, start), end


def grid_for(state: RunState, view: View, columns: int) -> Grid:
    """The columns in sight when there is room for so many."""
    columns = max(1, columns)
    now = moment_of(state, view)
    end = view.end if view.end >= 0 else now
    room = END_ROOM if columns > 4 * END_ROOM and end >= now else 0
    width = column_width(view.span or max(SHORTEST_RUN, end - state.origin), columns - room)
    last = max(0, (end - 1 - state.origin) // width) + room
    return Grid(state.origin, width, max(0, last - columns + 1), columns, view.ascii)


def lanes_of(state: RunState, view: View) -> list[Process]:
    """The processes that have a lane, those that can be left out last at the end."""
    first, end = visible_stretch(state, view)
    found = [
        process
        for process in state.processes.values()
        if process.lane.start >= 0
        and process_matches(view, process)
        and process.first_seen < max(end, first + 1)
        and (process.alive or process.ended >= first or process.key == view.selected)
    ]
    return sorted(found, key=lambda process: process.role in HELPERS)


def layout(state: RunState, view: View, width: int, height: int) -> Layout:
    """Where everything is in a timeline of this size."""
    lanes = lanes_of(state, view)
    axis, legend = height >= 3, height >= 5
    room = max(1, height - axis - legend)
    shown, hidden = _in_sight(lanes, room, view)
    airy = not hidden and len(shown) > 1 and room >= lane_heights(len(shown))[1]
    gap = [""] if airy else []
    high = max(1, min(HIGHEST_LANE, (room + len(gap)) // max(1, len(shown)) - len(gap)))
    rows: list[str] = []
    for index, process in enumerate(shown):
        rows += [*(gap if index else []), *[process.key] * (1 if hidden else high)]
    label = _label_width(shown, width)
    return Layout(label, grid_for(state, view, width - label), tuple(rows), hidden, axis, legend)


def lane_heights(lanes: int) -> list[int]:
    """Rows that so many lanes can fill: close together, then one to four high with gaps."""
    lanes = max(1, lanes)
    return [lanes, *((high + 1) * lanes - 1 for high in range(1, HIGHEST_LANE + 1))]


def _in_sight(lanes: list[Process], room: int, view: View) -> tuple[list[Process], int]:
    """The lanes that fit: where not all do, the living before the ended, the order kept.

    Who has not scrolled sees the selected one.
    """
    if len(lanes) <= room:
        return lanes, 0
    ranked = sorted(lanes, key=lambda process: (not process.alive, -process.ended))
    chosen = next((at for at, each in enumerate(ranked) if each.key == view.selected), 0)
    scroll = view.scroll.get("timeline", max(0, chosen + 1 - room))
    first = max(0, min(scroll, len(lanes) - room))
    shown = {process.key for process in ranked[first : first + room]}
    return [process for process in lanes if process.key in shown], len(lanes) - room


def _label_width(lanes: list[Process], width: int) -> int:
    """Enough for the longest name in sight, but never more than two fifths."""
    tags = max((len(tag(process)) for process in lanes), default=1)
    names = max((len(lane_name(process)) for process in lanes), default=0)
    return max(0, min(names + tags + 4, WIDEST_NAME + tags + 4, width * 2 // 5))
