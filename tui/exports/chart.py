"""The report's timeline: the use of the cores, a lane for each process, where findings begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.exports import core_lack
from mpviz.tui.exports.core_lack import has_lacked
from mpviz.tui.exports.report_stats import ReportStats
from mpviz.tui.exports.shapes import HEIGHT, WIDTH, kind, lane_shapes, level, marks, process_colour
from mpviz.tui.exports.svg import activities_of, lanes_drawn, stretch_of
from mpviz.tui.exports.threads import LANE_WORDS, ThreadLane, thread_lanes
from mpviz.tui.render.glyphs import ACTIVITY_WORDS
from mpviz.tui.render.lanes.ends import end_mark
from mpviz.tui.render.timeline.part_names import parts_of

_CORE_SIGNS = (
    '<li><svg viewBox="0 0 100 100"><rect class="others" width="100" height="100"/></svg>'
    "cores that others used</li>"
)

_LACK_SIGN = (
    f'<li><svg viewBox="0 0 100 100"><rect class="{core_lack.CLASS}" width="100" height="100"/>'
    f"</svg>{core_lack.WORDS}</li>"
)

_BOX = f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'


def timeline(state: RunState, stats: ReportStats) -> Iterator[str]:
    """The section, piece by piece."""
    start, end = stretch_of(state)
    lanes = lanes_drawn(state)
    yield '<section><h2>Timeline</h2><div class="chart">'
    yield from _cores(state, stats, (start, end))
    for process in lanes:
        yield _lane(state, process, (start, end))
        yield from map(_thread, thread_lanes(process, start, end))
    yield from _parts(state, (start, end))
    yield from _found(state, (start, end))
    yield from _axis(start, end)
    more = _LACK_SIGN if any(has_lacked(process.core_times) for process in lanes) else ""
    more += _CORE_SIGNS if len(stats.cores.times) > 1 else ""
    yield legend(activities_of(lanes), more)
    left_out = len(state.processes) - len(lanes)
    if left_out > 0:
        more = plural(left_out, "more process", "more processes")
        yield f'<p class="dim small">{more} without a lane in this picture</p>'
    yield "</div></section>\n"


def legend(activities: Sequence[Activity], more: str = "") -> str:
    """What each colour and height means; ``more`` signs come last."""
    items = []
    for activity in activities:
        height = level(activity)
        items.append(
            f'<li><svg viewBox="0 0 100 {HEIGHT}"><rect class="{kind(activity)}"'
            f' y="{HEIGHT - height}" width="100" height="{height}"/></svg>'
            f"{ACTIVITY_WORDS[activity]}</li>"
        )
    return f'<ul class="legend">{"".join(items)}{more}</ul>'


def _lane(state: RunState, process: Process, stretch: tuple[int, int]) -> str:
    ended = ""
    if process.ended >= 0:
        mark, style = end_mark(process)
        look = " trouble" if style == "trouble" else ""
        title = escape(exit_in_words(process))
        ended = f'<span class="fate{look}" title="{title}">{escape(mark)}</span>'
    name = escape(described(process))
    return (
        f'<div class="lane"><div class="name">{dot(process)}'
        f'<span title="{name}, pid {process.pid}">{name}</span></div>'
        f'<svg {_BOX} role="img" aria-label="{name}">'
        f"{lane_shapes(state, process, *stretch)}</svg>{ended or '<span></span>'}</div>\n"
    )


def _thread(thread: ThreadLane) -> str:
    name = escape(thread.name)
    return (
        f'<div class="lane thread"><div class="name"><span title="{name}">{name}</span></div>'
        f'<svg {_BOX} role="img" aria-label="{name}"><title>{LANE_WORDS}</title>{thread.shapes}'
        f'</svg><span class="fate">{thread.share:.0%} of a core</span></div>\n'
    )


def dot(process: Process) -> str:
    """The colour of a process."""
    return (
        '<svg class="dot" viewBox="0 0 10 10" aria-hidden="true">'
        f'<circle class="{process_colour(process)}" cx="5" cy="5" r="5"/></svg>'
    )


def _cores(state: RunState, stats: ReportStats, stretch: tuple[int, int]) -> Iterator[str]:
    """How many cores were in use: by the program, and on top of that by others."""
    cores, most = stats.cores, max(1, state.cores.machine)
    if len(cores.times) < 2:
        return
    start, end = stretch
    xs = [(time - start) * WIDTH / (end - start) for time in cores.times]
    own = _area(xs, [first / most for first, _ in cores.values])
    others = _area(xs, [second / most for _, second in cores.values])
    title = f"of {plural(most, 'core')}, the program's own use, and that of all others above it"
    yield (
        '<div class="lane cores"><div class="name"><span>cores in use</span></div>'
        f'<svg {_BOX} role="img" aria-label="cores in use"><title>{title}</title>'
        f'<path class="others" d="{others}"/>'
        f'<path class="a-running" d="{own}"/></svg><span class="fate">of {most}</span></div>\n'
    )


def _area(xs: Sequence[float], shares: Sequence[float]) -> str:
    """The area below a line of steps: each mean is that of the time before it."""
    steps = [f"M{xs[0]:.1f} {HEIGHT}"]
    for before, x, share in zip(xs, xs[1:], shares[1:], strict=False):
        y = HEIGHT * (1 - min(1.0, share))
        steps.append(f"L{before:.1f} {y:.1f}H{x:.1f}")
    return f"{''.join(steps)}V{HEIGHT}Z"


def _found(state: RunState, stretch: tuple[int, int]) -> Iterator[str]:
    """Where findings begin, by their numbers."""
    start, end = stretch
    signs = []
    for number, finding in enumerate(state.findings.values(), 1):
        since = finding.since if finding.since >= 0 else finding.found
        left = 100 * min(1.0, max(0.0, (since - start) / (end - start)))
        signs.append(f'<i style="left:{left:.2f}%" title="{escape(finding.message)}">{number}</i>')
    if signs:
        yield (
            '<div class="lane found"><span class="name"><span>findings</span></span>'
            f"<div>{''.join(signs)}</div><span></span></div>\n"
        )


def _parts(state: RunState, stretch: tuple[int, int]) -> Iterator[str]:
    """The parts that the program has named, each where it begins."""
    start, end = stretch
    names = [
        f'<i style="left:{100 * (part.since - start) / (end - start):.2f}%">{escape(part.name)}</i>'
        for part, _ in parts_of(state, end)
    ]
    if names:
        yield (
            '<div class="lane axis parts"><span class="name"><span>parts</span></span>'
            f"<div>{''.join(names)}</div><span></span></div>\n"
        )


def _axis(start: int, end: int) -> Iterator[str]:
    words = [
        f'<i style="left:{share * 100:.2f}%">{words}</i>'
        for share, words in marks(start, end)
        if share < 0.95
    ]
    yield (f'<div class="lane axis"><span></span><div>{"".join(words)}</div><span></span></div>\n')
