"""Rule: a pool or executor that is used in a process which has only a copy of it, by a fork."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.primitives.pool_state import Astray, Pool
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

CALLS_ASTRAY = 1
"""Calls that a process has submitted to its copy of a pool."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        for key, calls in pool.astray.items():
            if calls.count >= CALLS_ASTRAY:
                yield _finding(state, pool, state.processes[key], calls)


def _finding(state: RunState, pool: Pool, process: Process, calls: Astray) -> Finding:
    kind = "executor" if pool.is_executor else "pool"
    maker = state.processes.get(pool.process)
    made = f", which {described(maker)} has made" if maker is not None else ""
    them = "it" if calls.count == 1 else "them"
    place = state.place(process.wait.site) if process.wait is not None else ""
    waits = f", and {described(process)} waits at {place}" if place else ""
    return Finding(
        subject=f"{pool.id} {process.key}",
        message=f"{described(process)} has submitted {plural(calls.count, 'call')} of"
        f" {calls.function} to {with_kind(kind, pool.name)}{made}:"
        f" no worker will ever get {them}{waits}",
        cause=f"The fork gave this process a copy of the {kind}, without the threads that hand out"
        " its calls and receive the results. What is submitted there waits for ever.",
        fix=f"Make a {kind} of its own in the process that uses it; or have the process that made"
        " this one submit the calls, and send it the work through a queue.",
        processes=(process.key, *filter(None, (pool.process,))),
        objects=(pool.id,),
        since=calls.since,
    )


RULE = Rule(
    name="forked-pool",
    says="a Pool or ProcessPoolExecutor that is used in a process which did not make it",
    threshold=f"{CALLS_ASTRAY} call that is submitted there",
    exempt="an executor that had not been used yet at the fork: it begins to work where it is used",
    find=_find,
    stays=Stays.AS_IT_WAS,
    is_a_dead_end=True,
)
