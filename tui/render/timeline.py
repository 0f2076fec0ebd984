"""The geometry of the timeline, for the panel and for the app: stretches, zoom, pan, hits.

The app changes ``View.span`` and ``View.end`` to what these functions return, and asks
:func:`point_at` and :func:`describe` what is under the mouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.names import object_name
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, lane_name, moment_of, process_matches, tag
from mpviz.tui.render.lanes import NARROWEST, Grid, column_width
from mpviz.tui.render.view import View

SHORTEST_RUN = 10_000_000
"""Nanoseconds; a run that has just begun is shown as if it had lasted this long."""
SHORTEST_SPAN = 40 * NARROWEST
END_ROOM = 2
"""Columns to the right of the present, for the marks of those that end now."""
WIDEST_NAME = 24


HIGHEST_LANE = 4
"""Rows of a lane, at most: from the back of a room one is a thread."""


class Stretch(NamedTuple):
    """What ``View.span`` and ``View.end`` are to be."""

    span: int
    """Nanoseconds; 0 for the whole run."""
    end: int
    """Nanoseconds; -1 to follow the present."""


WHOLE_RUN = Stretch(0, -1)


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


@dataclass(frozen=True, slots=True)
class Point:
    """A column of a lane: what the mouse points at."""

    process: str
    """Key."""
    start: int
    end: int
    """The column's stretch, nanoseconds."""
    span: Span | None
    """The longest span that touches the column; None if the lane is thinned or empty."""
    spans: int
    """How many spans touch it."""


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


def zoomed(state: RunState, view: View, factor: float, at: int = -1) -> Stretch:
    """Show ``factor`` times the span: 0.5 zooms in, 2 zooms out.

    The time ``at`` (nanoseconds; -1 for the right end) stays where it is in the picture. Zoomed out
    to the whole run, the timeline follows the present again.
    """
    whole = run_length(state, view)
    now = moment_of(state, view)
    span = view.span or whole
    wanted = max(SHORTEST_SPAN, round(span * factor))
    if wanted >= whole:
        return WHOLE_RUN
    end = view.end if view.end >= 0 else now
    if at < 0:
        return Stretch(wanted, view.end)
    at = max(state.origin, min(at, now))
    left_part = 1 - min(1.0, max(0.0, (end - at) / span))
    return _placed(state, view, wanted, at + round(wanted * (1 - left_part)))


def panned(state: RunState, view: View, share: float) -> Stretch:
    """Move the stretch by this share of it: negative to earlier, positive to later."""
    span = view.span or run_length(state, view)
    if not view.span:
        return WHOLE_RUN
    end = view.end if view.end >= 0 else moment_of(state, view)
    return _placed(state, view, span, end + round(span * share))


