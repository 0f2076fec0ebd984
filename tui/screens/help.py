"""The help screen: every key of another screen, and what each of its panels says of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from textual.app import ComposeResult
from textual.screen import Screen

from mpviz.tui.actions.action import Action, signs
from mpviz.tui.actions.picker import HELP_ACTIONS
from mpviz.tui.panels import KEYS, NUMBERS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.glyphs import contains
from mpviz.tui.render.rows import Row, fit
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView, RowsView

END = 1_000_000
"""A row beyond the last one."""

KEYS_WIDTH = 14
WIDEST = 100
"""Longer lines are hard to read."""


class HelpScreen(ActionScreen):
    """Explains another screen."""

    BLANK = True  # Nothing of it is seen, so nothing of it is to be drawn anew.
    ACTIONS = HELP_ACTIONS

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._actions = getattr(about, "ACTIONS", ())
        self._panels = getattr(about, "panels", ())
        self._first = 0
        self._height = 1
        self._wanted = ""
        """What the entries that are shown contain; empty for all."""

    def compose(self) -> ComposeResult:
        """The text, and the keys to read it with."""
        yield FramedView(self._text, id="help")
        yield Prompt()
        yield Footer(self.hints)

    def _text(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = help_rows(self._actions, self._panels, width - 1, self.ascii_only, self._wanted)
        self._height = height
        self._first = max(0, min(self._first, len(rows) - height))
        last = min(len(rows), self._first + height)
        frame = Frame(
            ((f" help on {self._wanted!r} " if self._wanted else " help ", "frame.title.on"),),
            ((f" {self._first + 1} … {last} of {len(rows)} ", "dim"),),
            border="frame.on",
            ascii=self.ascii_only,
        )
        return frame, rows[self._first : last]

    def ask_what(self) -> None:
        """Type what to search for, in the place of the footer."""
        self.query_one(Footer).display = False
        self.query_one(Prompt).open(self._wanted, label="search")

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """Search while it is typed."""
        self._wanted = event.text
        self._show_from(0)

    def on_prompt_closed(self) -> None:
        """Back to the keys to read it with."""
        self.query_one(Footer).display = not self.query_one(Prompt).display

    def leave(self) -> None:
        """Show all again after a search, else go back."""
        if not self._wanted:
            # The second of two quick keys comes here, too: it must not close the screen below.
            if self.is_active:
                self.dismiss()
            return
        self._wanted = ""
        self._show_from(0)

    def scroll_by(self, rows: int) -> None:
        """Move the text by so many rows."""
        self._show_from(self._first + rows)

    def page(self, direction: int) -> None:
        """Move the text by a page."""
        self.scroll_by(direction * (self._height - 1))

    def to_top(self) -> None:
        """Show the beginning."""
        self._show_from(0)

    def to_end(self) -> None:
        """Show the end."""
        self._show_from(END)

    def _show_from(self, row: int) -> None:
        self._first = max(0, row)
        # While mpviz ends, a screen can get keys before it has been composed.
        for view in self.query("#help").results(FramedView):
            view.redraw()

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Scroll."""
        self.scroll_by(3 * event.direction)


class Explained(Protocol):
    """A panel, as far as help is concerned."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def help(self) -> str:
        """Plain sentences."""


def help_rows(
    actions: Iterable[Action[Any]],
    panels: Sequence[Explained],
    width: int,
    ascii_only: bool = False,
    wanted: str = "",
) -> list[Row]:
    """The keys to begin with, all others, then the panels: those that contain what is wanted."""
    actions = tuple(actions)
    first = [action for action in actions if action.first]
    other = [action for action in actions if not action.first]
    keys = [
        [(signs(each.keys, ascii_only), each.title, each.help) for each in group]
        for group in (first, other)
    ]
    explained = [
        (NUMBERS.get(each.name) or KEYS.get(each.name, "tab"), each.name, each.help)
        for each in panels
    ]
    groups = {
        "The keys to begin with": keys[0],
        "All other keys" if first else "Keys": [*keys[1], _MOUSE],
        "Panels": explained,
    }
    rows: list[Row] = []
    for title, entries in groups.items():
        found = [each for each in entries if contains(wanted, *each)]
        if found:
            rows += [Row(((f" {title}", "chapter"),)), Row(())]
            for entry in found:
                rows += _entry(*entry, min(width, WIDEST))
            rows.append(Row(()))
    return rows or [Row(((f" nothing contains {wanted!r}", "dim"),))]


_MOUSE = (
    "mouse",
    "Everything",
    "A click selects a process or an object, shows a panel behind its tab, and presses a key of "
    "the last line; the wheel scrolls.",
)


def _entry(keys: str, title: str, text: str, width: int) -> list[Row]:
    indent = KEYS_WIDTH + 2
    lines = [
        line
        for paragraph in text.strip().splitlines()
        for line in textwrap.wrap(paragraph, max(20, width - indent - 1)) or [""]
    ]
    first = Row((("  " + fit(keys, KEYS_WIDTH), "key"), (title, "head")))
    return [first, *(Row(((" " * indent + line, "text"),)) for line in lines)]
