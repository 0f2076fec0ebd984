"""Rule: tasks of a pool that are large to send, and small to do."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.state import Finding, RunState

BIG_TASKS = 8
"""Tasks that its workers have received before anything is said of their size."""
BIG_TASK_BYTES = 500_000
"""Minimum mean size of a pickled task, bytes."""
BIG_TASK_BYTES_A_SECOND = 50_000_000
"""Minimum bytes sent for each second of work in the tasks: about what pickling takes."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if pool.arrived >= BIG_TASKS and pool.bytes_arrived >= BIG_TASK_BYTES * pool.arrived:
            seconds = max(pool.duration.total, 1) / 1e9
            if pool.bytes_arrived >= BIG_TASK_BYTES_A_SECOND * seconds:
                yield _finding(pool)


def _finding(pool: Pool) -> Finding:
    each = pool.bytes_arrived / pool.arrived / 1e6
    functions = list(dict.fromkeys(job.function for job in pool.jobs.values() if job.function))
    of = f" of {functions[0]}" if len(functions) == 1 else ""
    started = sum(job.started for job in (*pool.jobs.values(), pool.past))
    work = briefly(pool.duration.total)
    return Finding(
        subject=pool.id,
        message=f"{plural(started, 'task')}{of} carried {each:.1f} MB each to a worker of"
        f" {pool.name}, {pool.bytes_arrived / 1e6:.0f} MB in all, for {work} of work",
        cause="A task is pickled with all that its function and its arguments hold: a bound method"
        " such as self.score takes the whole object along, each time. The parent pickles that and"
        " the worker unpickles it, which takes longer than the task.",
        fix="Give the workers the large object once, by the pool's initializer and a global; or"
        " pass a key or a file name; or let a task do more.",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
        since=pool.first_task,
    )


RULE = Rule(
    name="tasks-too-big",
    says="tasks whose way to a worker is larger than the work in them",
    threshold=f"{BIG_TASKS} tasks of {BIG_TASK_BYTES / 1e6:g} MB on average, and"
    f" {BIG_TASK_BYTES_A_SECOND / 1e6:g} MB for each second of work",
    exempt="tasks that work long for what they are sent; large results",
    find=_find,
    stays=Stays.WITHDRAWN,
)
