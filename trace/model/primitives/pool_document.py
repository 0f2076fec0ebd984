"""Pools in words, for waits for them, and in the ``--json`` document."""

from __future__ import annotations

from typing import Any

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitive import Unblockers, main_threads
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState


def results_words(state: RunState, wait: Wait) -> str:
    """A wait for the results of a job, or of many jobs of one pool."""
    pool_id, _, number = wait.object.rpartition("/")
    pool = state.table(Pool).get(pool_id)
    if pool is None:
        return "results of a pool"
    job = pool.jobs.get(int(number)) if number.isdecimal() else None
    if job is not None:
        return f"results of {job.function or job.call}, {_how_many([job])}"
    return f"results of {pool.name}, {_how_many([*pool.jobs.values(), pool.past])}"


def _how_many(jobs: list[Job]) -> str:
    total = str(sum(job.tasks for job in jobs)) if all(job.tasks >= 0 for job in jobs) else "?"
    return f"{sum(job.done + job.raised for job in jobs)} of {total} tasks"


def workers_words(state: RunState, wait: Wait) -> str:
    """A wait for the workers of a pool to end."""
    pool = state.table(Pool).get(wait.object)
    alive = sum(state.processes[key].alive for key in pool.workers) if pool else 0
    return f"{plural(alive, 'worker')} to end"


def results_unblockers(state: RunState, wait: Wait) -> Unblockers:
    """The workers that run its tasks, all of which are needed; if none does, any living worker.

    Nobody brings the result of a task that was lost with its worker.
    """
    pool_id, _, number = wait.object.rpartition("/")
    pool = state.table(Pool).get(pool_id)
    if pool is None:
        return Unblockers((), "works on it")
    living = [key for key in pool.workers if state.processes[key].alive]
    job = pool.jobs.get(int(number)) if number.isdecimal() else None
    if job is None:
        return Unblockers(main_threads(living), "works for it")
    tasks = state.table(Task)
    at_it = [
        key
        for key in living
        if (task := tasks.get(state.processes[key].task)) is not None and task.job == job.number
    ]
    if at_it:
        return Unblockers(main_threads(at_it), "works on it", complete=True, all_needed=True)
    if job.lost and not job.queued and not pool.is_executor:
        return Unblockers((), "works on it", complete=True)
    return Unblockers(main_threads(living), "works for it")


def workers_unblockers(state: RunState, wait: Wait) -> Unblockers:
    """All workers that are alive."""
    pool = state.table(Pool).get(wait.object)
    living = [key for key in pool.workers if state.processes[key].alive] if pool else []
    return Unblockers(main_threads(living), "has to end", complete=bool(living), all_needed=True)


def tasks_document(state: RunState) -> dict[str, Any]:
    """The tasks of all pools."""
    return {"tasks": [_task(state, task) for task in state.table(Task).values()]}


def _task(state: RunState, task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "pool": task.pool,
        "job": task.job,
        "index": task.index,
        "function": task.function,
        "items": task.items,
        "worker_pid": state.processes[task.worker].pid,
        "submitted": state.seconds(task.submitted),
        "started": state.seconds(task.started),
        "ended": state.seconds(task.ended),
        "outcome": task.outcome,
        "error": task.error or None,
    }


def pool_entry(state: RunState, pool: Pool) -> dict[str, Any]:
    """A pool with its workers and jobs."""
    return {
        "id": pool.id,
        "name": pool.name,
        "kind": pool.kind,
        "size": pool.size,
        "initializer": pool.initializer or None,
        "max_tasks_per_worker": pool.max_tasks or None,
        "replaced": pool.replaced,
        "broken": pool.broken,
        "workers": [_worker(state, pool, key) for key in pool.workers],
        "jobs": [_job(state, job) for job in pool.jobs.values()],
    }


def _worker(state: RunState, pool: Pool, key: str) -> dict[str, Any]:
    took = pool.initialized.get(key)
    return {
        "pid": state.processes[key].pid,
        "tasks": pool.done_by.get(key, 0),
        "items": pool.items_by.get(key, 0),
        "initialized": int(took is not None),
        "initialization": None if took is None else took / 1e9,
    }


def _job(state: RunState, job: Job) -> dict[str, Any]:
    known = job.tasks >= 0
    return {
        "job": job.number,
        "call": job.call,
        "function": job.function,
        "submitted": state.seconds(job.submitted),
        "ended": state.seconds(job.ended),
        "tasks": job.tasks if known else None,
        "items": job.items if job.items >= 0 else None,
        "chunksize": job.chunksize,
        "started": job.started,
        "done": job.done,
        "raised": job.raised,
        "lost": job.lost,
        "cancelled": job.cancelled,
        "never_run": job.never_run,
        "stopped": job.stopped,
        "pending": job.pending if known else None,
        "callbacks": job.callbacks,
        "error_callbacks": job.error_callbacks,
    }
