"""Where the time went: a bar for each worker and one for all, the speed-up, and timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpviz.trace.explain.phases import (
    AWAY,
    PHASE_WORDS,
    Phase,
    Phases,
    ProcessPhases,
    phases,
    workers_of,
)
from mpviz.trace.explain.time_report import verdict_in_words
from mpviz.trace.explain.timings import count_timings, first_timings
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.histograms import MOST_SHOWN, timing_rows
from mpviz.tui.panels.listing import from_top
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import DURATION_WIDTH, percent
from mpviz.tui.render.glyphs import mark, moment_of, process_matches
from mpviz.tui.render.phase_bars import phase_bar, phase_sign
from mpviz.tui.render.rows import Part, Row, crop, fit, fitting, right, row, selected
from mpviz.tui.render.view import View

_SHORT_WORDS: dict[Phase, str] = {
    phase: words.removeprefix("waiting for ").removeprefix("working").lstrip(" ,")
    for phase, words in PHASE_WORDS.items()
}
_NOT_THERE = "not there"

WIDEST_NAME = 22
SHARE_WIDTH = 9
"""Cells of what is written behind a bar: " 100% CPU"."""
AIRY = 12
"""Maximum number of workers with a blank row between their bars."""


@dataclass(frozen=True, slots=True)
class _Sections:
    """What there is to be shown, each part in rows."""

    total: list[Row]
    thick: list[Row]
    """A second row of the bar for all, if there is room."""
    workers: list[Row]
    main: list[Row]
    legend: list[Row]
    brought: list[Row]
    times: list[Row]


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """All of it if there is room; else the bar for all and what it says, then the others."""
    found = phases(state, moment_of(state, view))
    if not found.workers:
        return []
    rows = _arranged(_sections(state, view, found, width), height)
    return from_top(rows, height, view.scroll.get(PANEL.name, 0))


def _arranged(parts: _Sections, height: int) -> list[Row]:
    blank = [row("")]
    bars = parts.total + parts.workers + parts.main
    told = parts.legend + parts.brought
    times = blank + parts.times if parts.times else []
    if len(bars) + len(told) + 1 > height:
        return parts.total + parts.brought + parts.legend + parts.workers + parts.main + times
    spare = height - len(bars) - len(told) - len(times) - 1
    if spare >= len(bars) and len(parts.workers) <= AIRY:
        lines = [line for bar in bars[1:] for line in (bar, *blank)]
        bars = [*parts.total, *parts.thick, *blank, *lines[:-1]]
        told = parts.legend + blank + parts.brought
    return bars + blank + told + times


def _sections(state: RunState, view: View, found: Phases, width: int) -> _Sections:
    shown = [worker for worker in found.workers if process_matches(view, worker.process)]
    label = _label_width([*shown, *([found.main] if found.main else [])], width)
    count = len(found.workers)
    all_of_them = f"  all {count}" if count > 1 else "  the worker"
    name = ((fit(all_of_them, label), "strong"),)
    wall = found.wall * count
    used = [phase for phase in Phase if found.total[phase] and phase not in AWAY]
    others = [
        phase
        for phase in Phase
        if found.main and found.main.amounts[phase] and phase not in (*used, *AWAY)
    ]
    bar = _bar(found.total, wall, width - label, view.ascii)
    return _Sections(
        [Row((*name, *bar))],
        [Row(((" " * label, ""), *bar[:-2]))],
        [_worker(each, found, view, (label, width)) for each in shown],
        [_worker(found.main, found, view, (label, width))] if found.main else [],
        _legend(found, used, others, width, view.ascii),
        [row((fitting(ways, width), "strong")) for ways in verdict_in_words(state, found)],
        timing_rows(*first_timings(state, MOST_SHOWN), width),
    )


def _label_width(shown: Sequence[ProcessPhases], width: int) -> int:
    names = [len(described(each.process)) + len(mark(each.process)[0][0]) + 2 for each in shown]
    return max(9, min(max(names, default=0) + 1, WIDEST_NAME, width // 3))


def _worker(each: ProcessPhases, found: Phases, view: View, size: tuple[int, int]) -> Row:
    label, width = size
    process = each.process
    style = "" if process.alive else "faint"
    parts: tuple[Part, ...] = (*mark(process), (f" {described(process)}", style))
    name = (*crop(parts, label - 1), (" ", ""))
    if process.key == view.selected:
        name = selected(name, label)
    bar = _bar(each.amounts, found.wall, width - label, view.ascii)
    return Row((*name, *bar), process.key)


def _bar(amounts: Sequence[int], whole: int, width: int, ascii: bool) -> list[Part]:
    """A bar of these nanoseconds, and behind it the share of them that was work on a CPU."""
    share = amounts[Phase.WORKING_ON_CPU] / whole if whole else 0.0
    bar = phase_bar(amounts, whole, max(1, width - SHARE_WIDTH), ascii)
    return [*bar, (f" {percent(share)}", "number"), (" CPU", "dim")]


def _legend(
    found: Phases, used: Sequence[Phase], others: Sequence[Phase], width: int, ascii: bool
) -> list[Row]:
    """The phases in columns, read downwards, each with its time and its share of all time."""
    away = sum(found.total[phase] for phase in AWAY)
    entries = [(*phase_sign(phase, ascii), phase, found.total[phase]) for phase in used]
    entries += [(*phase_sign(phase, ascii), phase, -1) for phase in others]
    entries += [(" ", "", Phase.GONE, away)] if away else []
    words = PHASE_WORDS | {Phase.GONE: _NOT_THERE}
    longest = max((len(words[phase]) for _, _, phase, _ in entries), default=0)
    numbers = DURATION_WIDTH + 6
    columns = width // (longest + numbers + 5)
    if columns < 2:
        words = _SHORT_WORDS | {Phase.GONE: _NOT_THERE}
        longest = max((len(words[phase]) for _, _, phase, _ in entries), default=0)
        columns = max(1, width // (longest + numbers + 5))
    whole = found.wall * len(found.workers)
    rows_needed = -(-len(entries) // columns)
    cells = [
        _legend_cell((glyph, style), fit(words[phase], longest), amount, whole)
        for glyph, style, phase, amount in entries
    ]
    return [
        Row(tuple(part for cell in cells[line::rows_needed] for part in cell))
        for line in range(rows_needed)
    ]


def _legend_cell(sign: Part, words: str, amount: int, whole: int) -> list[Part]:
    if amount < 0:
        # Only the main process does that, which is not in the sums.
        return [sign, (f" {words}", "dim"), (" " * (DURATION_WIDTH + 9), "")]
    share = amount / whole if whole else 0.0
    return [
        sign,
        (f" {words} ", ""),
        (right(duration(amount), DURATION_WIDTH), "number"),
        (f" {percent(share)}", "number"),
        ("   ", ""),
    ]


def title(state: RunState, view: View) -> str:
    """How many workers there are and for how long, and the share of that on a CPU."""
    found = phases(state, moment_of(state, view))
    if not found.workers:
        return "time"
    whole = found.wall * len(found.workers)
    share = found.total[Phase.WORKING_ON_CPU] / whole if whole else 0.0
    workers = plural(len(found.workers), "worker")
    return f"time of {workers}, {percent(share).strip()} on a CPU"


def wanted_height(state: RunState, view: View) -> int:
    """The bars, the legend in two columns, the sentence, and how long it took."""
    times = count_timings(state, MOST_SHOWN + 1)
    return len(workers_of(state)) + 9 + (times + 2 if times else 0)


PANEL = Panel(
    name="time",
    title=title,
    help=(
        "Where the time of the workers went. The workers are those of the pools, or the children "
        "where there is no pool. Each bar is as long as the run, so that all have one scale, and "
        "its parts add up to that exactly; blank is where the worker was not there yet, or gone. "
        "Behind it, and in the legend, is the share of all that time. Working on a CPU is as the "
        "kernel's clock for the process says; without a core, it was ready but all cores were in "
        "use; off the CPU, it slept or waited within its work: for a disk, the network, a clock, "
        "or what mpviz does not see. What a killed process did last has no reading of that clock, "
        "and says ?. The main process has a bar, and is in no sum. The speed-up is how many times "
        "as fast the work was done as one process could have with the same CPU time, from the "
        "first worker's start to the last one's end, and the efficiency is that for each worker. "
        "Work that waits for disks or the network is counted by its time instead, and the line "
        "says so. Workers that mostly slept, or waited for what mpviz does not see, get neither, "
        "nor does a program that hangs. Both are estimates: alone, a core may be faster. Below: "
        "how long tasks "
        "and waits took, and how long locks were held: half of them at most p50, 90 and 99 of 100 "
        "at most p90 and p99, and their histogram on one scale for all."
    ),
    body=draw,
    nothing="no worker has started yet",
    used=lambda state: bool(workers_of(state)),
    wanted_height=wanted_height,
    length=lambda state, view: wanted_height(state, view) + 4,
)
