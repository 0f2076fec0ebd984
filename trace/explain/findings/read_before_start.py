"""Rule: a map that reads a slow iterator to its end before its first task can start."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Job, Pool
from mpviz.trace.model.state import Finding, RunState

READ_NANOSECONDS = 1_000_000_000
"""Minimum time that the reading took, nanoseconds."""

READ_SHARE = 0.3
"""Minimum share (0 to 1) of the job's time, from the first item read to its end, or to now."""

READING_NANOSECONDS = 5_000_000_000
"""From this time on, nanoseconds, it is told of a reading that has not come to its end."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        since = min(pool.reading.values(), default=-1)
        if since >= 0 and not pool.at_work and state.now - since >= READING_NANOSECONDS:
            yield _still_reading(state, pool, since)
        elif pool.longest_read is not None and _took_long(state, pool.longest_read):
            yield _read(state, pool, pool.longest_read)


def _share(state: RunState, job: Job) -> float:
    end = job.ended if job.ended >= 0 else state.now
    return job.read_for / max(1, end - job.submitted + job.read_for)


def _took_long(state: RunState, job: Job) -> bool:
    return job.read_for >= READ_NANOSECONDS and _share(state, job) >= READ_SHARE


def _read(state: RunState, pool: Pool, job: Job) -> Finding:
    return _finding(
        pool,
        f"{job.call} of {job.function} read {plural(max(0, job.items), 'item')} for"
        f" {briefly(job.read_for)}, {_share(state, job):.0%} of the job's time, before its first"
        f" task could start: {plural(pool.size, 'worker')} of {pool.name} had nothing to do",
        job.submitted - job.read_for,
    )


def _still_reading(state: RunState, pool: Pool, since: int) -> Finding:
    return _finding(
        pool,
        f"a map has read its items for {briefly(state.now - since)} so far, and none of its tasks"
        f" can start before it has read the last one: {plural(pool.size, 'worker')} of {pool.name}"
        f" ha{'s' if pool.size == 1 else 've'} nothing to do",
        since,
    )


def _finding(pool: Pool, message: str, since: int) -> Finding:
    return Finding(
        subject=pool.id,
        message=message,
        cause="map() needs to know how many items there are. A generator has no length, so map()"
        " first reads all that it yields into a list.",
        fix="Use imap() or imap_unordered(), which hand out each item when it is there; or a list.",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
        since=since,
    )


RULE = Rule(
    name="read-before-start",
    says="a map that reads a slow generator to its end before its first task can start",
    threshold=f"{briefly(READ_NANOSECONDS)} and {READ_SHARE:.0%} of the job's time, or"
    f" {briefly(READING_NANOSECONDS)} while it reads, with no worker at a task",
    exempt="lists, and what else has a length; generators that are read quickly; imap",
    find=_find,
    stays=Stays.WITHDRAWN,
)
