"""The cores: how busy each is now and was of late, and with which of the observed processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from rich.cells import cell_len

from mpviz.trace.explain.starved import STARVED_OTHERS_SHARE, others_of_late
from mpviz.trace.model.state import CoreUse, RunState
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import RIGHTWARD, UPWARD, marks, process_matches, stacked_bar
from mpviz.tui.render.palette import process_style
from mpviz.tui.render.rows import Part, Row, crop, length, row
from mpviz.tui.render.view import View

SMALLEST_CORE = 20
"""Cells that a core needs for a bar of its own."""
BARRED = "-"
"""Follows the number of a core that the program may not run on."""
MARKS = 8
WIDEST_BAR = 60
_OF_BARS = frozenset(RIGHTWARD + "░")
HIGHEST_BAR = 3
"""Rows of a core, at most, where there is room, with a gap between two."""


@dataclass(frozen=True, slots=True)
class _Space:
    """How the cells of a core's row are shared out."""

    number: int
    bar: int
    marks: int
    history: int


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """A row for each core; in columns where they are many, and one sign each where very many."""
    history = state.cores.history
    if not history:
        return []
    cores = history[-1][1]
    if not cores:
        words = "this system does not say how its cores are used"
        return [row((words, "dim"))]
    room = max(1, height - (height > 3))
    columns = -(-len(cores) // room)
    if columns > 1 and width // columns < SMALLEST_CORE:
        return _strip(state, view, cores, width)
    return [*_bars(state, view, cores, (columns, width), room), _legend(state, width)]


def _legend(state: RunState, width: int) -> Row:
    parts: list[Part] = [("  ", ""), ("█", "good"), (" this program  ", "dim"), ("░", "other")]
    parts.append((" others", "dim"))
    if not all(map(state.cores.may_use, range(state.cores.machine))):
        parts.append((f"  {BARRED} not for the program", "dim"))
    others = _others(state)
    if length(parts) + len(others) <= width:
        parts.append((others, "dim"))
    return Row(tuple(parts))


def _others(state: RunState) -> str:
    """A note that other programs had most of the cores in recent samples; empty otherwise."""
    others = others_of_late(state)
    return f"  other programs have {others:.0%}" if others >= STARVED_OTHERS_SHARE else ""


def _bars(
    state: RunState, view: View, cores: Sequence[CoreUse], shape: tuple[int, int], room: int
) -> list[Row]:
    columns, width = shape
    lines = -(-len(cores) // columns)
    cell = width // columns
    space = _space(len(cores), cell - (columns > 1))
    high = max(1, min(HIGHEST_BAR, (room + 1) // lines - 1))
    rows: list[Row] = []
    for line in range(lines):
        rows += [Row(())] if high > 1 and line else []
        for below in reversed(range(high)):
            parts: list[Part] = []
            for index in range(line, len(cores), lines):
                core = _core(state, view, index, cores[index], space)
                if below != (high - 1) // 2:
                    core = _without_words(core)
                parts += crop([*core, *_history(state, index, space, (high, below))], cell)
            rows.append(Row(tuple(parts)))
    return rows


def _without_words(core: Sequence[Part]) -> list[Part]:
    """The bar of a core alone, for the rows above and below the one with its words."""
    return [
        (text if set(text) <= _OF_BARS else " " * cell_len(text), style) for text, style in core
    ]


def _space(cores: int, width: int) -> _Space:
    """Number, bar, percent and marks always; a history once there is room for one to read."""
    number = len(str(cores - 1))
    left = width - number - 1 - 6 - MARKS
    history = left * 2 // 5 if left >= 24 else 0
    bar = max(4, min(WIDEST_BAR, left - history - bool(history)))
    return _Space(number, bar, MARKS, left - bar - 1 if history else 0)


def _core(state: RunState, view: View, index: int, use: CoreUse, space: _Space) -> list[Part]:
    ours = _ours(state, view, use)
    barred = " " if state.cores.may_use(index) else BARRED
    parts: list[Part] = [(f"{index:>{space.number}}{barred}", "dim")]
    parts += _bar(state, use, space.bar)
    parts.append((f"{min(100.0, use.percent):4.0f}% ", "number" if use.percent >= 1 else "dim"))
    tags = marks(state, ours, space.marks)
    parts += [*tags, (" " * (space.marks - length(tags)), "")]
    return parts


def _ours(state: RunState, view: View, use: CoreUse) -> list[str]:
    """The observed processes on a core: the selected one first, then the busiest."""
    shown = [
        key
        for key in use.shares
        if key in state.processes and process_matches(view, state.processes[key])
    ]
    return sorted(shown, key=lambda key: (key != view.selected, -use.shares[key]))


def _bar(state: RunState, use: CoreUse, width: int) -> list[Part]:
    """The observed processes in their colours, then in a glyph of its own all else.

    Process and core are measured by different clocks, so the parts are made to fit the whole.
    """
    ours = {key: share for key, share in use.shares.items() if key in state.processes}
    total = sum(ours.values())
    whole = min(100.0, max(0.0, use.percent, total))
    scale = min(1.0, whole / total) / 100 if total else 0.0
    numbered = sorted((state.processes[key].number, share) for key, share in ours.items())
    shares = [(share * scale, process_style(number)) for number, share in numbered]
    parts = [part for part in stacked_bar(width, shares, ("", "")) if part[0]]
    used = length(parts)
    other = max(0, min(width - used, round(whole * width / 100) - used))
    return [*parts, ("░" * other, "other"), ("·" * (width - used - other), "track")]


def _history(state: RunState, index: int, space: _Space, row: tuple[int, int]) -> list[Part]:
    """The last samples, one column each, in the colour of who was on the core most.

    ``row``: how many rows these columns have, and how many are below this one.
    """
    if not space.history:
        return []
    newest = islice(reversed(state.cores.history), space.history)
    columns = [_column(state, cores[index], *row) for _, cores in newest if index < len(cores)]
    return [(" " * (1 + space.history - len(columns)), ""), *reversed(columns)]


def _column(state: RunState, use: CoreUse, high: int = 1, below: int = 0) -> Part:
    eighths = max(0 if below else 1, min(8, round(use.percent * 8 * high / 100) - 8 * below))
    others = use.percent - sum(use.shares.values())
    key = max(use.shares, key=lambda each: use.shares[each], default="")
    process = state.processes.get(key)
    if process is None or use.shares[key] < others:
        return UPWARD[eighths], "other"
    return UPWARD[eighths], process_style(process.number)


def _strip(state: RunState, view: View, cores: Sequence[CoreUse], width: int) -> list[Row]:
    """One sign for each core, with the number of the first of each row."""
    number = len(str(len(cores) - 1))
    room = max(1, width - number - 1)
    per_row = room if room < 8 else min(room - room % 8, 64)
    rows = []
    for first in range(0, len(cores), per_row):
        signs = [_column(state, use) for use in cores[first : first + per_row]]
        rows.append(Row(((f"{first:>{number}} ", "dim"), *signs)))
    return [*rows, _summary(state, view, cores, width)]


def _summary(state: RunState, view: View, cores: Sequence[CoreUse], width: int) -> Row:
    """How many cores are busy, and with which processes."""
    busy = sum(use.percent >= 50 for use in cores)
    text = f"{busy} of {len(cores)} busy  "
    use = CoreUse(0.0, {key: share for each in cores for key, share in each.shares.items()})
    return row((text, "dim"), *marks(state, _ours(state, view, use), max(0, width - len(text))))


def title(state: RunState, view: View) -> str:
    """How many cores there are, and how many the program may use."""
    cores = state.cores
    if not cores.history:
        return "cores"
    machine = len(cores.history[-1][1])
    usable = f", {cores.capacity:.3g} for the program" if cores.capacity < machine else ""
    return f"{machine} cores{usable}"


def wanted_height(state: RunState, view: View) -> int:
    """A row for each core up to eight, and the legend."""
    count = max(1, state.cores.machine)
    return (count if count <= 8 else -(-count // -(-count // 8))) + 1


PANEL = Panel(
    name="cores",
    title=title,
    help=(
        "How busy each core is: this program's processes in their colours, and dim (░) all "
        "others of the machine. To the right are the percentage, the tags of these processes, and "
        "the last samples, one column each, in the colour of the process that used the core most. "
        "The program may not run on a core with a - behind its number (taskset, a cpuset). The "
        "title says how many cores the program can keep busy, which a control group may limit, "
        "too. Between two samples nothing is known."
    ),
    body=draw,
    nothing="no sample of the cores yet",
    wanted_height=wanted_height,
)
