"""What a person can do in a talk."""

from __future__ import annotations

from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING

from mpviz.tui.actions.action import DIGITS, Action, always
from mpviz.tui.actions.shared import HELP, JOB, PALETTE, QUIT, SAVE, THEME, WHY_ACTIONS
from mpviz.tui.actions.step import WAYS

if TYPE_CHECKING:
    from mpviz.tui.talk.stage import StageScreen
    from mpviz.tui.talk.steps import TalkStepScreen

TALK_ACTIONS: tuple[Action[StageScreen], ...] = (
    Action(
        ("space", "pagedown"),
        "Go on",
        "From the question to the run, from the run to its answer, and from there to the next "
        "question. A clicker's forward button sends page down.",
        lambda screen: screen.go_on(),
        always("go on"),
        first=True,
    ),
    Action(
        ("pageup",),
        "Go back",
        "From the answer or the run to its question, and from there to the answer before. A "
        "clicker's back button sends it.",
        lambda screen: screen.go_back_a_slide(),
        always("back"),
        first=True,
    ),
    Action(
        ("b",),
        "Show the recorded run of this step",
        "For a laptop that has other ideas: plays the run that was recorded before the talk, up "
        "to the same stop.",
        lambda screen: screen.play_recording(),
        lambda now: "recorded run" if now.recorded else "",
        first=True,
    ),
    Action(
        ("left", "h"),
        "A little earlier",
        "Goes back in the run, which is always recorded: by a fortieth of what the timeline shows.",
        lambda screen: screen.move(-1),
        lambda now: "earlier" if now.started else "",
        first=True,
    ),
    Action(
        ("right", "l"),
        "A little later",
        "Goes forward again; at the end of what was recorded, the picture follows the program.",
        lambda screen: screen.move(1),
        first=True,
    ),
    Action(
        ("enter",),
        "Let the picture run on",
        "After a stop, follows the program again, which has run on meanwhile; it stops no more by "
        "itself, and space shows the answer again.",
        lambda screen: screen.run_on(),
        lambda now: "run on" if now.paused else "",
        first=True,
    ),
    Action(
        ("up", "k"),
        "Select the previous process",
        "Every panel highlights the selected process. A click on a process selects it, too.",
        lambda screen: screen.step_selection(-1),
    ),
    Action(
        ("down", "j"),
        "Select the next process",
        "Every panel highlights the selected process. A click on a process selects it, too.",
        lambda screen: screen.step_selection(1),
        lambda now: "select" if now.started and not now.selected and not now.over else "",
        first=True,
    ),
    Action(
        ("T",),
        "Terminate the selected process",
        "Sends SIGTERM to the selected process, which asks it to end.",
        lambda screen: screen.signal(SIGTERM),
        lambda now: "terminate" if now.selected and not now.over else "",
        first=True,
    ),
    Action(
        ("K", "f9"),
        "Kill the selected process",
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up.",
        lambda screen: screen.signal(SIGKILL),
        lambda now: "kill" if now.selected and not now.over else "",
        first=True,
    ),
    *WHY_ACTIONS,
    Action(
        DIGITS,
        "The panel of this number",
        "Shows another panel below the timeline, until the step is over.",
        lambda screen: screen.go_to_panel(screen.pressed),
    ),
    Action(
        ("at",),
        "Go to a step",
        "Type its number; shows its question.",
        lambda screen: screen.ask_step(),
        first=True,
    ),
    Action(
        ("tab",),
        "The next panel",
        "Shows another panel below the timeline, until the step is over.",
        lambda screen: screen.step_panel(1),
    ),
    Action(
        ("shift+tab",),
        "The previous panel",
        "The other way round.",
        lambda screen: screen.step_panel(-1),
    ),
    Action(
        ("e",),
        "Enlarge the panel, or make it small again",
        "The panel with the bright border fills the room of both.",
        lambda screen: screen.enlarge(),
    ),
    Action(
        ("escape",),
        "Back to the usual picture",
        "Drops the selection, and shrinks an enlarged panel. It never leaves the talk.",
        lambda screen: screen.tidy(),
    ),
    Action(
        ("ctrl+c",),
        "Leave the talk",
        "Asks first, as q does.",
        lambda screen: screen.quit(),
    ),
    SAVE,
    THEME,
    PALETTE,
    JOB,
    HELP,
    QUIT,
)
"""What can be done on the stage. What would end the program or change its picture for good is not
among it, but for the two signals to a selected process."""


TALK_STEP_ACTIONS: tuple[Action[TalkStepScreen], ...] = (
    Action(
        ("space", "pagedown"),
        "Go on",
        "From the steps to the answer, and from there to the next question. A clicker's forward"
        " button sends page down.",
        lambda screen: screen.go_on(),
        always("go on"),
        stays=6,
        first=True,
    ),
    Action(
        ("pageup",),
        "Go back",
        "From the answer to the steps, and from there to the question. A clicker's back button"
        " sends it.",
        lambda screen: screen.go_back(),
        always("back"),
        first=True,
    ),
    *WAYS,
    Action(
        ("ctrl+c",),
        "Leave the talk",
        "Asks first, as q does.",
        lambda screen: screen.quit(),
    ),
    SAVE,
    THEME,
    PALETTE,
    JOB,
    HELP,
    QUIT,
)
"""What can be done on the stage where the room chooses each step."""
