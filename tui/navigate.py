"""How a person moves through a run: along the timeline, and from process to process."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.state import RunState
from mpviz.tui.view import View

SHORTEST = 20_000
"""Nanoseconds that the timeline shows at least."""


def zoom(view: View, state: RunState, factor: float) -> None:
    """Show a stretch of the timeline this many times as long, around the middle of what is seen."""
    whole = max(SHORTEST, view.now - state.origin)
    before = view.span or whole
    after = max(SHORTEST, int(before * factor))
    if after >= whole:
        whole_run(view)
        return
    if view.end >= 0:
        _set_end(view, state, view.end + (after - before) // 2, after)
    view.span = after


def pan(view: View, state: RunState, share: float) -> None:
    """Move the timeline by this share of what it shows; to the left is negative."""
    if not view.span:
        # All of it is in sight: to move, look at half of it.
        view.span = max(SHORTEST, (view.now - state.origin) // 2)
    end = view.now if view.end < 0 else view.end
    _set_end(view, state, end + int(view.span * share), view.span)


def whole_run(view: View) -> None:
    """Show all of the run."""
    view.span, view.end = 0, -1


def follow(view: View) -> None:
    """Let the right end of the timeline be the present."""
    view.end = -1


def _set_end(view: View, state: RunState, end: int, span: int) -> None:
    """Put the right end there, but not past the present nor so early that nothing is seen."""
    view.end = -1 if end >= view.now else max(end, state.origin + span)


def neighbour(keys: Sequence[str], selected: str, step: int) -> str:
    """The key that comes so many steps after the selected one; from none to the first or last."""
    if not keys:
        return ""
    if selected not in keys:
        return keys[0] if step > 0 else keys[-1]
    return keys[max(0, min(len(keys) - 1, keys.index(selected) + step))]


def scroll(view: View, name: str, step: int, most: int) -> None:
    """Scroll the rows of this panel; ``most`` is how many do not fit."""
    view.scroll[name] = max(0, min(most, view.scroll.get(name, 0) + step))
