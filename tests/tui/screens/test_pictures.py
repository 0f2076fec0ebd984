"""A few whole pictures, for what no row alone can show."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from helpers.screens import running, shown, text, until
from mpviz.tui.app import MpvizApp

SamePicture = Callable[[str, str], None]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_run(run_app: MpvizApp, same_picture: SamePicture, size: tuple[int, int]) -> None:
    async with running(run_app, size=size) as pilot:
        await pilot.press("down", "down")
        await pilot.pause()
        same_picture("run-{}x{}".format(*size), pilot.app.export_screenshot(simplify=True))


async def test_attached(attached_app: MpvizApp, same_picture: SamePicture) -> None:
    async with running(attached_app) as pilot:
        await until(pilot, lambda: "audit" in text(shown(pilot, "processes")))
        await pilot.press("down", "down")
        await pilot.pause()
        same_picture("attached-120x40", pilot.app.export_screenshot(simplify=True))


async def test_picker(picker_app: MpvizApp, same_picture: SamePicture) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("down", "tab", "down")
        await pilot.pause()
        same_picture("picker-120x40", pilot.app.export_screenshot(simplify=True))