def centred(state: RunState, view: View, time: int, span: int = 0) -> Stretch:
    """Bring a time to the middle, with this span or the present one."""
    span = span or view.span
    if not span or span >= run_length(state, view):
        return WHOLE_RUN
    return _placed(state, view, span, time + span // 2)


def _placed(state: RunState, view: View, span: int, end: int) -> Stretch:
    """A stretch within the run; at its right end it follows."""
    now = moment_of(state, view)
    end = max(state.origin + span, end)
    return Stretch(span, -1 if end >= now else end)


def point_at(
    state: RunState, view: View, size: tuple[int, int], position: tuple[int, int]
) -> Point | None:
    """What is at column and row ``position`` of a timeline of ``size`` (width, height) cells."""
    (width, height), (x, y) = size, position
    placed = layout(state, view, width, height)
    if not 0 <= y < len(placed.rows) or not placed.rows[y] or not 0 <= x < width:
        return None
    process = state.processes[placed.rows[y]]
    if x < placed.label:
        return Point(process.key, -1, -1, None, 0)
    start = placed.grid.start(x - placed.label)
    end = min(start + placed.grid.width, max(start + 1, moment_of(state, view)))
    touching = list(process.lane.between(start, end)) if process.lane.start >= 0 else []
    longest = max(
        touching, default=None, key=lambda span: min(span.end, end) - max(span.start, start)
    )
    return Point(process.key, start, end, longest, len(touching))


def time_at(state: RunState, view: View, size: tuple[int, int], x: int) -> int:
    """The time in the middle of a column of the timeline, nanoseconds; -1 over the labels."""
    placed = layout(state, view, *size)
    if not placed.label <= x < size[0]:
        return -1
    return placed.grid.start(x - placed.label) + placed.grid.width // 2


def describe(state: RunState, point: Point) -> str:
    """The point in one sentence: "Process-2 waited 12 ms for lock counter, from 0.31 s on"."""
    process = state.processes.get(point.process)
    if process is None:
        return ""
    name = described(process)
    if point.start < 0:
        return f"{name}, pid {process.pid}"
    where = moment(point.start - state.origin, max(1, (point.end - point.start) * 4))
    if point.span is None:
        return _without_span(process, name, point, where)
    if point.spans == 1 or _covers(point, point.span):
        return f"{name} {in_words(state, process, point.span)}"
    longest = in_words(state, process, point.span)
    return (
        f"{name} at {where}: {plural(point.spans, 'span')} in {duration(point.end - point.start)}, "
        f"{_mix_in_words(process, point)}; the longest {longest}"
    )


def _covers(point: Point, span: Span) -> bool:
    """Whether one span is nearly all of the column."""
    covered = min(span.end, point.end) - max(span.start, point.start)
    return covered * 20 >= (point.end - point.start) * 19


def _without_span(process: Process, name: str, point: Point, where: str) -> str:
    if point.end <= process.lane.origin:
        return f"{name} had not started at {where}"
    mix = _mix_in_words(process, point)
    return f"{name} at {where}: {mix}" if mix else f"{name} at {where}"


def _mix_in_words(process: Process, point: Point) -> str:
    amounts = process.lane.mix(point.start, point.end)
    total = sum(amounts)
    shares = sorted(
        (
            (amount / total, activity)
            for activity, amount in zip(Activity, amounts, strict=True)
            if amount
        ),
        reverse=True,
    )
    return ", ".join(f"{ACTIVITY_WORDS[activity]} {share:.0%}" for share, activity in shares[:3])


_DID = {
    Activity.STARTING: "was starting for {time}",
    Activity.RUNNING: "ran for {time}",
    Activity.TASK: "ran {what} for {time}",
    Activity.LOCK: "waited {time} for {what}",
    Activity.QUEUE: "waited {time} for {what}",
    Activity.PROCESS: "waited {time} for {what}",
    Activity.RESULT: "waited {time} for {what}",
    Activity.SIGNAL: "waited {time} for {what}",
    Activity.IDLE: "was idle for {time}",
    Activity.SLEEPING: "slept for {time}",
    Activity.STOPPED: "was stopped for {time}",
    Activity.ZOMBIE: "was a zombie for {time}",
    Activity.INITIALIZING: "ran its initializer {what} for {time}",
    Activity.ENDING: "was ending for {time}",
    Activity.ENDED: "has ended",
}


def in_words(state: RunState, process: Process, span: Span) -> str:
    """What a process did in a span, as the rest of a sentence that begins with its name."""
    time = duration(span.end - span.start)
    words = _DID[span.activity].format(time=time, what=what_of(state, span))
    if span.start == process.lane.start and span.activity is not Activity.ENDED:
        words += " so far"
    return words


def what_of(state: RunState, span: Span) -> str:
    """What a span's detail names: "task 12 of square", "lock counter", "Process-2"."""
    if span.activity is Activity.TASK:
        task = state.table(Task).get(span.detail)
        return f"task {task.number} of {task.function}" if task else "a task"
    if span.activity is Activity.INITIALIZING:
        return span.detail
    if span.activity is Activity.PROCESS:
        process = state.processes.get(span.detail)
        return described(process) if process else object_name(state, span.detail) or "a process"
    if span.activity is Activity.RESULT:
        return _results(state, span.detail)
    kinds = {Activity.LOCK: "lock", Activity.QUEUE: "queue"}
    kind = kinds.get(span.activity, "")
    name = object_name(state, span.detail)
    return f"{kind} {name}".strip() if name else f"a {kind or 'signal'}"


def _results(state: RunState, detail: str) -> str:
    pool, _, number = detail.rpartition("/")
    found = state.table(Pool).get(pool)
    job: Job | None = found.jobs.get(int(number)) if found and number.isdecimal() else None
    if found and job is None:
        return f"results of {found.name}"
    return f"the results of {job.function or job.call}" if job else "results"
