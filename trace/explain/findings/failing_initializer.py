"""Rule: a pool whose workers die in their initializer, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.seen import Thing
from mpviz.trace.model.processes.identity import described, exit_in_words, failure_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, Finding, RunState

FAILED_INITIALIZERS = 4
"""Workers that ended within the initializer."""

SEEN_TO_END = 4
"""Workers that were seen from outside to end as soon as they had started."""

SHORT_NANOSECONDS = 3_000_000_000
"""Nanoseconds that these lived at most."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        # An executor is broken by it, and says so.
        is_failing = pool.kind == "Pool" and pool.failed_initializers >= FAILED_INITIALIZERS
        if is_failing and not pool.initialized:
            yield _finding(state, pool)
    if state.run is not None and state.run.attached:
        yield from _seen(state)


def _seen(state: RunState) -> Iterator[Finding]:
    """Workers that end as soon as they are started, as looks from outside have found it."""
    for process, wait in waits_without_timeout(state):
        if not wait.object.startswith("results "):
            continue
        thing = state.table(Thing).get(wait.object)
        children = list(_children_of(state, process.key))
        since = thing.since if thing is not None else wait.since
        dead = [
            each
            for each in children
            if each.ended >= 0 and each.first_seen >= since and not _has_lived(state, each)
        ]
        lives = any(each.alive and _has_lived(state, each) for each in children)
        if len(dead) < SEEN_TO_END or lives:
            continue
        failed = [each for each in dead if each.exit_code]
        # A Pool can have a worker for each task: then results come, and it ends well.
        is_progress_known = thing is not None and thing.left >= 0
        if any(each.exit_code == 0 for each in dead) or not (failed or is_progress_known):
            continue
        how = f" ({exit_in_words(failed[0])})" if failed else ""
        yield Finding(
            subject=wait.object,
            message=f"{described(process)} waits for {thing.name if thing else 'results'}, and its"
            f" workers end as soon as they have started: {len(dead)} of them within"
            f" {duration(state.now - state.origin)}{how}",
            cause="The initializer of the pool raises, or ends the process; or the worker cannot"
            " start, or its first task ends it. A Pool starts another worker for each that ends,"
            " for ever, and no task is ever done. A worker prints why it raised.",
            fix="Read what the workers print on stderr. Call the initializer once in the main"
            " process to see what it raises.",
            processes=(process.key,),
            objects=(wait.object,),
            since=wait.since,
        )


def _children_of(state: RunState, key: str) -> Iterator[Process]:
    """Its children, and those that its fork server has started for it."""
    for each in state.processes.values():
        parent = state.processes.get(each.parent)
        if parent is not None and parent.role == "fork server" and parent.key != key:
            parent = state.processes.get(parent.parent)
        if parent is not None and parent.key == key and each.role not in HELPERS:
            yield each


def _has_lived(state: RunState, process: Process) -> bool:
    """Whether it came through its initializer, or takes too long for one that fails at once."""
    if process.wait is not None and process.wait.what == "seen-task":
        return True
    end = process.ended if process.ended >= 0 else state.now
    return end - process.first_seen >= SHORT_NANOSECONDS


def _finding(state: RunState, pool: Pool) -> Finding:
    workers_of = (state.processes[key] for key in pool.workers)
    failed = next((each for each in workers_of if each.failure and not each.alive), None)
    why = f" ({failure_in_words(state, failed)})" if failed is not None else ""
    workers = plural(len(pool.workers), "worker")
    return Finding(
        subject=pool.id,
        message=f"no worker of {with_kind('Pool', pool.name)} survives its initializer"
        f" {pool.initializer}: {workers} started,"
        f" {pool.failed_initializers:,} ended within it{why}",
        cause="The initializer raises, or ends the process. A Pool starts another worker for each"
        " that ends, for ever, and no task is ever done. A worker prints why it raised.",
        fix="Call the initializer once in the main process to see what it raises; catch there what"
        " may go wrong.",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
    )


RULE = Rule(
    name="failing-initializer",
    says="a pool whose workers all die in their initializer",
    threshold=f"{FAILED_INITIALIZERS} workers ended within it, and none came through",
    exempt="a pool of which at least one worker came through",
    find=_find,
    stays=Stays.WITHDRAWN,
    is_a_dead_end=True,
)
