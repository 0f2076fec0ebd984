"""What a person can do while stepping through a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpviz.tui.actions.action import Action, always
from mpviz.tui.actions.shared import ON_ALL_SCREENS

if TYPE_CHECKING:
    from mpviz.tui.screens.step import StepScreen

WAYS: tuple[Action[StepScreen], ...] = (
    Action(
        tuple("1234567890"),
        "Let this one go",
        "Each process and thread has a digit, which stands before its lane; the main process has 0."
        " Its next operation happens, and all others stay where they are. A click on its row does"
        " the same.",
        lambda screen: screen.go_by_key(screen.pressed),
        lambda now: "let one go" if now.can_go else "",
        stays=5,
        first=True,
    ),
    Action(
        ("enter",),
        "Let the chosen one go",
        "The one with the arrow before it.",
        lambda screen: screen.go_chosen(),
        lambda now: "the chosen one" if now.can_go else "",
        first=True,
    ),
    Action(
        ("up", "k"),
        "Choose the one above",
        "Of those that can go.",
        lambda screen: screen.choose(-1),
    ),
    Action(
        ("down", "j"),
        "Choose the one below",
        "Of those that can go.",
        lambda screen: screen.choose(1),
    ),
    Action(
        ("t",),
        "Let the time-out happen",
        "Of the chosen one, or of the first that has one: it gives up waiting. Time is not real"
        " here: a time-out happens when you say so, and a sleep takes no time.",
        lambda screen: screen.time_out(),
        lambda now: "time-out" if now.times_out else "",
        first=True,
    ),
    Action(
        ("b",),
        "Take the last choice back",
        "The program runs again from its start, takes the same steps, and stops before it.",
        lambda screen: screen.back(),
        lambda now: "back" if now.stepped else "",
        stays=4,
        first=True,
    ),
    Action(
        ("n",),
        "Let the default go on",
        "A step of the one that went last; if it cannot go, of the first that can.",
        lambda screen: screen.go_default(),
        lambda now: "default" if now.can_go else "",
        first=True,
    ),
    Action(
        ("R",),
        "Run to the next failure",
        "Goes on in the default order until an update is lost, nobody can go, or the program has"
        " ended. Any key of a step stops it.",
        lambda screen: screen.run_on(),
        lambda now: "run on" if now.can_go else "",
        first=True,
    ),
    Action(
        ("a",),
        "Stop at every step, or only where it matters",
        "A start, a sleep, a join that is possible, the beginning and the end of a process touch"
        " nothing that others share, so they happen by themselves. With this, they wait for you,"
        " too, and have columns.",
        lambda screen: screen.toggle_every(),
        lambda now: "each step",
        first=True,
    ),
    Action(
        ("r",),
        "Run it again",
        "To the first choice.",
        lambda screen: screen.restart(),
        lambda now: "again" if now.stepped else "",
    ),
    Action(
        ("w",),
        "Write the schedule",
        "Writes the steps so far as a file into the current directory: mpviz step --schedule FILE"
        " takes them again.",
        lambda screen: screen.write(),
        lambda now: "write" if now.stepped else "",
        first=True,
    ),
    Action(
        ("left", "h"),
        "Earlier steps",
        "Moves the lanes to the steps before.",
        lambda screen: screen.scroll(1),
    ),
    Action(
        ("right", "l"),
        "Later steps",
        "Moves the lanes back to the last step.",
        lambda screen: screen.scroll(-1),
    ),
)
"""The ways to go on and back, with and without a talk around them."""


STEP_ACTIONS: tuple[Action[StepScreen], ...] = (
    *WAYS,
    Action(
        ("escape",),
        "Back to the scenarios",
        "Ends the program.",
        lambda screen: screen.leave(),
        always("scenarios"),
    ),
    *ON_ALL_SCREENS,
)
"""What can be done while a run is stepped through."""
