"""Rule: a few long tasks at the end of a job, while the other workers have nothing to do."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool, Task
from mpviz.trace.model.state import Finding, RunState

TAIL_NANOSECONDS = 1_000_000_000
"""Minimum time for which a few work alone and the others have nothing left to do, nanoseconds."""

TAIL_SHARE = 0.3
"""Minimum share (0 to 1) of the time of the whole work for which they work alone."""

TAIL_LATE_SHARE = 0.1
"""Minimum delay from the start of a job to that of its last tasks for them to count as begun late,
as a share (0 to 1) of the time that they have run."""

TAIL_TIMES = 2.0
"""How many times as long as the others they take, at least."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if 0 < len(pool.at_work) * 2 <= pool.size:
            found = _tail(state, pool)
            if found is not None:
                yield _finding(state, pool, *found)


def _tail(state: RunState, pool: Pool) -> tuple[Job, list[Task]] | None:
    """A job that is down to its last tasks, and those tasks; None unless they hold up the rest."""
    tasks = [state.table(Task)[each] for each in pool.at_work.values()]
    job = pool.jobs.get(tasks[0].job)
    if (
        job is not None
        and _has_only_these_left(job, tasks)
        and _run_alone_for_long(state, job, tasks)
        and _are_at_work(state, tasks)
        and _are_longer(state, job, tasks)
    ):
        return job, tasks
    return None


def _has_only_these_left(job: Job, tasks: list[Task]) -> bool:
    is_cut_into_tasks = job.call not in SINGLE_CALLS and job.tasks >= 0
    return is_cut_into_tasks and not job.queued and all(task.job == job.number for task in tasks)


def _run_alone_for_long(state: RunState, job: Job, tasks: list[Task]) -> bool:
    alone = _alone(state, job, tasks)
    return alone >= TAIL_NANOSECONDS and alone >= TAIL_SHARE * (state.now - job.submitted)


def _are_at_work(state: RunState, tasks: list[Task]) -> bool:
    """Whether none of them waits, for example for a lock: then it would be held up itself."""
    return all(state.processes[task.worker].activity is Activity.TASK for task in tasks)


def _are_longer(state: RunState, job: Job, tasks: list[Task]) -> bool:
    ended = job.done + job.raised
    longest = max(_ran(state, task) for task in tasks)
    return ended > 0 and longest >= TAIL_TIMES * job.busy / ended


def _ran(state: RunState, task: Task) -> float:
    """Nanoseconds that a task has run so far, without its waits for a core, as far as is known.

    If other programs have the cores, it takes long through no fault of its own.
    """
    lacked = min(100.0, state.processes[task.worker].lacked_of_late)
    return (state.now - task.started) * (1 - lacked / 100)


def _alone(state: RunState, job: Job, tasks: list[Task]) -> int:
    """Nanoseconds for which only these tasks have run, without time for which they were stopped."""
    alone = state.now - job.last_end
    if alone >= TAIL_NANOSECONDS:
        lane = state.processes[tasks[0].worker].lane
        alone -= lane.mix(job.last_end, state.now)[Activity.STOPPED]
    return alone


def _finding(state: RunState, pool: Pool, job: Job, tasks: list[Task]) -> Finding:
    tasks.sort(key=lambda task: task.started)
    ran, alone = state.now - tasks[0].started, _alone(state, job, tasks)
    mean = job.busy / (job.done + job.raised)
    one = f"task {tasks[0].number} of {tasks[0].function} has"
    who = one if len(tasks) == 1 else f"the last {len(tasks)} tasks of {tasks[0].function} have"
    idle = plural(pool.size - len(tasks), "worker") + f" of {pool.name}"
    share = alone / max(1, state.now - job.submitted)
    # To begin it first saves at most the time from the start of the job to its own start.
    is_late = tasks[0].started - job.submitted >= TAIL_LATE_SHARE * ran
    return Finding(
        subject=f"{pool.id}/{job.number}",
        message=f"{who} run for {briefly(ran)}, others took {briefly(mean)}: {idle}"
        f" had nothing to do for {briefly(alone)}, {share:.0%} of the job's time",
        cause=_cause(tasks[0], is_late),
        fix=_fix(tasks[0], is_late),
        processes=tuple(task.worker for task in tasks),
        objects=(pool.id, *(task.id for task in tasks)),
        since=job.last_end,
    )


def _cause(task: Task, is_late: bool) -> str:
    if task.items > 1:
        return (
            f"It is a chunk of {task.items} items, which go to one worker in one piece: no other"
            " worker can take over any of them."
        )
    if not is_late:
        return "It takes longer than the others, though it began with the first of them."
    return "It takes longer than the others, and began late, when little else was left to do."


def _fix(task: Task, is_late: bool) -> str:
    if task.items > 1:
        smaller = max(1, task.items // 8)
        return (
            f"Use smaller chunks: chunksize={smaller} would make {-(-task.items // smaller)} of it."
        )
    if not is_late:
        return "Cut it into smaller tasks: the job cannot take less time than its longest task."
    return "Hand out the longest tasks first, or cut them into smaller ones."


RULE = Rule(
    name="straggler",
    says="the last tasks of a job, which take longer than the others, so that all wait for them",
    threshold=f"last tasks that take {TAIL_TIMES:g} times as long as the others, while half of the"
    f" workers or more have had nothing to do for {briefly(TAIL_NANOSECONDS)} and"
    f" {TAIL_SHARE:.0%} of the job's time",
    exempt="calls that are submitted one by one; last tasks no longer than the others; tasks that"
    " wait for a lock, a queue, another process, or a core that others have",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
