"""The gallery shows every scenario, and every picture in it is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from mpviz.scenarios.catalogue import scenarios

FOLDER = Path(__file__).parents[2] / "screenshots"
# It is a command of this checkout, and no module that could be imported.
command = runpy.run_path(str(FOLDER / "__main__.py"))
gallery, pictures = command["gallery"], command["pictures"]


def test_the_page_is_what_the_command_makes() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == gallery()


def test_every_scenario_has_its_picture() -> None:
    shown = re.findall(r"!\[.*?\]\((.*?)\)", gallery())
    assert shown == [f"{name}.svg" for name in scenarios()]
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(pictures())
