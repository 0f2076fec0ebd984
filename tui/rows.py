"""Rows of styled text: what a panel is made of before any widget draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

Part = tuple[str, str]
"""A text and the name of its style (see :mod:`mpviz.tui.palette`); "" for plain."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a panel, and what it is about."""

    parts: tuple[Part, ...]
    key: str = ""
    """What a click on it selects: a process key, or the id of a lock, queue …; "" for nothing."""

    @property
    def text(self) -> str:
        """The characters alone, as tests read them."""
        return "".join(text for text, _ in self.parts)


def row(*parts: Part | str, key: str = "") -> Row:
    """A row of parts; a bare string is plain."""
    return Row(tuple((part, "") if isinstance(part, str) else part for part in parts), key)


def fit(text: str, width: int) -> str:
    """The text in exactly this many cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return set_cell_size(text, width - 1) + "…" if width > 1 else "…"


def crop(parts: Sequence[Part], width: int) -> tuple[Part, ...]:
    """These parts in exactly this many cells, each keeping its style."""
    result: list[Part] = []
    left = width
    for text, style in parts:
        if left <= 0:
            break
        length = cell_len(text)
        if length > left:
            text, length = set_cell_size(text, left), left
        result.append((text, style))
        left -= length
    if left > 0:
        result.append((" " * left, ""))
    return tuple(result)
