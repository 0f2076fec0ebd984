"""What a person can do on the first screen, and in the help."""

from __future__ import annotations

from mpviz.tui.actions.action import Action
from mpviz.tui.actions.tables import HELP, JOB, QUIT, SAVE, THEME, always

PICKER_ACTIONS: tuple[Action, ...] = (
    Action(
        "run",
        ("enter",),
        "Run the scenario",
        "Starts the scenario with the parameters as they are, if every one is allowed.",
        always("run"),
    ),
    Action(
        "switch",
        ("tab", "shift+tab"),
        "To the parameters, or to the list",
        "Goes from the list of scenarios to the parameters and back.",
        always("parameters"),
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
        always("choose"),
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
        always("filter"),
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
    Action("close", ("escape", "q", "question_mark", "enter"), "Close", "Back.", always("close")),
    Action("scroll_up", ("up", "k"), "Up", "A line up."),
    Action("scroll_down", ("down", "j"), "Down", "A line down.", always("scroll")),
    Action("page_up", ("pageup", "b"), "Page up", "A page up."),
    Action("page_down", ("pagedown", "space"), "Page down", "A page down.", always("page")),
    Action("first", ("home", "g"), "Top", "To the top."),
    Action("last", ("end", "G"), "End", "To the end."),
    SAVE,
    THEME,
    JOB,
)
"""What can be done while help is read."""
