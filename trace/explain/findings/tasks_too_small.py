"""Rule: tasks so small that handing them out takes longer than doing them."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.measures import Rate
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool
from mpviz.trace.model.state import Finding, RunState

SMALL_TASKS = 1000
"""Minimum number of tasks that a pool has done before their size is judged."""

SMALL_TASK_NANOSECONDS = 200_000
"""Maximum average duration of a small task, nanoseconds."""

SMALL_TASKS_A_SECOND = 500
"""Minimum tasks a second: with fewer, it is the program that is slow to make them."""

SMALL_TASKS_WORK_SHARE = 0.5
"""Maximum share (0 to 1) of worker time spent in tasks."""

SMALL_TASKS_HOLD_NANOSECONDS = 500_000_000
"""Minimum time for which all of that is true, nanoseconds."""

GOOD_TASK_NANOSECONDS = 20_000_000
"""A task of so many nanoseconds makes the way to a worker and back cheap."""

_TENTHS = 10


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        mean = pool.duration.mean
        if pool.duration.count < SMALL_TASKS or mean > SMALL_TASK_NANOSECONDS:
            continue
        rate = _rate(pool)
        at_work = rate * mean / 1e9 / max(1, pool.most_at_work)
        if rate >= SMALL_TASKS_A_SECOND and at_work <= SMALL_TASKS_WORK_SHARE:
            yield _finding(pool, mean, at_work)


def _rate(pool: Pool) -> float:
    """Tasks a second in the last second of tasks, without the tenths of it that had none."""
    last = pool.last_end // Rate.STEP
    if last - pool.first_task // Rate.STEP <= _TENTHS:
        return 0.0
    counts = [count for step, count in pool.finished.recent if last - _TENTHS <= step < last]
    return sum(counts) * 1e9 / Rate.STEP / max(1, len(counts))


def _finding(pool: Pool, mean: int, at_work: float) -> Finding:
    job = next(reversed(pool.jobs.values()), None)
    function = f" of {job.function}" if job is not None and job.function else ""
    return Finding(
        subject=pool.id,
        message=f"tasks{function} take {briefly(mean)} on average, so that the workers of"
        f" {pool.name} are at work {at_work:.0%} of the time",
        cause="Sending a task to a worker and its result back takes longer than doing it.",
        fix=_fix(pool, job, mean),
        processes=(pool.process, *pool.done_by) if pool.process else tuple(pool.done_by),
        objects=(pool.id,),
        since=pool.first_task,
    )


def _fix(pool: Pool, job: Job | None, mean: int) -> str:
    if job is None or job.call in SINGLE_CALLS or job.items <= 0:
        return "Hand out many items at once: map with a chunksize, or a function that does many."
    an_item = max(1.0, mean * pool.duration.count / max(1, sum(pool.items_by.values())))
    # At least four chunks for each worker keep all workers busy to the end.
    most = max(1, job.items // (4 * max(1, pool.size)))
    chunksize = max(1, min(most, round(GOOD_TASK_NANOSECONDS / an_item)))
    chunks = plural(-(-job.items // chunksize), "task")
    return (
        f"Hand out many items at once: chunksize={chunksize} would make {chunks} of"
        f" {briefly(chunksize * an_item)} each."
    )


RULE = Rule(
    name="tasks-too-small",
    says="tasks so small that handing them out takes longer than doing them",
    threshold=f"{SMALL_TASKS} tasks of {briefly(SMALL_TASK_NANOSECONDS)} or less on"
    f" average, {SMALL_TASKS_A_SECOND} a second or more, for"
    f" {1 + SMALL_TASKS_HOLD_NANOSECONDS / 1e9:g} s",
    exempt="pools with few tasks to do, because the program is slow to make them",
    find=_find,
    stays=Stays.AS_IT_WAS,
    holds=SMALL_TASKS_HOLD_NANOSECONDS,
)
