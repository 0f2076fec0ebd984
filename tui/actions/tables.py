"""The tables of actions, one for each screen, and what of them its footer shows when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mpviz.tui.actions.action import DIGITS, Action, Situation


def _always(words: str) -> Callable[[Situation], str]:
    return lambda situation: words


def _while_running(words: str) -> Callable[[Situation], str]:
    return lambda situation: words if situation.started and not situation.over else ""


def _with_selection(words: str) -> Callable[[Situation], str]:
    return lambda situation: words if situation.selected and not situation.over else ""


HELP = Action(
    "help",
    ("question_mark", "f1"),
    "Help",
    "Explains this screen: every key, and every panel with its columns and signs.",
    _always("help"),
    of_app=True,
)
QUIT = Action(
    "quit",
    ("q", "ctrl+q"),
    "Quit",
    "Ends the program that is being watched, all of it, and leaves mpviz. It does not ask.",
    _always("quit"),
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
        _always("back"),
    ),
    Action(
        "next_panel",
        ("tab",),
        "Next panel",
        "Goes through all panels in order, those behind a tab as well.",
        _always("panels"),
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
        _always("filter"),
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
        _always("order"),
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
        _while_running("stop"),
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
        _with_selection("terminate"),
    ),
    Action(
        "kill",
        ("k",),
        "Kill the selected process",
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up. Since k "
        "kills, j and k do not move through the processes.",
        _with_selection("kill"),
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

PICKER_ACTIONS: tuple[Action, ...] = (
    Action(
        "run",
        ("enter",),
        "Run the scenario",
        "Starts the scenario with the parameters as they are, if every one is allowed.",
        _always("run"),
    ),
    Action(
        "switch",
        ("tab", "shift+tab"),
        "To the parameters, or to the list",
        "Goes from the list of scenarios to the parameters and back.",
        _always("parameters"),
    ),
    Action(
        "up",
        ("up", "k"),
        "Up",
        "The scenario above, or the parameter above.",
    ),
    Action(
        "down",
        ("down", "j"),
        "Down",
        "The scenario below, or the parameter below.",
        _always("choose"),
    ),
    Action(
        "less",
        ("left", "h"),
        "A smaller value, or the choice before",
        "Changes the parameter under the cursor. A number can also be typed.",
    ),
    Action(
        "more",
        ("right", "l"),
        "A larger value, or the next choice",
        "Changes the parameter under the cursor; in the list it goes to the parameters.",
    ),
    Action(
        "defaults",
        ("d",),
        "Back to the defaults",
        "Gives every parameter of the scenario the value it had at first.",
    ),
    Action("scroll_up", ("pageup",), "Scroll the source up", "The mouse wheel does it too."),
    Action("scroll_down", ("pagedown",), "Scroll the source down", "The mouse wheel does it too."),
    Action("first", ("home", "g"), "The first scenario", "To the top of the list."),
    Action("last", ("end", "G"), "The last scenario", "To the end of the list."),
    Action(
        "filter",
        ("slash",),
        "Filter",
        "Only scenarios whose name, title or chapter contains what is typed are listed.",
        _always("filter"),
    ),
    Action(
        "leave",
        ("escape",),
        "Back",
        "From the parameters to the list; drops a filter.",
        lambda now: "all" if now.filtered else "",
    ),
    SAVE,
    THEME,
    JOB,
    HELP,
    QUIT,
)
"""What can be done while a scenario is picked."""

HELP_ACTIONS: tuple[Action, ...] = (
    Action("close", ("escape", "q", "question_mark", "enter"), "Close", "Back.", _always("close")),
    Action("scroll_up", ("up", "k"), "Up", "A line up."),
    Action("scroll_down", ("down", "j"), "Down", "A line down.", _always("scroll")),
    Action("page_up", ("pageup", "b"), "Page up", "A page up."),
    Action("page_down", ("pagedown", "space"), "Page down", "A page down.", _always("page")),
    Action("first", ("home", "g"), "Top", "To the top."),
    Action("last", ("end", "G"), "End", "To the end."),
    SAVE,
    THEME,
    JOB,
)
"""What can be done while help is read."""
