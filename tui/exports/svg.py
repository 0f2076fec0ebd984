"""SVG: the timeline of a whole run as a picture, on a light ground or a dark one."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.model.fold.said import Result
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.exports import core_lack
from mpviz.tui.exports.core_lack import has_lacked
from mpviz.tui.exports.shapes import (
    HEIGHT,
    WIDTH,
    colours,
    fills,
    kind,
    lane_shapes,
    level,
    marks,
    process_colour,
)
from mpviz.tui.exports.threads import ThreadLane, thread_lanes
from mpviz.tui.render.glyphs import ACTIVITY_WORDS
from mpviz.tui.render.lanes.ends import end_mark
from mpviz.tui.render.rows import fit_name
from mpviz.tui.render.timeline.layout import lanes_of
from mpviz.tui.render.timeline.part_names import parts_of
from mpviz.tui.render.view import View

LANES = 60
"""Maximum number of lanes; with more, the picture would be too high to be looked at."""

_NAMES, _LANE, _ENDS = 190, 860, 110
_ROW, _BAR = 30, 20
_THREAD_ROW, _THREAD_BAR = 22, 14
_RESULT_ROW, _GAP = 22, 8
_TOP, _EDGE = 58, 20
_NAME_LENGTH = 24
_LEGEND_ROOM = 205
MOST_RESULTS = 20
"""The last results that the program has printed; more would be a log."""
_LETTER = 7.5
"""Units that a letter takes on average."""

_STYLE = """
svg{{{light}--ground:#fbfaf7;--text:#2a3441;--dim:#5a6776;--line:#d5d9de;--trouble:#b3202b}}
@media (prefers-color-scheme:dark){{svg{{{dark}--ground:#10151c;--text:#c9d3df;--dim:#8b94a3;
--line:#2b3644;--trouble:#ff7b72}}}}
{fills}
.ground{{fill:var(--ground)}}.line{{stroke:var(--line);stroke-width:1}}
text{{font:13px system-ui,sans-serif;fill:var(--text)}}.dim{{fill:var(--dim)}}
.part{{stroke:var(--dim);stroke-width:1}}
.result{{font-weight:600}}.head{{font-size:17px;font-weight:600}}.end{{text-anchor:end}}.middle{{text-anchor:middle}}
.trouble{{fill:var(--trouble)}}
"""


def write(passage: Passage, output: Write) -> list[str]:
    """Write the picture."""
    for piece in picture(passage.to_the_end()):
        output(piece)
    return []


def picture(state: RunState) -> Iterator[str]:
    """The picture, piece by piece."""
    stretch = stretch_of(state)
    lanes = lanes_drawn(state)
    threads = {process.key: thread_lanes(process, *stretch) for process in lanes}
    shown = signs_of(lanes)
    across = max(1, (_NAMES + _LANE + _ENDS) // _LEGEND_ROOM)
    legend = -(-len(shown) // across) * 22
    results = results_of(state)
    top = _TOP + (_RESULT_ROW * len(results) + _GAP if results else 0)
    width = _NAMES + _LANE + _ENDS + 2 * _EDGE
    below = top + _ROW * len(lanes) + sum(map(_height_of_threads, threads.values()))
    height = below + 44 + legend + _EDGE
    style = _STYLE.format(light=colours(False), dark=colours(True), fills=fills())
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{escape(_heading(state))}">'
        f'<style>{style}</style><rect class="ground" width="100%" height="100%"/>'
        f'<text class="head" x="{_EDGE}" y="{_EDGE + 16}">{escape(_heading(state))}</text>'
    )
    for number, result in enumerate(results):
        y = _EDGE + 16 + _RESULT_ROW * (number + 1)
        yield f'<text class="result" x="{_EDGE}" y="{y}">⇒ {escape(result)}</text>'
    yield from _axis(stretch, top, below)
    yield from _parts(state, stretch, top, below)
    y = top
    for process in lanes:
        yield from _lane(state, process, stretch, y)
        y += _ROW
        for number, thread in enumerate(threads[process.key]):
            yield from _thread(thread, y + _THREAD_ROW * number)
        y += _height_of_threads(threads[process.key])
    left_out = len(state.processes) - len(lanes)
    if left_out > 0:
        more = plural(left_out, "more process", "more processes")
        yield f'<text class="dim" x="{_EDGE}" y="{below + 18}">{more}</text>'
    for number, (shape, height, words) in enumerate(shown):
        row, column = divmod(number, across)
        place = _EDGE + column * _LEGEND_ROOM, below + 44 + row * 22
        yield _legend(shape, height, words, place)
    yield "</svg>\n"


def stretch_of(state: RunState) -> tuple[int, int]:
    """Start and end of the run, nanoseconds."""
    return state.origin, max(state.now, state.origin + 1)


def lanes_drawn(state: RunState) -> list[Process]:
    """The processes that have a lane in a picture, in order."""
    return lanes_of(state, View(now=state.now))[:LANES]


def activities_of(processes: list[Process]) -> list[Activity]:
    """What any of these did, for a legend."""
    done = {
        activity
        for process in processes
        for activity in Activity
        if process.lane.totals[activity] or activity is process.lane.activity
    }
    return [activity for activity in Activity if activity in done - {Activity.ENDED}]


def signs_of(processes: list[Process]) -> list[tuple[str, int, str]]:
    """The class, the height and the words of each sign in the lanes of these, for a legend."""
    signs = [(kind(each), level(each), ACTIVITY_WORDS[each]) for each in activities_of(processes)]
    if any(has_lacked(process.core_times) for process in processes):
        signs.append((core_lack.CLASS, HEIGHT, core_lack.WORDS))
    return signs


def _heading(state: RunState) -> str:
    start, end = stretch_of(state)
    name = state.run.target if state.run is not None else "a run"
    processes = plural(len(state.processes), "process", "processes")
    return f"{name}: {processes}, {duration(end - start)}"


def results_of(state: RunState) -> list[str]:
    """The last results that the program has printed."""
    return [each.text for each in state.table(Result).values()][-MOST_RESULTS:]


def _axis(stretch: tuple[int, int], top: int, below: int) -> Iterator[str]:
    left = _EDGE + _NAMES
    for share, words in marks(*stretch):
        x = left + share * _LANE
        yield f'<path class="line" d="M{x:.1f} {top - 6}V{below + 4}"/>'
        yield f'<text class="dim middle" x="{x:.1f}" y="{below + 20}">{words}</text>'


def _parts(state: RunState, stretch: tuple[int, int], top: int, below: int) -> Iterator[str]:
    """The names of the program's parts above the lanes, each at the line where it begins."""
    start, end = stretch
    for part, until in parts_of(state, end):
        x = _EDGE + _NAMES + _LANE * (part.since - start) / (end - start)
        letters = int((until - part.since) * _LANE / (end - start) / _LETTER)
        name = fit_name(part.name, letters) if letters < len(part.name) else part.name
        yield f'<path class="part" d="M{x:.1f} {top - 18}V{below + 4}"/>'
        yield f'<text class="dim" x="{x + 4:.1f}" y="{top - 8}">{escape(name)}</text>'


def _lane(state: RunState, process: Process, stretch: tuple[int, int], top: int) -> Iterator[str]:
    middle = top + _BAR / 2
    name = described(process)
    if len(name) > _NAME_LENGTH:
        name = name[: _NAME_LENGTH - 1] + "…"
    yield f'<circle class="{process_colour(process)}" cx="{_EDGE + 5}" cy="{middle}" r="5"/>'
    yield f'<text x="{_EDGE + 17}" y="{middle + 4.5}">{escape(name)}</text>'
    place = f"translate({_EDGE + _NAMES} {top}) scale({_LANE / WIDTH} {_BAR / HEIGHT})"
    yield f'<g transform="{place}">{lane_shapes(state, process, *stretch)}</g>'
    if process.ended >= 0:
        mark, style = end_mark(process)
        look = "trouble" if style == "trouble" else "dim"
        x = _EDGE + _NAMES + _LANE + 10
        yield f'<text class="{look}" x="{x}" y="{middle + 4.5}">{escape(mark)}</text>'


def _height_of_threads(threads: list[ThreadLane]) -> int:
    return _THREAD_ROW * len(threads) + _GAP if threads else 0


def _thread(thread: ThreadLane, top: int) -> Iterator[str]:
    middle = top + _THREAD_BAR / 2
    name = thread.name if len(thread.name) < _NAME_LENGTH - 4 else fit_name(thread.name, 19)
    yield f'<text class="dim" x="{_EDGE + 30}" y="{middle + 4.5}">{escape(name)}</text>'
    place = f"translate({_EDGE + _NAMES} {top}) scale({_LANE / WIDTH} {_THREAD_BAR / HEIGHT})"
    yield f'<g transform="{place}">{thread.shapes}</g>'
    x = _EDGE + _NAMES + _LANE + 10
    yield f'<text class="dim" x="{x}" y="{middle + 4.5}">{thread.share:.0%} of a core</text>'


def _legend(shape: str, height: int, words: str, place: tuple[int, int]) -> str:
    (x, y), high = place, height * 14 / HEIGHT
    return (
        f'<rect class="{shape}" x="{x}" y="{y - high:.1f}" width="16" height="{high:.1f}"/>'
        f'<text class="dim" x="{x + 23}" y="{y - 2}">{words}</text>'
    )
