"""What a person can do while a running program is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mpviz.tui.actions.action import Action, always
from mpviz.tui.actions.shared import ON_ALL_SCREENS, QUIT

if TYPE_CHECKING:
    from mpviz.tui.programs.screen import ProgramsScreen

_CHOOSING: tuple[Action[ProgramsScreen], ...] = (
    Action(
        ("enter",),
        "Attach to the program",
        "Opens the screens of a run on the program under the cursor. Nothing in it is changed.",
        lambda screen: screen.choose(),
        always("attach"),
    ),
    Action(("up", "k"), "Up", "The program above.", lambda screen: screen.move(-1)),
    Action(
        ("down", "j"),
        "Down",
        "The program below.",
        lambda screen: screen.move(1),
        always("choose"),
    ),
    Action(("pageup",), "Page up", "Ten programs up.", lambda screen: screen.move(-10)),
    Action(("pagedown",), "Page down", "Ten programs down.", lambda screen: screen.move(10)),
    Action(("home", "g"), "The first program", "To the top.", lambda screen: screen.go_to(0)),
    Action(
        ("end", "G"),
        "The last program",
        "To the end of the list.",
        lambda screen: screen.go_to(len(screen.listed)),
    ),
    Action(
        ("slash",),
        "Filter",
        "Lists only programs whose command line, user or pid contains what you type.",
        lambda screen: screen.ask_filter(),
        always("filter"),
    ),
    Action(
        ("escape",),
        "Back",
        "Drops a filter; without one, leaves mpviz.",
        lambda screen: screen.leave(),
        lambda now: "all" if now.filtered else "",
    ),
)

PROGRAMS_ACTIONS: tuple[Action[Any], ...] = (
    *_CHOOSING,
    *(
        replace(each, help="Leaves mpviz. No program is touched.") if each is QUIT else each
        for each in ON_ALL_SCREENS
    ),
)
"""Enter attaches; the programs go on whatever is done here."""
