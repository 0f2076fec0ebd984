"""The results that a program has printed, as lines that stay in sight."""

from __future__ import annotations

from mpviz.trace.model.fold.said import Result
from mpviz.trace.model.state import RunState
from mpviz.tui.render.rows import Row, fit, row

MOST_LINES = 3
"""The latest results; more would take the room of what explains them."""

BADGE = " RESULT "


def result_rows(state: RunState, now: int, width: int, most: int = MOST_LINES) -> list[Row]:
    """A row for each of the latest results that had come by this moment, in nanoseconds."""
    results = [each for each in state.table(Result).values() if each.time <= now][-most:]
    rows = []
    for index, result in enumerate(results):
        badge = (BADGE, "brand") if index == 0 else (" " * len(BADGE), "")
        room = width - len(BADGE) - 1
        text = result.text if len(result.text) <= room else fit(result.text, room)
        rows.append(row(badge, (f" {text}", "head")))
    return rows
