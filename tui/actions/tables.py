"""The actions that screens share, those of a live run, and when the footer shows them."""

from __future__ import annotations

from collections.abc import Callable

from mpviz.tui.actions.action import DIGITS, Action, Situation


def always(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer whatever the situation is."""
    return lambda situation: words


def while_running(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer while the program runs."""
    return lambda situation: words if situation.started and not situation.over else ""


def with_selection(words: str) -> Callable[[Situation], str]:
    """Say these words in the footer while the program runs and a process is selected."""
    return lambda situation: words if situation.selected and not situation.over else ""


HELP = Action(
    "help",
    ("question_mark", "f1"),
    "Help",
    "Explains this screen: every key, and every panel with its columns and signs.",
    always("help"),
    of_app=True,
)


QUIT = Action(
    "quit",
    ("q", "ctrl+q"),
    "Quit",
    "Ends the program that is being watched, all of it, and leaves mpviz. It does not ask.",
    always("quit"),
    of_app=True,
)


JOB = Action(
    "suspend_process",
    ("ctrl+z",),
    "Back to the shell for a while",
    "Stops mpviz as Ctrl-Z stops any program in a shell; fg brings it back. The program that is "
    "being watched goes on, and mpviz reads nothing meanwhile: what does not fit into the memory "
    "that they share is lost, and counted. After bg it reads again, without a picture.",
    of_app=True,
)


THEME = Action(
    "next_theme",
    ("T", "ctrl+t"),
    "Next theme",
    "Dark, light, and the two that use the terminal's own 16 colours.",
    of_app=True,
)


SAVE = Action(
    "save_picture",
    ("S",),
    "Save a picture",
    "Writes what the screen shows as an SVG file into the current directory, and says where.",
    of_app=True,
)


PAN_ACTIONS: tuple[Action, ...] = (
    Action("pan_left", ("left",), "Earlier on the timeline", "Moves the timeline a quarter back."),
    Action(
        "pan_right", ("right",), "Later on the timeline", "Moves the timeline a quarter forward."
    ),
)
"""Of a run; in a replay the arrows move the moment itself."""


WHY_ACTIONS: tuple[Action, ...] = (
    Action(
        "follow_chain",
        ("w",),
        "What it waits for, along the wait chain",
        "Shows the wait chain of the selected process, or the longest: what it waits for, who has "
        "that, and what that one waits for. Once more goes on to the next.",
        lambda now: "" if now.over or not now.waiting else "who waits",
    ),
    Action(
        "next_finding",
        ("exclamation_mark",),
        "The next finding",
        "Shows what was found wrong, selects the process that it is about, and shows the time at "
        "which it began on the timeline. Once more goes on to the next finding.",
        lambda now: "findings" if now.findings else "",
    ),
)
"""What leads to the reason why something does not go on."""


LOOK_ACTIONS: tuple[Action, ...] = (
    Action(
        "select_previous",
        ("up", "p"),
        "Select the previous process",
        "The selected process is set apart in every panel. A click on a process selects it too.",
    ),
    Action(
        "select_next",
        ("down", "n"),
        "Select the next process",
        "The selected process is set apart in every panel. A click on a process selects it too.",
        lambda now: "" if now.selected or now.over or not now.started else "select",
    ),
    Action(
        "leave",
        ("escape",),
        "Back",
        "Step by step: drops the filter, makes an enlarged panel small again, drops the "
        "selection, and then goes back to the scenarios, which ends the program.",
        always("back"),
    ),
    Action(
        "next_panel",
        ("tab",),
        "Next panel",
        "Goes through all panels in order, those behind a tab as well.",
        always("panels"),
    ),
    Action(
        "previous_panel",
        ("shift+tab",),
        "Previous panel",
        "Goes through all panels backwards.",
    ),
    Action(
        "toggle_panel",
        DIGITS,
        "A panel on or off",
        "Each panel in use has its number in its title (0 is for the tenth); a panel that is off "
        "gives its place to others.",
        takes_key=True,
    ),
    Action(
        "enlarge",
        ("e", "enter"),
        "Enlarge the panel, or make it small again",
        "The panel with the bright border fills the screen.",
        lambda now: "shrink" if now.enlarged else "enlarge",
    ),
    Action(
        "scroll_up",
        ("pageup",),
        "Scroll the panel up",
        "Moves the rows of the panel with the bright border; the mouse wheel does it for any. In "
        "the timeline the wheel zooms where the mouse is, and scrolls over the names.",
    ),
    Action("scroll_down", ("pagedown",), "Scroll the panel down", "The other way."),
    Action(
        "zoom_in",
        ("plus", "equals_sign"),
        "Zoom into the timeline",
        "The timeline shows a stretch half as long.",
    ),
    Action(
        "zoom_out",
        ("minus",),
        "Zoom out of the timeline",
        "The timeline shows a stretch twice as long.",
    ),
    Action(
        "whole_run",
        ("home",),
        "The whole run on the timeline",
        "From the start of the run to its end, or to the present.",
    ),
    Action(
        "follow",
        ("end",),
        "Follow the present on the timeline",
        "The right end of the timeline is the present again, and every panel that was scrolled "
        "shows again what it shows of itself.",
        lambda now: "" if now.following else "follow",
    ),
    Action(
        "filter",
        ("slash",),
        "Filter",
        "Only processes and objects whose name contains what is typed are listed.",
        always("filter"),
    ),
    Action(
        "find",
        ("ctrl+f", "f3"),
        "Find",
        "Goes to the next line with what is typed in the source, the output or the log, whichever "
        "has the bright border; in any other panel it selects the next process with it. Enter goes "
        "on to the one after. Unlike the filter it hides nothing.",
    ),
    Action(
        "next_order",
        ("o",),
        "Order the list",
        "Orders the list of the panel with the bright border by the next thing it can be ordered "
        "by, which its title then says, and at last again as it happened. A click on the heading "
        "of a column orders by it.",
        always("order"),
    ),
    Action(
        "toggle_all_events",
        ("v",),
        "All events in the log, or what matters",
        "The event log shows every single record, or only what a person would want to be told.",
    ),
    Action(
        "copy_panel",
        ("y",),
        "Copy the panel",
        "Copies the text of the panel with the bright border to the clipboard, where the terminal "
        "allows it.",
    ),
    Action(
        "export",
        ("X",),
        "Export the run",
        "Writes the run into a file that others read, by its ending: .html is a report to mail, "
        ".json a trace for ui.perfetto.dev, .svg the timeline, .csv the tasks. While a program "
        "runs, what it has done so far.",
    ),
    SAVE,
    THEME,
    JOB,
    HELP,
    QUIT,
)
"""What can be done where a run is looked at, whether it goes on or is a replay."""


RUN_ACTIONS: tuple[Action, ...] = (
    Action(
        "toggle_pause",
        ("space",),
        "Pause the picture, or follow again",
        "The picture stands still and can be looked at in peace. The program runs on, and all that "
        "it does is still recorded and counted; the next space shows the present again.",
        lambda now: "live" if now.paused else "" if now.over else "pause",
    ),
    Action(
        "toggle_freeze",
        ("f",),
        "Freeze the program, or let it go on",
        "Stops every process of the program where it is (SIGSTOP), or lets all go on (SIGCONT). "
        "Unlike a pause this holds up the program itself.",
        lambda now: "" if now.over or not now.started else "go on" if now.frozen else "freeze",
    ),
    Action(
        "stop",
        ("s",),
        "Stop the program",
        "Asks the program to end by SIGTERM to its main process, which has 30 seconds (--grace). "
        "Once more, or after that time, all of its processes are ended. The picture stays.",
        while_running("stop"),
    ),
    Action(
        "type_input",
        ("i",),
        "Type a line for the program",
        "What is typed goes to the program's standard input as one line; for a program that asks.",
        lambda now: "answer" if now.asks and now.started and not now.over else "",
    ),
    Action(
        "interrupt",
        ("ctrl+c",),
        "Interrupt the program",
        "Sends the program what Ctrl-C in its own terminal would (SIGINT). Once more, or when it "
        "has ended, quits mpviz.",
    ),
    *WHY_ACTIONS,
    Action(
        "run_again",
        ("r",),
        "Run again",
        "Ends the program if it is still there, and starts it again with the same parameters.",
        lambda now: "run again" if now.over else "",
    ),
    Action(
        "terminate",
        ("t",),
        "Terminate the selected process",
        "Sends SIGTERM to the selected process, which asks it to end.",
        with_selection("terminate"),
    ),
    Action(
        "kill",
        ("k",),
        "Kill the selected process",
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up. Since k "
        "kills, j and k do not move through the processes.",
        with_selection("kill"),
    ),
    *PAN_ACTIONS,
    *LOOK_ACTIONS,
    Action(
        "record",
        ("R",),
        "Record the run",
        "Keeps the run in a file in the current directory, from its start and on to its end; mpviz "
        "replay opens it. It can also be asked for when the run has ended.",
        lambda now: "record" if now.started and not now.recorded else "",
    ),
)
"""What can be done while a run is watched."""
