"""The actions that screens share: those of every screen, and those of a run and of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpviz.tui.actions.action import DIGITS, Action, always

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
    "Ends all processes of the program, and leaves mpviz. While a program of your own runs, it "
    "asks first.",
    lambda screen: screen.quit(),
    always("quit"),
)


JOB: Action[ActionScreen] = Action(
    ("ctrl+z",),
    "Back to the shell for a while",
    "Stops mpviz as Ctrl-Z stops any program in a shell; fg brings it back. The program goes on, "
    "but mpviz reads nothing meanwhile: events that do not fit into their shared memory are "
    "lost, and counted. After bg it reads again, without a picture.",
    lambda screen: screen.mpviz.stop_as_job(),
)


THEME: Action[ActionScreen] = Action(
    ("ctrl+t",),
    "Next theme",
    "Dark, light, high contrast for projectors, and the two that use the terminal's own 16 "
    "colours.",
    lambda screen: screen.mpviz.next_theme(),
)


SAVE: Action[ActionScreen] = Action(
    ("S",),
    "Save a picture",
    "Writes what the screen shows as an SVG file into the current directory, and says where.",
    lambda screen: screen.mpviz.save_picture(),
)


KEEP: Action[ActionScreen] = Action(
    ("W",),
    "Keep these settings",
    "Writes the theme, and which panels are put away, into the file of settings, for the next "
    "time. Says where that is.",
    lambda screen: screen.mpviz.keep_settings(),
)


PALETTE: Action[ActionScreen] = Action(
    ("colon", "ctrl+p"),
    "All that can be done",
    "Lists every action with its key; type a few letters of one, and enter does it.",
    lambda screen: screen.app.action_command_palette(),
)


ON_ALL_SCREENS: tuple[Action[ActionScreen], ...] = (SAVE, THEME, KEEP, PALETTE, JOB, HELP, QUIT)
"""What ends the list of actions of each screen but that of help."""


PAN_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("left", "h"),
        "Earlier on the timeline",
        "Moves the timeline a quarter back.",
        lambda screen: screen.pan(-0.25),
    ),
    Action(
        ("right", "l"),
        "Later on the timeline",
        "Moves the timeline a quarter forward.",
        lambda screen: screen.pan(0.25),
    ),
)
"""For a run; in a replay, the arrows move the moment itself."""


WHY_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("w",),
        "Why it is blocked",
        "Shows the wait chain of the selected process, or the longest: what it waits for, which "
        "process has that, and what that one waits for. Once more goes to the next link.",
        lambda screen: screen.follow_chain(),
        lambda now: "" if now.over or not now.waiting else "why blocked",
        stays=3,
        first=True,
    ),
    Action(
        ("exclamation_mark",),
        "The next finding",
        "Shows the finding, selects its process, and shows on the timeline when it began. Once "
        "more goes to the next finding.",
        lambda screen: screen.next_finding(),
        lambda now: "findings" if now.findings else "",
        stays=3,
        first=True,
    ),
)
"""Why something does not go on."""


LOOK_ACTIONS: tuple[Action[Selection], ...] = (
    Action(
        ("up", "k", "p"),
        "Select the previous process",
        "Every panel highlights the selected process. A click on a process selects it, too.",
        lambda screen: screen.step_selection(-1),
    ),
    Action(
        ("down", "j", "n"),
        "Select the next process",
        "Every panel highlights the selected process. A click on a process selects it, too.",
        lambda screen: screen.step_selection(1),
        lambda now: (
            "next"
            if now.on_page
            else ""
            if now.selected or now.over or not now.started
            else "select"
        ),
        first=True,
    ),
    Action(
        ("enter",),
        "The page of the process, or back",
        "All that is known of the selected process on one page: what it does, its stack, its locks,"
        " its tasks, its children, its output, its CPU and memory over time. With none selected, "
        "that of the main process. There, ↑ ↓ go to the next process, and esc goes back.",
        lambda screen: screen.toggle_page(),
        lambda now: "page" if now.selected and not now.on_page else "",
        first=True,
    ),
    Action(
        ("g",),
        "Select the first process",
        "The one at the top of the list.",
        lambda screen: screen.select_at(0),
    ),
    Action(
        ("G",),
        "Select the last process",
        "The one at the bottom of the list.",
        lambda screen: screen.select_at(-1),
    ),
    Action(
        ("escape",),
        "Back",
        "One step at a time: leaves the page of a process, drops the filter, shrinks an enlarged "
        "panel, drops the selection, and then goes back to the scenarios. While the program runs, "
        "it asks first: esc alone ends no program.",
        lambda screen: screen.leave(),
        always("back"),
    ),
    Action(
        ("tab",),
        "Next panel",
        "Goes through all panels in order, including those behind a tab.",
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
        "To a panel; once more puts it away",
        "A panel has its number in its title, for good. A panel that is put away leaves its place "
        "to the others until its number is pressed again.",
        lambda screen: screen.go_to_panel(screen.pressed),
        first=True,
    ),
    Action(
        ("e",),
        "Enlarge the panel, or make it small again",
        "The panel with the bright border fills the screen.",
        lambda screen: screen.enlarge(),
        lambda now: "" if now.on_page else "shrink" if now.enlarged else "enlarge",
    ),
    Action(
        ("pageup",),
        "Scroll the panel up",
        "Scrolls the panel with the bright border; the mouse wheel scrolls any. On the timeline, "
        "the wheel zooms at the mouse, and scrolls when it is over the names.",
        lambda screen: screen.page(-1),
    ),
    Action(("pagedown",), "Scroll the panel down", "The other way.", lambda screen: screen.page(1)),
    Action(
        ("plus", "equals_sign"),
        "Zoom into the timeline",
        "The timeline shows half as much time.",
        lambda screen: screen.zoom(0.5),
    ),
    Action(
        ("minus",),
        "Zoom out of the timeline",
        "The timeline shows twice as much time.",
        lambda screen: screen.zoom(2.0),
    ),
    Action(
        ("home",),
        "The whole run on the timeline",
        "From the start of the run to its end, or to the present.",
        lambda screen: screen.show_whole_run(),
    ),
    Action(
        ("end",),
        "Follow the present on the timeline",
        "The right end of the timeline is the present again, and no panel is scrolled any more.",
        lambda screen: screen.follow(),
        lambda now: "" if now.following else "follow",
        stays=3,
    ),
    Action(
        ("H",),
        "Show the threads of a process, or hide them",
        "Shows a lane for each thread of the selected process below its own, with its share of a "
        "core, or hides them. A click on the + or - before its lane does the same. Those of a "
        "program that works in threads are shown by themselves.",
        lambda screen: screen.toggle_threads(screen.view.selected),
    ),
    Action(
        ("slash",),
        "Filter",
        "Lists only processes and objects whose name contains what you type.",
        lambda screen: screen.ask_filter(),
        always("filter"),
        first=True,
    ),
    Action(
        ("ctrl+f", "f3"),
        "Find",
        "Goes to the next line that contains what you type, if the source, the output or the log "
        "has the bright border; in any other panel, selects the next such process. Enter goes to "
        "the one after. Unlike the filter, it hides nothing.",
        lambda screen: screen.ask_text(),
    ),
    Action(
        ("o",),
        "Order the list",
        "Orders the list of the panel with the bright border by something else, which its title "
        "names; after the last order, as things happened. A click on the heading of a column "
        "orders by that column.",
        lambda screen: screen.next_order(),
        always("order"),
    ),
    Action(
        ("v",),
        "All events in the log, or what matters",
        "The log shows every event, or only what matters to a person.",
        lambda screen: screen.toggle_all_events(),
    ),
    Action(
        ("y",),
        "Copy the panel",
        "Copies the text of the panel with the bright border to the clipboard, if the terminal "
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
    *ON_ALL_SCREENS,
)
"""What a run and a replay have in common."""
