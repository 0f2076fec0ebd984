"""What is at a point of the timeline: the lane, the time and the span there."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, moment_of
from mpviz.tui.render.lanes.thread_lanes import FOLD_WIDTH, can_unfold, describe_thread
from mpviz.tui.render.timeline.layout import last_moment, layout, processes_of
from mpviz.tui.render.timeline.span_words import ending_in_words, in_words
from mpviz.tui.render.view import View


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
    thread: int = 0
    """The number of the thread whose lane it is; 0 for that of the process."""


def point_at(
    state: RunState, view: View, size: tuple[int, int], position: tuple[int, int]
) -> Point | None:
    """What is at column and row ``position`` of a timeline of ``size`` (width, height) cells."""
    (width, height), (x, y) = size, position
    placed = layout(state, view, width, height)
    if not 0 <= y < len(placed.rows) or not placed.rows[y] or not 0 <= x < width:
        return None
    process = processes_of(state, view)[placed.rows[y]]
    thread = placed.threads[y]
    if x < placed.label:
        return Point(process.key, -1, -1, None, 0, thread)
    start = placed.grid.start(x - placed.label)
    end = min(start + placed.grid.width, max(start + 1, last_moment(state, view)))
    process = state_at(state, view, start).processes.get(process.key, process)
    if thread:
        return Point(process.key, start, end, None, 0, thread)
    touching = list(process.lane.between(start, end)) if process.lane.start >= 0 else []
    longest = max(
        touching, default=None, key=lambda span: min(span.end, end) - max(span.start, start)
    )
    return Point(process.key, start, end, longest, len(touching))


def state_at(state: RunState, view: View, time: int) -> RunState:
    """The state that knows of this time: in a replay, of what is still to come, that at its end."""
    return state if view.whole is None or time <= moment_of(state, view) else view.whole


def fold_at(state: RunState, view: View, size: tuple[int, int], position: tuple[int, int]) -> str:
    """The key of the process whose sign for folded or unfolded threads is there; empty for none."""
    (width, height), (x, y) = size, position
    placed = layout(state, view, width, height)
    if not 0 <= y < len(placed.rows) or not placed.label - FOLD_WIDTH <= x < placed.label:
        return ""
    process = processes_of(state, view).get(placed.rows[y])
    is_lane = process is not None and not placed.threads[y]
    return process.key if process is not None and is_lane and can_unfold(process) else ""


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
    if point.thread:
        return describe_thread(state, process, point.thread, (point.start, point.end))
    name = described(process)
    if point.start < 0:
        return f"{name}, pid {process.pid}"
    where = moment(point.start - state.origin, max(1, (point.end - point.start) * 4))
    if point.span is None:
        return _without_span(process, name, point, where)
    if point.spans == 1 or _covers(point, point.span):
        return span_in_words(state, process, point.span)
    longest = in_words(state, process, point.span)
    return (
        f"{name} at {where}: {plural(point.spans, 'span')} in {duration(point.end - point.start)}, "
        f"{_mix_in_words(process, point)}; the longest {longest}"
    )


def span_in_words(state: RunState, process: Process, span: Span) -> str:
    """What it was, how long, why it ended and by whom, and when it began, in one sentence."""
    if span.activity is Activity.ENDED:
        return f"{described(process)} has ended: {exit_in_words(process)}"
    did, ended = in_words(state, process, span), ending_in_words(state, process, span)
    since = moment(span.start - state.origin, max(1_000, (span.end - span.start) // 10))
    return f"{described(process)} {did}{ended}; from {since} on"


def told_span(state: RunState, view: View) -> str:
    """The span of the selected process that a person has pointed at, in words; empty for none.

    Of a replay, the end of what goes on at its moment is that of the whole recording.
    """
    told = ""
    for known in (state, view.whole):
        process = known.processes.get(view.selected) if known is not None else None
        if known is None or process is None or view.told < 0 or process.lane.start < 0:
            continue
        end = max(view.told + 1, moment_of(state, view) if known is state else known.now)
        for span in process.lane.between(view.told, view.told + 1):
            goes_on = span.start == process.lane.start
            told = span_in_words(known, process, span._replace(end=end) if goes_on else span)
            if not goes_on:
                return told
    return told


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
