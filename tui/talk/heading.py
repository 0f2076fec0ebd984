"""The first line of the stage: which step it is, the key just pressed, and how the run is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpviz.tui.render.rows import Part, Row, finished, length
from mpviz.tui.talk.slides import fit_end
from mpviz.tui.widgets.header import elapsed
from mpviz.tui.widgets.rows_view import RowsView


@dataclass(frozen=True, slots=True)
class Heading:
    """What the line says."""

    place: str
    """Which step of how many: "3/8"; empty after the last."""
    title: str
    echo: str = ""
    """The key that was pressed just now, and what it does."""
    mode: str = ""
    """How the run is shown: live, slower, earlier, recorded; empty before a run."""
    mode_style: str = "live"
    moment: int = -1
    """Nanoseconds of the run; -1 before it."""


def heading_row(heading: Heading, width: int) -> Row:
    """The line; without room, the key is left out first, and then the title is cut."""
    right: list[Part] = []
    if heading.mode:
        right.append((f" {heading.mode} ", heading.mode_style))
    if heading.moment >= 0:
        right.append((f"  {elapsed(heading.moment)} ", "head"))
    place = f"  {heading.place}" if heading.place else ""
    left: list[Part] = [(" mpviz ", "brand"), (place, "text")]
    room = width - length(left) - length(right) - 2
    left.append((f"  {fit_end(heading.title, max(0, room))}", "head"))
    echo: list[Part] = [(f" {heading.echo} ", "chosen")] if heading.echo else []
    gap = width - length(left) - length(right) - length(echo)
    if gap < 2:
        echo, gap = [], gap + length(echo)
    return Row((*left, (" " * (gap // 2), ""), *echo, (" " * (gap - gap // 2), ""), *right))


class HeadingView(RowsView):
    """Shows :func:`heading_row`."""

    def __init__(self, heading: Callable[[], Heading]) -> None:
        super().__init__(id="header")
        self._heading = heading

    def rows(self, width: int, height: int) -> list[Row]:
        """One line."""
        return finished([heading_row(self._heading(), width)], width, height)
