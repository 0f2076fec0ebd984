"""The processes: the tree of who started whom, what each is doing, and what that costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.tui.panels.listing import Listing, Order, from_top, natural, scrolled
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import DURATION_WIDTH, size
from mpviz.tui.render.glyphs import ASCII_GLYPHS, GLYPHS, mark, moment_of, process_words, tag
from mpviz.tui.render.palette import lane_style
from mpviz.tui.render.rows import Part, Row, fit, fit_name, length, right, selected
from mpviz.tui.render.states import in_words, shortened, state_style, unheeded
from mpviz.tui.render.view import View

LEAST_STATE = 33
"""Minimum width of the state, in cells: "lock counter, held by Process-2"."""
WHOLE_STATE = 46
"""Minimum width of the state beside columns that are seldom needed."""
WIDEST_NAME = 26
ROOM_FOR_WORDS = 100
"""Minimum width, in cells, for a word where a letter would do."""
ORDERED = "▾"
"""Stands behind the heading of the column that the list is ordered by."""
DEEPEST = 6
"""Maximum generations that are indented, because the name needs room too."""
HEADING_FROM = 5
"""Minimum height, in rows, for a line of headings."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column to the right of the state; the first of :data:`COLUMNS` is the last to go."""

    heading: str
    width: int
    cell: Callable[[Process], str]
    state: int = LEAST_STATE
    """Cells that it leaves to the state."""


def _cpu(process: Process) -> str:
    return f"{process.cpu_percent:.0f}%" if process.alive and process.status else ""


def _bytes(process: Process) -> int:
    return process.rss if process.alive else process.peak_rss


def _memory(process: Process) -> str:
    return size(_bytes(process)) if process.peak_rss else ""


def _core(process: Process) -> str:
    return str(process.core) if process.alive and process.core >= 0 else ""


COLUMNS = (
    Column("cpu", 6, _cpu),
    Column("pid", 9, lambda process: str(process.pid)),
    Column("memory", 9, _memory),
    Column("core", 6, _core, WHOLE_STATE),
    Column("start", 12, lambda process: process.start_method, WHOLE_STATE),
)


@dataclass(frozen=True, slots=True)
class _Space:
    """How the cells of a row are shared out."""

    width: int
    tag: int
    name: int
    state: int
    time: int
    columns: tuple[Column, ...]


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The tree, a process in a row: the living before the ended."""
    tree = tree_of(state, view)
    if not tree:
        return []
    space = _space(tree, width)
    order = LISTING.order(view, "processes")
    head = [_heading(space, order.head if order else "")] if height >= HEADING_FROM else []
    rows = [Row((), process.key) for process, _ in tree]
    room = height - len(head)
    scroll = scrolled(rows, room, view, "processes")
    shown = from_top(rows, room, scroll, lambda hidden: _hidden(state, hidden))
    depths = {process.key: depth for process, depth in tree}
    drawn = [
        _process(state, view, state.processes[each.key], depths[each.key], space)
        if each.key
        else each
        for each in shown
    ]
    return [*head, *drawn]


def tree_of(state: RunState, view: View) -> list[tuple[Process, int]]:
    """The processes in the order of the tree, each with its depth.

    Filtered, or ordered by something, they are a plain list: all at depth 0.
    """
    if view.filter or LISTING.order(view, "processes"):
        return [(process, 0) for process in LISTING.listed(state, view, "processes")]
    children: dict[str, list[Process]] = defaultdict(list)
    for process in state.processes.values():
        children[process.parent if process.parent in state.processes else ""].append(process)
    return _walk(children)


def _walk(children: dict[str, list[Process]]) -> list[tuple[Process, int]]:
    """Each process once, before its children; a chain of forks may be a thousand deep."""
    result: list[tuple[Process, int]] = []
    seen: set[str] = set()
    left = [(process, 0) for process in sorted(children[""], key=_rank, reverse=True)]
    while left:
        process, depth = left.pop()
        if process.key not in seen:
            seen.add(process.key)
            result.append((process, depth))
            below = sorted(children.get(process.key, ()), key=_rank, reverse=True)
            left += [(child, depth + 1) for child in below]
    return result


def _rank(process: Process) -> tuple[bool, bool, int]:
    """The living first, in the order in which they came, helpers after them; then the ended."""
    return not process.alive, process.role in HELPERS, process.number


LISTING = Listing[Process](
    items=lambda state, view: sorted(state.processes.values(), key=_rank),
    words=lambda state, process: process_words(process),
    orders=(
        Order("cpu", lambda state, process: (not process.alive, -process.cpu_percent), head="cpu"),
        Order(
            "memory", lambda state, process: (not process.alive, -_bytes(process)), head="memory"
        ),
        Order("longest wait", lambda state, process: (not process.alive, _waits_since(process))),
        Order("name", lambda state, process: natural(described(process)), head="process"),
        Order("pid", lambda state, process: process.pid, head="pid"),
    ),
)


def _waits_since(process: Process) -> tuple[bool, int]:
    """Those that wait come first, the longest wait before the others."""
    wait = process.wait
    return wait is None, wait.since if wait is not None else 0


def _space(tree: Sequence[tuple[Process, int]], width: int) -> _Space:
    tags = max(len(tag(process)) for process, _ in tree)
    name = max(cell_len(_name(process, depth, width)) for process, depth in tree)
    name = max(8, min(name + 1, WIDEST_NAME, width * 2 // 5))
    left = width - 1 - 1 - tags - 1 - name - 1
    time = DURATION_WIDTH + 1 if left >= LEAST_STATE else 0
    columns: list[Column] = []
    for column in COLUMNS:
        if left - column.width < column.state + time:
            break
        columns.append(column)
        left -= column.width
    return _Space(width, tags, name, max(0, left - time), time, tuple(columns))


def _top(state: RunState, view: View, height: int) -> int:
    rows = [Row((), process.key) for process, _ in tree_of(state, view)]
    return scrolled(rows, height - (height >= HEADING_FROM), view, "processes")


def _heading(space: _Space, ordered: str) -> Row:
    """The headings; that of the column which the list is ordered by has a sign."""
    first = "process" + ORDERED * (ordered == "process")
    parts: list[Part] = [
        (" " * (space.tag + 3), ""),
        (fit(first, space.name + 1), "dim"),
        (fit("  state", space.state), "dim"),
        (right("for" if space.time else "", space.time), "dim"),
    ]
    for column in space.columns:
        is_it = column.heading == ordered
        heading = column.heading + ORDERED * is_it
        parts.append((right(heading, column.width), "title" if is_it else "dim"))
    return Row(tuple(parts))


def _process(state: RunState, view: View, process: Process, depth: int, space: _Space) -> Row:
    now = moment_of(state, view)
    chosen = process.key == view.selected
    quiet = not process.alive or process.role in HELPERS
    name_style = "strong" if chosen else "faint" if quiet else ""
    since = now - (process.since if process.alive else process.ended)
    parts: list[Part] = [
        ("▸" if chosen else " ", "title"),
        *mark(process, space.tag),
        (" ", ""),
        (fit_name(_name(process, depth, space.width), space.name), name_style),
        (" ", ""),
        *_state(state, view, process, space.state),
    ]
    if space.time:
        parts.append((right(duration(since) if process.since >= 0 else "", space.time), "dim"))
    style = "faint" if quiet else "number"
    parts += [(right(column.cell(process), column.width), style) for column in space.columns]
    return Row(selected(parts, space.width) if chosen else tuple(parts), process.key)


def _name(process: Process, depth: int, width: int) -> str:
    """The name below its parent's, and whether it is a daemon: in a narrow panel, only a d."""
    word = " daemon" if width >= ROOM_FOR_WORDS else " d"
    daemon = word if process.daemon and process.alive else ""
    return "  " * min(depth, DEEPEST) + described(process) + daemon


