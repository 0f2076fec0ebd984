"""What every panel brings along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpviz.trace.state import RunState
from mpviz.tui.rows import Row
from mpviz.tui.view import View

Draw = Callable[[RunState, View, int, int], list[Row]]
"""(state, view, width, height) to at most ``height`` rows; ``width`` in cells."""


@dataclass(frozen=True)
class Panel:
    """A panel of the run screen."""

    name: str
    """One word: its place in the layout, in keys and in ``View.scroll``."""
    title: Callable[[RunState, View], str]
    """For its border: short, with the number that matters ("3 processes, 2 waiting")."""
    help: str
    """Explains the panel, its columns and its signs to a newcomer; plain sentences."""
    draw: Draw
    used: Callable[[RunState], bool] = lambda state: True
    """Whether the program uses what the panel shows; if not, there is no such panel."""
    wanted_height: Callable[[RunState, View], int] = lambda state, view: 6
    """How many rows it could fill now, so that the layout gives no space away."""
