"""Rule: a pool whose workers die in their initializer, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.seen import Thing
from mpviz.trace.model.processes.identity import described, failure_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, Finding, RunState

FAILED_INITIALIZERS = 4
"""Workers that ended within the initializer."""

SEEN_TO_END = 6
"""Workers that were seen from outside to end as soon as they had started."""

SHORT_NANOSECONDS = 1_000_000_000
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
        children = [each for each in state.processes.values() if each.parent == process.key]
        dead = [each for each in children if 0 <= each.ended < each.first_seen + SHORT_NANOSECONDS]
        if len(dead) < SEEN_TO_END or any(_has_lived(state, each) for each in children):
            continue
        thing = state.table(Thing).get(wait.object)
        yield Finding(
            subject=wait.object,
            message=f"{described(process)} waits for {thing.name if thing else 'results'}, and its"
            f" workers end as soon as they have started: {len(dead)} of them within"
            f" {duration(state.now - state.origin)}",
            cause="The initializer of the pool raises, or ends the process; or the worker cannot"
            " start. A Pool starts another worker for each that ends, for ever, and no task is ever"
            " done. A worker prints why it raised.",
            fix="Read what the workers print on stderr. Call the initializer once in the main"
            " process to see what it raises.",
            processes=(process.key,),
            objects=(wait.object,),
            since=wait.since,
        )


def _has_lived(state: RunState, process: Process) -> bool:
    end = process.ended if process.ended >= 0 else state.now
    return process.role not in HELPERS and end - process.first_seen >= SHORT_NANOSECONDS


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
