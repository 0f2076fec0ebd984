"""The verdict between the header and the panels: as high as it has lines, gone if it has none."""

from __future__ import annotations

from mpviz.tui.render.rows import Row, finished
from mpviz.tui.render.verdict import verdict_rows
from mpviz.tui.widgets.panel_view import Picture
from mpviz.tui.widgets.rows_view import RowsView


class Verdict(RowsView):
    """Shows :func:`verdict_rows` of the picture."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(id="verdict")
        self._picture = picture
        self.display = False

    def rows(self, width: int, height: int) -> list[Row]:
        """What is wrong."""
        view = self._picture.view
        return finished(verdict_rows(self._picture.state, view, width), width, height, view.ascii)

    def redraw(self) -> None:
        """Take as many lines as there are to say, then draw them."""
        wanted = len(verdict_rows(self._picture.state, self._picture.view, self.screen.size.width))
        if self.display != bool(wanted):
            self.display = bool(wanted)
        if wanted and self.styles.height is not None and self.styles.height.value != wanted:
            self.styles.height = wanted
        super().redraw()
