"""Lists that are longer than their panel: what is in sight, and in words what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpviz.tui.rows import Part, Row, row
from mpviz.tui.view import View

Count = Callable[[Sequence[Row]], str]
"""Says in words what the hidden rows are: "12 more"."""


def _so_many_more(hidden: Sequence[Row]) -> str:
    return f"{len(hidden)} more"


def from_top(
    rows: Sequence[Row], height: int, scroll: int, words: Count = _so_many_more
) -> list[Row]:
    """As many rows as fit, from ``scroll`` on; the last line says what is hidden."""
    if len(rows) <= height:
        return list(rows)
    if height <= 1:
        return list(rows[:height])
    room = height - 1
    first = max(0, min(scroll, len(rows) - room))
    above, below = rows[:first], rows[first + room :]
    return [*rows[first : first + room], row((_notice(above, below, words), "dim"))]


def _notice(above: Sequence[Row], below: Sequence[Row], words: Count) -> str:
    parts = []
    if below:
        parts.append(f"▾ {words(below)}")
    if above:
        parts.append(f"▴ {len(above)} above")
    return " " + "   ".join(parts)


def from_bottom(count: int, height: int, scroll: int, make: Callable[[int], Row]) -> list[Row]:
    """The last rows of ``count``, ``scroll`` of them scrolled off; only these are made."""
    if height <= 0 or count <= 0:
        return []
    room = height if scroll <= 0 or count <= height else max(1, height - 1)
    stop = max(min(room, count), count - max(0, scroll))
    rows = [make(index) for index in range(max(0, stop - room), stop)]
    if stop < count and len(rows) < height:
        rows.append(row((f" ▾ {count - stop} newer", "dim")))
    return rows


def scrolled_back(view: View, name: str, told: int) -> int:
    """How many rows are scrolled off at the bottom, those that came since then included."""
    scrolled = view.scroll.get(name, 0)
    return scrolled + max(0, told - view.told.get(name, told)) if scrolled else 0


def beside(left: Sequence[Part], right: Sequence[Part], gap: int = 2) -> tuple[Part, ...]:
    """Two groups of parts in one line."""
    return (*left, (" " * gap, ""), *right)
