"""What a person can do on the first screen, and in the help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpviz.tui.actions.action import Action, always
from mpviz.tui.actions.shared import JOB, ON_ALL_SCREENS, SAVE, THEME

if TYPE_CHECKING:
    from mpviz.tui.screens.help import HelpScreen
    from mpviz.tui.screens.picker import PickerScreen

PICKER_ACTIONS: tuple[Action[PickerScreen], ...] = (
    Action(
        ("enter",),
        "Run the scenario",
        "Starts the scenario with these parameters, if all are allowed.",
        lambda screen: screen.run_chosen(),
        always("run"),
    ),
    Action(
        tuple("12345678"),
        "Run one of the eight that a talk shows",
        "Starts the scenario with this digit, wherever the cursor is: the GIL, who ends at"
        " terminate(), a pool, a queue, a lock, a race, a killed worker, a deadlock.",
        lambda screen: screen.run_shortcut(),
        always("run one"),
    ),
    Action(
        ("s",),
        "Step through the scenario",
        "You are the scheduler: the scenario stops before each operation on what its processes"
        " share, and you choose who goes next. A parameter that you have not changed has a value"
        " that makes it short.",
        lambda screen: screen.step_through(),
        always("step"),
    ),
    Action(
        ("tab", "shift+tab"),
        "To the parameters, or to the list",
        "Goes from the list of scenarios to the parameters, and back.",
        lambda screen: screen.switch_side(),
        always("parameters"),
    ),
    Action(
        ("up", "k"),
        "Up",
        "The scenario above, or the parameter above.",
        lambda screen: screen.move(-1),
    ),
    Action(
        ("down", "j"),
        "Down",
        "The scenario below, or the parameter below.",
        lambda screen: screen.move(1),
        always("choose"),
    ),
    Action(
        ("left", "h"),
        "A smaller value, or the choice before",
        "Changes the parameter under the cursor. A number can also be typed.",
        lambda screen: screen.step(-1),
    ),
    Action(
        ("right", "l"),
        "A larger value, or the next choice",
        "Changes the parameter under the cursor; in the list, goes to the parameters.",
        lambda screen: screen.step(1),
    ),
    Action(
        ("d",),
        "Back to the defaults",
        "Sets every parameter of the scenario to its default.",
        lambda screen: screen.reset_form(),
    ),
    Action(
        ("pageup",),
        "Scroll the source up",
        "The mouse wheel does it too.",
        lambda screen: screen.scroll_source(-10),
    ),
    Action(
        ("pagedown",),
        "Scroll the source down",
        "The mouse wheel does it too.",
        lambda screen: screen.scroll_source(10),
    ),
    Action(
        ("home", "g"),
        "The first scenario",
        "To the top of the list.",
        lambda screen: screen.choose_at(0),
    ),
    Action(
        ("end", "G"),
        "The last scenario",
        "To the end of the list.",
        lambda screen: screen.choose_at(len(screen.listed)),
    ),
    Action(
        ("slash",),
        "Filter",
        "Lists only scenarios whose name, title or chapter contains what you type.",
        lambda screen: screen.ask_filter(),
        always("filter"),
    ),
    Action(
        ("escape",),
        "Back",
        "From the parameters to the list; drops a filter.",
        lambda screen: screen.leave(),
        lambda now: "all" if now.filtered else "",
    ),
    *ON_ALL_SCREENS,
)
"""What can be done while a scenario is picked."""


HELP_ACTIONS: tuple[Action[HelpScreen], ...] = (
    Action(
        ("escape", "q", "question_mark", "enter"),
        "Close",
        "Back; after a search, first to all of the help.",
        lambda screen: screen.leave(),
        always("close"),
    ),
    Action(
        ("slash",),
        "Search",
        "Shows only the keys and panels whose explanation contains what you type.",
        lambda screen: screen.ask_what(),
        always("search"),
    ),
    Action(("up", "k"), "Up", "A line up.", lambda screen: screen.scroll_by(-1)),
    Action(
        ("down", "j"), "Down", "A line down.", lambda screen: screen.scroll_by(1), always("scroll")
    ),
    Action(("pageup", "b"), "Page up", "A page up.", lambda screen: screen.page(-1)),
    Action(
        ("pagedown", "space"),
        "Page down",
        "A page down.",
        lambda screen: screen.page(1),
        always("page"),
    ),
    Action(("home", "g"), "Top", "To the top.", lambda screen: screen.to_top()),
    Action(("end", "G"), "End", "To the end.", lambda screen: screen.to_end()),
    SAVE,
    THEME,
    JOB,
)
"""What can be done while help is read."""
