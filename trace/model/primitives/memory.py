"""SharedMemory: the blocks, who has them attached, and which were never unlinked."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Count, Event, ObjectEvent, SitedEvent, Whole
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import ObjectReport, Primitive, all_of, known
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState


class MemoryCreated(Event, tag="memory.created", kw_only=True):
    """A block of shared memory was created; its creator has it attached."""

    object: str
    """Its name in the system."""
    size: Count
    """Bytes."""
    site: Whole = 0


class MemoryAttached(SitedEvent, tag="memory.attached", kw_only=True):
    """A process has attached a block by its name, or inherited it by a fork."""

    size: Count


class MemoryClosed(ObjectEvent, tag="memory.closed", kw_only=True):
    """A process has closed one of its attachments."""


class MemoryUnlinked(ObjectEvent, tag="memory.unlinked", kw_only=True):
    """Its name is gone; the block lives on until no process has it attached."""


class MemoryMissing(SitedEvent, tag="memory.missing", kw_only=True):
    """A process wanted to attach or to unlink a block, and there is none of this name any more."""


@dataclass(slots=True)
class MemoryBlock:
    """A block of shared memory."""

    id: str
    name: str
    size: int
    """Bytes."""
    created_by: str = ""
    """Process key; empty if it was there before the program."""
    attached: dict[str, int] = field(default_factory=dict)
    """Process key: how many times it has the block attached now."""
    attached_ever: set[str] = field(default_factory=set)
    """Keys of all processes that have had it attached."""
    uses: int = 1
    """How often its name has been used, including this time."""
    unlinked: bool = False
    unlinked_by: str = ""
    """Process key."""
    missed_by: str = ""
    """Key of the first process that did not find it any more, though it had not been unlinked."""
    missed: int = -1
    """When that was, nanoseconds; -1 for never."""
    missed_at: int = 0
    """The place in the source."""


def _created(state: RunState, process: Process, event: MemoryCreated) -> None:
    blocks = state.table(MemoryBlock)
    before, uses = blocks.pop(event.object, None), 1
    if before is not None:
        # The name of an unlinked block may be used again.
        before.id, uses = free_id(blocks, event.object, before.uses)
        blocks[before.id] = before
    name = name_object(state, event.site, "SharedMemory")
    block = MemoryBlock(event.object, name, event.size, created_by=process.key, uses=uses)
    blocks[event.object] = block
    _attach(block, process)
    process.site = event.site or process.site


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
    process.site = event.site or process.site


def _closed(state: RunState, process: Process, block: MemoryBlock, event: MemoryClosed) -> None:
    left = block.attached.pop(process.key, 1) - 1
    if left > 0:
        block.attached[process.key] = left


def _unlinked(state: RunState, process: Process, block: MemoryBlock, event: MemoryUnlinked) -> None:
    block.unlinked = True
    block.unlinked_by = process.key


def _missing(state: RunState, process: Process, block: MemoryBlock, event: MemoryMissing) -> None:
    if block.missed < 0 and not block.unlinked:
        block.missed_by, block.missed, block.missed_at = process.key, event.time, event.site


def _process_ended(state: RunState, process: Process) -> None:
    for block in state.table(MemoryBlock).values():
        block.attached.pop(process.key, None)


def _entry(state: RunState, block: MemoryBlock) -> dict[str, Any]:
    users = [process for process in state.processes.values() if process.key in block.attached_ever]
    return {
        "id": block.id,
        "name": block.name,
        "size": block.size,
        "created_by_pid": state.pid_of(block.created_by),
        "attached_by": [process.pid for process in users],
        "attached_now": [process.pid for process in users if process.key in block.attached],
        "unlinked": block.unlinked,
    }


def _line(state: RunState, block: MemoryBlock) -> str:
    unlinked = "unlinked" if block.unlinked else "never unlinked"
    return f"shared memory {block.name}: {plural(block.size, 'byte')}, {unlinked}"


PRIMITIVE = Primitive(
    handlers={
        MemoryCreated: _created,
        MemoryAttached: _attached,
        MemoryClosed: known(MemoryBlock, _closed),
        MemoryUnlinked: known(MemoryBlock, _unlinked),
        MemoryMissing: known(MemoryBlock, _missing),
    },
    process_ended=_process_ended,
    report=ObjectReport(
        section="shared_memory",
        thing="block of shared memory",
        things="blocks of shared memory",
        objects=all_of(MemoryBlock),
        weight=lambda block: (not block.unlinked, block.size),
        entry=_entry,
        line=_line,
    ),
)
