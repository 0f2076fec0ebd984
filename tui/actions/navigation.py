"""Moving through a run: to another process, through the rows of a panel, to a text."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import scrolled_back
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import contains, process_words
from mpviz.tui.render.view import View


def neighbour(keys: Sequence[str], selected: str, step: int) -> str:
    """The key so many steps after the selected one; with none selected, the first or the last."""
    if not keys:
        return ""
    if selected not in keys:
        return keys[0] if step > 0 else keys[-1]
    return keys[max(0, min(len(keys) - 1, keys.index(selected) + step))]


def scroll(state: RunState, view: View, panel: Panel, rows: int, height: int) -> None:
    """Scroll this panel, which shows ``height`` rows, down by so many rows."""
    name = panel.name
    length = (panel.length or panel.wanted_height)(state, view)
    if panel.so_far is not None:
        so_far = panel.so_far(state, view)
        before, rows = scrolled_back(view, name, so_far), -rows
        view.so_far[name] = so_far
    elif panel.top is not None and name not in view.scroll:
        before = panel.top(state, view, height)
    else:
        before = view.scroll.get(name, 0)
    view.scroll[name] = max(0, min(max(0, length - height), before + rows))


def unscroll(view: View) -> None:
    """Scroll no panel any more."""
    view.scroll.clear()
    view.so_far.clear()


def find_line(
    state: RunState, view: View, panel: Panel, text: str, height: int, again: bool
) -> bool:
    """Bring the next line of the panel with this text into sight, of which ``height`` rows are.

    The next line is the one below, or the one above where the newest is at the bottom; after the
    last comes the first. While the text is being typed, and not ``again``, the line found before
    may be found once more. Returns whether there is one.
    """
    lines = panel.lines(state, view) if panel.lines is not None else ()
    total = panel.so_far(state, view) if panel.so_far is not None else len(lines)
    gone = total - len(lines)
    step = 1 if panel.so_far is None else -1
    last = view.found.get(panel.name, gone - again if step > 0 else total - 1 + again) - gone
    order = [(last + step * (number + again)) % max(1, len(lines)) for number in range(len(lines))]
    at = next((index for index in order if contains(text, lines[index])), -1)
    if not text or at < 0:
        view.found.pop(panel.name, None)
        return False
    view.found[panel.name] = gone + at
    below = len(lines) - 1 - at if step < 0 else at
    view.scroll[panel.name] = max(0, below - height // 2)
    if panel.so_far is not None:
        view.so_far[panel.name] = total
    return True


def find_process(
    state: RunState, keys: Sequence[str], selected: str, text: str, again: bool
) -> str:
    """The next of these processes that contains this text; empty for none."""
    start = keys.index(selected) + again if selected in keys else 0
    for key in (*keys[start:], *keys[:start]):
        if text and contains(text, *process_words(state.processes[key])):
            return key
    return ""
