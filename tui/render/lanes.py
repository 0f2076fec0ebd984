"""Lanes cut into columns of time: each column's mix as one sign, finished columns computed once.

The columns lie on an absolute grid: column ``n`` of a grid covers the same nanoseconds whatever
part of it is in sight. So a column that lies wholly in the closed part of a lane never changes
again, and :class:`ColumnStore` keeps it; only the open end of a lane is computed for each picture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, takewhile
from operator import itemgetter

from mpviz.trace.model.lane import Activity, Lane, Span
from mpviz.tui.render.glyphs import ASCII_GLYPHS, GLYPHS, UPWARD
from mpviz.tui.render.palette import activity_style, lane_style
from mpviz.tui.render.rows import Part

Cell = tuple[str, str, str]
"""A glyph, the name of its style, and the id of the task that fills it ("" for none)."""

EMPTY: Cell = (" ", "", "")
TASK_STYLE = "activity.task"
GAP_STYLE = "gap on activity.task"

STEPS = (100, 125, 150, 200, 250, 300, 400, 500, 600, 800)
"""Column widths are these times a power of ten, so that zooming returns to the same grids."""
NARROWEST = 1_000
"""Nanoseconds; nothing that is observed is finer."""

UNSEEN_SHARE = 128
"""Waiting for less than one part in so many of a busy column is left out; work never is."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns in sight."""

    origin: int
    """Nanoseconds at which column 0 begins."""
    width: int
    """Nanoseconds in a column."""
    first: int
    """The number of the first column in sight."""
    count: int
    ascii: bool = False
    """Which glyphs the columns are drawn with."""

    def start(self, column: int) -> int:
        """When this column (counted from the first in sight) begins."""
        return self.origin + (self.first + column) * self.width

    def column(self, time: int) -> int:
        """The column that this time falls into, counted from the first in sight."""
        return (time - self.origin) // self.width - self.first


