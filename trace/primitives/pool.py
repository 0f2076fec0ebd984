"""Pools: jobs, the tasks they are cut into, and which worker did which."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mpviz.trace.events import Event
from mpviz.trace.measures import Activity, Distribution, Rate
from mpviz.trace.names import name_object
from mpviz.trace.state import Primitive, Process, RunState, Wait, WaitKind, settle

JOB_LIMIT = 2_000
"""About how many jobs of a pool have their details kept; totals count all."""

TASK_LIMIT = 20_000
"""About how many tasks have their details kept; totals count all."""


class PoolCreated(Event, tag="pool.created", kw_only=True):
    """A Pool is about to start its workers."""

    object: str
    workers: int
    site: int = 0


class WorkerReady(Event, tag="pool.worker", kw_only=True):
    """This process is a worker of the pool, initialized, and asks for its first task."""

    object: str


class JobSubmitted(Event, tag="job.submitted", kw_only=True):
    """A call of map, apply_async and their like; it will be cut into tasks."""

    object: str
    job: int
    call: str
    """map, starmap, imap, imap_unordered, apply."""
    function: str
    tasks: int
    """How many it is cut into; -1 where nobody knows yet (imap)."""
    items: int
    """-1 where nobody knows yet."""
    chunksize: int


class TaskStarted(Event, tag="task.started", kw_only=True):
    """A worker has taken a task."""

    object: str
    job: int
    index: int
    function: str
    items: int
    site: int = 0
    """Where the function is written."""


class TaskEnded(Event, tag="task.ended", kw_only=True):
    """A worker is about to hand back the result of a task."""

    object: str
    job: int
    index: int
    error: str = ""
    """The exception's class, where it raised."""


class JobDone(Event, tag="job.done", kw_only=True):
    """All results of a job have come back to the process that submitted it."""

    object: str
    job: int


class JobLength(Event, tag="job.length", kw_only=True):
    """It has become known how many tasks a job has (imap, when its input has been read)."""

    object: str
    job: int
    tasks: int


class PoolEnded(Event, tag="pool.ended", kw_only=True):
    """``close()`` or ``terminate()`` was called."""

    object: str
    how: str


@dataclass(slots=True)
class Task:
    """A piece of a job that goes to one worker in one piece: a chunk of items."""

    id: str
    pool: str
    job: int
    index: int
    function: str
    items: int
    worker: str
    """Process key."""
    submitted: int
    """Nanoseconds."""
    started: int
    ended: int = -1
    outcome: str = "running"
    """running, done, raised, lost (its worker died in it)."""
    error: str = ""
    order: int = 0
    """How many tasks its worker had ended before; neighbours in a lane differ by one."""


@dataclass(slots=True)
class Job:
    """One call of map, apply_async and their like."""

    number: int
    call: str
    function: str
    submitted: int
    """Nanoseconds."""
    tasks: int
    """-1 while unknown."""
    items: int
    chunksize: int
    started: int = 0
    """Tasks that were started."""
    done: int = 0
    raised: int = 0
    lost: int = 0
    ended: int = -1
    done_by: dict[str, int] = field(default_factory=dict)
    """Process key: tasks of this job ended there."""

    @property
    def queued(self) -> int:
        """Tasks that wait for a worker; 0 while their number is unknown."""
        return max(0, self.tasks - self.started)


@dataclass(slots=True)
class Pool:
    """A multiprocessing Pool of the program."""

    id: str
    name: str
    process: str
    """Key of the process that made it."""
    size: int
    """Workers that it keeps."""
    jobs: dict[int, Job] = field(default_factory=dict)
    past: Job = field(default_factory=lambda: Job(-1, "", "", -1, 0, 0, 0))
    """The sums over old jobs that are no longer kept one by one."""
    workers: list[str] = field(default_factory=list)
    """Keys of all that ever worked for it, in order."""
    done_by: dict[str, int] = field(default_factory=dict)
    """Process key: tasks ended there."""
    items_by: dict[str, int] = field(default_factory=dict)
    """Process key: items ended there."""
    finished: Rate = field(default_factory=Rate)
    duration: Distribution = field(default_factory=Distribution)
    ended: str = ""
    """close or terminate, once it was called."""


