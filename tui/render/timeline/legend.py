"""The legend: what the signs mean that are in sight."""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache

from mpviz.trace.model.lane import Activity
from mpviz.tui.render.glyphs import ACTIVITY_WORDS, ASCII_GLYPHS, GLYPHS, SHORT_WORDS
from mpviz.tui.render.palette import activity_style, lane_style
from mpviz.tui.render.rows import Part, Row, finished, length, row
from mpviz.tui.render.timeline.layout import Layout


def legend_row(placed: Layout, styles: Counter[str], width: int) -> Row:
    """What the signs mean that are in sight."""
    return finished([_legend(placed, styles)], width, 1, placed.grid.ascii)[0]


def _legend(placed: Layout, seen: Counter[str]) -> Row:
    """The signs in sight, in the same order always; with little room, without the rarest."""
    room, ascii = placed.grid.count, placed.grid.ascii
    cells: Counter[Activity | None] = Counter()
    for style, count in seen.items():
        for activity in _activities_of(style):
            cells[activity] += count
    mixed = next((style for style in sorted(seen) if _is_partly_work(style)), "")
    kept = [*(each for each in Activity if cells[each]), *([None] if mixed else [])]
    parts = _legend_parts(tuple(kept), mixed, ascii, False)
    while length(parts) > room and kept:
        parts = _legend_parts(tuple(kept), mixed, ascii, True)
        if length(parts) > room:
            kept.remove(min(kept, key=lambda each: cells[each]))
    return row((" " * placed.label, ""), *parts)


def _is_partly_work(style: str) -> bool:
    return ".ground" in style and style.startswith(("activity.running ", "activity.task "))


@cache
def _activities_of(style: str) -> tuple[Activity | None, ...]:
    """The activities whose signs a cell of this style shows; None for a share of work."""
    names = {name.partition("+")[0].removesuffix(".shade") for name in style.split(" on ")}
    found = [
        activity
        for activity in Activity
        if activity is not Activity.ENDED
        and {lane_style(activity), activity_style(activity), f"{activity_style(activity)}.ground"}
        & names
    ]
    return (*found, None) if _is_partly_work(style) else tuple(found)


@lru_cache(maxsize=512)
def _legend_parts(
    kept: tuple[Activity | None, ...], mixed: str, ascii: bool, short: bool
) -> tuple[Part, ...]:
    """These activities, each with its sign in its style and its words."""
    glyphs = ASCII_GLYPHS if ascii else GLYPHS
    words = SHORT_WORDS if short else ACTIVITY_WORDS
    parts: list[Part] = []
    for activity in kept:
        if activity is None:
            parts += [
                ("*" if ascii else "▄", mixed),
                (" partly" if short else " partly running", "dim"),
            ]
        else:
            parts += [
                (glyphs[activity], lane_style(activity)),
                (f" {words[activity]}" + ("  " if short else "   "), "dim"),
            ]
    return tuple(parts)