def column_width(span: int, columns: int) -> int:
    """The narrowest width of a grid at which so many columns show at least this span."""
    wanted = max(NARROWEST, -(-span // max(1, columns)))
    scale = 10
    while True:
        for step in STEPS:
            if step * scale >= wanted:
                return step * scale
        scale *= 10


def full_cell(activity: Activity, task: str, starts: int, ascii: bool) -> Cell:
    """A column in which one activity is all there is; ``starts`` tasks begin in it."""
    if activity is not Activity.TASK:
        return _plain_cell(activity, ascii)
    if starts > 1:
        return "%" if ascii else "▓", TASK_STYLE, ""
    if starts == 1:
        return "[" if ascii else "▎", GAP_STYLE, task
    return (ASCII_GLYPHS if ascii else GLYPHS)[activity], TASK_STYLE, task


@lru_cache(maxsize=64)
def _plain_cell(activity: Activity, ascii: bool) -> Cell:
    if activity is Activity.ENDED:
        return EMPTY
    return (ASCII_GLYPHS if ascii else GLYPHS)[activity], lane_style(activity), ""


@lru_cache(maxsize=1024)
def _partly_working(work: Activity, other: Activity, eighths: int, ascii: bool) -> Cell:
    """Work as a block that is as high as its share, over the ground of what else there was."""
    glyph = ("*" if eighths >= 4 else "+") if ascii else UPWARD[eighths]
    return glyph, f"{activity_style(work)} on {activity_style(other)}.ground", ""


@lru_cache(maxsize=256)
def _two_waits(most: Activity, second: Activity, ascii: bool) -> Cell:
    glyph = (ASCII_GLYPHS if ascii else GLYPHS)[most]
    return glyph, f"{activity_style(most)} on {activity_style(second)}.ground", ""


_ACTIVITIES = tuple(Activity)
_RUNNING, _TASK, _ENDED = int(Activity.RUNNING), int(Activity.TASK), int(Activity.ENDED)


def mixed_cell(amounts: Sequence[int], task: str, starts: int, ascii: bool) -> Cell:
    """The sign for a column with these nanoseconds of each activity."""
    present = [index for index, amount in enumerate(amounts) if amount and index != _ENDED]
    if not present:
        return EMPTY
    if len(present) == 1:
        return full_cell(_ACTIVITIES[present[0]], task, starts, ascii)
    others = [index for index in present if index not in (_RUNNING, _TASK)]
    if len(others) > 1:
        others.sort(key=lambda index: -amounts[index])
    if not amounts[_RUNNING] and not amounts[_TASK]:
        return _waiting_cell(amounts, others, ascii)
    return _working_cell(amounts, others, (task, starts), ascii)


def _waiting_cell(amounts: Sequence[int], others: list[int], ascii: bool) -> Cell:
    most, second = _ACTIVITIES[others[0]], _ACTIVITIES[others[1]]
    if amounts[second] * 8 < amounts[most]:
        return _plain_cell(most, ascii)
    return _two_waits(most, second, ascii)


def _working_cell(
    amounts: Sequence[int], others: list[int], tasks: tuple[str, int], ascii: bool
) -> Cell:
    task, starts = tasks
    running, at_tasks = amounts[_RUNNING], amounts[_TASK]
    work = Activity.RUNNING if running > at_tasks else Activity.TASK
    worked, waited = running + at_tasks, sum(amounts[index] for index in others)
    if not others or waited * UNSEEN_SHARE < worked:
        return full_cell(work, task, starts, ascii)
    if starts == 1 and task and waited * 3 < worked:
        # The end of one task and the beginning of the next: the gap says it best.
        return full_cell(Activity.TASK, task, 1, ascii)
    eighths = max(1, min(7, round(8 * worked / (worked + waited))))
    glyph, style, _ = _partly_working(work, _ACTIVITIES[others[0]], eighths, ascii)
    return glyph, style, task if work is Activity.TASK and starts <= 1 else ""


def cut(spans: Sequence[Span], grid: Grid, first: int, count: int) -> list[Cell]:
    """Cut spans, each following the other, into so many columns from this one on."""
    if not spans:
        return [EMPTY] * count
    start, width, ascii = grid.origin + first * grid.width, grid.width, grid.ascii
    cells: list[Cell] = []
    position, edge = max(start, spans[0].start), start + width
    amounts, task, starts = [0] * len(_ACTIVITIES), "", 0
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
        amounts, starts = [0] * len(_ACTIVITIES), 0
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


def _columns_of(lane: Lane, grid: Grid, first: int, stop: int) -> list[Cell]:
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


@dataclass(slots=True)
class _Kept:
    """Finished columns of one lane on one grid, without a gap."""

    lane: Lane
    origin: int
    first: int
    cells: list[Cell]


class ColumnStore:
    """Keeps finished columns; bounded, and true only of the very lane they were made from.

    A column stays as it was first seen also when the lane has thinned its spans since then: what
    was seen was the more exact.
    """

    LANES = 1024
    CELLS = 2048
    """For each lane; more than any screen is wide."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, bool], _Kept] = OrderedDict()

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def columns(self, key: str, lane: Lane, grid: Grid, wanted: range) -> list[Cell]:
        """These columns of the grid, all of which must be finished."""
        first, stop = wanted.start, wanted.stop
        name = (key, grid.width, grid.ascii)
        kept = self._kept.get(name)
        if kept is None or kept.lane is not lane or kept.origin != grid.origin:
            if kept is not None and kept.lane is not lane:
                self._forget(key, lane)
            kept = self._keep(name, lane, grid, first)
        self._kept.move_to_end(name)
        end = kept.first + len(kept.cells)
        if first > end or stop < kept.first or max(end, stop) - min(kept.first, first) > self.CELLS:
            kept = self._keep(name, lane, grid, first)
            end = first
        if stop > end:
            kept.cells += _columns_of(lane, grid, end, stop)
        if first < kept.first:
            kept.cells[:0] = _columns_of(lane, grid, first, kept.first)
            kept.first = first
        return kept.cells[first - kept.first : stop - kept.first]

    def _keep(self, name: tuple[str, int, bool], lane: Lane, grid: Grid, first: int) -> _Kept:
        kept = self._kept[name] = _Kept(lane, grid.origin, first, [])
        if len(self._kept) > self.LANES:
            self._kept.popitem(last=False)
        return kept

    def _forget(self, key: str, lane: Lane) -> None:
        """Another run has begun: let go of the lanes of the one before."""
        stale = [name for name, kept in self._kept.items() if name[0] == key]
        for name in stale:
            if self._kept[name].lane is not lane:
                del self._kept[name]


STORE = ColumnStore()


def lane_cells(
    key: str, lane: Lane, grid: Grid, now: int, store: ColumnStore = STORE
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
    amounts, task, starts = [0] * len(_ACTIVITIES), "", 0
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


_BLOCKS = frozenset("█▒░▓▎╱╳╲┃") | frozenset("#=xo%[/i\\!*+")  # noqa: RUF001
"""Glyphs of activities that fill their cell, so that a lane of several rows repeats them. Lines and
words stand in its middle row only."""


def row_of_lane(cells: list[Cell], high: int, at: int, ascii: bool) -> list[Cell]:
    """The row ``at`` (0 is the top) of a lane that is so many rows high.

    What a column is partly at work is a block over all rows, as high as its share.
    """
    if high == 1:
        return cells
    is_middle, below = at == (high - 1) // 2, high - 1 - at
    return [_cell_of_row(cell, high, below, is_middle, ascii) for cell in cells]


@lru_cache(maxsize=4096)
def _cell_of_row(cell: Cell, high: int, below: int, is_middle: bool, ascii: bool) -> Cell:
    glyph, style, task = cell
    eighths = UPWARD.find(glyph)
    if 0 < eighths < 8:
        return UPWARD[max(0, min(8, eighths * high - 8 * below))], style, task
    if is_middle or (glyph in _BLOCKS and "activity." in style):
        return cell
    if style.startswith("ink on "):
        block = (ASCII_GLYPHS if ascii else GLYPHS)[Activity.TASK]
        return block, style.removeprefix("ink on "), task
    return " ", style, task


_RUNNING_CELL, _AFTER_A_TASK = ("█", "activity.running", ""), ("▎", "gap on activity.running", "")


def part_tasks_from_running(cells: list[Cell]) -> None:
    """Put a gap between a task and other work beside it: both are solid, and equally light."""
    for index in range(1, len(cells)):
        before, here = cells[index - 1], cells[index]
        if here == _RUNNING_CELL and before[1] == TASK_STYLE:
            cells[index] = _AFTER_A_TASK
        elif here[:2] == ("█", TASK_STYLE) and before == _RUNNING_CELL:
            cells[index] = "▎", GAP_STYLE, here[2]


def tell_tasks_apart(cells: list[Cell], tasks: dict[str, tuple[str, bool]]) -> None:
    """Write into each block of one task its label, and shade every other block.

    ``tasks`` says for each id the label and whether it is to be shaded.
    """
    index, end = 0, len(cells)
    while index < end:
        task = cells[index][2]
        stop = index + 1
        while stop < end and cells[stop][2] == task:
            stop += 1
        if task in tasks:
            label, shaded = tasks[task]
            if shaded:
                for at in range(index, stop):
                    glyph, style, _ = cells[at]
                    cells[at] = (glyph, _shaded(style), task)
            _write_label(cells, index, stop, label)
        index = stop


@cache
def _shaded(style: str) -> str:
    return style.replace("activity.task", "activity.task.shade")


def _write_label(cells: list[Cell], index: int, stop: int, label: str) -> None:
    """Write the label into the middle of what is all task within these columns."""
    while (index < stop and not cells[index][1].startswith("activity.task")) or " on " in cells[
        index
    ][1]:
        index += 1
        if index >= stop:
            return
    while stop > index and " on " in cells[stop - 1][1]:
        stop -= 1
    if stop - index < len(label) + 2:
        return
    at = index + (stop - index - len(label)) // 2
    for offset, character in enumerate(label):
        _, style, task = cells[at + offset]
        cells[at + offset] = (character, f"ink on {style}", task)


def tasks_in(cells: Iterable[Cell]) -> set[str]:
    """The ids of the tasks that have a block of their own here."""
    return {cell[2] for cell in cells} - {""}
