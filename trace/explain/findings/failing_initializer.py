"""Rule: a pool whose workers die in their initializer, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.identity import failure_in_words
from mpviz.trace.model.state import Finding, RunState

FAILED_INITIALIZERS = 4
"""Workers that ended within the initializer."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        # An executor is broken by it, and says so.
        is_failing = pool.kind == "Pool" and pool.failed_initializers >= FAILED_INITIALIZERS
        if is_failing and not pool.initialized:
            yield _finding(state, pool)


def _finding(state: RunState, pool: Pool) -> Finding:
    workers_of = (state.processes[key] for key in pool.workers)
    failed = next((each for each in workers_of if each.failure and not each.alive), None)
    why = f" ({failure_in_words(state, failed)})" if failed is not None else ""
    workers = plural(len(pool.workers), "worker")
    return Finding(
        subject=pool.id,
        message=f"no worker of pool {pool.name} survives its initializer {pool.initializer}:"
        f" {workers} started, {pool.failed_initializers:,} ended within it{why}",
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
