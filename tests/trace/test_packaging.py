"""The wheel has every package that there is: one that was forgotten works only from a checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("scenarios", "trace", "tui")


def test_every_package_is_installed() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    inside = [file.parent for room in ROOMS for file in (ROOT / room).rglob("__init__.py")]
    names = {f"mpviz.{folder.relative_to(ROOT).as_posix().replace('/', '.')}" for folder in inside}
    assert set(tools["packages"]) == names
    assert set(tools["package-dir"]) == names
