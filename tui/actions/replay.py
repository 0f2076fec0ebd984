"""What a person can do in a replay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mpviz.tui.actions.action import Action, always
from mpviz.tui.actions.shared import LOOK_ACTIONS, PAN_ACTIONS, WHY_ACTIONS

if TYPE_CHECKING:
    from mpviz.tui.screens.replay import ReplayScreen

REPLAY_ACTIONS: tuple[Action[ReplayScreen], ...] = (
    Action(
        ("space",),
        "Play, or pause",
        "The recording goes on by itself from the moment that is looked at; at its end it begins "
        "again.",
        lambda screen: screen.toggle_play(),
        lambda now: "pause" if now.playing else "play",
    ),
    *WHY_ACTIONS,
    Action(
        ("left",),
        "A little earlier",
        "Moves the moment back by a fortieth of what the timeline shows: zoom in for finer steps. "
        "A click on the scrubber or on the timeline goes to any moment, and so does a drag.",
        lambda screen: screen.move(-1),
        always("earlier"),
    ),
    Action(
        ("right",),
        "A little later",
        "Moves the moment on by a fortieth of what the timeline shows.",
        lambda screen: screen.move(1),
        always("later"),
    ),
    Action(
        ("comma",),
        "The event before",
        "Goes back by one event, whoever tells it; the line below the scrubber says what it was.",
        lambda screen: screen.previous_event(),
        always("back"),
    ),
    Action(
        ("full_stop",),
        "The next event",
        "Goes on by one event, whoever tells it. Samples are left out.",
        lambda screen: screen.next_event(),
        always("step"),
    ),
    Action(
        ("less_than_sign",),
        "The event before, of the selected process",
        "Goes back to what the selected process did before.",
        lambda screen: screen.previous_event_of_process(),
    ),
    Action(
        ("greater_than_sign",),
        "The next event of the selected process",
        "Goes on to what the selected process does next.",
        lambda screen: screen.next_event_of_process(),
    ),
    Action(
        ("left_square_bracket",),
        "Half as fast",
        "Plays at half the speed, down to a 256th.",
        lambda screen: screen.change_speed(0.5),
        always("slower"),
    ),
    Action(
        ("right_square_bracket",),
        "Twice as fast",
        "Plays at twice the speed, up to 64 times.",
        lambda screen: screen.change_speed(2),
        always("faster"),
    ),
    Action(
        ("g",),
        "Go to a moment",
        "Type seconds of the run as in 3.2 or 1:05, +0.5 or -0.5 from here, 50%, start or end.",
        lambda screen: screen.ask_moment(),
        always("go to"),
    ),
    Action(
        ("m",),
        "Mark this moment, or take the mark away",
        "A mark is a place on the scrubber to come back to.",
        lambda screen: screen.mark(),
        always("mark"),
    ),
    Action(
        ("apostrophe",),
        "The next mark",
        "Goes to the next mark.",
        lambda screen: screen.next_mark(),
    ),
    Action(
        ("quotation_mark",),
        "The mark before",
        "Goes to the mark before.",
        lambda screen: screen.previous_mark(),
    ),
    *(replace(action, keys=tuple(f"shift+{key}" for key in action.keys)) for action in PAN_ACTIONS),
    *LOOK_ACTIONS,
)
