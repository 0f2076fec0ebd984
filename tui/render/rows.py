"""Rows of styled text: what a panel is made of before any widget draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from mpviz.trace.model.text import clean

Part = tuple[str, str]
"""A text and the name of its style (see :mod:`mpviz.tui.render.palette`); "" for plain."""


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


def fit_name(text: str, width: int) -> str:
    """A name in exactly this many cells; one that is too long is cut in the middle.

    Names of one program often differ at their ends only.

    >>> fit_name("accounts_of_customers[12]", 16)
    'accounts_o…s[12]'
    """
    if width < 8 or cell_len(text) <= width:
        return fit(text, width)
    end = text[-(width - 2) // 3 :]
    while cell_len(end) > width // 3 + 1:
        end = end[1:]
    return set_cell_size(text, width - 1 - cell_len(end)) + "…" + end


def crop(parts: Sequence[Part], width: int, cut: str = "") -> tuple[Part, ...]:
    """These parts in exactly this many cells, each keeping its style.

    ``cut`` is the sign, of one cell, at the end of words that had to be cut; empty for none.
    """
    result: list[Part] = []
    left = width
    for place, (text, style) in enumerate(parts):
        if left <= 0:
            break
        cells = cell_len(text)
        is_cut = cells > left or (cells == left and _has_words(parts[place + 1 :]))
        if is_cut and cut and (cells == left or text.rstrip() != text[:left].rstrip()):
            result.append((set_cell_size(text, left - 1) + cut, style))
            return tuple(result)
        if cells > left:
            result.append((set_cell_size(text, left), style))
            return tuple(result)
        result.append((text, style))
        left -= cells
    if left > 0:
        result.append((" " * left, ""))
    return tuple(result)


def _has_words(parts: Sequence[Part]) -> bool:
    return any(not text.isspace() for text, _ in parts if text)


_ASCII_SIGNS = dict(
    zip(
        "▁▂▃▄▅▆▇█▀▏▎▍▌▋▊▉▐▓▒░─━═╍╱╳╲┃†·●○▸▾▴▶▷✓✗←→…µ×│┬┼╷└├",
        "..:-=+*##...##|##%x:-==^/i\\|z.*o>v^>-+X<>~ux|++|`|",
        strict=True,
    )
)
"""One ASCII character for each sign that a panel draws with."""


def right(text: str, width: int) -> str:
    """The text at the right end of exactly this many cells; cut at its own right end."""
    length = cell_len(text)
    return " " * (width - length) + text if length < width else fit(text, width)


def fitting(ways: Sequence[str], width: int) -> str:
    """The first of these that fits, from the longest way to say it to the shortest, cut if need be.

    In exactly this many cells.
    """
    for words in ways:
        if cell_len(words) <= width:
            return fit(words, width)
    return fit(ways[-1], width)


def in_ascii(text: str) -> str:
    """The text in ASCII and in as many cells: signs by their substitutes, all else as ``?``."""
    if text.isascii():
        return text
    return "".join(
        character
        if character.isascii()
        else _ASCII_SIGNS.get(character) or "?" * cell_len(character)
        for character in text
    )


def finished(rows: Sequence[Row], width: int, height: int, ascii: bool = False) -> list[Row]:
    """The rows as a panel hands them out: exactly this wide, at most this many, and harmless."""
    if width <= 0 or height <= 0:
        return []
    cut = "~" if ascii else "…"
    return [Row(crop(_harmless(row.parts, ascii), width, cut), row.key) for row in rows[:height]]


def _harmless(parts: Sequence[Part], ascii: bool) -> list[Part]:
    return [
        (text, style)
        if text.isascii() and text.isprintable()
        else (in_ascii(clean(text)) if ascii else clean(text), style)
        for text, style in parts
    ]


def selected(parts: Sequence[Part], width: int, style: str = "selected") -> tuple[Part, ...]:
    """These parts over the whole width, as what a person has selected."""
    return tuple(
        (text, f"{own}+{style}" if own else style) for text, own in crop(parts, width, "…")
    )


def word_at(parts: Sequence[Part], x: int) -> str:
    """The letters of the part that is at this cell; empty if there is none."""
    end = 0
    for text, _ in parts:
        end += cell_len(text)
        if x < end:
            return "".join(filter(str.isalpha, text))
    return ""


def with_groups(
    parts: Sequence[Part], groups: Sequence[Sequence[Part]], width: int, *, skip: bool = False
) -> list[Part]:
    """These parts, then as many of the groups, whole and two cells apart, as there is room for.

    With ``skip``, a group that has no room leaves its place to the next.
    """
    result = list(parts)
    for group in groups:
        if group and length(result) + length(group) <= width:
            result += [*group, ("  ", "")]
        elif group and not skip:
            break
    return result


def length(parts: Sequence[Part]) -> int:
    """How many cells the parts take."""
    return sum(cell_len(text) for text, _ in parts)
