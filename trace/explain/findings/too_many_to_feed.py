"""Rule: a pool with many more workers than ever have something to do, but more than one."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.state import Finding, RunState

FED_WORKERS = 8
"""Minimum number of workers of a pool: a few too many cost nothing."""

FED_AT_WORK = 2
"""Minimum number of them that have been at work at once: one alone has another cause."""

FED_AT_WORK_SHARE = 0.25
"""Maximum share (0 to 1) of the workers that were ever at work at once."""

FED_WORK_SHARE = 0.15
"""Maximum share (0 to 1) of worker time spent in tasks."""

FED_NANOSECONDS = 2_000_000_000
"""Minimum time since the first task, nanoseconds."""

FED_FEEDER_SHARE = 0.7
"""Minimum share (0 to 1) of that time in which the process that hands out the tasks is at work, or
waits for their results."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if not _has_too_many(pool):
            continue
        # Once it is found, only what the pool did counts, not what the feeding process does.
        is_known = ("too-many-to-feed", pool.id) in state.findings
        if _hardly_works(pool) and (is_known or (not pool.ended and _starves(state, pool))):
            yield _finding(state, pool)


def _has_too_many(pool: Pool) -> bool:
    workers = _workers(pool)
    if workers < FED_WORKERS or pool.last_end < 0:
        return False
    return FED_AT_WORK <= pool.most_at_work <= workers * FED_AT_WORK_SHARE


def _hardly_works(pool: Pool) -> bool:
    time = pool.last_end - pool.first_task
    return pool.duration.total <= FED_WORK_SHARE * time * _workers(pool)


def _nearly(state: RunState, pool_id: str) -> bool:
    pool = state.table(Pool).get(pool_id)
    return pool is not None and _has_too_many(pool)


def _workers(pool: Pool) -> int:
    """How many it has at a time; an executor starts fewer than it may if fewer are enough."""
    return min(pool.size, len(pool.workers))


def _starves(state: RunState, pool: Pool) -> bool:
    time = pool.last_end - pool.first_task
    return (
        time >= FED_NANOSECONDS
        and sum(pool.done_by.values()) >= _workers(pool)
        and _busy_share(state, pool) + _waits_share(state, pool) >= FED_FEEDER_SHARE
    )


def _busy_share(state: RunState, pool: Pool) -> float:
    """Share (0 to 1) of the samples that found the process that made the pool at work."""
    feeder = state.processes.get(pool.process)
    return feeder.busy_samples / max(1, feeder.samples) if feeder is not None else 0.0


def _waits_share(state: RunState, pool: Pool) -> float:
    """Share (0 to 1) of the time since the first task for which that process waits for results."""
    feeder = state.processes.get(pool.process)
    if feeder is None:
        return 0.0
    done = feeder.lane.mix(pool.first_task, pool.last_end)
    return done[Activity.RESULT] / max(1, pool.last_end - pool.first_task)


def _finding(state: RunState, pool: Pool) -> Finding:
    workers, most = _workers(pool), pool.most_at_work
    time = pool.last_end - pool.first_task
    at_work = pool.duration.total / max(1, time * workers)
    mean = briefly(pool.duration.mean)
    idle = [key for key in pool.workers if key not in pool.done_by]
    return Finding(
        subject=pool.id,
        message=f"of {plural(workers, 'worker')} of {pool.name} at most {most} worked at once,"
        f" and on average each worked {at_work:.0%} of the time",
        cause=f"Tasks take {mean} and are handed out more slowly than so many workers do them.",
        fix=f"Start {plural(most, 'worker')}, or find out what keeps tasks from coming faster.",
        processes=(pool.process, *idle, *(key for key in pool.workers if key in pool.done_by)),
        objects=(pool.id,),
        since=pool.first_task,
    )


RULE = Rule(
    name="too-many-to-feed",
    says="a pool with many more workers than ever have something to do",
    threshold=f"{FED_WORKERS} workers or more, of which"
    f" {FED_AT_WORK_SHARE:.0%} at most ever work at once, and"
    f" {FED_WORK_SHARE:.0%} of their time, over {briefly(FED_NANOSECONDS)}",
    exempt="pools that have had fewer tasks than workers; programs that sleep, or wait for"
    " something else than the pool's results",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
