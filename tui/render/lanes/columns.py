"""Lanes cut into columns of time: each column's mix as one sign, finished columns computed once.

The columns lie on an absolute grid: column ``n`` of a grid covers the same nanoseconds whatever
part of it is in sight. So a column that lies wholly in the closed part of a lane never changes
again, and :class:`ColumnStore` keeps it; only the open end of a lane is computed for each picture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Generic, TypeVar

from mpviz.trace.model.lane import Activity, Lane, Span
from mpviz.tui.render.lanes.cells import EMPTY, Cell, full_cell, mixed_cell
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.rows import Part


def cut(spans: Sequence[Span], grid: Grid, first: int, count: int) -> list[Cell]:
    """Cut spans, each following the other, into so many columns from this one on."""
    if not spans:
        return [EMPTY] * count
    start, width, ascii = grid.origin + first * grid.width, grid.width, grid.ascii
    cells: list[Cell] = []
    position, edge = max(start, spans[0].start), start + width
    amounts, task, starts = [0] * len(Activity), "", 0
    for span_start, span_end, activity, detail in spans:
        if activity is Activity.TASK:
            task = detail
            starts += span_start >= start
        if span_end < edge:
            amounts[activity] += span_end - position
            position = span_end
            continue
        amounts[activity] += edge - position
        cells.append(mixed_cell(amounts, task, starts, ascii))
        amounts, starts = [0] * len(Activity), 0
        whole = (span_end - edge) // width
        if whole:
            # A long wait may reach far beyond what is in sight.
            cells += [full_cell(activity, detail, 0, ascii)] * min(whole, count)
        position = span_end
        amounts[activity] = span_end - edge - whole * width
        edge += (whole + 1) * width
        if len(cells) >= count:
            break
    if len(cells) < count and any(amounts):
        cells.append(mixed_cell(amounts, task, starts, ascii))
    cells += [EMPTY] * (count - len(cells))
    return cells[:count]


def _spans_after(lane: Lane, time: int) -> list[Span]:
    """The closed spans that end after this time; walked from the end, since few are new."""
    return list(takewhile(lambda span: span.end > time, reversed(lane.spans)))[::-1]


def columns_of(lane: Lane, grid: Grid, first: int, stop: int) -> list[Cell]:
    """Columns ``first`` up to ``stop`` of the grid, from the lane itself, up to its open span."""
    cells: list[Cell] = []
    exact_from = lane.spans[0].start if lane.spans else lane.start
    while first < stop and grid.origin + first * grid.width < exact_from:
        start = grid.origin + first * grid.width
        end = min(start + grid.width, max(lane.start, start + 1))
        cells.append(mixed_cell(lane.mix(start, end), "", 0, grid.ascii))
        first += 1
    if first < stop:
        spans = _spans_after(lane, grid.origin + first * grid.width)
        cells += cut(spans, grid, first, stop - first)
    return cells


Source = TypeVar("Source")
Column = TypeVar("Column")


@dataclass(slots=True)
class _Kept(Generic[Source, Column]):
    """Finished columns of one lane on one grid, without a gap."""

    source: Source
    origin: int
    first: int
    cells: list[Column]


class ColumnStore(Generic[Source, Column]):
    """Keeps finished columns; bounded, and true only of the very lane they were made from.

    A column stays as it was first seen also when the lane has thinned its spans since then: what
    was seen was the more exact.
    """

    LANES = 1024
    CELLS = 2048
    """For each lane; more than any screen is wide."""

    def __init__(self, make: Callable[[Source, Grid, int, int], list[Column]]) -> None:
        self._make = make
        """Computes the columns of the grid from one number up to another."""
        self._kept: OrderedDict[tuple[str, int, bool], _Kept[Source, Column]] = OrderedDict()

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def columns(self, key: str, source: Source, grid: Grid, wanted: range) -> list[Column]:
        """These columns of the grid, all of which must be finished."""
        first, stop = wanted.start, wanted.stop
        name = (key, grid.width, grid.ascii)
        kept = self._kept.get(name)
        if kept is None or kept.source is not source or kept.origin != grid.origin:
            if kept is not None and kept.source is not source:
                self._forget(key, source)
            kept = self._keep(name, source, grid, first)
        self._kept.move_to_end(name)
        end = kept.first + len(kept.cells)
        if first > end or stop < kept.first or max(end, stop) - min(kept.first, first) > self.CELLS:
            kept = self._keep(name, source, grid, first)
            end = first
        if stop > end:
            kept.cells += self._make(source, grid, end, stop)
        if first < kept.first:
            kept.cells[:0] = self._make(source, grid, first, kept.first)
            kept.first = first
        return kept.cells[first - kept.first : stop - kept.first]

    def _keep(
        self, name: tuple[str, int, bool], source: Source, grid: Grid, first: int
    ) -> _Kept[Source, Column]:
        kept = self._kept[name] = _Kept(source, grid.origin, first, [])
        if len(self._kept) > self.LANES:
            self._kept.popitem(last=False)
        return kept

    def _forget(self, key: str, source: Source) -> None:
        """Another run has begun: let go of the lanes of the one before."""
        stale = [name for name, kept in self._kept.items() if name[0] == key]
        for name in stale:
            if self._kept[name].source is not source:
                del self._kept[name]


STORE: ColumnStore[Lane, Cell] = ColumnStore(columns_of)


def lane_cells(
    key: str, lane: Lane, grid: Grid, now: int, store: ColumnStore[Lane, Cell] = STORE
) -> list[Cell]:
    """One cell for each column in sight: empty before the lane began and after ``now``."""
    if lane.start < 0:
        return [EMPTY] * grid.count
    begin = max(grid.first, (lane.origin - grid.origin) // grid.width)
    stop = min(
        grid.first + grid.count, (max(now, lane.origin + 1) - 1 - grid.origin) // grid.width + 1
    )
    if begin >= stop:
        return [EMPTY] * grid.count
    open_column = (lane.start - grid.origin) // grid.width
    cells = [EMPTY] * (begin - grid.first)
    finished = min(stop, open_column)
    if begin < finished:
        cells += store.columns(key, lane, grid, range(begin, finished))
    if begin <= open_column < stop:
        cells.append(_open_cell(lane, grid, open_column, now))
    after = stop - max(open_column + 1, begin)
    if after > 0:
        cells += [full_cell(lane.activity, lane.detail, 0, grid.ascii)] * after
    cells += [EMPTY] * (grid.first + grid.count - stop)
    return cells


def _open_cell(lane: Lane, grid: Grid, column: int, now: int) -> Cell:
    """The column in which the open span began."""
    start = grid.origin + column * grid.width
    end = max(lane.start + 1, min(start + grid.width, now))
    exact_from = lane.spans[0].start if lane.spans else lane.start
    if lane.buckets and start < exact_from:
        return mixed_cell(lane.mix(start, end), "", 0, grid.ascii)
    spans = _spans_after(lane, start)
    spans.append(Span(lane.start, end, lane.activity, lane.detail))
    amounts, task, starts = [0] * len(Activity), "", 0
    for span_start, span_end, activity, detail in spans:
        amounts[activity] += span_end - span_start
        if activity is Activity.TASK:
            task = detail
            starts += span_start >= start
    if spans[0].start < start:
        amounts[spans[0].activity] -= start - spans[0].start
    return mixed_cell(amounts, task, starts, grid.ascii)


def cell_parts(cells: Iterable[Cell]) -> list[Part]:
    """The cells as parts, neighbours of one style together."""
    return [
        ("".join([cell[0] for cell in group]), style)
        for style, group in groupby(cells, key=itemgetter(1))
    ]
