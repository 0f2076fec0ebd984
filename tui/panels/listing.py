"""Lists longer than their panel: what of them is listed, in what order, and what is in sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mpviz.trace.model.measures import Rate
from mpviz.trace.model.state import RunState
from mpviz.tui.render.glyphs import matches
from mpviz.tui.render.rows import Part, Row, right, row
from mpviz.tui.render.view import View

T = TypeVar("T")

LEFT = "left by processes that have ended"

MEASURE_WIDTH = 8
"""Cells at the right end of a row for what the list is ordered by."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Order(Generic[T]):
    """Something that a list can be ordered by."""

    name: str
    """Follows "by" in the title: "longest wait"."""
    key: Callable[[RunState, T], Any]
    """Smaller keys come first; equal ones stay as they happened."""
    shown: Callable[[T], str] = lambda item: ""
    """What an item is ordered by, in words, unless its row says so anyway."""
    head: str = ""
    """The heading of its column, if it has one; a click on it orders, too."""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """What a panel lists: a panel that has one can be filtered and ordered with it."""

    items: Callable[[RunState, View], Sequence[T]]
    """All that there is, as it happened."""
    words: Callable[[RunState, T], Iterable[str]]
    """The texts of an item that the filter looks at."""
    orders: tuple[Order[T], ...] = ()
    is_left: Callable[[RunState, T], bool] = lambda state, item: False
    """Whether an item is no longer in use, as far as can be seen."""

    def standing(
        self, state: RunState, view: View, panel: str, height: int
    ) -> tuple[Sequence[T], int]:
        """The items that are listed, and the number of those that are only counted.

        Items that are no longer in use come last; if there is not a row for each, they are only
        counted. In a filtered or ordered list, or after the end of the run, all items are alike.
        """
        items = self.listed(state, view, panel)
        if state.ended >= 0 or view.filter or self.order(view, panel):
            return items, 0
        used: list[T] = []
        left: list[T] = []
        for item in items:
            (left if self.is_left(state, item) else used).append(item)
        if not used or not left:
            return items, 0
        return (used, len(left)) if len(items) > height > 1 else (used + left, 0)

    def listed(self, state: RunState, view: View, panel: str) -> Sequence[T]:
        """The items that the filter lets through, in the order that was chosen for the panel."""
        items = self.items(state, view)
        if view.filter:
            items = [item for item in items if matches(view, *self.words(state, item))]
        order = self.order(view, panel)
        return sorted(items, key=lambda item: order.key(state, item)) if order else items

    def order(self, view: View, panel: str) -> Order[T] | None:
        """What the list of the panel is ordered by; None for as it happened."""
        chosen = view.order.get(panel)
        return next((order for order in self.orders if order.name == chosen), None)

    def measure(self, view: View, panel: str, item: T) -> tuple[Part, ...]:
        """What the list is ordered by, for the right end of the only row of an item."""
        order = self.order(view, panel)
        words = order.shown(item) if order is not None else ""
        return (("  ", ""), (right(words, MEASURE_WIDTH), "number")) if words else ()

    def in_words(self, state: RunState, view: View, panel: str) -> str:
        """Which part is listed, for the title: " (3 of 200, by name)"; empty for all of it."""
        words = []
        if view.filter:
            all_items = len(self.items(state, view))
            words.append(f"{len(self.listed(state, view, panel)):,} of {all_items:,}")
        order = self.order(view, panel)
        if order is not None:
            words.append(f"by {order.name}")
        return f" ({', '.join(words)})" if words else ""

    def next_order(self, view: View, panel: str) -> str:
        """The name of the order that comes after the chosen one; empty for as it happened."""
        names = ["", *(order.name for order in self.orders)]
        chosen = view.order.get(panel, "")
        return names[(names.index(chosen) + 1) % len(names)] if chosen in names else ""


def by_name(name: Callable[[T], str]) -> Order[T]:
    """The order of names, with the numbers in them as numbers: locks[2] before locks[10]."""
    return Order("name", lambda state, item: natural(name(item)))


def natural(text: str) -> list[tuple[int, str]]:
    """A key that orders texts as a person would, with numbers as numbers.

    >>> sorted(["b", "a10", "A9", "a9"], key=natural)
    ['A9', 'a9', 'a10', 'b']
    """
    parts = _DIGITS.split(text.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


Count = Callable[[Sequence[Any]], str]
"""Says in words what the hidden rows or items are: "12 more"."""


def _so_many_more(hidden: Sequence[Any]) -> str:
    return f"{len(hidden)} more"


def from_top(
    rows: Sequence[Row], height: int, scroll: int, words: Count = _so_many_more
) -> list[Row]:
    """As many rows as fit, from ``scroll`` on; the last line says what is hidden."""
    return in_sight(rows, height, scroll, lambda each: each, words)


def in_sight(
    items: Sequence[T],
    height: int,
    scroll: int,
    make: Callable[[T], Row],
    words: Count = _so_many_more,
) -> list[Row]:
    """The same for items of one row each; rows are made only for the items in sight."""
    if len(items) <= height:
        return [make(item) for item in items]
    if height <= 1:
        return [make(item) for item in items[:height]]
    room = height - 1
    first = max(0, min(scroll, len(items) - room))
    above, below = items[:first], items[first + room :]
    made = [make(item) for item in items[first : first + room]]
    return [*made, row((_notice(above, below, words), "dim"))]


def left_row(number: int, words: str = LEFT) -> list[Row]:
    """The line that counts items no longer in use; no line if there are none."""
    return [row((f" ▸ {number:,} {words}", "dim"))] if number else []


USED_OF_LATE = 20
"""Steps of a :class:`~mpviz.trace.model.measures.Rate`, two seconds, for which a use counts as
recent."""


def is_deserted(state: RunState, users: Iterable[str], *rates: Rate) -> bool:
    """Whether an object of these processes is no longer in use.

    It is not if some of them have ended, fewer than two are left, and it was not used recently.
    """
    alive = ended = 0
    for key in users:
        process = state.processes.get(key)
        if process is not None:
            ended += not process.alive
            alive += process.alive
    if alive > 1 or not ended:
        return False
    return all(rate.step + USED_OF_LATE < state.now // rate.STEP for rate in rates)


def scrolled(rows: Sequence[Row], height: int, view: View, panel: str) -> int:
    """How many rows are above the first in sight: those that a person has scrolled off.

    If a person has not scrolled, the selected process is in sight.
    """
    if panel in view.scroll or not view.selected:
        return view.scroll.get(panel, 0)
    at = next((index for index, each in enumerate(rows) if each.key == view.selected), 0)
    return max(0, at + 2 - height) if len(rows) > height else 0


def _notice(above: Sequence[Any], below: Sequence[Any], words: Count) -> str:
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


def scrolled_back(view: View, name: str, so_far: int) -> int:
    """How many rows are scrolled off at the bottom, those that came since then included."""
    scrolled = view.scroll.get(name, 0)
    return scrolled + max(0, so_far - view.so_far.get(name, so_far)) if scrolled else 0
