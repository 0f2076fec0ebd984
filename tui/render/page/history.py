"""What a process did over time: its lane, its CPU and its memory, above one axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Series
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import size
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, ASCII_GLYPHS, GLYPHS, chart, moment_of
from mpviz.tui.render.lanes.columns import cell_parts
from mpviz.tui.render.lanes.ends import columns_of_end
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.palette import lane_style
from mpviz.tui.render.rows import Part, Row, fit, length, right
from mpviz.tui.render.timeline.axis import axis_row
from mpviz.tui.render.timeline.layout import Layout, grid_for, playhead
from mpviz.tui.render.timeline.rows import lane_of, lane_row, with_playhead
from mpviz.tui.render.view import View

LABEL = 17
"""Cells for what stands before a chart or a list: " memory  12.4 MB ". """

FULL_CORE = 100.0
"""Percent: the least that the top of the chart of a process's CPU stands for."""


@dataclass(frozen=True, slots=True)
class Heights:
    """How many rows each picture has."""

    lane: int
    cpu: int
    memory: int


def heights(height: int) -> Heights:
    """The taller the page, the taller are its pictures."""
    if height < 16:
        return Heights(1, 1, 0)
    if height < 26:
        return Heights(1, 1, 1)
    return Heights(2, 3, 2) if height < 40 else Heights(3, 5, 3)


def history_rows(
    state: RunState, view: View, process: Process, width: int, high: Heights
) -> list[Row]:
    """The lane, the charts, the axis, and how much of the time went into what."""
    columns = max(1, width - LABEL - 1)
    grid = grid_for(state, view, columns)
    placed = Layout(LABEL, grid, (), hidden=0, above=0, axis=True, legend=False)
    rows = _lane(state, view, process, placed, high.lane)
    alive = process.alive and process.status != ""
    used = f"{process.cpu_percent:.0f}%" if alive else ""
    cpu = _values(process, process.cpu, grid, moment_of(state, view))
    top = max([FULL_CORE, *(each for each in cpu if each is not None)])
    rows += _chart(_labels("cpu", used, f"of {top:.0f}%"), cpu, top, high.cpu)
    if high.memory and process.peak_rss:
        memory = _values(process, process.memory, grid, moment_of(state, view))
        held = size(process.rss) if process.alive else ""
        rows += [Row(())] * (high.cpu > 1)
        labels = _labels("memory", held, f"peak {size(process.peak_rss)}")
        rows += _chart(labels, memory, process.peak_rss, high.memory)
    return [*rows, axis_row(state, view, placed, width), _shares(state, view, process, width)]


def _lane(state: RunState, view: View, process: Process, placed: Layout, high: int) -> list[Row]:
    cells, labels = lane_of(state, view, process.key, placed)
    head = playhead(state, view, placed.grid)
    lanes = [lane_row(cells, labels, high, at) for at in range(high)]
    ended = columns_of_end(cells, process, placed.grid, moment_of(state, view))
    rows = [cell_parts(with_playhead(lane, head, view.ascii, ended)) for lane in lanes]
    return [
        Row(((fit(" lane" * (at == 0), LABEL), "dim"), *parts)) for at, parts in enumerate(rows)
    ]


def _values(process: Process, series: Series, grid: Grid, now: int) -> list[float | None]:
    """The highest value within each column in which the process was there."""
    until = now if process.alive else min(now, process.ended)
    values: list[float | None] = []
    for column in range(grid.count):
        start = grid.start(column)
        there = start <= until and start + grid.width > process.first_seen
        values.append(series.peak(start, start + grid.width) if there else None)
    return values


def _chart(labels: Sequence[Part], values: list[float | None], top: float, high: int) -> list[Row]:
    """A chart of so many rows, each of these labels before one of them."""
    bars = chart(values, top, high)
    labels = [*labels, *[("", "")] * high]
    return [
        Row(((fit(label, LABEL), style), (bar, "history")))
        for (label, style), bar in zip(labels, bars, strict=False)
    ]


def _labels(name: str, now: str, scale: str) -> list[Part]:
    """The name with the present value, and what the top of the chart stands for."""
    first = f" {name}" + right(now, LABEL - 2 - len(name))
    return [(first, "dim"), (right(scale, LABEL - 1), "faint")]


def _shares(state: RunState, view: View, process: Process, width: int) -> Row:
    """Each sign of the lane, what it means, and its share of the process's life, the most first."""
    now = moment_of(state, view)
    until = now if process.alive else min(now, process.ended)
    mix = process.lane.mix(process.lane.origin, until) if process.lane.start >= 0 else []
    amounts = Counter(
        {each: amount for each, amount in zip(Activity, mix, strict=False) if amount > 0}
    )
    del amounts[Activity.ENDED]
    parts: list[Part] = [(fit(" time", LABEL), "dim")]
    total = sum(amounts.values())
    for activity, amount in amounts.most_common():
        share = amount / total
        said = f"{share:.0%}" if share >= 0.005 else "<1%"
        glyph = (ASCII_GLYPHS if view.ascii else GLYPHS)[activity]
        words = f" {ACTIVITY_WORDS[activity]} "
        more: list[Part] = [(glyph, lane_style(activity)), (words, "dim"), (said, "number")]
        if length(parts) + length(more) > width:
            break
        parts += [*more, ("   ", "")]
    return Row(tuple(parts))
