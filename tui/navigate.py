"""How a person moves through a run: from process to process, and through the rows of a panel."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.tui.view import View


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
