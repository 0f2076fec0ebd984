"""Reads and writes of shared values on the lanes: ``R25───W26``, and in red what was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mpviz.trace.model.primitives.value_updates import Content, Update, Updates
from mpviz.trace.model.state import RunState
from mpviz.tui.render.lanes.cells import Cell
from mpviz.tui.render.lanes.grid import Grid

UPDATE, LOST = "update", "alarm"
"""Styles of what is read and written, and of what is lost by that."""

COLUMNS_EACH = 5
"""Minimum columns from one update to the next, on average; with fewer, only the lost are marked."""
WIDEST = 12
"""Maximum cells for a content."""
GROUNDS = ("activity.running", "activity.task")
"""How the styles of columns begin on which a text needs its own ink."""


def updates_in(state: RunState, whole: RunState | None, grid: Grid) -> dict[str, list[Update]]:
    """By process key, the updates that are in sight, in the order of their writes.

    Those that are still to come of a recording are in the state of the ``whole``.
    """
    start, end = grid.start(0), grid.start(grid.count)
    found: dict[str, list[Update]] = defaultdict(list)
    to_come = (each for each in _all_of(whole) if each.written > state.now) if whole else ()
    for update in (*_all_of(state), *to_come):
        began = update.read if update.read >= 0 else update.written
        if began < end and update.written >= start:
            found[update.process].append(update)
    for updates in found.values():
        updates.sort()
    return found


def _all_of(state: RunState) -> Iterator[Update]:
    for kept in state.table(Updates).values():
        yield from kept.latest
        yield from kept.lost


def mark_updates(updates: Sequence[Update], cells: Sequence[Cell], grid: Grid) -> dict[int, Cell]:
    """What to write over a lane, by column: each update if there is room, else those lost."""
    if _are_dense(updates, grid):
        updates = [each for each in updates if each.lost]
        if _are_dense(updates, grid):
            return _crosses(updates, grid)
    if not updates:
        return {}
    marks: dict[int, Cell] = {}
    ends = [grid.column(each.read if each.read >= 0 else each.written) for each in updates[1:]]
    for update, stop in zip(updates, [*ends, grid.count], strict=True):
        for column, character, style in _drawn(update, grid, max(marks, default=-2) + 2, stop):
            if 0 <= column < grid.count:
                marks[column] = (character, _upon(style, cells[column]), "")
    return marks


def _are_dense(updates: Sequence[Update], grid: Grid) -> bool:
    """Whether there are too many for the columns from the first to the last of them."""
    if len(updates) < 2:
        return False
    first = max(0, grid.column(updates[0].written))
    last = min(grid.count, grid.column(updates[-1].written))
    return (len(updates) - 1) * COLUMNS_EACH > last - first


def name_of_mark(mark: Cell) -> str:
    """Whether a mark is of something that was lost: the style under which the legend has it."""
    return LOST if mark[1] == LOST else UPDATE


def _crosses(updates: Iterable[Update], grid: Grid) -> dict[int, Cell]:
    """A sign for each column in which updates were lost, and none right beside another."""
    marks: dict[int, Cell] = {}
    for update in updates:
        column = grid.column(update.written)
        if 0 <= column < grid.count and column - 1 not in marks:
            marks[column] = ("X" if grid.ascii else "✗", LOST, "")
    return marks


def _drawn(update: Update, grid: Grid, first: int, stop: int) -> list[tuple[int, str, str]]:
    """Column, character and style: from the reading to the writing, and what became of it.

    Nothing is drawn before the column ``first`` and from ``stop`` on, but for the sign of a loss.
    """
    write = grid.column(update.written)
    read = max(first, grid.column(update.read)) if update.read >= 0 else write
    cross = "X" if grid.ascii else "✗"
    before = "R" + _in_words(update.old)
    before = before if len(before) < write - read else "R"
    told = ["W" + _in_words(update.new), "W"]
    if update.lost:
        told = [f"{told[0]} {cross} lost", f"{told[0]} {cross}", cross]
    after = next((each for each in told if write + len(each) < stop), told[-1])
    cells: list[tuple[int, str, str]] = []
    if read < write:
        line = "-" if grid.ascii else "─"
        text = before + line * (write - read - len(before))
        cells += [(read + at, character, UPDATE) for at, character in enumerate(text)]
    lost_from = after.find(cross) if update.lost else len(after)
    cells += [
        (write + at, character, LOST if at >= lost_from else UPDATE)
        for at, character in enumerate(after)
    ]
    return [each for each in cells if each[0] >= first or each[1] == cross]


def _in_words(content: Content) -> str:
    if isinstance(content, float):
        return f"{content:.4g}"
    text = "?" if content is None else str(content)
    return text if len(text) <= WIDEST and text.isascii() and text.isprintable() else ""


def _upon(style: str, cell: Cell) -> str:
    """The style of a text over this column of the lane: on its ground, if it has one."""
    front, _, back = cell[1].partition("+")[0].partition(" on ")
    if style != UPDATE:
        return style
    if cell[0] in "█▓#=%" and front.startswith(GROUNDS):
        return f"ink on {front}"
    if not back and front.endswith(".lane"):
        back = f"{front.removesuffix('.lane')}.ground"
    return f"{style} on {back}" if back.endswith(".ground") else style
