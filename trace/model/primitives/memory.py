"""SharedMemory: the blocks, who has them attached, and which of them were never unlinked."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Count, Event, Whole
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import Primitive, Summary
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState


class MemoryCreated(Event, tag="memory.created", kw_only=True):
    """A block of shared memory came to be; who makes it has it attached."""

    object: str
    """The name that the system knows it by."""
    size: Count
    """Bytes."""
    site: Whole = 0


class MemoryAttached(Event, tag="memory.attached", kw_only=True):
    """A process has a block attached: by its name, or handed down by a fork."""

    object: str
    size: Count
    site: Whole = 0


class MemoryClosed(Event, tag="memory.closed", kw_only=True):
    """A process has given up one of its attachments."""

    object: str


class MemoryUnlinked(Event, tag="memory.unlinked", kw_only=True):
    """The name is gone; the block lives on until nobody has it attached."""

    object: str


@dataclass(slots=True)
class MemoryBlock:
    """A block of shared memory."""

    id: str
    name: str
    size: int
    """Bytes."""
    created_by: str = ""
    """Process key; empty where it was there before the program."""
    attached: dict[str, int] = field(default_factory=dict)
    """Process key: how many times it has the block attached now."""
    attached_ever: set[str] = field(default_factory=set)
    """Keys of all processes that have had it attached."""
    uses: int = 1
    """How often its name has been used, this time included."""
    unlinked: bool = False
    unlinked_by: str = ""
    """Process key."""


def _created(state: RunState, process: Process, event: MemoryCreated) -> None:
    blocks = state.table(MemoryBlock)
    before, uses = blocks.pop(event.object, None), 1
    if before is not None:
        # The name of one that was unlinked is free to be used again.
        before.id, uses = free_id(blocks, event.object, before.uses)
        blocks[before.id] = before
    name = name_object(state, event.site, "SharedMemory")
    block = MemoryBlock(event.object, name, event.size, created_by=process.key, uses=uses)
    blocks[event.object] = block
    _attach(block, process)
    if event.site:
        process.site = event.site


def free_id(taken: Container[str], name: str, uses: int) -> tuple[str, int]:
    """An id for the former block of this name, and how often the name will have been used."""
    uses += 1
    while f"{name}~{uses}" in taken:
        uses += 1
    return f"{name}~{uses}", uses


def _attach(block: MemoryBlock, process: Process) -> None:
    block.attached[process.key] = block.attached.get(process.key, 0) + 1
    block.attached_ever.add(process.key)


def _attached(state: RunState, process: Process, event: MemoryAttached) -> None:
    blocks = state.table(MemoryBlock)
    block = blocks.get(event.object)
    if block is None:
        block = blocks[event.object] = MemoryBlock(event.object, event.object, event.size)
    _attach(block, process)
    if event.site:
        process.site = event.site


def _closed(state: RunState, process: Process, event: MemoryClosed) -> None:
    block = state.table(MemoryBlock).get(event.object)
    if block is None:
        return
    left = block.attached.pop(process.key, 1) - 1
    if left > 0:
        block.attached[process.key] = left


def _unlinked(state: RunState, process: Process, event: MemoryUnlinked) -> None:
    block = state.table(MemoryBlock).get(event.object)
    if block is not None:
        block.unlinked = True
        block.unlinked_by = process.key


def _process_ended(state: RunState, process: Process) -> None:
    for block in state.table(MemoryBlock).values():
        block.attached.pop(process.key, None)


def _document(state: RunState) -> dict[str, Any]:
    def pid_of(key: str) -> int | None:
        process = state.processes.get(key)
        return process.pid if process else None

    return {
        "shared_memory": [
            {
                "id": block.id,
                "name": block.name,
                "size": block.size,
                "created_by_pid": pid_of(block.created_by),
                "attached_by": [
                    process.pid
                    for key, process in state.processes.items()
                    if key in block.attached_ever
                ],
                "attached_now": [
                    process.pid for key, process in state.processes.items() if key in block.attached
                ],
                "unlinked": block.unlinked,
            }
            for block in state.table(MemoryBlock).values()
        ]
    }


def _line(state: RunState, block: MemoryBlock) -> str:
    fate = "unlinked" if block.unlinked else "never unlinked"
    return f"shared memory {block.name}: {plural(block.size, 'byte')}, {fate}"


PRIMITIVE = Primitive(
    handlers={
        MemoryCreated: _created,
        MemoryAttached: _attached,
        MemoryClosed: _closed,
        MemoryUnlinked: _unlinked,
    },
    process_ended=_process_ended,
    document=_document,
    summary=Summary(
        "block of shared memory",
        "blocks of shared memory",
        lambda state: list(state.table(MemoryBlock).values()),
        lambda block: (not block.unlinked, block.size),
        _line,
    ),
)
