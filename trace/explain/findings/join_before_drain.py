"""Rule: a join of a process that cannot end before others take its items out of a queue."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import HELPERS, Finding, RunState

JOIN_BEFORE_DRAIN_NANOSECONDS = 1_000_000_000
"""Minimum time for which nothing is taken out of the queue, nanoseconds."""

_HELD_UP = ("put", "drain", "process", "workers")
"""Waits during which a process takes nothing out of a queue."""


def _find(state: RunState) -> Iterator[Finding]:
    if not state.table(Queue):
        return
    every = list(waits_without_timeout(state))
    full: dict[str, dict[str, Wait]] = {}
    for process, wait in every:
        if wait.what in ("put", "drain"):
            full.setdefault(wait.object, {})[process.key] = wait
    for queue_id, putters in full.items():
        queue = state.table(Queue).get(queue_id)
        if queue is None or queue.dead_turns or _was_read_lately(state, queue):
            continue
        joins = [
            (process, wait, joined)
            for process, wait in every
            if (joined := [key for key in _joined(state, wait) if key in putters])
        ]
        if _will_be_read(state, queue, {process.key for process, _, _ in joins}):
            continue
        for process, wait, joined in joins:
            since = max(wait.since, *(putters[key].since for key in joined))
            yield _finding(state, queue, process, tuple(joined), since)


def _joined(state: RunState, wait: Wait) -> list[str]:
    """Keys of the processes whose end is waited for."""
    if wait.what == "process":
        return [wait.object]
    pool = state.table(Pool).get(wait.object) if wait.what == "workers" else None
    return [] if pool is None else list(pool.workers)


def _was_read_lately(state: RunState, queue: Queue) -> bool:
    last = queue.gets.begins
    return queue.gets.count > 0 and state.now - last < JOIN_BEFORE_DRAIN_NANOSECONDS


def _will_be_read(state: RunState, queue: Queue, joiners: set[str]) -> bool:
    return any(_may_read(process, queue, joiners) for process in state.processes.values())


def _may_read(process: Process, queue: Queue, joiners: set[str]) -> bool:
    """Whether a process may take something out of the queue, now or later, as far as is known."""
    if not process.alive or process.role in (*HELPERS, "manager"):
        return False
    if any(wait.what == "get" and wait.object == queue.id for wait in process.waits.values()):
        return True
    if process.key in joiners:
        # Another of its threads may read, unless none ever has and the whole process sleeps.
        return process.key in queue.read_aside or not process.resting
    if _is_held_up(process) or process.zombie:
        return False
    is_busy_otherwise = process.key in queue.putters or bool(process.waits)
    return process.key in queue.takers or not is_busy_otherwise


def _is_held_up(process: Process) -> bool:
    """Whether its main thread waits, without a time-out, where it cannot read."""
    main = process.waits.get(0)
    return main is not None and main.until < 0 and main.what in _HELD_UP


def _finding(
    state: RunState, queue: Queue, joiner: Process, joined: tuple[str, ...], since: int
) -> Finding:
    items = plural(queue.depth, "item") if queue.depth > 0 else "its items"
    who = names_of(state, joined)
    them = "it" if queue.depth == 1 else "them"
    cannot = "which cannot end" if len(joined) == 1 else "none of which can end"
    return Finding(
        subject=f"{joiner.key} {queue.id}",
        message=f"{described(joiner)} waits to join {who}, {cannot} until {items} of {queue.name}"
        f" {'is' if queue.depth == 1 else 'are'} taken out, and nobody takes {them}",
        cause="Items of a queue go through a pipe, which holds 64 KB. A process ends only when all"
        " its items are in the pipe, and the process that should empty the pipe waits in join.",
        fix="Take all items out of the queue first, then join.",
        processes=(joiner.key, *joined),
        objects=(queue.id,),
        since=since,
    )


RULE = Rule(
    name="join-before-drain",
    says="a join of a process that cannot end because nobody takes its items out of a queue",
    threshold=f"nothing is taken out for {briefly(JOIN_BEFORE_DRAIN_NANOSECONDS)}",
    exempt="queues that another process reads, has read or may still read; a join or a put with a"
    " time-out; processes that merely take long to end",
    find=_find,
    stays=Stays.WITHDRAWN,
    holds=JOIN_BEFORE_DRAIN_NANOSECONDS,
    is_a_dead_end=True,
)
