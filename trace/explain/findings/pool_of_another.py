"""Rule: a process waits for results of a Pool that another process made."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, Wait
from mpviz.trace.model.state import Finding, RunState

OTHERS_POOL_NANOSECONDS = 1_000_000_000
"""Nanoseconds for which a process has waited."""


def _find(state: RunState) -> Iterator[Finding]:
    for process, wait in waits_without_timeout(state):
        if wait.what != "results" or state.now - wait.since < OTHERS_POOL_NANOSECONDS:
            continue
        pools = state.table(Pool)
        pool = pools.get(wait.object) or pools.get(wait.object.rpartition("/")[0])
        maker = state.processes.get(pool.process) if pool is not None else None
        if pool is not None and pool.kind == "Pool" and maker not in (None, process):
            yield _finding(state, process, wait, pool, maker)


def _finding(
    state: RunState, process: Process, wait: Wait, pool: Pool, maker: Process | None
) -> Finding:
    place = f", at {state.place(wait.site)}" if wait.site in state.sites else ""
    by = described(maker) if maker is not None else "another process"
    return Finding(
        subject=f"{process.key} {pool.id}",
        message=f"{described(process)} waits for results of {pool.name}, which {by} made, and which"
        f" does nothing in a fork{place}",
        cause="The threads that hand out tasks of a Pool and receive its results run in the process"
        " that made it. A forked process has a copy of the Pool without these threads.",
        fix="Make a Pool in the process that uses it, or give the work to the process that has one,"
        " for example through a queue.",
        processes=(process.key, *([maker.key] if maker is not None else [])),
        objects=(pool.id,),
        since=wait.since,
    )


RULE = Rule(
    name="pool-of-another",
    says="a process that waits for results of a Pool which another process made",
    threshold=f"it has waited for {briefly(OTHERS_POOL_NANOSECONDS)}, without a time-out",
    exempt="a Pool that the process made itself, also if its parent has one; executors",
    find=_find,
    stays=Stays.OVER,
    is_a_dead_end=True,
)
