"""The text of the help screen, from the table of actions and what each panel says of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Protocol

from mpviz.tui.actions.action import Action, signs
from mpviz.tui.render.rows import Row, fit

KEYS_WIDTH = 14
WIDEST = 100
"""Longer lines are hard to read."""


class Explained(Protocol):
    """A panel, as far as help is concerned."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def help(self) -> str:
        """Plain sentences."""


def help_rows(
    actions: Iterable[Action], panels: Sequence[Explained], width: int, ascii_only: bool = False
) -> list[Row]:
    """Every key with what it does, then every panel."""
    width = min(width, WIDEST)
    rows = [Row(((" Keys", "chapter"),)), Row(())]
    for action in actions:
        rows += _entry(signs(action, ascii_only), action.title, action.help, width)
    rows += [
        Row(()),
        *_entry(
            "mouse",
            "Everything",
            "A click selects a process or an object, shows a panel "
            "behind its tab, and presses a key of the last line; the wheel scrolls.",
            width,
        ),
    ]
    if panels:
        rows += [Row(()), Row(((" Panels", "chapter"),)), Row(())]
        for number, panel in enumerate(panels, 1):
            rows += _entry(str(number), panel.name, panel.help, width)
            rows.append(Row(()))
    return rows


def _entry(keys: str, title: str, text: str, width: int) -> list[Row]:
    indent = KEYS_WIDTH + 2
    lines = [
        line
        for paragraph in text.strip().splitlines()
        for line in textwrap.wrap(paragraph, max(20, width - indent - 1)) or [""]
    ]
    first = Row((("  " + fit(keys, KEYS_WIDTH), "key"), (title, "head")))
    return [first, *(Row(((" " * indent + line, "text"),)) for line in lines)]
