"""The wheel has every package that there is: one that was forgotten works only from a checkout."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("probe", "scenarios", "trace", "tui")


def test_every_package_is_installed() -> None:
    settings = (ROOT / "pyproject.toml").read_text()
    listed = set(re.findall(r'^    "(mpviz[\w.]*)",$', settings, re.MULTILINE))
    placed = set(re.findall(r'^"(mpviz[\w.]*)" = "[\w/]+"$', settings, re.MULTILINE))
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    folders = {file.parent.relative_to(ROOT).as_posix() for file in files}
    # This folder is the package itself.
    folders.remove("tui/package")
    packages = {f"mpviz.{folder.replace('/', '.')}" for folder in folders}
    assert listed == placed == packages | {"mpviz"}
