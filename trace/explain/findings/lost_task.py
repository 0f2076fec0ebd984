"""Rule: a task of a Pool that is lost with its worker, while somebody waits for its job."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool, Task
from mpviz.trace.model.primitives.seen import Thing
from mpviz.trace.model.processes.identity import described, exit_in_words, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

LOST_TASK_NANOSECONDS = 500_000_000
"""Minimum time for which somebody waits for a job that has lost a task, nanoseconds."""

YOUNGER_TICKS = 10
"""Clock ticks, of 10 ms, between the starts of the first and the last worker of a pool, from which
on the last one was seen to be in the place of another."""

_CAUSE = (
    "A Pool replaces a dead worker, but does not know which task died with it: no other worker does"
    " that task again, and its result never comes."
)
_FIX = (
    "Find out what ended the worker: too much memory, a crash in C, a signal, or its own exit. A"
    " ProcessPoolExecutor raises BrokenProcessPool in this case; with a Pool, wait with a time-out,"
    " as in map_async(...).get(timeout=60)."
)

_LAZY_CALLS = ("imap", "imap_unordered")


def _find(state: RunState) -> Iterator[Finding]:
    yield from _seen(state)
    for pool in state.table(Pool).values():
        # In the other kinds the program learns of it: an executor breaks, and mpire's pools raise.
        if pool.lost_with and pool.kind == "Pool" and pool.ended != "terminate":
            yield from _in_pool(state, pool)


def _seen(state: RunState) -> Iterator[Finding]:
    """Tasks that nobody has, as looks from outside have found it: who had them is gone."""
    for process, wait in waits_without_timeout(state):
        thing = state.table(Thing).get(wait.object)
        if thing is None or thing.fault != "lost":
            continue
        workers = [state.processes[each.process] for each in thing.could]
        many = f"all {len(workers)} workers wait" if len(workers) > 1 else "its only worker waits"
        yield Finding(
            subject=wait.object,
            message=f"{described(process)} waits for {thing.name}, and nobody works on them:"
            f" {many} for a task{_younger(workers)}",
            cause=_CAUSE,
            fix=_FIX,
            processes=(process.key, *(each.key for each in workers)),
            objects=(wait.object,),
            since=wait.since,
        )


def _younger(workers: list[Process]) -> str:
    """The worker that was started well after the others, in the place of one that has ended."""
    ages = sorted(workers, key=lambda each: each.started_ticks)
    if len(ages) < 2 or ages[-1].started_ticks - ages[0].started_ticks < YOUNGER_TICKS:
        return ""
    return f"; {described(ages[-1])} has taken the place of one that has ended"


def _in_pool(state: RunState, pool: Pool) -> Iterator[Finding]:
    lost: dict[str, list[str]] = {}
    for worker, task in pool.lost_with.items():
        lost.setdefault(task.rpartition("/")[0], []).append(worker)
    for job_id, workers in lost.items():
        job = pool.jobs.get(int(job_id.rpartition("/")[2]))
        if job is None or job.ended >= 0:
            continue
        waiting = _who_waits(state, pool, job, job_id)
        if waiting:
            yield _finding(
                state, job, {worker: pool.lost_with[worker] for worker in workers}, waiting
            )


def _who_waits(state: RunState, pool: Pool, job: Job, job_id: str) -> tuple[str, ...]:
    """The processes that wait for results which can no longer come.

    Results of an imap are taken one by one: while others may still come, nobody may need that of
    the lost task. A pool that was closed waits for all results before its workers end.
    """
    wanted = set()
    if job.call not in _LAZY_CALLS or (job.tasks >= 0 and not job.pending):
        wanted.add(("results", job_id))
    if pool.ended == "close":
        wanted.add(("workers", pool.id))
    found = [
        process.key
        for process, wait in waits_without_timeout(state)
        if (wait.what, wait.object) in wanted
    ]
    return tuple(dict.fromkeys(found))


def _finding(state: RunState, job: Job, lost: dict[str, str], waiting: tuple[str, ...]) -> Finding:
    """``lost`` has the tasks by the workers that they were lost with."""
    workers, tasks = tuple(lost), tuple(lost.values())
    first = state.processes[workers[0]]
    if len(workers) > 1:
        what = f"{len(workers)} tasks of {job.function} are lost with their workers"
    else:
        task = state.table(Task).get(tasks[0])
        name = f"task {task.number}" if task is not None else "a task"
        what = f"{name} of {job.function} is lost with {described(first)}"
    who = names_of(state, waiting)
    return Finding(
        subject=tasks[0].rpartition("/")[0],
        message=f"{what} ({exit_in_words(first)}), so {_what_never_comes(job, who, len(tasks))}",
        cause=_CAUSE,
        fix=_FIX,
        processes=(*workers, *waiting),
        objects=tasks,
        since=min(state.processes[worker].ended for worker in workers),
    )


def _what_never_comes(job: Job, who: str, lost: int) -> str:
    """The consequence: "map() never returns in MainProcess: 1 of 12 results is lost"."""
    if job.call in SINGLE_CALLS:
        return f"the result that {who} waits for never comes"
    total = f"{lost} of {job.tasks}" if job.tasks >= 0 else str(lost)
    results = f"{total} results {'is' if lost == 1 else 'are'} lost"
    return f"{job.call}() never returns in {who}: {results}"


RULE = Rule(
    name="lost-task",
    says="a task of a Pool that died with its worker, while somebody waits for it for ever",
    threshold=f"somebody waits for {briefly(LOST_TASK_NANOSECONDS)} for a job that has lost a task",
    exempt="executors and mpire's pools, which raise; pools that are terminated; waits with a"
    " time-out; an imap while other results may still come; jobs that nobody waits for",
    find=_find,
    stays=Stays.AS_IT_WAS,
    holds=LOST_TASK_NANOSECONDS,
    is_a_dead_end=True,
)
