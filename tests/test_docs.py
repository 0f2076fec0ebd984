"""The pages say what the code says, and the gallery has a picture of every scenario."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from mpviz.scenarios.catalogue import scenarios

ROOT = Path(__file__).parents[1]
# They are commands of this checkout, and not installed.
sys.path.append(str(ROOT))
PAGES = runpy.run_path(str(ROOT / "docs" / "__main__.py"))["pages"]()
PICTURES = runpy.run_path(str(ROOT / "screenshots" / "__main__.py"))["pictures"]()
FOLDER = ROOT / "screenshots"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_what_the_command_writes(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path], "run python -m docs"


def test_every_scenario_has_its_picture() -> None:
    shown = re.findall(r"!\[.*?\]\((.*?)\)", PAGES["screenshots/README.md"])
    assert shown == [f"{name}.svg" for name in scenarios()]
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PICTURES)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in link or (page.parent / link).exists(), link
