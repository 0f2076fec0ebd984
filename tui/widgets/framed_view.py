"""A frame with rows in it, drawn by whoever owns it."""

from __future__ import annotations

from collections.abc import Callable

from mpviz.tui.render.frame import Frame, framed
from mpviz.tui.render.rows import Row
from mpviz.tui.widgets.rows_view import RowsView

Inside = Callable[[int, int], tuple[Frame, list[Row]]]
"""(width, height) within the frame to the frame and the rows in it."""


class FramedView(RowsView):
    """Shows what a function returns, in a frame."""

    def __init__(self, inside: Inside, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._inside = inside

    def rows(self, width: int, height: int) -> list[Row]:
        """The frame and what is in it."""
        frame, rows = self._inside(width - 2, height - 2)
        return framed(rows, frame, width, height)
