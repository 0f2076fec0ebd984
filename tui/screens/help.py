"""The help screen: every key of another screen, and what each of its panels says of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from textual.app import ComposeResult
from textual.screen import Screen

from mpviz.tui.actions.action import Action, Situation, signs
from mpviz.tui.actions.keys import bindings
from mpviz.tui.actions.picker_actions import HELP_ACTIONS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Row, fit
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.rows_view import FramedView, RowsView

KEYS_WIDTH = 14
WIDEST = 100
"""Longer lines are hard to read."""


class HelpScreen(Screen[None]):
    """Explains another screen."""

    AUTO_FOCUS = ""
    BLANK = True  # Nothing of it is seen, so nothing of it is to be drawn anew.
    BINDINGS = bindings(HELP_ACTIONS)
    ACTIONS = HELP_ACTIONS

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._actions = getattr(about, "ACTIONS", ())
        self._panels = getattr(about, "panels", ())
        self._first = 0
        self._height = 1

    def compose(self) -> ComposeResult:
        """The text, and the keys to read it with."""
        yield FramedView(self._text, id="help")
        yield Footer(HELP_ACTIONS, Situation, self._ascii)

    @property
    def _ascii(self) -> bool:
        return bool(getattr(self.app, "ascii_only", False))

    def _text(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = help_rows(self._actions, self._panels, width - 1, self._ascii)
        self._height = height
        self._first = max(0, min(self._first, len(rows) - height))
        last = min(len(rows), self._first + height)
        frame = Frame(
            ((" help ", "frame.title.on"),),
            ((f" {self._first + 1} … {last} of {len(rows)} ", "dim"),),
            border="frame.on",
            ascii=self._ascii,
        )
        return frame, rows[self._first : last]

    def _scroll(self, rows: int) -> None:
        self._first = max(0, self._first + rows)
        # While mpviz ends, a screen can get keys before it has been composed.
        for view in self.query("#help").results(FramedView):
            view.redraw()

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Scroll."""
        self._scroll(3 * event.direction)

    def action_close(self) -> None:
        """Back to the screen that was explained."""
        self.dismiss()

    def action_scroll_up(self) -> None:
        """A line up."""
        self._scroll(-1)

    def action_scroll_down(self) -> None:
        """A line down."""
        self._scroll(1)

    def action_page_up(self) -> None:
        """A page up."""
        self._scroll(1 - self._height)

    def action_page_down(self) -> None:
        """A page down."""
        self._scroll(self._height - 1)

    def action_first(self) -> None:
        """To the top."""
        self._scroll(-self._first)

    def action_last(self) -> None:
        """To the end."""
        self._scroll(1_000_000)


class Explained(Protocol):
    """A panel, as far as help is concerned."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def help(self) -> str:
        """Plain sentences."""


def help_rows(
    actions: Iterable[Action], panels: Sequence[Explained], width: int, ascii_only: bool = False
) -> list[Row]:
    """Every key with what it does, then every panel."""
    width = min(width, WIDEST)
    rows = [Row(((" Keys", "chapter"),)), Row(())]
    for action in actions:
        rows += _entry(signs(action, ascii_only), action.title, action.help, width)
    rows += [
        Row(()),
        *_entry(
            "mouse",
            "Everything",
            "A click selects a process or an object, shows a panel "
            "behind its tab, and presses a key of the last line; the wheel scrolls.",
            width,
        ),
    ]
    if panels:
        rows += [Row(()), Row(((" Panels", "chapter"),)), Row(())]
        for number, panel in enumerate(panels, 1):
            rows += _entry(str(number), panel.name, panel.help, width)
            rows.append(Row(()))
    return rows


def _entry(keys: str, title: str, text: str, width: int) -> list[Row]:
    indent = KEYS_WIDTH + 2
    lines = [
        line
        for paragraph in text.strip().splitlines()
        for line in textwrap.wrap(paragraph, max(20, width - indent - 1)) or [""]
    ]
    first = Row((("  " + fit(keys, KEYS_WIDTH), "key"), (title, "head")))
    return [first, *(Row(((" " * indent + line, "text"),)) for line in lines)]
