"""The lab: buttons for what a program can be told, what has become of each process, and why."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from mpviz.scenarios.catalogue import Command
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.panels.listing import from_top
from mpviz.tui.panels.panel import Button, Panel
from mpviz.tui.render.exit_reasons import WHY, exit_reason_of
from mpviz.tui.render.glyphs import mark, moment_of, process_matches
from mpviz.tui.render.rows import Part, Row, crop, fit, fitting, length, row, selected
from mpviz.tui.render.states import state_style
from mpviz.tui.render.view import View

CALLS = 2
"""How many of the program's last lines are shown: the call that was made, and its answer."""

LEAST_FATES = 3
"""Rows of fates that are worth more than a card that explains one."""

LEAST_CARD = 2
"""Rows of a card that are not worth showing."""

ROWS_BESIDE = 15
"""Rows of the buttons, the call and the card, about."""

_NUMBERED = re.compile(r"(\d+)$")


def make_panel(commands: Sequence[Command]) -> Panel:
    """The panel for a program that understands these commands on its standard input."""

    def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
        head = [*_button_rows(commands, width), Row(()), *_calls(state), Row(())]
        listed = _listed(state, view)
        explained = _explained(state, view, listed)
        card = _card(state, explained, moment_of(state, view), width) if explained else []
        least = min(LEAST_FATES, len(listed))
        if height < len(head) + len(card) + least:
            # There is no room for all of it: no row is left blank, and the card is cut short.
            head = [each for each in head if each.parts]
            card = _cut([each for each in card if each.parts], height - len(head) - least)
        room = max(1, height - len(head) - len(card))
        name = min(width // 3, max((len(_name(state, each)) for each in listed), default=0) + 2)
        fates = [_fate(state, view, process, name, width) for process in listed]
        scroll = view.scroll.get("lab", _scroll_to(explained, listed, room))
        return [*head, *from_top(fates, room, scroll), *card]

    return Panel(
        name="lab",
        title=lambda state, view: "lab",
        help=_HELP,
        body=draw,
        wanted_height=lambda state, view: ROWS_BESIDE + len(_listed(state, view)),
        buttons=lambda width: _buttons(commands, width),
        fill=fill_in,
    )


def _cut(card: list[Row], room: int) -> list[Row]:
    """As much of a card as there is room for; none if that is not even a line below its title."""
    if len(card) <= room:
        return card
    return [*card[: room - 1], row((" …", "dim"))] if room > LEAST_CARD else []


def fill_in(state: RunState, view: View, line: str) -> str:
    """Put the number of a child in the place of {n}: the selected one's, else the latest one's.

    The latest is the last started that has not been joined; to be closed, one has to be joined.
    Empty if there is no child yet.
    """
    if "{n}" not in line:
        return line
    wants_joined = line.startswith("close")
    chosen = state.processes.get(view.selected)
    children = [process for process in state.processes.values() if process.parent == state.main]
    children.sort(key=lambda each: (each.joined != wants_joined, -each.number))
    for process in (chosen, *children):
        numbered = _NUMBERED.search(process.name) if process is not None else None
        if numbered is not None:
            return line.replace("{n}", numbered[1])
    return ""


def _buttons(commands: Sequence[Command], width: int) -> list[Button]:
    """Where each button is, in as many lines as it takes."""
    cell = max((len(command.words) for command in commands), default=0) + 5
    across = max(1, width // cell)
    return [
        Button(command.key, command.line, index % across * cell, index // across, cell)
        for index, command in enumerate(commands)
    ]


def _button_rows(commands: Sequence[Command], width: int) -> list[Row]:
    lines: list[list[Part]] = []
    for command, button in zip(commands, _buttons(commands, width), strict=True):
        if button.y == len(lines):
            lines.append([])
        words = fit(f" {command.words}", button.width - 4)
        lines[-1] += [(f" {command.key} ", "key"), (words, ""), (" ", "")]
    return [Row(crop(parts, width)) for parts in lines]


def _calls(state: RunState) -> list[Row]:
    """What the program itself said last: the call that it made, and what came of it."""
    said = [line.text for line in state.output if line.process == state.main]
    last = [index for index, text in enumerate(said) if text.startswith(">>>")]
    shown = said[last[-1] :][:CALLS] if last else []
    rows = [row((f" {text}", "strong" if text.startswith(">>>") else "number")) for text in shown]
    return rows or [row((" press a key or a button", "dim"))]


def _listed(state: RunState, view: View) -> list[Process]:
    """The children in the order in which they were started, and the parent of all below them."""
    listed = [
        process
        for process in state.processes.values()
        if process.role not in HELPERS and process_matches(view, process)
    ]
    return sorted(listed, key=lambda process: process.key == state.main)


def _scroll_to(process: Process | None, listed: Sequence[Process], room: int) -> int:
    """How many rows have to be above, so that this one is in sight."""
    at = listed.index(process) if process in listed else 0
    return max(0, at - room + 2)


def _explained(state: RunState, view: View, listed: Sequence[Process]) -> Process | None:
    """Whose fate the card explains: the selected one's, else that of the latest to change."""
    chosen = state.processes.get(view.selected)
    if chosen is not None or not listed:
        return chosen
    return max(listed, key=lambda each: max(each.first_seen, each.ended, _last_signal(each)))


def _last_signal(process: Process) -> int:
    return process.signals[-1][0] if process.signals else 0


def _name(state: RunState, process: Process) -> str:
    return _depth(state, process) * "  " + described(process)


def _fate(state: RunState, view: View, process: Process, name: int, width: int) -> Row:
    fate = exit_reason_of(state, process, moment_of(state, view))
    style = "warning" if fate.kind in ("zombie", "orphan", "ignored") else state_style(process)
    parts: list[Part] = [
        ("▸" if process.key == view.selected else " ", "title"),
        *mark(process, 4),
        (fit(_name(state, process), name), "strong" if process.alive else "faint"),
    ]
    parts.append((fitting(fate.ways, max(0, width - length(parts))), style))
    if process.key == view.selected:
        return Row(selected(parts, width), process.key)
    return Row(tuple(parts), process.key)


def _depth(state: RunState, process: Process) -> int:
    """How many generations lie between it and the program itself, three at the most."""
    depth = 0
    while process.parent not in ("", state.main) and depth < 3:
        process = state.processes[process.parent]
        depth += 1
    return depth


def _card(state: RunState, process: Process, now: int, width: int) -> list[Row]:
    """Why it is so."""
    fate = exit_reason_of(state, process, now)
    title = Row(((" ", ""), *mark(process), (f" {described(process)}: {fate.kind}", "title")))
    lines = textwrap.wrap(WHY[fate.kind], max(20, width - 2))
    rows = [Row(()), title, *(row((f" {line}", "text")) for line in lines)]
    if process.key != state.main:
        said = [line.text for line in state.output if line.process == process.key]
        rows += [row((f" it said: {text}", "number")) for text in said[-CALLS:]]
    return rows


_HELP = (
    "What the program can be told, each with its key: while this panel has the bright border its "
    "keys come first. Calls on a child are for the selected one, or else for the latest. Below: "
    "the call that the program made and what is_alive() and exitcode said, then what has become "
    "of each process, and at the bottom why. terminate() and kill() here are the program's own "
    "calls; T and K in other panels send the signal from outside."
)
