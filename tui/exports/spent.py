"""The report's section on where the time went: for each process, and for all that worked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mpviz.trace.measures import Activity
from mpviz.trace.processes import described
from mpviz.trace.state import HELPERS, Process, RunState
from mpviz.tui.exports.chart import dot, legend
from mpviz.tui.exports.shapes import HEIGHT, WIDTH, kind
from mpviz.tui.signs import ACTIVITY_WORDS
from mpviz.tui.words import duration, percent

ROWS = 60
"""So many processes have a bar; those that lived longest."""


def where_the_time_went(state: RunState) -> Iterator[str]:
    """The section: the time of each process by what it did, which adds up to its whole life."""
    processes = [each for each in state.processes.values() if each.role not in HELPERS]
    spent = [(process, time_by_activity(process, state.now)) for process in processes]
    spent = [(process, times) for process, times in spent if sum(times)]
    if not spent:
        return
    longest = sorted(spent, key=lambda each: -sum(each[1]))[:ROWS]
    shown = sorted(longest, key=lambda each: each[0].number)
    done = [activity for activity in Activity if any(times[activity] for _, times in spent)]
    yield '<section><h2>Where the time went</h2><div class="scroll"><table><tr>'
    yield '<th>process</th><th>from its start to its end</th><th class="n">lived</th>'
    yield '<th class="n">at work</th><th class="n">CPU</th></tr>'
    for process, times in shown:
        yield _row(process, times)
    if len(shown) > 1:
        yield _sum(spent)
    yield f"</table></div>{legend(done, of_bars=True)}</section>\n"


def time_by_activity(process: Process, now: int) -> list[int]:
    """Nanoseconds of each activity over the life of a process, up to its end or to now."""
    lane = process.lane
    times = list(lane.totals)
    if lane.start >= 0:
        times[lane.activity] += max(0, now - lane.start)
    times[Activity.ENDED] = 0
    return times


def _row(process: Process, times: Sequence[int]) -> str:
    lived = sum(times)
    return (
        f'<tr><td class="w"><span class="name">{dot(process)}'
        f"<span>{escape(described(process))}</span></span></td>"
        f'<td class="share">{_bar(times)}</td>'
        f"{_numbers(lived, times, process.cpu_seconds)}</tr>"
    )


def _sum(spent: Sequence[tuple[Process, Sequence[int]]]) -> str:
    times = [sum(each) for each in zip(*[times for _, times in spent], strict=True)]
    cpu = sum(process.cpu_seconds for process, _ in spent)
    return (
        f'<tr><td><b>all {len(spent)}</b></td><td class="share">{_bar(times)}</td>'
        f"{_numbers(sum(times), times, cpu)}</tr>"
    )


def _numbers(lived: int, times: Sequence[int], cpu: float) -> str:
    worked = times[Activity.RUNNING] + times[Activity.TASK]
    return (
        f'<td class="n">{duration(lived)}</td>'
        f'<td class="n">{percent(worked / lived).strip()}</td><td class="n">{cpu:.2f} s</td>'
    )


def _bar(times: Sequence[int]) -> str:
    """All of the time side by side, each with how much it is."""
    total, left, parts = sum(times), 0.0, []
    for activity in Activity:
        if times[activity]:
            width = WIDTH * times[activity] / total
            share = percent(times[activity] / total).strip()
            title = f"{ACTIVITY_WORDS[activity]}: {duration(times[activity])}, {share}"
            parts.append(
                f'<rect class="{kind(activity)}" x="{left:.2f}" width="{width:.2f}"'
                f' height="{HEIGHT}"><title>{title}</title></rect>'
            )
            left += width
    return (
        f'<div class="bar"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f"{''.join(parts)}</svg></div>"
    )
