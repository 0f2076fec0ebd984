"""How a person moves through a run: from process to process, and through the rows of a panel."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.state import RunState
from mpviz.tui.actions.listing import scrolled_back
from mpviz.tui.actions.view import View
from mpviz.tui.panels.panel import Panel


def neighbour(keys: Sequence[str], selected: str, step: int) -> str:
    """The key that comes so many steps after the selected one; from none to the first or last."""
    if not keys:
        return ""
    if selected not in keys:
        return keys[0] if step > 0 else keys[-1]
    return keys[max(0, min(len(keys) - 1, keys.index(selected) + step))]


def scroll(state: RunState, view: View, panel: Panel, rows: int, height: int) -> None:
    """Move the rows of this panel, of which so many are in sight; down is positive."""
    name = panel.name
    length = (panel.length or panel.wanted_height)(state, view)
    if panel.told is not None:
        told = panel.told(state, view)
        before, rows = scrolled_back(view, name, told), -rows
        view.told[name] = told
    elif panel.top is not None and name not in view.scroll:
        before = panel.top(state, view, height)
    else:
        before = view.scroll.get(name, 0)
    view.scroll[name] = max(0, min(max(0, length - height), before + rows))


def unscroll(view: View) -> None:
    """Let every panel show again what it shows of itself."""
    view.scroll.clear()
    view.told.clear()
