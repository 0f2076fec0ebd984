"""What every panel brings along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import Listing
from mpviz.tui.render.rows import Row, finished, fitting, row
from mpviz.tui.render.view import View

Draw = Callable[[RunState, View, int, int], list[Row]]
"""(state, view, width, height) to at most ``height`` rows; ``width`` in cells."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something in a panel that can be pressed, by its key or with the mouse."""

    key: str
    line: str
    """What the program is told."""
    x: int
    y: int
    width: int
    """Cells."""


@dataclass(frozen=True)
class Panel:
    """A panel of the run screen."""

    name: str
    """One word: its place in the layout, in keys and in ``View.scroll``."""
    title: Callable[[RunState, View], str]
    """For its border: short, with the number that matters ("3 processes, 2 waiting")."""
    help: str
    """Explains the panel, its columns and its signs to a newcomer; plain sentences."""
    body: Draw
    """Its rows; none if there is nothing to show."""
    nothing: str = ""
    """What it says then: "no lock was taken"."""
    thing: str = ""
    """One of the things that it lists, if they can be filtered: "lock"."""
    is_harmless: bool = False
    """Its rows are as wide as the panel, and the program's own texts in them are cleaned."""
    listing: Listing[Any] | None = None
    """What it lists, if that can be filtered and ordered."""
    used: Callable[[RunState], bool] = lambda state: True
    """Whether the program uses what the panel shows; if not, there is no such panel."""
    at_first: bool = True
    """Whether it is there before a person asks for it."""
    matters: Callable[[RunState], bool] = lambda state: False
    """Whether it shows what is wrong, and so lies in front until a person chooses another."""
    useful: Callable[[RunState, View], tuple[int, ...]] = lambda state, view: ()
    """The heights in rows at which it leaves none blank, the lowest first; empty for any height."""
    so_far: Callable[[RunState, View], int] | None = None
    """If the newest row is at the bottom: how many there have been.

    These scroll off at the bottom, and what a person has scrolled back to stays in place while more
    come.
    """
    lines: Callable[[RunState, View], Sequence[str]] | None = None
    """The texts of its rows, if a text can be found in them."""
    length: Callable[[RunState, View], int] | None = None
    """How many rows there are to scroll through, if more than it wants."""
    top: Callable[[RunState, View, int], int] | None = None
    """How many rows are above the first in sight, given the height, before anybody scrolls."""
    wanted_height: Callable[[RunState, View], int] = lambda state, view: 6
    """How many rows it could fill now."""
    buttons: Callable[[int], list[Button]] = lambda width: []
    """Where its buttons are, given the width, before anybody scrolls."""
    fill: Callable[[RunState, View, str], str] = lambda state, view, line: line
    """Completes what a button tells the program; empty if that cannot be."""

    def draw(self, state: RunState, view: View, width: int, height: int) -> list[Row]:
        """At most ``height`` rows of ``width`` cells."""
        rows = self.body(state, view, width, height)
        if rows and self.is_harmless:
            return rows[:height]
        if not rows:
            is_filtered = view.filter and self.thing
            ways = _no_match(self.thing, view.filter) if is_filtered else [self.nothing]
            rows = [row((fitting(ways, width), "dim"))]
        return finished(rows, width, height, view.ascii)


def _no_match(thing: str, wanted: str) -> list[str]:
    """That the filter hides all, and which key clears it, from the longest way to say it."""
    return [
        f'no {thing} matches the filter "{wanted}": esc clears it',
        f'no {thing} has "{wanted}": esc clears it',
        f'none has "{wanted}": esc clears it',
        f'"{wanted}"? esc clears it',
        f"no {thing} matches the filter",
    ]


def title_of(panel: Panel, state: RunState, view: View) -> str:
    """The panel's title, with the part that is listed and its order, if not all is."""
    listing = panel.listing
    listed = listing.in_words(state, view, panel.name) if listing is not None else ""
    return panel.title(state, view) + listed
