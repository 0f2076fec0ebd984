"""The last line: the keys that matter now, from the table of actions, for the eye and the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from mpviz.tui.actions.action import Action, Situation, binding_action, footer, sign
from mpviz.tui.render.rows import Part, Row
from mpviz.tui.widgets.rows_view import RowsView

RIGHT = ("help", "quit")
"""What is at the right end, always at the same place."""

Hit = tuple[int, int, Action]


def footer_row(
    actions: Sequence[Action], now: Situation, width: int, ascii_only: bool = False
) -> tuple[Row, list[Hit]]:
    """The line, and where in it each action is: from, to, action; what does not fit is left out."""
    matter = footer(actions, now)
    right = [pair for pair in matter if pair[0].name in RIGHT]
    end, end_hits = _hints(right, width, ascii_only)
    end_width = sum(cell_len(text) for text, _ in end)
    left = [pair for pair in matter if pair[0].name not in RIGHT]
    start, hits = _hints(left, width - end_width, ascii_only)
    gap = width - end_width - sum(cell_len(text) for text, _ in start)
    moved = [(x + width - end_width, to + width - end_width, action) for x, to, action in end_hits]
    return Row((*start, (" " * gap, ""), *end)), hits + moved


def _hints(
    matter: Sequence[tuple[Action, str]], width: int, ascii_only: bool
) -> tuple[list[Part], list[Hit]]:
    parts: list[Part] = []
    hits: list[Hit] = []
    x = 0
    for action, words in matter:
        key = f" {sign(action.keys[0], ascii_only)}"
        length = cell_len(key) + 1 + cell_len(words) + 1
        if x + length > width:
            break
        parts += [(key, "key"), (f" {words} ", "hint")]
        hits.append((x, x + length, action))
        x += length
    return parts, hits


class Footer(RowsView):
    """Shows :func:`footer_row`; a click does what the key does."""

    def __init__(
        self, actions: Sequence[Action], situation: Callable[[], Situation], ascii_only: bool
    ) -> None:
        super().__init__(id="footer")
        self._actions = actions
        self._situation = situation
        self._ascii = ascii_only
        self._hits: list[Hit] = []

    def rows(self, width: int, height: int) -> list[Row]:
        """One line of keys."""
        row, self._hits = footer_row(self._actions, self._situation(), width, self._ascii)
        return [row]

    async def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Do what the key under the mouse does."""
        event.stop()
        for start, end, action in self._hits:
            if start <= event.x < end:
                await self.screen.run_action(binding_action(action, action.keys[0]))
