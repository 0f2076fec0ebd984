"""What a person can do while a run is watched."""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING

from mpviz.tui.actions.action import Action, Situation
from mpviz.tui.actions.shared import LOOK_ACTIONS, PAN_ACTIONS, WHY_ACTIONS

if TYPE_CHECKING:
    from mpviz.tui.screens.run import RunScreen


def while_running(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer while the program runs."""
    return lambda situation: words if situation.started and not situation.over else ""


def with_selection(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer while the program runs and a process is selected."""
    return lambda situation: words if situation.selected and not situation.over else ""


RUN_ACTIONS: tuple[Action[RunScreen], ...] = (
    Action(
        ("space",),
        "Pause the picture, or follow again",
        "The picture stands still. The program runs on, and mpviz still records and counts all "
        "that it does; the next space shows the present again.",
        lambda screen: screen.toggle_pause(),
        lambda now: "live" if now.paused else "" if now.over else "pause",
        stays=1,
        first=True,
    ),
    Action(
        ("f",),
        "Freeze the program, or resume it",
        "Stops every process of the program where it is (SIGSTOP), or resumes them (SIGCONT). "
        "Unlike a pause, this holds up the program itself.",
        lambda screen: screen.toggle_freeze(),
        lambda now: "" if now.over or not now.started else "resume" if now.frozen else "freeze",
        stays=1,
        first=True,
    ),
    Action(
        ("s",),
        "End the program",
        "Sends SIGTERM to the main process, which has 30 seconds to end (--grace). Once more, or "
        "after that time, mpviz ends all processes of the program. The picture stays. It asks "
        "before it ends a program of your own.",
        lambda screen: screen.stop(),
        while_running("end program"),
        stays=1,
        first=True,
    ),
    Action(
        ("i",),
        "Type a line for the program",
        "Sends what you type to the program's standard input, for a program that asks.",
        lambda screen: screen.ask_input(),
        lambda now: "answer" if now.asks and now.started and not now.over else "",
        stays=2,
    ),
    Action(
        ("ctrl+c",),
        "Interrupt the program",
        "Sends the program what Ctrl-C in its own terminal would send (SIGINT). Once more, or "
        "after its end, quits mpviz.",
        lambda screen: screen.interrupt(),
    ),
    *WHY_ACTIONS,
    Action(
        ("r",),
        "Run again",
        "Starts the program again with the same parameters. While a program of your own still "
        "runs, it asks first.",
        lambda screen: screen.run_again(),
        lambda now: "run again" if now.over else "",
        stays=3,
    ),
    Action(
        ("T",),
        "Terminate the selected process",
        "Sends SIGTERM to the selected process, which asks it to end.",
        lambda screen: screen.signal(SIGTERM),
        with_selection("terminate"),
        stays=2,
        first=True,
    ),
    Action(
        ("K", "f9"),
        "Kill the selected process",
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up.",
        lambda screen: screen.signal(SIGKILL),
        with_selection("kill"),
        stays=2,
        first=True,
    ),
    Action(
        ("L",),
        "Look where the selected process stands",
        "Shows the stack of each of its threads, as its own Python writes it. The process does not "
        "notice; one that is at work, or waits for signals, is left alone.",
        lambda screen: screen.look(),
        with_selection("stacks"),
        stays=2,
        first=True,
    ),
    *PAN_ACTIONS,
    Action(
        ("comma",),
        "The span before, of the selected process",
        "Tells in the frame of the timeline what the selected process did before: for how long, and"
        " who ended it. So does a click on a lane.",
        lambda screen: screen.step_span(-1),
    ),
    Action(
        ("full_stop",),
        "The next span of the selected process",
        "Tells what it did next, in the same line.",
        lambda screen: screen.step_span(1),
    ),
    *LOOK_ACTIONS,
    Action(
        ("R",),
        "Record the run",
        "Keeps the run, from its start to its end, in a file in the current directory, which mpviz "
        "replay opens. It works after the end of the run, too.",
        lambda screen: screen.record(),
        lambda now: "record" if now.started and not now.recorded else "",
    ),
)
