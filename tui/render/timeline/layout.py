"""The layout of the timeline: which lanes are in sight, how high, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.glyphs import moment_of, process_matches, tag
from mpviz.tui.render.lanes.grid import Grid, column_width
from mpviz.tui.render.lanes.thread_lanes import (
    SHARE_WIDTH,
    can_unfold,
    thread_name,
    threads_with_lanes,
    unfolded_threads,
)
from mpviz.tui.render.timeline.part_names import has_parts
from mpviz.tui.render.view import View

SHORTEST_RUN = 10_000_000
"""Nanoseconds; a run that has just begun is shown as if it had lasted this long."""


END_ROOM = 2
"""Columns to the right of the present, for the marks of those that end now."""
ROOM_FOR_WORDS = 5
"""The same once the run has ended, if a process did not end well: "✗KILL"."""
WIDEST_NAME = 24


TO_COME = "scrubber.to.come"
"""The style of what lies behind the moment of a replay."""
HERE = "scrubber.here"
NO_PLAYHEAD = 1 << 30
"""Right of all columns: all of a run that is watched lies before the present."""


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
    above: int
    """Those of them that come before the first lane in sight."""
    axis: bool
    legend: bool
    threads: tuple[int, ...] = ()
    """For each row the number of the thread whose lane it is; 0 for that of the process itself."""
    hidden_threads: int = 0
    """Lanes of threads for which there was no room."""
    parts: bool = False
    """The parts that the program has named have a row above the axis."""


def last_moment(state: RunState, view: View) -> int:
    """The latest time that can be shown, nanoseconds: the present, or the end of a recording."""
    now = moment_of(state, view)
    return now if view.whole is None else max(now, view.whole.now)


def run_length(state: RunState, view: View) -> int:
    """How long the run has lasted by that time, nanoseconds."""
    return max(SHORTEST_RUN, last_moment(state, view) - state.origin)


def right_end(state: RunState, view: View) -> int:
    """The right end of what is in sight, nanoseconds.

    A run is followed at its right end. In a replay there is more to come: a quarter of what is in
    sight lies behind the moment.
    """
    if view.end >= 0:
        return view.end
    last = last_moment(state, view)
    if view.whole is None or not view.span:
        return last
    now = moment_of(state, view)
    return min(last, max(state.origin + view.span, now + view.span // 4))


def processes_of(state: RunState, view: View) -> dict[str, Process]:
    """All processes that may have a lane, in a replay those that are still to come, too."""
    return state.processes if view.whole is None else view.whole.processes


def is_alive(state: RunState, view: View, process: Process) -> bool:
    """Whether it is alive at the moment of the picture."""
    if view.whole is None:
        return process.alive
    now = moment_of(state, view)
    return process.first_seen <= now and (process.ended < 0 or process.ended > now)


def visible_stretch(state: RunState, view: View) -> tuple[int, int]:
    """Start and end of what is in sight, nanoseconds of the clock; roughly, as a title says it."""
    end = right_end(state, view)
    start = end - view.span if view.span else state.origin
    return max(state.origin, start), end


def grid_for(state: RunState, view: View, columns: int) -> Grid:
    """The columns in sight when there is room for so many."""
    columns = max(1, columns)
    end = right_end(state, view)
    is_at_end = end >= last_moment(state, view)
    room = _end_room(state, view)
    room = room if columns > 4 * room and is_at_end else 0
    width = column_width(view.span or max(SHORTEST_RUN, end - state.origin), columns - room)
    last = max(0, (end - 1 - state.origin) // width) + room
    return Grid(state.origin, width, max(0, last - columns + 1), columns, view.ascii)


def _end_room(state: RunState, view: View) -> int:
    """Columns for how those ended that end last; while a run goes on, the axis must not jump."""
    whole = view.whole or state
    if whole.ended < 0 or not any(each.exit_code for each in whole.processes.values()):
        return END_ROOM
    return ROOM_FOR_WORDS


def playhead(state: RunState, view: View, grid: Grid) -> int:
    """The column of the moment that is replayed; it may lie left or right of those in sight."""
    return NO_PLAYHEAD if view.whole is None else grid.column(moment_of(state, view))


def lanes_of(state: RunState, view: View) -> list[Process]:
    """The processes that have a lane, those that can be left out last at the end."""
    first, end = visible_stretch(state, view)
    found = [
        process
        for process in processes_of(state, view).values()
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
    parts = height >= 6 and has_parts(state, view)
    room = max(1, height - axis - legend - parts)
    shown, hidden = _in_sight(state, lanes, room, view)
    threads, hidden_threads = _threads_in_sight(view, shown, room - len(shown))
    left = room - sum(map(len, threads.values()))
    airy = not hidden and len(shown) > 1 and left >= lane_heights(len(shown), view.highest_lane)[1]
    gap = [("", 0)] if airy else []
    high = max(1, min(view.highest_lane, (left + len(gap)) // max(1, len(shown)) - len(gap)))
    rows: list[tuple[str, int]] = []
    for index, process in enumerate(shown):
        rows += [*(gap if index else []), *[(process.key, 0)] * (1 if hidden else high)]
        rows += [(process.key, each.number) for each in threads.get(process.key, ())]
    label = _label_width(shown, threads, width)
    above = lanes.index(shown[0]) if shown else 0
    keys, numbers = tuple([key for key, _ in rows]), tuple([number for _, number in rows])
    grid = grid_for(state, view, width - label)
    return Layout(label, grid, keys, hidden, above, axis, legend, numbers, hidden_threads, parts)


def lane_heights(lanes: int, highest: int) -> list[int]:
    """Rows that so many lanes can fill: close together, then one or more high with gaps."""
    lanes = max(1, lanes)
    return [lanes, *((high + 1) * lanes - 1 for high in range(1, highest + 1))]


def useful_heights(state: RunState, view: View) -> list[int]:
    """Rows that all lanes can fill, those of threads and the row of the parts included."""
    lanes = lanes_of(state, view)
    more = sum(len(threads_with_lanes(view, process)) for process in lanes) + has_parts(state, view)
    return [rows + more for rows in lane_heights(len(lanes), view.highest_lane)]


def _threads_in_sight(
    view: View, shown: list[Process], room: int
) -> tuple[dict[str, list[KnownThread]], int]:
    """By process key: the threads whose lanes fit into so many rows; and how many do not fit."""
    found: dict[str, list[KnownThread]] = {}
    hidden = 0
    for process in shown:
        found[process.key] = threads_with_lanes(view, process, room)
        room -= len(found[process.key])
        hidden += len(unfolded_threads(view, process)) - len(found[process.key])
    return found, hidden


def _in_sight(
    state: RunState, lanes: list[Process], room: int, view: View
) -> tuple[list[Process], int]:
    """The lanes that fit: where not all do, the living before the ended, the order kept.

    Who has not scrolled sees the selected one.
    """
    if len(lanes) <= room:
        return lanes, 0
    living = [each for each in lanes if is_alive(state, view, each)]
    ended = [each for each in lanes if not is_alive(state, view, each)]
    ranked = [*living, *sorted(ended, key=lambda each: -each.ended)]
    chosen = next((at for at, each in enumerate(ranked) if each.key == view.selected), 0)
    scroll = view.scroll.get("timeline", max(0, chosen + 1 - room))
    first = max(0, min(scroll, len(lanes) - room))
    shown = {process.key for process in ranked[first : first + room]}
    return [process for process in lanes if process.key in shown], len(lanes) - room


def _label_width(lanes: list[Process], threads: dict[str, list[KnownThread]], width: int) -> int:
    """Enough for the longest name in sight, but never more than two fifths."""
    tags = max((len(tag(process)) for process in lanes), default=1)
    names = max((len(described(process)) for process in lanes), default=0)
    of_threads = [
        len(thread_name(process, each)) + SHARE_WIDTH
        for process in lanes
        for each in threads.get(process.key, ())
    ]
    names = max([names + any(map(can_unfold, lanes)), *of_threads])
    return max(0, min(names + tags + 4, WIDEST_NAME + tags + 4, width * 2 // 5))
