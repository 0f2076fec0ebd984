"""An action: what a person can do, by which keys, what it is called, and the function that does it.

The keys, the footer, the help screen, the command palette and the docs all read the same tables of
actions, so none of them can say something that another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

DIGITS = tuple("1234567890")

_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "at": "@",
    "colon": ":",
    "f9": "F9",
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
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "shift+left": "shift+←",
    "shift+right": "shift+→",
    "pageup": "pgup",
    "pagedown": "pgdn",
}
"""Keys, as Textual names them, that have another name on a keyboard."""

_KEYS = {sign: key for key, sign in _SIGNS.items()}

Acting_contra = TypeVar("Acting_contra", contravariant=True)
"""The kind of screen that an action is done on."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides which keys matter now."""

    started: bool = False
    over: bool = False
    frozen: bool = False
    paused: bool = False
    selected: bool = False
    """A process that is alive is selected."""
    enlarged: bool = False
    on_page: bool = False
    """The page of a process is shown."""
    following: bool = True
    """The timeline follows the present, and does not show an earlier stretch."""
    filtered: bool = False
    playing: bool = False
    """A replay goes on by itself."""
    recorded: bool = False
    """The run is recorded in a file."""
    waiting: bool = False
    """A process waits for what another has."""
    findings: bool = False
    """Something was found wrong."""
    asks: bool = False
    """The program has written something without an end of line: it may wait for an answer."""
    can_go: bool = False
    """In a stepped run: somebody can be let go."""
    times_out: bool = False
    """In a stepped run: somebody's time-out can happen."""
    stepped: bool = False
    """In a stepped run: a choice was made."""


def never(situation: Situation) -> str:
    """Say nothing in the footer."""
    return ""


def always(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer whatever the situation is."""
    return lambda situation: words


@dataclass(frozen=True)
class Action(Generic[Acting_contra]):
    """One thing that a person can do on a screen."""

    keys: tuple[str, ...]
    """As Textual names them; the first is the one that the footer shows."""
    title: str
    """A few words: for the command palette and the help screen."""
    help: str
    """A sentence or two for the help screen."""
    do: Callable[[Acting_contra], object]
    footer: Callable[[Situation], str] = never
    """One or two words for the footer while it matters, else empty."""
    stays: int = 0
    """Where the footer has no room for all, those with a higher number stay longer."""
    first: bool = False
    """Whether it is among the dozen that a newcomer should know, which stand first in the help."""


def sign(key: str, ascii_only: bool = False) -> str:
    """A key as it is printed on a keyboard or in a footer."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    text = _SIGNS.get(key, key)
    return text if text.isascii() or not ascii_only else key


def are_digits(keys: tuple[str, ...]) -> bool:
    """Whether each of these keys means something else to the same action."""
    return len(keys) > 2 and keys == DIGITS[: len(keys)]


def signs(keys: tuple[str, ...], ascii_only: bool = False) -> str:
    """All keys of an action as the help screen prints them."""
    if are_digits(keys):
        return f"1 … {keys[-1]}" if not ascii_only else f"1 to {keys[-1]}"
    return " ".join(sign(key, ascii_only) for key in keys)


def with_keys(
    actions: Iterable[Action[Any]], keys: Mapping[str, Sequence[str]]
) -> tuple[Action[Any], ...]:
    """The actions, those with these titles on other keys; such a key does nothing else any more."""
    chosen = {title: tuple(_key(each) for each in named) for title, named in keys.items()}
    titles = {action.title for action in actions}
    taken = {key for title, named in chosen.items() if title in titles for key in named}
    return tuple(
        replace(
            action,
            keys=chosen.get(action.title) or tuple(key for key in action.keys if key not in taken),
        )
        for action in actions
    )


def _key(named: str) -> str:
    """A key as Textual names it, from how it is printed, or as Textual does."""
    return "ctrl+" + named[1:] if named[:1] == "^" and len(named) > 1 else _KEYS.get(named, named)


def footer(actions: Iterable[Action[Any]], situation: Situation) -> list[tuple[Action[Any], str]]:
    """The actions that matter now, with their words; of two with one key, the first has it."""
    found: list[tuple[Action[Any], str]] = []
    taken: set[str] = set()
    for action in actions:
        words = action.footer(situation)
        if words and action.keys and action.keys[0] not in taken:
            found.append((action, words))
        taken.update(action.keys)
    return found
