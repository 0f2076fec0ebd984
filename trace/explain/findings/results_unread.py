"""Rule: results of a Pool that nobody receives, since its thread for that has died."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task, job_at
from mpviz.trace.model.primitives.seen import Thing
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import Finding, RunState

WAITERS = 1
"""Waits for results, without a time-out, after the death of the thread."""


def _find(state: RunState) -> Iterator[Finding]:
    for process, wait in waits_without_timeout(state):
        pool_id, _, number = wait.object.rpartition("/")
        pool = state.table(Pool).get(pool_id) if wait.what == "results" else None
        job = job_at(pool, number) if pool is not None and pool.deaf else None
        if pool is not None and job is not None and job.ended < 0:
            yield _finding(state, process, wait, pool, job)
        thing = state.table(Thing).get(wait.object)
        if thing is not None and thing.fault == "deaf":
            yield _seen(state, process, wait, thing)


def _seen(state: RunState, process: Process, wait: Wait, thing: Thing) -> Finding:
    """The same, of what looks from outside have found: the thread is not there."""
    place = f", at {state.place(wait.site)}" if wait.site in state.sites else ""
    return Finding(
        subject=wait.object,
        message=f"{described(process)} waits for {thing.name}{place}, and the thread of the pool"
        " that receives them has died",
        cause="That thread dies if the exception of a task cannot be made again from its args, or"
        " if a callback raises. What killed it stands on the program's stderr.",
        fix=f"{_EXCEPTION[1]} {_CALLBACK[1]}",
        processes=(process.key,),
        objects=(wait.object,),
        since=wait.since,
    )


def _finding(state: RunState, process: Process, wait: Wait, pool: Pool, job: Job) -> Finding:
    raised = (
        task.error
        for task in reversed(state.table(Task).values())
        if task.error and (task.pool, task.job) == (pool.id, job.number)
    )
    error = next(raised, "") if job.raised else ""
    what = f"; a task has raised {error}" if error else ""
    cause, fix = _CALLBACK if _is_of_callback(state, pool) else _EXCEPTION
    place = f", at {state.place(wait.site)}" if wait.site in state.sites else ""
    return Finding(
        subject=wait.object,
        message=f"{described(process)} waits for results of {job.function or job.call}{place}, and"
        f" the thread of {pool.name} that receives them has died of {pool.deaf}{what}",
        cause=cause,
        fix=fix,
        processes=(process.key,),
        objects=(wait.object,),
        since=wait.since,
    )


def _is_of_callback(state: RunState, pool: Pool) -> bool:
    """Whether a function of the program raised, and not the making of an exception."""
    site = state.sites.get(pool.deaf_at)
    return site is not None and site.function not in ("__init__", "__new__", "__setstate__")


_EXCEPTION = (
    "The exception of a worker is made again in this process, from its args alone. That failed, and"
    " killed the thread: no result of this pool arrives any more.",
    "Pass all arguments of the exception's __init__ to super().__init__(), or give it a __reduce__."
    " To test: pickle.loads(pickle.dumps(error)).",
)
_CALLBACK = (
    "A callback runs in the thread that receives the results. If it raises, the thread dies: no"
    " result of this pool arrives any more.",
    "Catch in the callback what may go wrong there.",
)


RULE = Rule(
    name="results-unread",
    says="a Pool whose thread for results has died, while somebody waits for results",
    threshold=f"{WAITERS} wait for results, without a time-out, after that death",
    exempt="a wait with a time-out; executors, whose thread fails all calls when it dies",
    find=_find,
    stays=Stays.OVER,
    is_a_dead_end=True,
)
