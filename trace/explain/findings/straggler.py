"""Rule: a few long tasks at the end of a job, while the other workers have nothing left to do."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool, Task
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if 0 < len(pool.at_work) * 2 <= pool.size:
            found = _tail(state, pool)
            if found is not None:
                yield _finding(state, pool, *found)


def _tail(state: RunState, pool: Pool) -> tuple[Job, list[Task]] | None:
    """The job that is down to its last tasks, and these, where they hold up the rest."""
    tasks = [state.table(Task)[each] for each in pool.at_work.values()]
    job = pool.jobs.get(tasks[0].job)
    ended = job.done + job.raised if job is not None else 0
    if job is None or not ended or job.call in SINGLE_CALLS or job.tasks < 0 or job.queued:
        return None
    alone = _alone(state, job, tasks)
    if alone < limits.TAIL_NANOSECONDS or alone < limits.TAIL_SHARE * (state.now - job.submitted):
        return None
    # What waits for a lock or a queue is held up itself.
    if any(state.processes[task.worker].activity is not Activity.TASK for task in tasks):
        return None
    if any(task.job != job.number for task in tasks):
        return None
    longest = state.now - min(task.started for task in tasks)
    return (job, tasks) if longest >= limits.TAIL_TIMES * job.busy / ended else None


def _alone(state: RunState, job: Job, tasks: list[Task]) -> int:
    """How long only these have run, without what somebody stopped them for."""
    alone = state.now - job.last_end
    if alone >= limits.TAIL_NANOSECONDS:
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
    # Beginning it first saves at most the time between the job's begin and its own.
    is_late = tasks[0].started - job.submitted >= limits.TAIL_LATE_SHARE * ran
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
            f"It is a chunk of {task.items} items, which go to one worker in one piece; no other"
            " can take over any of them."
        )
    if not is_late:
        return "It is longer than the others, though it was begun with the first of them."
    return "It is longer than the others, and was begun late, when little else was left to do."


def _fix(task: Task, is_late: bool) -> str:
    if task.items > 1:
        smaller = max(1, task.items // 8)
        return (
            f"Use smaller chunks: chunksize={smaller} would make {-(-task.items // smaller)} of it."
        )
    if not is_late:
        return "Cut it into smaller tasks: the job cannot take less time than its longest one."
    return "Hand out the longest tasks first, or cut them into smaller ones."


RULE = Rule(
    name="straggler",
    says="the last tasks of a job, when all wait for them since they take longer than the others",
    threshold=f"last tasks {limits.TAIL_TIMES:g} times as long as the others, for which half of the"
    f" workers or more have had nothing to do for {briefly(limits.TAIL_NANOSECONDS)} and"
    f" {limits.TAIL_SHARE:.0%} of the job's time",
    exempt="calls that are submitted one by one; last tasks no longer than the others; tasks that"
    " wait for a lock, a queue or another process",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
