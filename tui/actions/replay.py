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
        "Plays the recording from the moment shown; at its end, from its start.",
        lambda screen: screen.toggle_play(),
        lambda now: "pause" if now.playing else "play",
        first=True,
    ),
    *WHY_ACTIONS,
    Action(
        ("left", "h"),
        "A little earlier",
        "Goes back by a fortieth of what the timeline shows; zoom in for finer steps. A click or a "
        "drag on the scrubber goes to any moment, and so does a click on the timeline.",
        lambda screen: screen.move(-1),
        always("earlier"),
        first=True,
    ),
    Action(
        ("right", "l"),
        "A little later",
        "Goes forward by a fortieth of what the timeline shows.",
        lambda screen: screen.move(1),
        always("later"),
        first=True,
    ),
    Action(
        ("comma",),
        "The event before",
        "Goes back by one event of any process; the line below the scrubber names it.",
        lambda screen: screen.previous_event(),
        always("back"),
        first=True,
    ),
    Action(
        ("full_stop",),
        "The next event",
        "Goes forward by one event of any process. Samples are left out.",
        lambda screen: screen.next_event(),
        always("step"),
        first=True,
    ),
    Action(
        ("less_than_sign",),
        "The event before, of the selected process",
        "Goes back to the last event of the selected process before this moment.",
        lambda screen: screen.previous_event_of_process(),
    ),
    Action(
        ("greater_than_sign",),
        "The next event of the selected process",
        "Goes forward to the next event of the selected process.",
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
        ("at",),
        "Go to a moment",
        "Type seconds of the run (3.2 or 1:05), seconds from here (+0.5, -0.5), 50%, start or end.",
        lambda screen: screen.ask_moment(),
        always("go to"),
        first=True,
    ),
    Action(
        ("m",),
        "Mark this moment, or take the mark away",
        "A mark is a moment on the scrubber to come back to.",
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
    *(replace(action, keys=(f"shift+{action.keys[0]}",)) for action in PAN_ACTIONS),
    *LOOK_ACTIONS,
)
