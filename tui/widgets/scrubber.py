"""The scrubber at the bottom of a replay: shows where the picture is, and takes the mouse there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.message import Message

from mpviz.tui.render.rows import Row
from mpviz.tui.screens.scrubber_rows import Place, scrubber_rows, time_at
from mpviz.tui.widgets.rows_view import RowsView


class Scrubber(RowsView):
    """Shows where a replay is; a click or a drag along it goes to a moment."""

    @dataclass
    class Touched(Message):
        """The mouse is at this moment, in nanoseconds, with its button down."""

        moment: int

    def __init__(self, place: Callable[[], Place], ascii_only: bool) -> None:
        super().__init__(id="scrubber")
        self._place = place
        self._ascii = ascii_only
        self._held = False

    def rows(self, width: int, height: int) -> list[Row]:
        """Two lines."""
        return scrubber_rows(self._place(), width, self._ascii)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the scrubber."""
        self._held = True
        self.capture_mouse()
        self._touch(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move along with the mouse, also where it leaves the line."""
        if self._held:
            self._touch(event.x)

    def on_mouse_up(self) -> None:
        """Let go."""
        self._held = False
        self.release_mouse()

    def _touch(self, x: int) -> None:
        self.post_message(self.Touched(time_at(self._place(), self.size.width, x)))
