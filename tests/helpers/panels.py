"""What a panel shows of a run, as rows, as text and by style."""

from __future__ import annotations

from mpviz.trace.model.state import RunState
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.rows import Row
from mpviz.tui.render.view import View


def rows_of(
    panel: Panel, state: RunState, width: int = 80, height: int = 12, **view: object
) -> list[Row]:
    looked = View(now=state.now, **view)  # type: ignore[arg-type]
    return panel.draw(state, looked, width, height)


def text_of(
    panel: Panel, state: RunState, width: int = 80, height: int = 12, **view: object
) -> str:
    return "\n".join(row.text.rstrip() for row in rows_of(panel, state, width, height, **view))


def words_of(line: str) -> str:
    """A line without the spaces that keep its columns in place."""
    return " ".join(line.split())


def styles_of(rows: list[Row], word: str) -> set[str]:
    return {style for row in rows for text, style in row.parts if word in text}
