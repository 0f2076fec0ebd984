"""Tasks on a lane: each a block, with its number where there is room, apart from its neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from mpviz.tui.render.lanes.cells import CORE_GROUND, GAP_STYLE, TASK_STYLE, Cell

_RUNNING_CELL, _AFTER_A_TASK = ("█", "activity.running", ""), ("▎", "gap on activity.running", "")


def part_tasks_from_running(cells: list[Cell]) -> None:
    """Put a gap between a task and other work beside it: both are solid, and equally light."""
    for index in range(1, len(cells)):
        before, here = cells[index - 1], cells[index]
        if here == _RUNNING_CELL and before[1] == TASK_STYLE:
            cells[index] = _AFTER_A_TASK
        elif here[:2] == ("█", TASK_STYLE) and before == _RUNNING_CELL:
            cells[index] = "▎", GAP_STYLE, here[2]


def tell_tasks_apart(cells: list[Cell], tasks: dict[str, tuple[str, bool]]) -> dict[int, Cell]:
    """Shade every other block of one task, and return the labels, by column.

    ``tasks`` says for each id the label and whether it is to be shaded.
    """
    labels: dict[int, Cell] = {}
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
            _add_label(labels, cells, (index, stop), label)
        index = stop
    return labels


@cache
def _shaded(style: str) -> str:
    return style.replace("activity.task", "activity.task.shade")


def _add_label(
    labels: dict[int, Cell], cells: list[Cell], columns: tuple[int, int], label: str
) -> None:
    """Write the label into the middle of what is all task within these columns."""
    index, stop = columns
    while index < stop and not _is_all_task(cells[index][1]):
        index += 1
    while stop > index and not _is_all_task(cells[stop - 1][1]):
        stop -= 1
    if stop - index < len(label) + 2:
        return
    at = index + (stop - index - len(label)) // 2
    for column, character in enumerate(label, at):
        _, style, task = cells[column]
        ground = CORE_GROUND if style.endswith(CORE_GROUND) else style
        labels[column] = (character, f"{'head' if ground != style else 'ink'} on {ground}", task)


@cache
def _is_all_task(style: str) -> bool:
    """Whether nothing but a task fills a column of this style, with a core or without."""
    front, _, ground = style.partition(" on ")
    return front.startswith("activity.task") and ground in ("", CORE_GROUND)


def tasks_in(cells: Iterable[Cell]) -> set[str]:
    """The ids of the tasks that have a block of their own here."""
    return {cell[2] for cell in cells} - {""}
