"""Runs side by side as rows of text: the table of what differs, and the timelines on one scale."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mpviz.trace.explain.phases import AWAY, PHASE_WORDS, Phases, phases
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.state import RunState
from mpviz.trace.record.comparison import (
    COUNT,
    LEAST_CHANGE,
    SECONDS,
    SHARE,
    TIMES,
    Figure,
    Measure,
    Run,
    compare,
)
from mpviz.tui.render.formatting import count, percent
from mpviz.tui.render.lanes.grid import Grid, column_width
from mpviz.tui.render.phase_bars import phase_bar, phase_sign
from mpviz.tui.render.rows import Part, Row, finished, fit, fit_name, fitting, right, row
from mpviz.tui.render.timeline.axis import axis_row
from mpviz.tui.render.timeline.layout import Layout, lanes_of, layout
from mpviz.tui.render.timeline.legend import legend_row
from mpviz.tui.render.timeline.part_names import has_parts
from mpviz.tui.render.timeline.rows import lane_rows
from mpviz.tui.render.view import View

VALUE, CHANGE = 10, 8
COLUMN = VALUE + CHANGE
WIDEST_NAME = 36
END_ROOM = 11
"""Columns after the longest run, for how its processes ended: "✗ SIGTERM"."""
MOST_LANES = 10
"""Of each run; those that lived longest."""
LEAST_SHARE = 0.01
"""Phases that took less of the workers' time in each run are left out."""

GROUPS = {
    "run": "",
    "time": "where the time of all workers went",
    "task": "tasks",
    "wait": "waits",
    "hold": "holds",
    "finding": "findings",
}
"""The headings of the table."""

_SIGNS = {PHASE_WORDS[phase]: phase for phase in PHASE_WORDS}
_MORE_IS_BETTER = ("speed-up", "efficiency")
_LESS_IS_BETTER = ("wall time",)


def comparison_rows(runs: Sequence[Run], width: int, ascii: bool = False) -> list[Row]:
    """All rows: this is a page, not a panel."""
    blank = row("")
    rows = [*_heading(runs), blank, *_table(runs, width, ascii)]
    rows += [blank, *_bars(runs, width, ascii)]
    rows += [blank, *_timelines(runs, width, ascii)]
    return finished(rows, width, len(rows), ascii)


def _letter(index: int) -> str:
    return chr(ord("A") + index)


def _heading(runs: Sequence[Run]) -> list[Row]:
    """What is compared, and what the letters stand for."""
    targets = [run.state.run.target if run.state.run else "?" for run in runs]
    name = targets[0] if len(set(targets)) == 1 else "different programs"
    rows = [row((f"{len(runs)} runs side by side: ", "dim"), (name, "title"))]
    for index, run in enumerate(runs):
        parts: list[Part] = [(f"  {_letter(index)} ", "title"), (run.label, "strong")]
        if len(set(targets)) > 1:
            parts.append((f"  {targets[index]}", "dim"))
        if run.trouble:
            parts.append((f"  {run.trouble}: not all of it is here", "trouble"))
        rows.append(row(*parts))
    return rows


