"""Rule: a pool of which only one worker is ever at work, since each result is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool
from mpviz.trace.model.state import Finding, RunState

ONE_AT_A_TIME_JOBS = 8
"""Single calls, none of which had another beside it."""

ONE_AT_A_TIME_NANOSECONDS = 500_000_000
"""Nanoseconds from the first of these calls to the end of the last."""

ONE_AT_A_TIME_BUSY_SHARE = 0.7
"""Minimum share (0 to 1) of that time in which a worker was at one of them, and of the calls whose
results were waited for."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if pool.size < 2 or pool.most_at_work != 1 or pool.first_task < 0:
            continue
        jobs = [job for job in (*pool.jobs.values(), pool.past) if job.done]
        if not all(job.call in SINGLE_CALLS for job in jobs if job is not pool.past):
            continue
        lasted = pool.last_end - pool.first_task
        if (
            len(jobs) >= ONE_AT_A_TIME_JOBS
            and lasted >= ONE_AT_A_TIME_NANOSECONDS
            and sum(job.busy for job in jobs) >= ONE_AT_A_TIME_BUSY_SHARE * lasted
            and pool.waited_for >= ONE_AT_A_TIME_BUSY_SHARE * len(jobs)
            and _follow_each_other(pool)
        ):
            yield _finding(pool, jobs)


def _follow_each_other(pool: Pool) -> bool:
    """Whether each call was submitted when the one before had come back."""
    return all(0 <= one.ended <= other.submitted for one, other in pairwise(pool.jobs.values()))


def _finding(pool: Pool, jobs: list[Job]) -> Finding:
    calls = sum(max(1, job.done) for job in jobs)
    return Finding(
        subject=pool.id,
        message=f"never more than 1 of the {plural(pool.size, 'worker')} of {pool.name} had a"
        f" task: each of {calls} calls was waited for before the next was submitted",
        cause="The loop that submits a call waits for its result before it submits the next: the"
        " other workers have nothing to do.",
        fix="Submit all calls first and ask for the results afterwards; or use map(), or"
        " as_completed().",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
        since=pool.first_task,
    )


RULE = Rule(
    name="one-at-a-time",
    says="a pool that never has two tasks at once, since each result is waited for",
    threshold=f"{ONE_AT_A_TIME_JOBS} single calls, one after the other for"
    f" {briefly(ONE_AT_A_TIME_NANOSECONDS)}, {ONE_AT_A_TIME_BUSY_SHARE:.0%} of"
    " it at work",
    exempt="a pool of one worker; calls with pauses between them, as a service has them; map",
    find=_find,
    stays=Stays.WITHDRAWN,
)
