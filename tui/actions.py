"""The table of actions: what a person can do, by which keys, and what it is called.

Bindings, footer, help screen and command palette are all made from this one table, so none of them
can say something that another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

DIGITS = tuple("1234567890")

_KEY_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "shift+tab": "shift+tab",
}
_ASCII_SIGNS = {"↑": "up", "↓": "down", "←": "left", "→": "right"}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the footer has to know to tell which keys matter now."""

    started: bool = False
    over: bool = False
    frozen: bool = False
    paused: bool = False
    selected: bool = False
    """A process that is alive is selected."""
    enlarged: bool = False
    following: bool = True
    """The timeline follows the present, and does not show an earlier stretch."""
    filtered: bool = False
    asks: bool = False
    """The program has written something without an end of line: it may wait for an answer."""


def _never(situation: Situation) -> str:
    return ""


@dataclass(frozen=True)
class Action:
    """One thing that a person can do on a screen."""

    name: str
    """The screen's method is ``action_`` and this."""
    keys: tuple[str, ...]
    """As Textual names them; the first is the one that is shown."""
    title: str
    """A few words: for the command palette and the help screen."""
    help: str
    """A sentence or two for the help screen."""
    footer: Callable[[Situation], str] = _never
    """One or two words for the footer where it matters now, else empty."""
    takes_key: bool = False
    """The method is told which of the keys it was."""
    of_app: bool = False
    """The method is the app's, since it does the same on every screen."""


def sign(key: str, ascii_only: bool = False) -> str:
    """A key as it is printed on a keyboard or in a footer."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    text = _KEY_SIGNS.get(key, key)
    return _ASCII_SIGNS.get(text, text) if ascii_only else text


def signs(action: Action, ascii_only: bool = False) -> str:
    """All keys of an action as the help screen prints them."""
    if action.keys == DIGITS:
        return "1 … 0" if not ascii_only else "1 to 0"
    return " ".join(sign(key, ascii_only) for key in action.keys)


def binding_action(action: Action, key: str) -> str:
    """What Textual is to call for this key."""
    name = f"app.{action.name}" if action.of_app else action.name
    return f"{name}('{key}')" if action.takes_key else name


def footer(actions: Iterable[Action], situation: Situation) -> list[tuple[Action, str]]:
    """The actions that matter now, with what the footer calls them."""
    return [(action, words) for action in actions if (words := action.footer(situation))]


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
        "Ends the program, all of its processes: SIGTERM first, SIGKILL a second later. The "
        "picture stays.",
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
        "Sends SIGKILL to the selected process, which ends at once and cannot clean up.",
        _with_selection("kill"),
    ),
    Action(
        "select_previous",
        ("up", "p"),
        "Select the previous process",
        "The selected process is set apart in every panel, and is the one for t and k. A click on "
        "a process selects it too. j and k do not move here, since k kills.",
    ),
    Action(
        "select_next",
        ("down", "n"),
        "Select the next process",
        "The selected process is set apart in every panel, and is the one for t and k.",
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
    Action("pan_left", ("left",), "Earlier on the timeline", "Moves the timeline a quarter back."),
    Action(
        "pan_right", ("right",), "Later on the timeline", "Moves the timeline a quarter forward."
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
    SAVE,
    THEME,
    HELP,
    QUIT,
)
"""What can be done while a run is watched."""

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
)
"""What can be done while help is read."""
