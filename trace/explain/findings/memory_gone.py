"""Rule: shared memory that is gone although no process has unlinked it.

Who removed it is not observed: a resource tracker is no process of the program. It follows if one
was at hand: that of a process which had attached the block, and had ended by then.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.primitives.memory import MemoryBlock
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

BLOCKS_MISSED = 1
"""Blocks that a process did not find any more."""


def _find(state: RunState) -> Iterator[Finding]:
    missed = [each for each in state.table(MemoryBlock).values() if each.missed >= 0]
    if len(missed) < BLOCKS_MISSED:
        return
    trackers = {each.parent for each in state.processes.values() if each.role == "resource tracker"}
    for block in missed:
        maker = state.processes.get(block.created_by)
        ended = [
            process
            for process in state.processes.values()
            if process is not maker and _has_left(process, block, trackers)
        ]
        if maker is not None and not block.unlinked and ended:
            yield _finding(state, block, maker, max(ended, key=lambda each: each.ended))


def _has_left(process: Process, block: MemoryBlock, trackers: set[str]) -> bool:
    """Whether a process with a resource tracker of its own had the block, and ended before."""
    has_tracker = process.role == "program" or process.key in trackers
    had_it = process.key in block.attached_ever
    return had_it and has_tracker and 0 <= process.ended <= block.missed


def _finding(state: RunState, block: MemoryBlock, maker: Process, ended: Process) -> Finding:
    missed_by = state.processes[block.missed_by]
    place = state.place(block.missed_at)
    where = f", at {place}" if place else ""
    return Finding(
        subject=block.id,
        message=f"shared memory {block.name} of {described(maker)} is gone, and nobody had unlinked"
        f" it: {_named(ended)} had attached it, and had ended when {_named(missed_by)} looked for"
        f" it{where}",
        cause="A program that attaches a block tells its own resource tracker, and that unlinks the"
        " block when the program ends, even if others still need it.",
        fix="Attach it with track=False (Python 3.13 and later). Before that, where it is attached,"
        ' call resource_tracker.unregister(block._name, "shared_memory").',
        processes=(ended.key, maker.key),
        objects=(block.id,),
        since=ended.ended,
    )


def _named(process: Process) -> str:
    """Its name; other programs may all have the same."""
    is_program = process.role == "program"
    return described(process) + f" (pid {process.pid})" * is_program


RULE = Rule(
    name="memory-gone",
    says="shared memory that is gone, though no process has unlinked it",
    threshold=f"{BLOCKS_MISSED} block that a process does not find any more, after the end of"
    " another program that had attached it",
    exempt="blocks that a process has unlinked; processes that share a resource tracker with the"
    " process that made the block; blocks whose names nobody asks for again",
    find=_find,
    stays=Stays.AS_IT_WAS,
    at_end=True,
)
