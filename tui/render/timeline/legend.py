"""The legend: what the signs mean that are in sight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum
from functools import cache, lru_cache

from mpviz.trace.model.lane import Activity
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, ASCII_GLYPHS, GLYPHS, SHORT_WORDS
from mpviz.tui.render.lanes.cells import CORE_GROUND, TASK_STYLE
from mpviz.tui.render.lanes.tasks import function_style
from mpviz.tui.render.lanes.updates import LOST, UPDATE
from mpviz.tui.render.palette import VIVID_GROUNDS, activity_style, lane_style
from mpviz.tui.render.rows import Part, Row, finished, fit_name, length, row
from mpviz.tui.render.timeline.layout import Layout

_VIVID = {f"{activity_style(activity)}.ground" for activity in VIVID_GROUNDS}
"""Grounds that are seen as the colour of a wait."""


class Mixed(Enum):
    """Signs of columns with more than one thing in them."""

    PARTLY = "partly running"
    """A block as high as its share of work, over what it waited for."""
    CORE = "waiting for a core"
    """The same, if it waited for a core."""


LONGEST_NAME = 20
"""Cells of the name of a function."""

_SHORT = {Mixed.PARTLY: "partly", Mixed.CORE: "no core"}
_SIGNS = {Mixed.PARTLY: ("▄", "*"), Mixed.CORE: ("▂", ":")}


def legend_row(
    placed: Layout, styles: Counter[str], width: int, functions: Mapping[str, int] | None = None
) -> Row:
    """What the signs mean that are in sight; ``functions`` have tasks in colours of their own."""
    return finished([_legend(placed, styles, functions or {})], width, 1, placed.grid.ascii)[0]


def _legend(placed: Layout, seen: Counter[str], functions: Mapping[str, int]) -> Row:
    """The signs in sight, in the same order always; with little room, without the rarest."""
    ascii = placed.grid.ascii
    updates = [*_of_functions(seen, functions, ascii), *_of_updates(seen, ascii)]
    room = placed.grid.count - length(updates)
    cells: Counter[Activity | Mixed] = Counter()
    styles: dict[Mixed, str] = {}
    for style, count in sorted(seen.items()):
        for sign in _signs_of(style):
            cells[sign] += count
            if isinstance(sign, Mixed):
                styles.setdefault(sign, style)
    if functions:
        cells[Activity.TASK] = 0
    kept = [each for each in (*Activity, *Mixed) if cells[each]]
    looks = tuple(styles.items())
    parts = _legend_parts(tuple(kept), looks, ascii, False)
    while length(parts) > room and kept:
        parts = _legend_parts(tuple(kept), looks, ascii, True)
        if length(parts) > room:
            kept.remove(min(kept, key=lambda each: cells[each]))
    return row((" " * placed.label, ""), *updates, *parts)


def _of_functions(seen: Counter[str], functions: Mapping[str, int], ascii: bool) -> list[Part]:
    """The colour of each function whose tasks are in sight."""
    styles = {name.removesuffix(".shade") for style in seen for name in style.split(" on ")}
    parts: list[Part] = []
    for number in sorted(set(functions.values())):
        names = [name for name, its in functions.items() if its == number]
        if function_style(number) in styles:
            words = fit_name(names[0], LONGEST_NAME).rstrip() if len(names) == 1 else "others"
            sign = (ASCII_GLYPHS if ascii else GLYPHS)[Activity.TASK]
            parts += [(sign, function_style(number)), (f" {words}   ", "dim")]
    return parts


def _of_updates(seen: Counter[str], ascii: bool) -> list[Part]:
    """What the letters and the cross on lanes mean."""
    parts: list[Part] = []
    if seen[UPDATE]:
        parts += [("R W", UPDATE), (" reads, writes a value   ", "dim")]
    if seen[LOST]:
        parts += [("X" if ascii else "✗", LOST), (" lost update   ", "dim")]
    return parts


@cache
def _signs_of(style: str) -> tuple[Activity | Mixed, ...]:
    """What a cell of this style shows; of most waits, their ground alone shows nothing."""
    names = {
        _bare(name)
        for name in style.split(" on ")
        if not name.endswith(".ground") or name in _VIVID or name == CORE_GROUND
    }
    found: list[Activity | Mixed] = [
        activity
        for activity in Activity
        if activity is not Activity.ENDED
        and {lane_style(activity), activity_style(activity), f"{activity_style(activity)}.ground"}
        & names
    ]
    if CORE_GROUND in names:
        found.append(Mixed.CORE)
    elif ".ground" in style and style.startswith(("activity.running ", "activity.task")):
        found.append(Mixed.PARTLY)
    return tuple(found)


def _bare(name: str) -> str:
    """The name of a style without what says which task or function it is."""
    name = name.partition("+")[0]
    return TASK_STYLE if name.startswith(TASK_STYLE) and ".ground" not in name else name


@lru_cache(maxsize=512)
def _legend_parts(
    kept: tuple[Activity | Mixed, ...],
    looks: tuple[tuple[Mixed, str], ...],
    ascii: bool,
    short: bool,
) -> tuple[Part, ...]:
    """These, each with its sign in its style and its words; ``looks`` has styles of some."""
    glyphs = ASCII_GLYPHS if ascii else GLYPHS
    words = SHORT_WORDS if short else ACTIVITY_WORDS
    styles = dict(looks)
    gap = "  " if short else "   "
    parts: list[Part] = []
    for each in kept:
        if isinstance(each, Mixed):
            text = _SHORT[each] if short else each.value
            parts += [(_SIGNS[each][ascii], styles[each]), (f" {text}{gap}", "dim")]
        else:
            parts += [(glyphs[each], lane_style(each)), (f" {words[each]}{gap}", "dim")]
    if parts:
        parts[-1] = (parts[-1][0].rstrip(), "dim")
    return tuple(parts)
