"""The legend: what the signs mean that are in sight."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from functools import cache, lru_cache

from mpviz.trace.model.lane import Activity
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, ASCII_GLYPHS, GLYPHS, SHORT_WORDS
from mpviz.tui.render.lanes.cells import CORE_GROUND
from mpviz.tui.render.lanes.updates import LOST, UPDATE
from mpviz.tui.render.palette import activity_style, lane_style
from mpviz.tui.render.rows import Part, Row, finished, length, row
from mpviz.tui.render.timeline.layout import Layout


class Mixed(Enum):
    """Signs of columns with more than one thing in them."""

    PARTLY = "partly running"
    """A block as high as its share of work, over what it waited for."""
    CORE = "waiting for a core"
    """The same, if it waited for a core."""


_SHORT = {Mixed.PARTLY: "partly", Mixed.CORE: "no core"}
_SIGNS = {Mixed.PARTLY: ("▄", "*"), Mixed.CORE: ("▂", ":")}


def legend_row(placed: Layout, styles: Counter[str], width: int) -> Row:
    """What the signs mean that are in sight."""
    return finished([_legend(placed, styles)], width, 1, placed.grid.ascii)[0]


def _legend(placed: Layout, seen: Counter[str]) -> Row:
    """The signs in sight, in the same order always; with little room, without the rarest."""
    ascii = placed.grid.ascii
    updates = _of_updates(seen, ascii)
    room = placed.grid.count - length(updates)
    cells: Counter[Activity | Mixed] = Counter()
    styles: dict[Mixed, str] = {}
    for style, count in sorted(seen.items()):
        for sign in _signs_of(style):
            cells[sign] += count
            if isinstance(sign, Mixed):
                styles.setdefault(sign, style)
    kept = [each for each in (*Activity, *Mixed) if cells[each]]
    looks = tuple(styles.items())
    parts = _legend_parts(tuple(kept), looks, ascii, False)
    while length(parts) > room and kept:
        parts = _legend_parts(tuple(kept), looks, ascii, True)
        if length(parts) > room:
            kept.remove(min(kept, key=lambda each: cells[each]))
    return row((" " * placed.label, ""), *updates, *parts)


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
    """What a cell of this style shows."""
    names = {name.partition("+")[0].removesuffix(".shade") for name in style.split(" on ")}
    found: list[Activity | Mixed] = [
        activity
        for activity in Activity
        if activity is not Activity.ENDED
        and {lane_style(activity), activity_style(activity), f"{activity_style(activity)}.ground"}
        & names
    ]
    if CORE_GROUND in names:
        found.append(Mixed.CORE)
    elif ".ground" in style and style.startswith(("activity.running ", "activity.task ")):
        found.append(Mixed.PARTLY)
    return tuple(found)


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
