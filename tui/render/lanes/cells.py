"""The sign for a column of a lane: what it shows of the activities in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mpviz.trace.model.lane import Activity
from mpviz.tui.render.glyphs import ASCII_GLYPHS, GLYPHS, UPWARD
from mpviz.tui.render.palette import VIVID_GROUNDS, activity_style, lane_style

Cell = tuple[str, str, str]
"""A glyph, the name of its style, and the id of the task that fills it ("" for none)."""

EMPTY: Cell = (" ", "", "")
TASK_STYLE = "activity.task"
GAP_STYLE = "gap on activity.task"
CORE_GROUND = "core.ground"
"""The style of what a process would have done with a core."""


UNSEEN_SHARE = 128
"""Waiting for less than one part in so many of a busy column is left out; work never is."""


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


_BLOCKS = frozenset("█▒░▓▎╱╳╲┃") | frozenset("#=xo%[/i\\!*+:")  # noqa: RUF001
"""Glyphs of activities that fill their cell, so that a lane of several rows repeats them. Lines and
words stand in its middle row only."""


def row_of_lane(cells: list[Cell], high: int, at: int) -> list[Cell]:
    """The row ``at`` (0 is the top) of a lane that is so many rows high.

    What a column is partly at work is a block over all rows, as high as its share. Above it, the
    column looks as if it were all wait.
    """
    if high == 1:
        return cells
    is_middle, below = at == middle_of(high), high - 1 - at
    return [_cell_of_row(cell, high, below, is_middle) for cell in cells]


def middle_of(high: int) -> int:
    """The row of a lane with its name, lines and words; of two, the lower: blocks stand on it."""
    return high // 2


@lru_cache(maxsize=4096)
def _cell_of_row(cell: Cell, high: int, below: int, is_middle: bool) -> Cell:
    glyph, style, task = cell
    eighths = UPWARD.find(glyph)
    if 0 < eighths < 8:
        filled = max(0, min(8, eighths * high - 8 * below))
        return (UPWARD[filled], style, task) if filled else _wait_above(style)
    if is_middle or (glyph in _BLOCKS and ("activity." in style or style.startswith("gap on "))):
        return cell
    return " ", style, task


_WAITS_ABOVE: dict[str, Cell] = {
    f"{activity_style(activity)}.ground": (GLYPHS[activity], lane_style(activity), "")
    for activity in VIVID_GROUNDS
    if GLYPHS[activity] in _BLOCKS
}


def _wait_above(style: str) -> Cell:
    """What is above the block of work in a column of this style."""
    ground = style.partition(" on ")[2]
    return _WAITS_ABOVE.get(ground, (" ", style, ""))
