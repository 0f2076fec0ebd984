"""Rule: results that somebody waits for, of a Pool that was terminated before they had come."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.pool_state import Job, Pool, job_at
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import Finding, RunState

TERMINATED_NANOSECONDS = 500_000_000
"""Minimum time for which somebody waits for results of a terminated pool, nanoseconds."""


def _find(state: RunState) -> Iterator[Finding]:
    for process, wait in waits_without_timeout(state):
        pool_id, _, number = wait.object.rpartition("/")
        pool = state.table(Pool).get(pool_id) if wait.what == "results" else None
        # Executors and mpire's pools let nobody wait: their calls fail.
        if pool is None or pool.kind != "Pool" or pool.ended != "terminate":
            continue
        job = job_at(pool, number)
        if job is not None and job.ended < 0:
            yield _finding(state, process, wait, pool, job)


def _finding(state: RunState, process: Process, wait: Wait, pool: Pool, job: Job) -> Finding:
    what = job.function or job.call
    waits_at = f", at {state.place(wait.site)}" if wait.site in state.sites else ""
    ended_at = f" at {state.place(pool.ended_at)}" if pool.ended_at in state.sites else ""
    return Finding(
        subject=wait.object,
        message=f"{described(process)} waits for results of {what}{waits_at}, which never come:"
        f" {pool.name} was terminated{ended_at} before it had them",
        cause="terminate() ends the workers at once, and so does the end of a with block of a Pool."
        " Tasks that are not done by then are dropped, and nobody who waits for them is told.",
        fix="Ask for all results within the with block, or call close() and join() instead of"
        " terminate().",
        processes=(process.key,),
        objects=(wait.object,),
        since=wait.since,
    )


RULE = Rule(
    name="terminated-pool",
    says="results of a Pool that was terminated before they had come, while somebody waits for"
    " them",
    threshold=f"somebody waits for {briefly(TERMINATED_NANOSECONDS)} for them, without a time-out",
    exempt="executors and mpire's pools, whose calls fail; pools that were closed",
    find=_find,
    stays=Stays.OVER,
    holds=TERMINATED_NANOSECONDS,
    is_a_dead_end=True,
)
