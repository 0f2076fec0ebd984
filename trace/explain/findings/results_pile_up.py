"""Rule: results of an imap come faster than the program takes them."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Job, Pool
from mpviz.trace.model.state import Finding, RunState

PILED_RESULTS = 250
"""Minimum number of results that have come and were not taken."""

PILED_SHARE = 0.3
"""Minimum share (0 to 1) of all results that have come, and that were not taken."""

PILED_TAKEN = 20
"""Minimum number of results that were taken: a program may take none before all are there."""

PILED_NANOSECONDS = 2_000_000_000
"""For how long it has to be so, nanoseconds."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        job = pool.piled_up
        if job is None or job.ended >= 0 or job.piled_up < PILED_RESULTS:
            continue
        taken = job.came - job.piled_up
        if taken >= PILED_TAKEN and job.piled_up >= PILED_SHARE * job.came:
            yield _finding(pool, job, taken)


def _finding(pool: Pool, job: Job, taken: int) -> Finding:
    return Finding(
        subject=f"{pool.id}/{job.number}",
        message=f"{plural(job.piled_up, 'result')} of {job.call} of"
        f" {job.function or 'its function'} wait to be taken: of {job.came:,} that had come, the"
        f" program had taken {taken:,}",
        cause=f"The workers of {pool.name} are faster than the loop that takes their results, and"
        " nothing holds them back. The results that wait take memory.",
        fix="Do what the loop does with each result in the workers; or have the items wait for a"
        " semaphore that the loop releases for each result it has taken.",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
        since=job.submitted,
    )


RULE = Rule(
    name="results-pile-up",
    says="results of an imap that come faster than the program takes them",
    threshold=f"{PILED_RESULTS} results that wait, {PILED_SHARE:.0%} of all that have come, for"
    f" {briefly(PILED_NANOSECONDS)}, while {PILED_TAKEN} or more were taken",
    exempt="a program that takes no result before all are there; a loop that keeps up; map",
    find=_find,
    holds=PILED_NANOSECONDS,
    stays=Stays.AS_IT_WAS,
)
