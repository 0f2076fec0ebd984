"""A panel of lines of which the newest is at the bottom: the output, the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import Listing, from_bottom, scrolled_back
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import mark, tag
from mpviz.tui.render.rows import Part, Row, fitting, row, selected
from mpviz.tui.render.view import View

WIDEST_TAG = 6

T = TypeVar("T")
Said = tuple[list[Part], str]
"""What a line says, and the key of the process that it is about."""


def tail_panel(
    name: str,
    *,
    thing: str,
    nothing: str,
    title: Callable[[RunState, View], str],
    help: str,
    listing: Listing[T],
    say: Callable[[RunState, T, int], Said],
    text: Callable[[RunState, T], str],
    so_far: Callable[[RunState, View], int],
    why_none: Callable[[RunState], Sequence[str]] = lambda state: (),
) -> Panel:
    """The panel of these lines.

    ``say`` is given the width of the tags of processes, ``text`` makes what can be found, and
    ``so_far`` counts the lines that there have been, those no longer kept included. ``why_none``
    says why there are none, from the longest way to say it.
    """

    def count(state: RunState, view: View) -> int:
        return length(state, view) if view.filter else so_far(state, view)

    def length(state: RunState, view: View) -> int:
        return len(listing.listed(state, view, name))

    def lines(state: RunState, view: View) -> list[str]:
        return [text(state, item) for item in listing.listed(state, view, name)]

    def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
        items = listing.listed(state, view, name)
        if not items and not view.filter and why_none(state):
            return [row((fitting(why_none(state), width), "dim"))]
        longest = max((len(tag(each)) for each in state.processes.values()), default=1)
        first = count(state, view) - len(items)

        def make(index: int) -> Row:
            parts, key = say(state, items[index], min(WIDEST_TAG, longest))
            parts = [(words[: 2 * width], style) for words, style in parts]
            is_chosen = view.found.get(name) == first + index or (key and key == view.selected)
            return Row(selected(parts, width) if is_chosen else tuple(parts), key)

        scroll = scrolled_back(view, name, first + len(items))
        return from_bottom(len(items), height, scroll, make)

    return Panel(
        name=name,
        title=title,
        help=help,
        body=draw,
        thing=thing,
        nothing=nothing,
        listing=listing,
        so_far=count,
        lines=lines,
        length=length,
        wanted_height=lambda state, view: max(3, min(40, len(listing.items(state, view)))),
    )


def tagged(process: Process | None, width: int) -> tuple[Part, ...]:
    """The mark of a process and its tag in so many cells, or as many blanks."""
    return mark(process, width) if process is not None else ((" " * (width + 1), ""),)