def _pool(state: RunState, object_id: str) -> Pool:
    pools = state.table(Pool)
    pool = pools.get(object_id)
    if pool is None:
        pool = pools[object_id] = Pool(object_id, object_id, "", 0)
    return pool


def _job(pool: Pool, number: int, function: str, time: int) -> Job:
    job = pool.jobs.get(number)
    if job is None:
        job = pool.jobs[number] = Job(number, "", function, time, -1, -1, 1)
    return job


def _created(state: RunState, process: Process, event: PoolCreated) -> None:
    name = name_object(state, event.site, "Pool")
    state.table(Pool)[event.object] = Pool(event.object, name, process.key, event.workers)


def _worker_ready(state: RunState, process: Process, event: WorkerReady) -> None:
    pool = _pool(state, event.object)
    pool.workers.append(process.key)
    process.role = "worker"
    process.pool = pool.id
    settle(process, event.time)


def _submitted(state: RunState, process: Process, event: JobSubmitted) -> None:
    pool = _pool(state, event.object)
    pool.jobs[event.job] = Job(
        event.job,
        event.call,
        event.function,
        event.time,
        event.tasks,
        event.items,
        event.chunksize,
    )
    if len(pool.jobs) > JOB_LIMIT + JOB_LIMIT // 10:
        _thin_jobs(pool)
    if event.call != "apply":
        count = "" if event.tasks < 0 else f": {event.items} items in {event.tasks} tasks"
        state.note(event.time, process.key, f"submits {event.call} of {event.function}{count}")


def _started(state: RunState, process: Process, event: TaskStarted) -> None:
    pool = _pool(state, event.object)
    job = _job(pool, event.job, event.function, event.time)
    job.started += 1
    job.function = job.function or event.function
    task = Task(
        f"{event.object}/{event.job}/{event.index}",
        event.object,
        event.job,
        event.index,
        event.function,
        event.items,
        process.key,
        job.submitted,
        event.time,
        order=pool.done_by.get(process.key, 0),
    )
    tasks = state.table(Task)
    tasks[task.id] = task
    if len(tasks) > TASK_LIMIT + TASK_LIMIT // 10:
        _thin(tasks)
    process.task = task.id
    if event.site:
        process.site = event.site
    settle(process, event.time)


def _thin_jobs(pool: Pool) -> None:
    """Add the oldest jobs that have ended to the past, many at a time."""
    oldest = islice(pool.jobs.values(), len(pool.jobs) - JOB_LIMIT)
    for job in [job for job in oldest if job.ended >= 0]:
        past = pool.past
        past.tasks += max(0, job.tasks)
        past.items += max(0, job.items)
        past.started += job.started
        past.done += job.done
        past.raised += job.raised
        past.lost += job.lost
        del pool.jobs[job.number]


def _thin(tasks: dict[str, Task]) -> None:
    """Forget the oldest tasks that have ended, many at a time: a dict is slow at its front."""
    oldest = islice(tasks.values(), len(tasks) - TASK_LIMIT)
    for task in [task for task in oldest if task.ended >= 0]:
        del tasks[task.id]


def _ended(state: RunState, process: Process, event: TaskEnded) -> None:
    pool = _pool(state, event.object)
    job = _job(pool, event.job, "", event.time)
    task = state.table(Task).get(f"{event.object}/{event.job}/{event.index}")
    if event.error:
        job.raised += 1
    else:
        job.done += 1
    if task is not None:
        task.ended = event.time
        task.outcome = "raised" if event.error else "done"
        task.error = event.error
        pool.duration.add(event.time - task.started)
        pool.items_by[process.key] = pool.items_by.get(process.key, 0) + task.items
        if event.error:
            state.note(
                event.time, process.key, f"{task.function} raised {event.error}", trouble=True
            )
    pool.done_by[process.key] = pool.done_by.get(process.key, 0) + 1
    job.done_by[process.key] = job.done_by.get(process.key, 0) + 1
    pool.finished.add(event.time)
    process.task = ""
    settle(process, event.time)


