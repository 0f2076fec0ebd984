"""The page of the selected process: all that is known of it, from its state to its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import from_top
from mpviz.tui.panels.panel import Panel
from mpviz.tui.panels.stacks import stack_rows
from mpviz.tui.render.glyphs import moment_of
from mpviz.tui.render.page.about import about_rows
from mpviz.tui.render.page.history import LABEL, heights, history_rows
from mpviz.tui.render.page.lists import (
    child_rows,
    held_rows,
    loss_rows,
    output_rows,
    signal_rows,
    task_rows,
    wait_rows,
)
from mpviz.tui.render.rows import Row, fit, row
from mpviz.tui.render.view import View

LEAST_WIDTH = 2 * LABEL
"""Cells; in fewer there is no room for what stands behind the labels."""


@dataclass(frozen=True, slots=True)
class _List:
    """A list on the page."""

    label: str
    rows: list[Row]
    when_cut: list[Row] = field(default_factory=list)
    """The rows if not all of them fit, if these are others."""
    newest_last: bool = False
    """If not all fit, the last rows are shown, and not the first."""


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The sentence, the charts, then the lists, which share the rows that are left.

    Who scrolls sees all rows of each list.
    """
    process = state.processes.get(view.selected)
    if process is None or width < LEAST_WIDTH:
        return []
    head = _head(state, view, process, width, height)
    lists = _lists(state, view, process)
    scroll = view.scroll.get(PANEL.name, 0)
    everything = [*head, *_drawn(lists, [len(each.rows) for each in lists], True)]
    if len(everything) <= height or scroll:
        return from_top(everything, height, scroll)
    room = height - len(head)
    wanted = [len(each.rows) for each in lists]
    if len(lists) > room > 1:
        # The last row says which lists have none.
        shares = _shared_out(wanted, room - 1)
        left_out = ", ".join(each.label for each in lists[room - 1 :])
        more = [row((f" more below: {left_out}", "dim"))]
        return [*head, *_drawn(lists, shares, False), *more]
    shares = _shared_out(wanted, room)
    apart = sum(shares) + sum(map(bool, shares)) - 1 <= room
    return [*head, *_drawn(lists, shares, apart)][:height]


def _head(state: RunState, view: View, process: Process, width: int, height: int) -> list[Row]:
    about = about_rows(state, process, moment_of(state, view), width)
    history = history_rows(state, view, process, width, heights(height))
    gap = [row("")] if height >= 16 else []
    return [*about, *gap, *history, *gap]


def _lists(state: RunState, view: View, process: Process) -> list[_List]:
    """All that have something to show, what matters most first."""
    now = moment_of(state, view)
    stacks = process.stacks
    age = f" {briefly(max(0, now - stacks.time))} ago" if stacks is not None else ""
    stack = stack_rows(process, whole=False)
    short = stack_rows(process, whole=False, own_lines_first=True)
    place = state.place(process.site)
    if not stack and place:
        stack = [row((f"last heard of at {place}", ""))]
    lists = [
        _List("holds", held_rows(state, process, now)),
        _List("waits", wait_rows(state, process, now)),
        _List(f"stack{age}", stack, when_cut=short),
        _List("tasks", task_rows(state, process, now)),
        _List("children", child_rows(state, process, now)),
        _List("output", output_rows(state, process), newest_last=True),
        _List("signals", signal_rows(state, process)),
        _List("lost", loss_rows(process)),
    ]
    return [each for each in lists if each.rows]


def _shared_out(wanted: Sequence[int], room: int) -> list[int]:
    """How many rows each list gets: one by one in turn, until none is left or all have theirs."""
    shares = [0] * len(wanted)
    while room > 0 and any(share < want for share, want in zip(shares, wanted, strict=True)):
        for index, want in enumerate(wanted):
            if shares[index] < want and room > 0:
                shares[index] += 1
                room -= 1
    return shares


def _drawn(lists: Sequence[_List], shares: Sequence[int], apart: bool) -> list[Row]:
    """The lists with their labels; ``apart`` puts a blank row between two."""
    rows: list[Row] = []
    for each, share in zip(lists, shares, strict=True):
        if not share:
            continue
        if rows and apart:
            rows.append(row(""))
        found = each.when_cut if each.when_cut and share < len(each.rows) else each.rows
        shown = found[-share:] if each.newest_last else found[:share]
        hidden = max(0, len(found) - share)
        labels = [f" {each.label}", f"   {hidden:,} more" if hidden else "", *[""] * share]
        if hidden and share == 1:
            labels[0] = f" {each.label}, +{hidden:,}"
        rows += [
            Row(((fit(label, LABEL), "dim"), *line.parts), line.key)
            for label, line in zip(labels, shown, strict=False)
        ]
    return rows


def _length(state: RunState, view: View) -> int:
    """The rows of the page if each list has all of its own."""
    process = state.processes.get(view.selected)
    if process is None:
        return 1
    rows = [len(each.rows) for each in _lists(state, view, process)]
    return _HEAD_ROWS + sum(rows) + max(0, len(rows) - 1)


_HEAD_ROWS = 22
"""At most, for scrolling."""


def title(state: RunState, view: View) -> str:
    """Whose page it is, and how many processes there are."""
    process = state.processes.get(view.selected)
    if process is None:
        return "process"
    name = described(process)
    kind = "" if name.lower().startswith("process ") else "process "
    return f"{kind}{name}, {process.number} of {len(state.processes)}"


PANEL = Panel(
    name="process",
    title=title,
    help=(
        "All that is known of the selected process on one page: what it does now and for how long, "
        "who it is, its lane, its CPU and its memory over time, and how much of its time went into "
        "what; then the locks that it holds, with the lines that took them, what each thread waits "
        "for, its stack at the last look, its tasks, its children, the signals it was sent and its "
        "latest output. The keys that select a process go to the next one's page, those that zoom "
        "and move the timeline do so here, and esc goes back."
    ),
    body=draw,
    nothing="no process is selected",
    at_first=False,
    length=_length,
    wanted_height=_length,
)