def _table(runs: Sequence[Run], width: int, ascii: bool) -> list[Row]:
    measures = compare(runs)
    spent = [phases(run.state) for run in runs]
    shown = [measure for measure in measures if _is_shown(measure, spent)]
    name = min(WIDEST_NAME, max(len(measure.name) for measure in shown) + 3, width // 2)
    at_once = max(1, (width - name) // COLUMN)
    rows: list[Row] = []
    for first in range(0, len(runs), at_once):
        block = range(first, min(first + at_once, len(runs)))
        heads = [(right(_head(runs, index), VALUE) + " " * CHANGE, "title") for index in block]
        rows += [row("")] if first else []
        rows += [row((" " * name, ""), *heads)]
        group = "run"
        for measure in shown:
            if measure.group != group:
                group = measure.group
                rows.append(row((GROUPS[group], "dim")))
            rows.append(_line(measure, block, name, ascii))
    same = textwrap.wrap(_much_the_same(measures), max(20, width), subsequent_indent="  ")
    return [*rows, *(row((line, "dim")) for line in same)]


def _head(runs: Sequence[Run], index: int) -> str:
    """A letter, and what tells the run apart if there is room."""
    value = runs[index].label.rpartition("=")[2]
    words = f"{_letter(index)} {value}"
    return words if "=" in runs[index].label and len(words) <= VALUE else _letter(index)


def _is_shown(measure: Measure, spent: Sequence[Phases]) -> bool:
    """What differs; of the phases all that took any time to speak of, since bars show them."""
    if measure.group != "time":
        return measure.differs or measure.name == "wall time"
    shares = [
        float(value or 0) * 1e9 / max(1, sum(found.total))
        for value, found in zip(measure.values, spent, strict=True)
    ]
    return max(shares) >= LEAST_SHARE


def _much_the_same(measures: Sequence[Measure]) -> str:
    same = [
        f"{measure.name} {figure_in_words(measure.values[0], measure.unit)}".removeprefix("end ")
        for measure in measures
        if not measure.differs
        and measure.group not in ("time", "wait", "hold")
        and measure.name != "wall time"
        and measure.values[0] is not None
    ]
    return "about the same in all: " + ", ".join(same) if same else ""


def _line(measure: Measure, block: range, name: int, ascii: bool) -> Row:
    parts: list[Part] = [("  ", "")]
    if measure.group == "time":
        parts = [phase_sign(_SIGNS[measure.name], ascii), (" ", "")]
    parts.append((fit_name(measure.name, name - 2), ""))
    for index in block:
        value = measure.values[index]
        if isinstance(value, str):
            parts.append((_words_in_column(value), "number" if measure.differs else "dim"))
            continue
        words = figure_in_words(value, measure.unit)
        parts.append((right(words, VALUE), "number" if measure.differs else "dim"))
        change = change_in_words(measure, index) if index else ""
        parts.append((fit(f"  {change}", CHANGE), _change_style(measure, index)))
    return row(*parts)


def _words_in_column(words: str) -> str:
    """Words have no change beside them, so they may take its place as well."""
    short = words.removeprefix("ended by ").removeprefix("ended, exit ")
    return fitting([words.rjust(VALUE), short.rjust(VALUE)], COLUMN - 1) + " "


def figure_in_words(value: Figure, unit: str) -> str:
    """A value of the table in words; a dash for none."""
    if value is None or isinstance(value, str):
        return value or "-"
    if unit == SECONDS:
        return duration(round(value * 1e9))
    if unit == COUNT:
        return count(round(value))
    return percent(value).strip() if unit == SHARE else f"{value:.2f}"


def change_in_words(measure: Measure, index: int) -> str:
    """How a run differs from the first: "-35%", "x2.1"; empty if that says nothing."""
    first, value = measure.values[0], measure.values[index]
    if measure.unit not in (SECONDS, COUNT, TIMES) or not measure.differs:
        return ""
    if not isinstance(first, int | float) or not isinstance(value, int | float) or first <= 0:
        return ""
    ratio = value / first
    if ratio >= 2:
        return f"x{ratio:.1f}" if ratio < 9.95 else f"x{ratio:,.0f}"
    return "" if round(ratio * 100) == 100 else f"{100 * (ratio - 1):+.0f}%"


def _change_style(measure: Measure, index: int) -> str:
    """Blue for what is better than in the first run, orange for what is worse."""
    first, value = measure.values[0], measure.values[index]
    more = measure.name in _MORE_IS_BETTER
    less = measure.name in _LESS_IS_BETTER or measure.group in ("wait", "finding")
    if isinstance(first, str) or isinstance(value, str) or not (more or less):
        return "dim"
    if abs((value or 0) - (first or 0)) < LEAST_CHANGE * (first or 0):
        return "dim"
    return "good" if ((value or 0) > (first or 0)) is more else "warning"


def _bars(runs: Sequence[Run], width: int, ascii: bool) -> list[Row]:
    """A bar for each run: where the time of its average worker went, all on one scale."""
    spent = [phases(run.state) for run in runs]
    longest = max(found.wall for found in spent)
    rows = [row(("where the time of a worker went, on average, on one scale", "dim"))]
    for index, found in enumerate(spent):
        workers = max(1, len(found.workers))
        label = f"  {_letter(index)} "
        room = width - len(label) - VALUE
        bar = phase_bar(found.total, longest * workers, room, ascii)
        there = sum(found.total) - sum(found.total[phase] for phase in AWAY)
        rows.append(
            row((label, "title"), *bar, (right(duration(there // workers), VALUE), "number"))
        )
    return rows


def _timelines(runs: Sequence[Run], width: int, ascii: bool) -> list[Row]:
    """The lanes of each run, one below the other, a moment of all in the same column."""
    views = [View(now=run.state.now, ascii=ascii) for run in runs]
    placed = [_placed(run.state, view, width) for run, view in zip(runs, views, strict=True)]
    label = max((each.label for each in placed), default=0)
    columns = max(1, width - label)
    longest = max(range(len(runs)), key=lambda index: _length(runs[index]))
    step = column_width(_length(runs[longest]), max(1, columns - END_ROOM))
    rows: list[Row] = []
    styles: Counter[str] = Counter()
    on_scale: list[Layout] = []
    for index, (run, view, each) in enumerate(zip(runs, views, placed, strict=True)):
        grid = Grid(run.state.origin, step, 0, columns, ascii)
        on_scale.append(replace(each, label=label, grid=grid, hidden=0, above=0))
        lanes, seen = lane_rows(run.state, view, on_scale[-1])
        styles += seen
        more = f"  and {each.hidden} more processes" if each.hidden else ""
        rows.append(row((f"{_letter(index)} ", "title"), (run.label, "strong"), (more, "dim")))
        rows += lanes
    rows.append(axis_row(runs[longest].state, views[longest], on_scale[longest], width))
    rows.append(legend_row(on_scale[0], styles, width))
    return rows


def _placed(state: RunState, view: View, width: int) -> Layout:
    lanes = min(MOST_LANES, len(lanes_of(state, view)))
    placed = layout(state, view, width, lanes + has_parts(state, view) + 2)
    rows = tuple(key for key in placed.rows if key)[:MOST_LANES]
    return replace(placed, rows=rows, threads=(0,) * len(rows))


def _length(run: Run) -> int:
    return run.state.now - run.state.origin
