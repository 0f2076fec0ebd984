"""The blocks of shared memory: their size, the processes attached, and those never unlinked."""

from __future__ import annotations

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.memory import MemoryBlock
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Names, Space, list_panel
from mpviz.tui.panels.listing import Listing, Order, by_name
from mpviz.tui.render.formatting import SIZE_WIDTH, size
from mpviz.tui.render.glyphs import mark, marks
from mpviz.tui.render.rows import Part, fit_name, length, right, with_groups
from mpviz.tui.render.view import View

LISTING = Listing[MemoryBlock](
    items=lambda state, view: list(state.table(MemoryBlock).values()),
    words=lambda state, block: (block.name, block.id),
    is_left=lambda state, block: block.unlinked and not block.attached,
    orders=(
        Order("size", lambda state, block: -block.size),
        Order("processes attached", lambda state, block: -len(block.attached)),
        by_name(lambda block: block.name),
    ),
)


def _first(space: Space, block: MemoryBlock) -> list[Part]:
    """Name, size, the processes attached, whether it is unlinked, its maker, the system's name."""
    state, width = space.state, space.width
    parts: list[Part] = [
        (fit_name(block.name, space.name - 1) + " ", "strong"),
        (right(size(block.size), SIZE_WIDTH), "number"),
        ("  ", ""),
    ]
    fate, style = _fate(state, block)
    maker = state.processes.get(block.created_by)
    room = max(5, min(40, width - length(parts) - len(fate) - 13))
    users = marks(state, block.attached, room)
    nobody: list[Part] = [] if block.unlinked else [("attached by nobody", "dim")]
    groups: list[list[Part]] = [
        [("attached ", "dim"), *users] if users else nobody,
        [(fate, style)] if fate else [],
        [("made by ", "dim"), *mark(maker)] if maker is not None else [("not made here", "dim")],
        [(block.id, "dim")] if block.id != block.name else [],
    ]
    return with_groups(parts, groups, width, skip=True)


def _fate(state: RunState, block: MemoryBlock) -> tuple[str, str]:
    """Whether its name is gone; one that remains when the program has ended is trouble."""
    if block.unlinked:
        return "unlinked", "dim"
    if not block.created_by:
        return "", ""
    main = state.processes.get(state.main)
    over = main is not None and not main.alive
    return ("never unlinked", "trouble") if over else ("", "")


def title(state: RunState, view: View) -> str:
    """How many there are, and the size of all that can still be used."""
    blocks = list(state.table(MemoryBlock).values())
    there = sum(block.size for block in blocks if block.attached or not block.unlinked)
    return f"{plural(len(blocks), 'block')} of shared memory, {size(there)}"


PANEL = list_panel(
    "memory",
    title=title,
    help=(
        "Each block of shared memory (SharedMemory, ShareableList): its size, which processes "
        "have it attached now, which one made it, and its name in the system. Unlinked means "
        "that its name is gone; the memory is free once no process has it attached. A block that "
        "the program has made, and not unlinked by its end, is red: its memory is lost, unless the "
        "resource tracker removes it."
    ),
    first=_first,
    names=Names(share=4),
    left_words="unlinked and attached by nobody",
    thing="block",
    nothing="no shared memory was made",
    listing=LISTING,
)
