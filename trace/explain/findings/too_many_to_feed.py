"""Rule: a pool with many more workers than ever have something to do."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if not _has_too_many(pool):
            continue
        # After the finding, only what the pool did counts, no longer who feeds it.
        is_known = ("too-many-to-feed", pool.id) in state.findings
        if _hardly_works(pool) and (is_known or (not pool.ended and _starves(state, pool))):
            yield _finding(state, pool)


def _has_too_many(pool: Pool) -> bool:
    workers = _workers(pool)
    if workers < limits.FED_WORKERS or pool.last_end < 0:
        return False
    return pool.most_at_work <= workers * limits.FED_AT_WORK_SHARE


def _hardly_works(pool: Pool) -> bool:
    time = pool.last_end - pool.first_task
    return pool.duration.total <= limits.FED_WORK_SHARE * time * _workers(pool)


def _nearly(state: RunState, pool_id: str) -> bool:
    pool = state.table(Pool).get(pool_id)
    return pool is not None and _has_too_many(pool)


def _workers(pool: Pool) -> int:
    """How many it has at a time; an executor starts fewer than it may, where fewer are enough."""
    return min(pool.size, len(pool.workers))


def _starves(state: RunState, pool: Pool) -> bool:
    time = pool.last_end - pool.first_task
    return (
        time >= limits.FED_NANOSECONDS
        and sum(pool.done_by.values()) >= _workers(pool)
        and _busy_share(state, pool) + _waits_share(state, pool) >= limits.FED_FEEDER_SHARE
    )


def _busy_share(state: RunState, pool: Pool) -> float:
    """Of the samples of who made the pool, that found it at work."""
    feeder = state.processes.get(pool.process)
    return feeder.busy_samples / max(1, feeder.samples) if feeder is not None else 0.0


def _waits_share(state: RunState, pool: Pool) -> float:
    """Of the time since the first task, that who made the pool waits for its results."""
    feeder = state.processes.get(pool.process)
    if feeder is None:
        return 0.0
    done = feeder.lane.mix(pool.first_task, pool.last_end)
    return done[Activity.RESULT] / max(1, pool.last_end - pool.first_task)


def _finding(state: RunState, pool: Pool) -> Finding:
    workers, most = _workers(pool), pool.most_at_work
    time = pool.last_end - pool.first_task
    one_by_one = most == 1 and _waits_share(state, pool) >= limits.FED_FEEDER_SHARE
    at_work = pool.duration.total / max(1, time * workers)
    mean = briefly(pool.duration.mean)
    idle = [key for key in pool.workers if key not in pool.done_by]
    return Finding(
        subject=pool.id,
        message=f"of {plural(workers, 'worker')} of {pool.name} never more than {most} were at"
        f" work at once, and they worked {at_work:.0%} of the time",
        cause=_cause(one_by_one, mean),
        fix=_fix(one_by_one, most),
        processes=(pool.process, *idle, *(key for key in pool.workers if key in pool.done_by)),
        objects=(pool.id,),
        since=pool.first_task,
    )


def _cause(one_by_one: bool, mean: str) -> str:
    if one_by_one:
        return "The next call is made only when the result of the one before is there."
    return f"Tasks take {mean} and are handed out more slowly than that many workers do them."


def _fix(one_by_one: bool, most: int) -> str:
    if one_by_one:
        return "Hand out all calls before you wait for a result: map, imap or apply_async."
    return f"Start {plural(most, 'worker')}, or find out what keeps the tasks from coming faster."


RULE = Rule(
    name="too-many-to-feed",
    says="a pool with many more workers than ever have something to do",
    threshold=f"{limits.FED_WORKERS} workers or more, of which"
    f" {limits.FED_AT_WORK_SHARE:.0%} at most ever work at once, and"
    f" {limits.FED_WORK_SHARE:.0%} of their time, over {briefly(limits.FED_NANOSECONDS)}",
    exempt="a pool that has had fewer tasks than workers; a program that sleeps, or waits for"
    " something else than the pool's results",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
