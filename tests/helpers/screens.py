"""Drives the app without a terminal, and reads what is on its screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.selection import Selection
from mpviz.tui.widgets.panel_view import PanelView
from mpviz.tui.widgets.rows_view import RowsView

PATIENCE = 30.0
"""Seconds after which what has not come is a failure."""


@asynccontextmanager
async def running(app: MpvizApp, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
    """Run an app until the block ends."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        await pilot.pause()
        yield pilot


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Wait until something is true: a busy machine may need more than one picture."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause(0.01)


def selection(pilot: Pilot[int]) -> Selection:
    """The screen, if it shows a run or a replay."""
    screen = pilot.app.screen
    assert isinstance(screen, Selection)
    return screen


def words(pilot: Pilot[int], kind: type[RowsView]) -> str:
    """The rows of the only widget of this kind."""
    return text(pilot.app.screen.query_one(kind))


def shown(pilot: Pilot[int], name: str) -> PanelView:
    """The widget that shows the panel of this name."""
    holder = selection(pilot).panel_grid.holder(name)
    assert holder is not None
    return holder


def text(view: RowsView) -> str:
    """The rows of a widget."""
    return "\n".join(row.text for row in view.shown)


def toasts(pilot: Pilot[int]) -> list[str]:
    """What has been said in the corner, the latest last."""
    return [each.message for each in pilot.app._notifications]
