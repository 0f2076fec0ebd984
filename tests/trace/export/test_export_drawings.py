"""A report and a picture can be made of whatever happens, and a browser can read them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given

from helpers.examples import examples
from helpers.fold_model import play, streams
from helpers.recordings import exported, recorded
from mpviz.tui.exports import html, svg


class _Tags(HTMLParser):
    """Every tag that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """It is its own end."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(streams)
@examples(60)
def test_whatever_happens_both_can_be_made(steps: list[tuple[int, int, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(Path(folder), play(steps).events)
        assert _Tags(exported(html.write, path)[0]).open == []
        ET.fromstring(exported(svg.write, path)[0])
