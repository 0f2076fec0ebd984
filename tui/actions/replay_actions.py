"""What a person can do in a replay."""

from __future__ import annotations

from dataclasses import replace

from mpviz.tui.actions.action import Action
from mpviz.tui.actions.tables import LOOK_ACTIONS, PAN_ACTIONS, WHY_ACTIONS

REPLAY_ACTIONS: tuple[Action, ...] = (
    Action(
        "toggle_play",
        ("space",),
        "Play, or pause",
        "The recording goes on by itself from the moment that is looked at; at its end it begins "
        "again.",
        lambda now: "pause" if now.playing else "play",
    ),
    *WHY_ACTIONS,
    Action(
        "earlier",
        ("left",),
        "A little earlier",
        "Moves the moment back by a fortieth of what the timeline shows: zoom in for finer steps. "
        "A click on the scrubber or on the timeline goes to any moment, and so does a drag.",
        lambda now: "earlier",
    ),
    Action(
        "later",
        ("right",),
        "A little later",
        "Moves the moment on by a fortieth of what the timeline shows.",
        lambda now: "later",
    ),
    Action(
        "previous_event",
        ("comma",),
        "The event before",
        "Goes back by one event, whoever tells it; the line below the scrubber says what it was.",
        lambda now: "back",
    ),
    Action(
        "next_event",
        ("full_stop",),
        "The next event",
        "Goes on by one event, whoever tells it. Looks at the machine are not stepped to.",
        lambda now: "step",
    ),
    Action(
        "previous_event_of_process",
        ("less_than_sign",),
        "The event before, of the selected process",
        "Goes back to what the selected process did before.",
    ),
    Action(
        "next_event_of_process",
        ("greater_than_sign",),
        "The next event of the selected process",
        "Goes on to what the selected process does next.",
    ),
    Action(
        "slower",
        ("left_square_bracket",),
        "Half as fast",
        "Plays at half the speed, down to a 256th.",
        lambda now: "slower",
    ),
    Action(
        "faster",
        ("right_square_bracket",),
        "Twice as fast",
        "Plays at twice the speed, up to 64 times.",
        lambda now: "faster",
    ),
    Action(
        "go_to_time",
        ("g",),
        "Go to a moment",
        "Type seconds of the run as in 3.2 or 1:05, +0.5 or -0.5 from here, 50%, start or end.",
        lambda now: "go to",
    ),
    Action(
        "mark",
        ("m",),
        "Mark this moment, or take the mark away",
        "A mark is a place on the scrubber to come back to.",
        lambda now: "mark",
    ),
    Action("next_mark", ("apostrophe",), "The next mark", "Goes to the next mark."),
    Action("previous_mark", ("quotation_mark",), "The mark before", "Goes to the mark before."),
    *(replace(action, keys=tuple(f"shift+{key}" for key in action.keys)) for action in PAN_ACTIONS),
    *LOOK_ACTIONS,
)
"""What can be done with a recording."""
