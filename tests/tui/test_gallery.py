"""The gallery shows every scenario, and every picture in it is there."""

from __future__ import annotations

import re

from mpviz.scenarios.catalogue import scenarios
from screenshots.__main__ import FOLDER, GALLERY, gallery, pictures


def test_the_page_is_what_the_command_makes() -> None:
    assert GALLERY.read_text(encoding="utf-8") == gallery()


def test_every_scenario_has_its_picture() -> None:
    shown = re.findall(r"!\[.*?\]\((.*?)\)", gallery())
    assert shown == [f"{name}.svg" for name in scenarios()]
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(pictures())