def _job_done(state: RunState, process: Process, event: JobDone) -> None:
    job = _job(_pool(state, event.object), event.job, "", event.time)
    job.ended = event.time


def _job_length(state: RunState, process: Process, event: JobLength) -> None:
    _job(_pool(state, event.object), event.job, "", event.time).tasks = event.tasks


def _pool_ended(state: RunState, process: Process, event: PoolEnded) -> None:
    _pool(state, event.object).ended = event.how


def _process_ended(state: RunState, process: Process) -> None:
    """A task dies with its worker; a Pool never starts it again (CPython issue 22393)."""
    if not process.task:
        return
    task = state.table(Task).get(process.task)
    process.task = ""
    if task is None:
        return
    task.ended = process.ended
    task.outcome = "lost"
    _job(_pool(state, task.pool), task.job, task.function, process.ended).lost += 1
    state.note(
        process.ended,
        process.key,
        f"died in task {task.index} of {task.function}: its result is lost",
        trouble=True,
    )


def _results_words(state: RunState, wait: Wait) -> str:
    pool_id, _, number = wait.object.rpartition("/")
    pool = state.table(Pool).get(pool_id)
    job = pool.jobs.get(int(number)) if pool and number.isdecimal() else None
    if job is None:
        return "results of a pool"
    total = str(job.tasks) if job.tasks >= 0 else "?"
    return f"results of {job.function or job.call}, {job.done + job.raised} of {total} tasks"


def _workers_words(state: RunState, wait: Wait) -> str:
    pool = state.table(Pool).get(wait.object)
    alive = sum(state.processes[key].alive for key in pool.workers) if pool else 0
    return f"{alive} workers to end"


def _document(state: RunState) -> dict[str, Any]:
    def seconds(time: int) -> float | None:
        return (time - state.origin) / 1e9 if time >= 0 else None

    pools = state.table(Pool)
    return {
        "tasks": [
            {
                "pool": task.pool,
                "job": task.job,
                "index": task.index,
                "function": task.function,
                "items": task.items,
                "worker_pid": state.processes[task.worker].pid,
                "submitted": seconds(task.submitted),
                "started": seconds(task.started),
                "ended": seconds(task.ended),
                "outcome": task.outcome,
                "error": task.error or None,
            }
            for task in state.table(Task).values()
        ],
        "pools": [
            {
                "id": pool.id,
                "name": pool.name,
                "size": pool.size,
                "workers": [
                    {
                        "pid": state.processes[key].pid,
                        "tasks": pool.done_by.get(key, 0),
                        "items": pool.items_by.get(key, 0),
                    }
                    for key in pool.workers
                ],
                "jobs": [
                    {
                        "job": job.number,
                        "call": job.call,
                        "function": job.function,
                        "submitted": seconds(job.submitted),
                        "ended": seconds(job.ended),
                        "tasks": job.tasks if job.tasks >= 0 else None,
                        "items": job.items if job.items >= 0 else None,
                        "chunksize": job.chunksize,
                        "started": job.started,
                        "done": job.done,
                        "raised": job.raised,
                        "lost": job.lost,
                    }
                    for job in pool.jobs.values()
                ],
            }
            for pool in pools.values()
        ],
    }


PRIMITIVE = Primitive(
    handlers={
        PoolCreated: _created,
        WorkerReady: _worker_ready,
        JobSubmitted: _submitted,
        TaskStarted: _started,
        TaskEnded: _ended,
        JobDone: _job_done,
        JobLength: _job_length,
        PoolEnded: _pool_ended,
    },
    waits={
        "results": WaitKind(Activity.RESULT, _results_words),
        "workers": WaitKind(Activity.PROCESS, _workers_words),
    },
    process_ended=_process_ended,
    document=_document,
)
