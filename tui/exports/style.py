"""The report's style sheet, which is a part of the one file that it is."""

from __future__ import annotations

from pathlib import Path

from mpviz.tui.exports.shapes import colours, fills

_SHEET = Path(__file__).with_name("report.css")


def style_sheet() -> str:
    """The whole sheet, for screens light and dark and of any width, and for paper."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{colours(True)}}}}}"
    palette = f":root{{{colours(False)}}}{dark}{fills()}"
    return _SHEET.read_text(encoding="utf-8") + palette
