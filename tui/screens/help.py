"""The help screen: every key and every panel of the screen below it."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.screen import Screen

from mpviz.tui.actions.action import Situation
from mpviz.tui.actions.keys import bindings
from mpviz.tui.actions.picker_actions import HELP_ACTIONS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Row
from mpviz.tui.screens.help_rows import help_rows
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.framed_view import FramedView
from mpviz.tui.widgets.rows_view import RowsView


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
