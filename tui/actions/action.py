"""An action: what a person can do, by which keys, and what it is called.

Bindings, footer, help screen and command palette are all made from the tables of actions in
``tables``, so none of them can say something that another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

DIGITS = tuple("1234567890")

_KEY_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "apostrophe": "'",
    "quotation_mark": '"',
    "exclamation_mark": "!",
    "shift+left": "shift+←",
    "shift+right": "shift+→",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "shift+tab": "shift+tab",
}
_ASCII_SIGNS = {
    "shift+←": "shift+left",
    "shift+→": "shift+right",
    "↑": "up",
    "↓": "down",
    "←": "left",
    "→": "right",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the footer has to know to tell which keys matter now."""

    started: bool = False
    over: bool = False
    frozen: bool = False
    paused: bool = False
    selected: bool = False
    """A process that is alive is selected."""
    enlarged: bool = False
    following: bool = True
    """The timeline follows the present, and does not show an earlier stretch."""
    filtered: bool = False
    playing: bool = False
    """A replay goes on by itself."""
    recorded: bool = False
    """The run is recorded in a file."""
    waiting: bool = False
    """Somebody waits for what another has."""
    findings: bool = False
    """Something was found wrong."""
    taken: frozenset[str] = frozenset()
    """Keys that belong to the buttons of the panel with the bright border."""
    asks: bool = False
    """The program has written something without an end of line: it may wait for an answer."""


def _never(situation: Situation) -> str:
    return ""


@dataclass(frozen=True)
class Action:
    """One thing that a person can do on a screen."""

    name: str
    """The screen's method is ``action_`` and this."""
    keys: tuple[str, ...]
    """As Textual names them; the first is the one that is shown."""
    title: str
    """A few words: for the command palette and the help screen."""
    help: str
    """A sentence or two for the help screen."""
    footer: Callable[[Situation], str] = _never
    """One or two words for the footer where it matters now, else empty."""
    takes_key: bool = False
    """The method is told which of the keys it was."""
    of_app: bool = False
    """The method is the app's, since it does the same on every screen."""


def sign(key: str, ascii_only: bool = False) -> str:
    """A key as it is printed on a keyboard or in a footer."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    text = _KEY_SIGNS.get(key, key)
    return _ASCII_SIGNS.get(text, text) if ascii_only else text


def signs(action: Action, ascii_only: bool = False) -> str:
    """All keys of an action as the help screen prints them."""
    if action.keys == DIGITS:
        return "1 … 0" if not ascii_only else "1 to 0"
    return " ".join(sign(key, ascii_only) for key in action.keys)


def binding_action(action: Action, key: str) -> str:
    """What Textual is to call for this key."""
    name = f"app.{action.name}" if action.of_app else action.name
    return f"{name}('{key}')" if action.takes_key else name


def footer(actions: Iterable[Action], situation: Situation) -> list[tuple[Action, str]]:
    """The actions that matter now, with what the footer calls them."""
    return [
        (action, words)
        for action in actions
        if (words := action.footer(situation)) and action.keys[0] not in situation.taken
    ]
