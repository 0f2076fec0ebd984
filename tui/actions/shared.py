"""The actions that screens share: those of every screen, and those of a run and of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpviz.tui.actions.action import DIGITS, Action, always
from mpviz.tui.render.timeline import WHOLE_RUN

if TYPE_CHECKING:
    from mpviz.tui.screens.action_screen import ActionScreen
    from mpviz.tui.screens.selection import Selection

HELP: Action[ActionScreen] = Action(
    ("question_mark", "f1"),
    "Help",
    "Explains this screen: every key, and every panel with its columns and signs.",
    lambda screen: screen.mpviz.show_help(),
    always("help"),
)


QUIT: Action[ActionScreen] = Action(
    ("q", "ctrl+q"),
    "Quit",
    "Ends the program that is being watched, all of it, and leaves mpviz. It does not ask.",
    lambda screen: screen.app.exit(),
    always("quit"),
)


JOB: Action[ActionScreen] = Action(
    ("ctrl+z",),
    "Back to the shell for a while",
    "Stops mpviz as Ctrl-Z stops any program in a shell; fg brings it back. The program that is "
    "being watched goes on, and mpviz reads nothing meanwhile: what does not fit into the memory "
    "that they share is lost, and counted. After bg it reads again, without a picture.",
    lambda screen: screen.mpviz.stop_as_job(),
)


THEME: Action[ActionScreen] = Action(
    ("T", "ctrl+t"),
    "Next theme",
    "Dark, light, and the two that use the terminal's own 16 colours.",
    lambda screen: screen.mpviz.next_theme(),
)


SAVE: Action[ActionScreen] = Action(
    ("S",),
    "Save a picture",
    "Writes what the screen shows as an SVG file into the current directory, and says where.",
    lambda screen: screen.mpviz.save_picture(),
)


PAN_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("left",),
        "Earlier on the timeline",
        "Moves the timeline a quarter back.",
        lambda screen: screen.pan(-0.25),
    ),
    Action(
        ("right",),
        "Later on the timeline",
        "Moves the timeline a quarter forward.",
        lambda screen: screen.pan(0.25),
    ),
)
"""Of a run; in a replay the arrows move the moment itself."""


WHY_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("w",),
        "What it waits for, along the wait chain",
        "Shows the wait chain of the selected process, or the longest: what it waits for, who has "
        "that, and what that one waits for. Once more goes on to the next.",
        lambda screen: screen.follow_chain(),
        lambda now: "" if now.over or not now.waiting else "who waits",
    ),
    Action(
        ("exclamation_mark",),
        "The next finding",
        "Shows what was found wrong, selects the process that it is about, and shows the time at "
        "which it began on the timeline. Once more goes on to the next finding.",
        lambda screen: screen.next_finding(),
        lambda now: "findings" if now.findings else "",
    ),
)
"""What leads to the reason why something does not go on."""


LOOK_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("up", "p"),
        "Select the previous process",
        "The selected process is set apart in every panel. A click on a process selects it too.",
        lambda screen: screen.step_selection(-1),
    ),
    Action(
        ("down", "n"),
        "Select the next process",
        "The selected process is set apart in every panel. A click on a process selects it too.",
        lambda screen: screen.step_selection(1),
        lambda now: "" if now.selected or now.over or not now.started else "select",
    ),
    Action(
        ("escape",),
        "Back",
        "Step by step: drops the filter, makes an enlarged panel small again, drops the "
        "selection, and then goes back to the scenarios, which ends the program.",
        lambda screen: screen.leave(),
        always("back"),
    ),
    Action(
        ("tab",),
        "Next panel",
        "Goes through all panels in order, those behind a tab as well.",
        lambda screen: screen.step_panel(1),
        always("panels"),
    ),
    Action(
        ("shift+tab",),
        "Previous panel",
        "Goes through all panels backwards.",
        lambda screen: screen.step_panel(-1),
    ),
    Action(
        DIGITS,
        "A panel on or off",
        "Each panel in use has its number in its title (0 is for the tenth); a panel that is off "
        "gives its place to others.",
        lambda screen: screen.toggle_panel(screen.pressed),
    ),
    Action(
        ("e", "enter"),
        "Enlarge the panel, or make it small again",
        "The panel with the bright border fills the screen.",
        lambda screen: screen.enlarge(),
        lambda now: "shrink" if now.enlarged else "enlarge",
    ),
    Action(
        ("pageup",),
        "Scroll the panel up",
        "Moves the rows of the panel with the bright border; the mouse wheel does it for any. In "
        "the timeline the wheel zooms where the mouse is, and scrolls over the names.",
        lambda screen: screen.page(-1),
    ),
    Action(("pagedown",), "Scroll the panel down", "The other way.", lambda screen: screen.page(1)),
    Action(
        ("plus", "equals_sign"),
        "Zoom into the timeline",
        "The timeline shows a stretch half as long.",
        lambda screen: screen.zoom(0.5),
    ),
    Action(
        ("minus",),
        "Zoom out of the timeline",
        "The timeline shows a stretch twice as long.",
        lambda screen: screen.zoom(2.0),
    ),
    Action(
        ("home",),
        "The whole run on the timeline",
        "From the start of the run to its end, or to the present.",
        lambda screen: screen.show_stretch(WHOLE_RUN),
    ),
    Action(
        ("end",),
        "Follow the present on the timeline",
        "The right end of the timeline is the present again, and every panel that was scrolled "
        "shows again what it shows of itself.",
        lambda screen: screen.follow(),
        lambda now: "" if now.following else "follow",
    ),
    Action(
        ("slash",),
        "Filter",
        "Only processes and objects whose name contains what is typed are listed.",
        lambda screen: screen.ask_filter(),
        always("filter"),
    ),
    Action(
        ("ctrl+f", "f3"),
        "Find",
        "Goes to the next line with what is typed in the source, the output or the log, whichever "
        "has the bright border; in any other panel it selects the next process with it. Enter goes "
        "on to the one after. Unlike the filter it hides nothing.",
        lambda screen: screen.ask_text(),
    ),
    Action(
        ("o",),
        "Order the list",
        "Orders the list of the panel with the bright border by the next thing it can be ordered "
        "by, which its title then says, and at last again as it happened. A click on the heading "
        "of a column orders by it.",
        lambda screen: screen.next_order(),
        always("order"),
    ),
    Action(
        ("v",),
        "All events in the log, or what matters",
        "The event log shows every single record, or only what a person would want to be told.",
        lambda screen: screen.toggle_all_events(),
    ),
    Action(
        ("y",),
        "Copy the panel",
        "Copies the text of the panel with the bright border to the clipboard, where the terminal "
        "allows it.",
        lambda screen: screen.copy_panel(),
    ),
    Action(
        ("X",),
        "Export the run",
        "Writes the run into a file that others read, in the form that its ending names: a "
        "report, a trace, a picture or a table. While a program runs, what it has done so far.",
        lambda screen: screen.ask_export(),
    ),
    SAVE,
    THEME,
    JOB,
    HELP,
    QUIT,
)
"""What can be done where a run is looked at, whether it goes on or is a replay."""
