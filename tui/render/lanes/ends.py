"""How a process ended, as a mark at the end of its lane."""

from __future__ import annotations

from itertools import takewhile
from signal import SIGTERM

from mpviz.trace.model.processes.identity import signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.tui.render.lanes.cells import EMPTY, Cell
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.rows import Part, in_ascii
from mpviz.tui.render.states import asked_for


def mark_end(cells: list[Cell], process: Process, grid: Grid) -> None:
    """Write how it ended into the empty columns after its end."""
    column = grid.column(process.ended)
    at = column + 1 if column + 1 < len(cells) else column
    if not 0 <= at < len(cells):
        return
    text, style = end_mark(process)
    free = takewhile(lambda cell: cell == EMPTY, cells[at + 1 :])
    text = _fitting(text, 1 + sum(1 for _ in free))
    for offset, character in enumerate(in_ascii(text) if grid.ascii else text):
        cells[at + offset] = (character, style, "")


def columns_of_end(cells: list[Cell], process: Process, grid: Grid, now: int) -> range:
    """Where its mark is, if it has ended by now."""
    if not 0 <= process.ended <= now:
        return range(0)
    at, style = grid.column(process.ended) + 1, end_mark(process)[1]
    written = takewhile(lambda cell: cell[1] == style, cells[max(0, at) :])
    return range(at, max(0, at) + sum(1 for _ in written))


def _fitting(text: str, room: int) -> str:
    """As much of a mark as says something whole: ``✗ SIGTERM``, ``✗ TERM``, ``✗TERM``, ``✗``."""
    sign, _, words = text.partition(" ")
    short = words.removeprefix("SIG").removeprefix("exit ")
    ways = (text, f"{sign} {short}", f"{sign}{short}")
    return next((way for way in ways if len(way) <= room), sign)


def end_mark(process: Process) -> Part:
    """How a process ended, as a sign and a word or two: ``✓``, ``✗ SIGKILL``, ``✗ exit 1``.

    Red is for what nobody asked for: a child that its parent terminates is no trouble, and a pool
    that is left ends its workers so.
    """
    code = process.exit_code
    by_parent = (process.parent, SIGTERM) in [each[1:] for each in process.signals]
    if code == -SIGTERM and process.pool and by_parent:
        return "· ended by its pool", "dim"
    if code is None:
        return "? ended", "dim"
    if code == 0:
        return "✓", "good"
    if code > 0:
        return f"✗ exit {code}", "trouble"
    return f"✗ {signal_name(-code)}", "warning" if asked_for(process) else "trouble"
