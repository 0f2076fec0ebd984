"""Makes a picture that Rich has drawn smaller; a browser shows the same as before."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby

_RECTANGLE = re.compile(
    r'<rect fill="([^"]+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="24.65"'
    r' shape-rendering="crispEdges"/>'
)
_TEXT = re.compile(
    r'<text class="(r\d+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"'
    r' clip-path="url\(#(line-\d+)\)">([^<]*)</text>\s*'
)
_CELL = 12.2
"""Width of a character."""
_BLANK = "\N{NO-BREAK SPACE}"

Found = list[tuple[str, ...]]


def smaller(svg: str) -> str:
    """The same picture with short names, and one rectangle for neighbours of one colour.

    The texts of a line are a group, and blanks at their ends are no text.
    """
    svg = re.sub(r"terminal-\d+-", "", svg).replace("&#160;", _BLANK)
    svg = re.sub(r'\s*<!--.*?-->|,\s*url\([^)]*\) format\("woff"\)', "", svg)
    svg = _redrawn(_RECTANGLE, svg, _rectangles)
    svg = _redrawn(_TEXT, svg, _texts)
    return re.sub(r"\n\s+", "\n", svg)


def _redrawn(pattern: re.Pattern[str], svg: str, draw: Callable[[Found], str]) -> str:
    """All that the pattern finds, drawn anew at the place of the first."""
    found = list(pattern.finditer(svg))
    if not found:
        return svg
    start = found[0].start()
    return svg[:start] + draw([each.groups() for each in found]) + pattern.sub("", svg[start:])


def _rectangles(found: Found) -> str:
    drawn = []
    for (fill, y), group in groupby(found, key=lambda each: (each[0], each[2])):
        row = list(group)
        start, end = float(row[0][1]), float(row[-1][1]) + float(row[-1][3])
        # Between two of one colour there may be one that Rich has left out.
        if abs(sum(float(each[3]) for each in row) - (end - start)) > 0.1:
            spans = [(float(each[1]), float(each[3])) for each in row]
        else:
            spans = [(start, end - start)]
        drawn += [
            f'<rect fill="{fill}" x="{x:.6g}" y="{y}" width="{width:.6g}" height="24.65"'
            ' shape-rendering="crispEdges"/>'
            for x, width in spans
        ]
    return "\n".join(drawn)


def _texts(found: Found) -> str:
    lines = []
    for clip, group in groupby(found, key=lambda each: each[4]):
        texts = "".join(_text(style, x, y, length, text) for style, x, y, length, _, text in group)
        lines.append(f'<g clip-path="url(#{clip})">{texts}</g>')
    return "\n".join(lines)


def _text(style: str, x: str, y: str, length: str, text: str) -> str:
    shown = text.lstrip(_BLANK)
    left = float(x) + _CELL * (len(text) - len(shown))
    shown = shown.rstrip(_BLANK)
    if not shown:
        return ""
    width = float(length) - _CELL * (len(text) - len(shown))
    return f'<text class="{style}" x="{left:.6g}" y="{y}" textLength="{width:.6g}">{shown}</text>'
