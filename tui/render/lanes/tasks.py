"""Tasks on a lane: each a block, with its number where there is room, apart from its neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.state import RunState
from mpviz.tui.render.lanes.cells import CORE_GROUND, GAP_STYLE, TASK_STYLE, Cell

COLOURS = 4
"""Functions with a colour of their own; the last one has the colour of all that follow."""

_RUNNING_CELL, _AFTER_A_TASK = ("█", "activity.running", ""), ("▎", "gap on activity.running", "")


def part_tasks_from_running(cells: list[Cell]) -> None:
    """Put a gap between a task and other work beside it: both are solid, and equally light."""
    for index in range(1, len(cells)):
        before, here = cells[index - 1], cells[index]
        if here == _RUNNING_CELL and before[1] == TASK_STYLE:
            cells[index] = _AFTER_A_TASK
        elif here[:2] == ("█", TASK_STYLE) and before == _RUNNING_CELL:
            cells[index] = "▎", GAP_STYLE, here[2]


class TaskLook(NamedTuple):
    """How the block of one task is drawn."""

    labels: tuple[str, ...]
    """From the longest to the shortest; the first that fits is written."""
    style: str


def functions_in(state: RunState) -> dict[str, int]:
    """The number of each function that pools run, from 0; empty if each runs only one.

    Those behind the last colour share it.
    """
    pools = state.table(Pool).values()
    if all(len(pool.functions) < 2 for pool in pools):
        return {}
    names = dict.fromkeys(name for pool in pools for name in pool.functions)
    return {name: min(number, COLOURS - 1) for number, name in enumerate(names)}


def look_of(task: Task, functions: dict[str, int]) -> TaskLook:
    """Its number; with its function, and in that one's colour, if there are several."""
    shade = ".shade" if task.order % 2 else ""
    number = str(task.number)
    if not functions:
        return TaskLook((number,), TASK_STYLE + shade)
    labels = (f"{task.function} {number}", task.function, number)
    return TaskLook(labels, function_style(functions.get(task.function, COLOURS - 1)) + shade)


@cache
def function_style(number: int) -> str:
    """The style of the tasks of the function with this number, from 0."""
    return f"{TASK_STYLE}.{number + 1}" if number else TASK_STYLE


def tell_tasks_apart(cells: list[Cell], tasks: dict[str, TaskLook]) -> dict[int, Cell]:
    """Draw each block of one task in its look, by its id, and return the labels, by column."""
    labels: dict[int, Cell] = {}
    index, end = 0, len(cells)
    while index < end:
        task = cells[index][2]
        stop = index + 1
        while stop < end and cells[stop][2] == task:
            stop += 1
        look = tasks.get(task)
        if look is not None:
            if look.style != TASK_STYLE:
                for at in range(index, stop):
                    glyph, style, _ = cells[at]
                    cells[at] = (glyph, _in_style(style, look.style), task)
            _add_label(labels, cells, (index, stop), look.labels)
        index = stop
    return labels


@cache
def _in_style(style: str, wanted: str) -> str:
    return style.replace(TASK_STYLE, wanted)


def _add_label(
    labels: dict[int, Cell], cells: list[Cell], columns: tuple[int, int], ways: tuple[str, ...]
) -> None:
    """Write the first label that fits into the middle of what is all task within these columns."""
    index, stop = columns
    while index < stop and not _is_all_task(cells[index][1]):
        index += 1
    while stop > index and not _is_all_task(cells[stop - 1][1]):
        stop -= 1
    label = next((each for each in ways if len(each) + 2 <= stop - index), "")
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
