"""The report's section on where the time went: the phases of each worker, and the speed-up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mpviz.trace.explain.phases import AWAY, PHASE_WORDS, Phase, Phases, ProcessPhases, phases
from mpviz.trace.explain.time_report import verdict_in_words
from mpviz.trace.explain.timings import timings
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Distribution, Timing
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState
from mpviz.tui.exports.chart import dot
from mpviz.tui.exports.shapes import HEIGHT, WIDTH, phase_kind
from mpviz.tui.render.formatting import count, percent

ROWS = 60
"""Maximum number of workers with a bar; those that were there longest have one."""

TIMINGS = 40
"""Maximum number of rows of timings; those that took most time in all have one."""


def where_the_time_went(state: RunState) -> Iterator[str]:
    """The section: bars on one scale, whose parts add up to the run's length; then how long
    tasks, waits and holds took.
    """
    found = phases(state)
    if not found.workers:
        return
    longest = sorted(found.workers, key=lambda worker: -worker.there)[:ROWS]
    shown = [worker for worker in found.workers if worker in longest]
    yield "<section><h2>Where the time went</h2>"
    for ways in verdict_in_words(state, found):
        yield f'<p class="gain">{escape(ways[0])}</p>'
    yield '<div class="scroll"><table><tr><th>worker</th><th>from the start of the run to its end'
    yield '</th><th class="n">there for</th><th class="n">on a CPU</th></tr>'
    if len(found.workers) > 1:
        name = f"<b>all {len(found.workers)}</b>"
        there = sum(worker.there for worker in found.workers)
        yield _row(name, found.total, found.wall * len(found.workers), there)
    for worker in [*shown, *([found.main] if found.main else [])]:
        yield _row(_name(worker), worker.amounts, found.wall, worker.there)
    yield f"</table></div>{_legend(found)}"
    left_out = len(found.workers) - len(shown)
    if left_out:
        yield f'<p class="dim small">and {plural(left_out, "more worker")}</p>'
    yield from _timings(timings(state))
    yield "</section>\n"


def _name(worker: ProcessPhases) -> str:
    name = escape(described(worker.process))
    return f'<span class="name">{dot(worker.process)}<span>{name}</span></span>'


def _row(name: str, amounts: Sequence[int], whole: int, there: int) -> str:
    share = amounts[Phase.WORKING_ON_CPU] / whole if whole else 0.0
    return (
        f'<tr><td class="w">{name}</td><td class="share">{_bar(amounts, whole)}</td>'
        f'<td class="n">{duration(there)}</td><td class="n">{percent(share).strip()}</td></tr>'
    )


def _bar(amounts: Sequence[int], whole: int) -> str:
    """The phases side by side, each with its time; none while a worker is not there."""
    left, parts = 0.0, []
    for phase in Phase:
        width = WIDTH * amounts[phase] / max(1, whole)
        if width and phase not in AWAY:
            share = percent(amounts[phase] / whole).strip()
            title = f"{PHASE_WORDS[phase]}: {duration(amounts[phase])}, {share}"
            parts.append(
                f'<rect class="{phase_kind(phase)}" x="{left:.2f}" width="{width:.2f}"'
                f' height="{HEIGHT}"><title>{title}</title></rect>'
            )
        left += width
    return (
        f'<div class="bar"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f"{''.join(parts)}</svg></div>"
    )


def _legend(found: Phases) -> str:
    """What each colour means, and how much of the workers' time it was; the main's own last."""
    whole = found.wall * len(found.workers)
    main = found.main.amounts if found.main else (0,) * len(Phase)
    items = []
    for phase in Phase:
        amount = found.total[phase]
        if phase in AWAY or not (amount or main[phase]):
            continue
        share = f" {percent(amount / whole).strip()}" if amount and whole else ""
        items.append(
            f'<li><svg viewBox="0 0 100 100"><rect class="{phase_kind(phase)}" width="100"'
            f' height="100"/></svg>{PHASE_WORDS[phase]}{share}</li>'
        )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _timings(found: Sequence[Timing]) -> Iterator[str]:
    if not found:
        return
    shown = sorted(found, key=lambda timing: -timing.times.total)[:TIMINGS]
    longest = max(timing.times.longest for timing in shown)
    yield "<h3>How long it took</h3>"
    yield '<div class="scroll"><table><tr><th>what</th><th class="n">times</th>'
    yield '<th class="n">in all</th><th class="n">p50</th><th class="n">p90</th>'
    yield '<th class="n">p99</th><th>from short to long, on one scale</th></tr>'
    for timing in (each for each in found if each in shown):
        times = timing.times
        numbers = [
            count(times.count),
            *map(duration, (times.total, *map(times.quantile, (0.5, 0.9, 0.99)))),
        ]
        cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
        name = f"{timing.what} {escape(timing.name)}"
        yield f'<tr><td class="w">{name}</td>{cells}<td>{_histogram(times, longest)}</td></tr>'
    yield "</table></div>"


def _histogram(times: Distribution, longest: int) -> str:
    """How often which duration came, a column for each doubling from a microsecond on."""
    columns = max(1, (longest // 1_000).bit_length() + 1)
    heights = [0] * columns
    for below, number in times.histogram():
        heights[min(columns - 1, (below // 1_000).bit_length())] += number
    most = max(heights)
    bars = "".join(
        f'<rect x="{at * 10}" y="{100 - 100 * height / most:.1f}" width="9"'
        f' height="{100 * height / most:.1f}"/>'
        for at, height in enumerate(heights)
        if height
    )
    return (
        f'<svg class="histogram" viewBox="0 0 {columns * 10} 100" preserveAspectRatio="none"'
        f' role="img">{bars}</svg>'
    )
