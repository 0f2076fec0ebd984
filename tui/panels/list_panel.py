"""A panel that lists objects of the program, and draws only those in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import LEFT, Listing, in_sight, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import moment_of
from mpviz.tui.render.rows import Part, Row, crop, fit, length
from mpviz.tui.render.view import View


class HasName(Protocol):
    """An object of the program, as a list needs it."""

    id: str
    name: str


Listed = TypeVar("Listed", bound=HasName)
Parts = Sequence[Part]


@dataclass(frozen=True, slots=True)
class Space:
    """What a row of a list is drawn with."""

    state: RunState
    view: View
    name: int
    """Cells for the name."""
    width: int
    """Cells for all of it."""

    @property
    def now(self) -> int:
        """The moment that the picture is of, nanoseconds."""
        return moment_of(self.state, self.view)

    @property
    def chart(self) -> int:
        """Columns for a chart to the right of the name."""
        return max(1, self.width - self.name - 1)


@dataclass(frozen=True, slots=True)
class Names:
    """How many cells a list gives to the names of its items."""

    least: int = 6
    most: int = 24
    share: int = 2
    """At most one part in so many of the width; what is beside a name is shortened by itself."""

    def width(self, names: Iterable[str], width: int) -> int:
        """Enough for the longest of these names, where that is possible."""
        longest = max(map(len, names), default=0) + 1
        return max(self.least, min(self.most, width // self.share, longest))


def list_panel(
    name: str,
    *,
    thing: str,
    nothing: str,
    title: Callable[[RunState, View], str],
    help: str,
    listing: Listing[Listed],
    first: Callable[[Space, Listed], Parts],
    second: Callable[[Space, Listed], Parts] | None = None,
    whole: Callable[[Space, Listed, int], Sequence[Parts]] | None = None,
    wanted_height: Callable[[RunState, View], int] | None = None,
    names: Names = Names(),
    left_words: str = LEFT,
    matters: Callable[[RunState], bool] = lambda state: False,
) -> Panel:
    """The panel of these items.

    ``first`` draws the only row of an item, ``second`` the row below it, where there is room for
    two, and ``whole`` an item that can use any number of rows. What they return is cropped.
    """

    def rows_of(space: Space, item: Listed, rows: int) -> Sequence[Parts]:
        if whole is not None:
            return whole(space, item, rows)
        return [first(space, item), *([second(space, item)] if second else [])]

    def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
        items, left = listing.standing(state, view, name, height)
        if not items:
            return []
        height -= bool(left)
        each = height // len(items)
        space = Space(state, view, names.width((item.name for item in items), width), width)

        def make(item: Listed) -> Row:
            end = listing.measure(view, name, item)
            room = width - length(end)
            return Row((*crop(first(replace(space, width=room), item), room), *end), item.id)

        if each < 2 or (whole is None and second is None):
            rows = in_sight(items, height, view.scroll.get(name, 0), make)
        else:
            drawn = [(item, parts) for item in items for parts in rows_of(space, item, each)]
            rows = [Row(crop(parts, width), item.id) for item, parts in drawn]
        return [*rows, *left_row(left, left_words)]

    def rows_for_all(state: RunState, view: View) -> int:
        return max(1, (2 if second else 1) * len(listing.items(state, view)))

    return Panel(
        name=name,
        title=title,
        help=help,
        body=draw,
        nothing=nothing,
        thing=thing,
        listing=listing,
        used=lambda state: bool(listing.items(state, View())),
        wanted_height=wanted_height or rows_for_all,
        matters=matters,
    )


def labelled(label: str, space: Space, bars: Sequence[str]) -> list[Sequence[Part]]:
    """The rows of a chart, with a label before the first."""
    labels = [label] + [""] * (len(bars) - 1)
    return [
        [(fit(label, space.name), "dim"), (bar, "history")]
        for label, bar in zip(labels, bars, strict=True)
    ]
