"""The last line: the keys that matter now, for the eye and the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from mpviz.tui.render.rows import Part, Row, length
from mpviz.tui.widgets.rows_view import RowsView


class Hint(NamedTuple):
    """A key, and what it does now."""

    key: str
    """As it is printed on a keyboard."""
    words: str
    do: Callable[[], object]
    at_end: bool = False
    """It stands at the right end, always at the same place."""
    stays: int = 0
    """Where there is no room for all, those with a higher number stay longer."""


Hit = tuple[int, int, Hint]
"""The columns from and to which a hint is drawn."""


def footer_row(hints: Sequence[Hint], width: int) -> tuple[Row, list[Hit]]:
    """The line, and where in it each hint is; what matters least is left out first."""
    end, end_hits = _drawn([hint for hint in hints if hint.at_end], width)
    left = width - length(end)
    start, hits = _drawn(_that_fit([hint for hint in hints if not hint.at_end], left), left)
    gap = left - length(start)
    moved = [(x + left, to + left, hint) for x, to, hint in end_hits]
    return Row((*start, (" " * gap, ""), *end)), hits + moved


def _that_fit(hints: Sequence[Hint], width: int) -> list[Hint]:
    """As many as there is room for, in their order."""
    chosen: set[int] = set()
    for index in sorted(range(len(hints)), key=lambda index: -hints[index].stays):
        width -= _width(hints[index])
        if width < 0:
            break
        chosen.add(index)
    return [hint for index, hint in enumerate(hints) if index in chosen]


def _width(hint: Hint) -> int:
    return cell_len(hint.key) + cell_len(hint.words) + 3


def _drawn(hints: Sequence[Hint], width: int) -> tuple[list[Part], list[Hit]]:
    parts: list[Part] = []
    hits: list[Hit] = []
    x = 0
    for hint in hints:
        to = x + _width(hint)
        if to > width:
            break
        parts += [(f" {hint.key}", "key"), (f" {hint.words} ", "hint")]
        hits.append((x, to, hint))
        x = to
    return parts, hits


class Footer(RowsView):
    """Shows :func:`footer_row`; a click does what the key does."""

    def __init__(self, hints: Callable[[], Sequence[Hint]]) -> None:
        super().__init__(id="footer")
        self._hints = hints
        self._hits: list[Hit] = []

    def rows(self, width: int, height: int) -> list[Row]:
        """One line of keys."""
        row, self._hits = footer_row(self._hints(), width)
        return [row]

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Do what the key under the mouse does."""
        event.stop()
        for start, end, hint in self._hits:
            if start <= event.x < end:
                hint.do()
