"""What a person can do while a program is watched that mpviz has not started."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mpviz.tui.actions.action import Action, always
from mpviz.tui.actions.run import RUN_ACTIONS

_LEFT_OUT = ("i", "r")
"""mpviz has no hold of its standard input, and did not start it."""

_OTHERS: dict[str, tuple[str, str]] = {
    "f": (
        "Freeze the program, or let it go on",
        "Stops every process of the program where it is (SIGSTOP), or lets all go on (SIGCONT). It "
        "asks first, and works only on your own processes.",
    ),
    "s": (
        "Ask the program to end",
        "Sends SIGTERM to its main process, and nothing more: what mpviz has not started, it does "
        "not end by force. It asks first, and works only on your own processes.",
    ),
    "ctrl+c": ("Quit", "Leaves mpviz. The program goes on."),
    "q": ("Quit", "Leaves mpviz. The program goes on."),
    "T": (
        "Terminate the selected process",
        "Sends SIGTERM to the selected process, which asks it to end. It asks you first.",
    ),
    "K": (
        "Kill the selected process",
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up. It asks "
        "you first.",
    ),
    "L": (
        "Show where the selected process stands",
        "Shows the stack of each of its threads, as the last look has found it.",
    ),
    "escape": (
        "Back",
        "One step at a time: drops the filter, shrinks an enlarged panel, drops the selection, and "
        "then leaves mpviz. The program goes on.",
    ),
    "R": (
        "Record what is seen",
        "Keeps what was seen since mpviz was attached, and what will be, in a file in the current "
        "directory, which mpviz replay opens.",
    ),
}
"""Title and explanation, by the first key."""


def _of_attached(action: Action[Any]) -> Action[Any]:
    title, explanation = _OTHERS.get(action.keys[0], (action.title, action.help))
    words = always("leave") if action.keys[0] == "q" else action.footer
    return replace(action, title=title, help=explanation, footer=words)


ATTACHED_ACTIONS: tuple[Action[Any], ...] = tuple(
    _of_attached(action) for action in RUN_ACTIONS if action.keys[0] not in _LEFT_OUT
)
