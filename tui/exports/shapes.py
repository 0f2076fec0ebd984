"""The lanes of a timeline as shapes: one drawing of them for the picture and for the report.

Colour is never the only sign: work fills a lane, a wait is lower, and idleness is a line. Where too
much happens in a thousandth of the picture to be told apart, its shares are stacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mpviz.trace.explain.phases import Phase
from mpviz.trace.model.lane import Activity, Lane, Span
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.colours import mixed
from mpviz.tui.exports.core_lack import lack_shapes
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.palette import ACTIVITY_LOOKS, PROCESS_LOOKS
from mpviz.tui.render.phase_bars import PHASE_ACTIVITIES
from mpviz.tui.render.timeline.span_words import in_words

WIDTH, HEIGHT = 1000, 100
"""Size of a lane in its own units; it is scaled when it is drawn."""

_FULL = (Activity.RUNNING, Activity.TASK, Activity.STOPPED)
_LOW = (Activity.RESULT, Activity.PROCESS, Activity.ZOMBIE)
_LINE = (Activity.IDLE, Activity.SLEEPING)

_TOLD_APART = 2
"""Minimum width of a span with a shape and a text of its own."""

GROUNDS = {False: "#fbfaf7", True: "#10151c"}
"""The background, by whether it is dark."""

MARKS = 6
"""Maximum number of time marks below the lanes."""


def level(activity: Activity) -> int:
    """How high an activity stands in its lane."""
    if activity in _FULL:
        return HEIGHT
    if activity in _LINE:
        return 10
    return 34 if activity in _LOW else 64


def kind(activity: Activity) -> str:
    """The class of the shapes of an activity."""
    return f"a-{activity.name.lower()}"


def phase_kind(phase: Phase) -> str:
    """The class of the shapes of a phase: its activity's, if the phase is no more than that."""
    activity = PHASE_ACTIVITIES.get(phase)
    return kind(activity) if activity is not None else f"ph-{phase.name.lower()}"


def process_colour(process: Process) -> str:
    """The class of what has the colour of a process."""
    return f"p-{(process.number - 1) % len(PROCESS_LOOKS)}"


def lane_shapes(state: RunState, process: Process, start: int, end: int) -> str:
    """What a process did from ``start`` to ``end``, as SVG in a box of WIDTH by HEIGHT."""
    lane = process.lane
    until = min(end, process.ended) if process.ended >= 0 else end
    if lane.start < 0 or until <= start:
        return ""
    scale = WIDTH / max(1, end - start)
    mixes: dict[int, list[int]] = {}
    blocks = []
    _mix_what_is_thinned(lane, (start, until), scale, mixes)
    for span in _exact(lane, start, until):
        if (span.end - span.start) * scale >= _TOLD_APART:
            place = (span.start - start) * scale, scale
            blocks.append(_block(state, process, span, place))
            blocks.append(lack_shapes(process.core_times, span, place, HEIGHT))
        else:
            _mix(mixes, span, start, scale)
    return "".join([*_mixed_columns(mixes), *blocks])


def marks(start: int, end: int) -> Iterator[tuple[float, str]]:
    """Round times: where they are, from 0 to 1, and their words."""
    length = max(1, end - start)
    step = _round_step(length)
    for time in range(0, length, step):
        yield time / length, moment(time, step)


def _round_step(length: int) -> int:
    power = 1_000
    while True:
        for step in (power, 2 * power, 5 * power):
            if step * MARKS >= length:
                return step
        power *= 10


def colours(dark: bool) -> str:
    """The colours of activities and processes on a dark or light ground, as CSS variables."""
    looks = {kind(activity): look for activity, look in ACTIVITY_LOOKS.items()}
    looks |= {f"p-{number}": look for number, look in enumerate(PROCESS_LOOKS)}
    hues = {name: look.dark if dark else look.light for name, look in looks.items()}
    hues["odd"] = mixed(hues[kind(Activity.TASK)], GROUNDS[dark], 0.72)
    work = hues[kind(Activity.RUNNING)]
    hues[phase_kind(Phase.WAITING_FOR_CORE)] = mixed(work, GROUNDS[dark], 0.7)
    hues[phase_kind(Phase.WORKING_OFF_CPU)] = mixed(work, GROUNDS[dark], 0.45)
    hues[phase_kind(Phase.WORKING_UNMEASURED)] = mixed(work, GROUNDS[dark], 0.2)
    return "".join(f"--{name}:{hue};" for name, hue in hues.items())


def fills() -> str:
    """The CSS rules that give shapes their colours."""
    names = [kind(activity) for activity in ACTIVITY_LOOKS]
    names += [f"p-{number}" for number in range(len(PROCESS_LOOKS))]
    names += [phase_kind(phase) for phase in Phase if phase not in PHASE_ACTIVITIES]
    rules = [f".{name}{{fill:var(--{name})}}" for name in names]
    return "".join([*rules, ".odd{fill:var(--odd)}"])


def _exact(lane: Lane, start: int, end: int) -> Iterator[Span]:
    """The spans that are known as they were, within this stretch."""
    for span in lane.between(start, end):
        if span.activity is not Activity.ENDED:
            yield span._replace(start=max(start, span.start), end=min(end, span.end))


def _block(state: RunState, process: Process, span: Span, place: tuple[float, float]) -> str:
    left, scale = place
    width, height = (span.end - span.start) * scale, level(span.activity)
    task = state.table(Task).get(span.detail) if span.activity is Activity.TASK else None
    shade = " odd" if task is not None and task.order % 2 else ""
    title = escape(f"{described(process)} {in_words(state, process, span)}")
    return (
        f'<rect class="{kind(span.activity)}{shade}" x="{left:.2f}" y="{HEIGHT - height}"'
        f' width="{width:.2f}" height="{height}"><title>{title}</title></rect>'
    )


def _mix_what_is_thinned(
    lane: Lane, stretch: tuple[int, int], scale: float, mixes: dict[int, list[int]]
) -> None:
    start, end = stretch
    if not lane.buckets:
        return
    exact_from = min(end, lane.spans[0].start if lane.spans else lane.start)
    first = max(0, int((lane.origin - start) * scale))
    for column in range(first, min(WIDTH, int((exact_from - start) * scale) + 1)):
        begin = max(lane.origin, start + int(column / scale))
        stop = min(exact_from, start + int((column + 1) / scale))
        if begin < stop:
            mixes[column] = lane.mix(begin, stop)


def _mix(mixes: dict[int, list[int]], span: Span, start: int, scale: float) -> None:
    column = min(WIDTH - 1, int((span.start - start) * scale))
    amounts = mixes.get(column)
    if amounts is None:
        amounts = mixes[column] = [0] * len(Activity)
    amounts[span.activity] += span.end - span.start


def _mixed_columns(mixes: dict[int, list[int]]) -> Iterator[str]:
    """One path for each activity: in each column as high as its share, work at the bottom."""
    paths: dict[Activity, list[str]] = {}
    for column, amounts in mixes.items():
        for activity, top, height in _stack(amounts):
            step = f"M{column} {top:.1f}h1v{height:.1f}h-1z"
            paths.setdefault(activity, []).append(step)
    for activity, steps in paths.items():
        yield f'<path class="{kind(activity)}" d="{"".join(steps)}"/>'


def _stack(amounts: Sequence[int]) -> Iterator[tuple[Activity, float, float]]:
    total = sum(amounts)
    present = [activity for activity in Activity if amounts[activity]]
    present.sort(key=lambda activity: -level(activity))
    top = float(HEIGHT)
    for activity in present:
        height = level(activity) * amounts[activity] / total
        top -= height
        yield activity, top, height