def _state(state: RunState, view: View, process: Process, width: int) -> list[Part]:
    """The state in the longest words that fit, then a signal that has had no effect yet."""
    style = state_style(process)
    glyph = (ASCII_GLYPHS if view.ascii else GLYPHS)[process.activity]
    parts: list[Part] = []
    if width > 12:
        parts = [(glyph, lane_style(process.activity)), (" ", "")]
    left = width - length(parts)
    ways = in_words(state, process, where=process.key == view.selected)
    signals = unheeded(process, moment_of(state, view))
    for words in ways if signals else ():
        signal = _fitting(signals, left - cell_len(words) - 2)
        if signal:
            room = left - cell_len(words) - 2
            return [*parts, (words, style), ("  ", ""), (fit(signal, room), "warning")]
    words = _fitting(ways, left)
    if words == ways[-1]:
        # The reason is shortened before it is left out.
        words = shortened(state, process, left) or words
    return [*parts, (fit(words or ways[-1], left), style)]


def _fitting(ways: Sequence[str], width: int) -> str:
    """The first of these, from the longest to the shortest, that fits; empty for none."""
    for words in ways:
        if cell_len(words) <= width:
            return words
    return ""


def _hidden(state: RunState, rows: Sequence[Row]) -> str:
    ended = sum(not state.processes[each.key].alive for each in rows)
    words = f"{len(rows)} more"
    if ended:
        words += ", all ended" if ended == len(rows) else f", {ended} of them ended"
    return words


def title(state: RunState, view: View) -> str:
    """How many are alive, how many of them wait, and how many have ended."""
    alive = [process for process in state.processes.values() if process.alive]
    if not state.processes:
        return "processes"
    parts = [plural(len(alive), "process", "processes")] if alive else []
    waiting = sum(process.state == "waiting" for process in alive)
    if waiting:
        parts.append(f"{waiting} waiting")
    ended = len(state.processes) - len(alive)
    if ended:
        parts.append(f"{ended} ended")
    return ", ".join(parts)


def wanted_height(state: RunState, view: View) -> int:
    """A row for each process and the headings."""
    return max(2, len(state.processes) + 1)


PANEL = Panel(
    name="processes",
    title=title,
    help=(
        "Every process of the program as a tree: a child is indented below the one that started "
        "it. The coloured mark and the tag behind it stand for the process in every panel; ○ has "
        "ended. State says what it is doing, what it waits for, which process could end the wait, "
        "and for how long. In a narrow panel, d behind a name is a daemon. Cpu is percent of one "
        "core at the last sample, memory what it holds (once ended, the most it had), core the "
        "one it last ran on. A signal without an effect so far stands behind the state. Helpers "
        "of multiprocessing (resource tracker, fork server) are dim."
    ),
    body=draw,
    thing="process",
    nothing="no process has started yet",
    listing=LISTING,
    wanted_height=wanted_height,
    top=_top,
)
