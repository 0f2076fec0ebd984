"""A few whole pictures, for what no row alone can show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from mpviz.tui.app import MpvizApp

Drive = Callable[..., None]
SamePicture = Callable[[str, str], None]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_run(
    run_app: MpvizApp, drive: Drive, same_picture: SamePicture, size: tuple[int, int]
) -> None:
    pictures: list[str] = []

    async def script(pilot: Pilot[int]) -> None:
        await pilot.press("down", "down")
        await pilot.pause()
        pictures.append(pilot.app.export_screenshot(simplify=True))

    drive(run_app, script, size=size)
    same_picture("run-{}x{}".format(*size), pictures[0])


def test_picker(picker_app: MpvizApp, drive: Drive, same_picture: SamePicture) -> None:
    pictures: list[str] = []

    async def script(pilot: Pilot[int]) -> None:
        await pilot.press("down", "tab", "down")
        await pilot.pause()
        pictures.append(pilot.app.export_screenshot(simplify=True))

    drive(picker_app, script)
    same_picture("picker-120x40", pictures[0])
