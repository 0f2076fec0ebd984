"""What is told of pools; a Pool and a ProcessPoolExecutor tell it in the same words."""

from __future__ import annotations

from mpviz.trace.model.events import Count, Event, ObjectEvent, Seconds, SitedEvent, Whole

POOLS = ("Pool", "WorkerPool", "billiard Pool", "aiomultiprocess Pool", "pytest-xdist")
"""Kinds whose jobs are cut into tasks; the second is mpire's."""

MANY_AT_A_TIME = ("aiomultiprocess Pool",)
"""Kinds whose workers begin a task before the previous one has ended."""

EXECUTORS = ("ProcessPoolExecutor", "loky executor", "ProcessPool")
"""Kinds whose tasks are calls that are submitted one by one; the last is pebble's."""

ENDS_WORKERS = ("terminate", "terminate_workers", "kill_workers")
"""Calls that end a pool by ending its workers."""

BROKEN = "BrokenProcessPool"
"""What each call of a broken executor raises that was not done, unless another is told."""


class PoolCreated(SitedEvent, tag="pool.created", kw_only=True):
    """A pool is being made; it has no workers yet."""

    workers: Whole
    """How many it keeps; of an executor, at most."""
    kind: str = "Pool"
    """One of :data:`POOLS` or of :data:`EXECUTORS`."""
    initializer: str = ""
    """The function that each worker calls first; empty for none."""
    max_tasks: Whole = 0
    """How many tasks a worker does before it is replaced; 0 for any number."""
    maker: str = ""
    """If a library's function made the pool for its own use, that function; else empty."""


class PoolResized(ObjectEvent, tag="pool.resized", kw_only=True):
    """It keeps another number of workers from now on."""

    workers: Whole


class WorkerInitializing(ObjectEvent, tag="pool.initializing", kw_only=True):
    """This process is a worker of the pool and is about to call the initializer."""

    function: str
    site: Whole = 0
    """Where the function is written."""


class WorkerReady(ObjectEvent, tag="pool.worker", kw_only=True):
    """This process is a worker of the pool, initialized, and asks for its first task."""

    cpu: Seconds = 0.0
    """CPU seconds that it has used so far; 0 where that is not told."""


class JobSubmitted(ObjectEvent, tag="job.submitted", kw_only=True):
    """A call of map, apply_async and their like; it will be cut into tasks."""

    job: Whole
    call: str
    """map, starmap, imap, imap_unordered, apply, submit."""
    function: str
    tasks: Whole
    """How many it is cut into; -1 where nobody knows yet (imap)."""
    items: Whole
    """-1 where nobody knows yet."""
    chunksize: Whole


class JobGrew(ObjectEvent, tag="job.grew", kw_only=True):
    """This job has another task: an executor's ``map`` submits its calls one by one."""

    job: Whole
    call: Whole = -1
    """The number under which the executor's workers know it; -1 where they know the job's."""
    items: Whole


class TaskArrived(ObjectEvent, tag="task.arrived", kw_only=True):
    """The bytes of a task have come out of the pool's queue; the worker begins to unpickle them.

    That includes importing the module of the task's function.
    """


class TaskStarted(ObjectEvent, tag="task.started", kw_only=True):
    """A worker has taken a task."""

    job: Whole
    """For an executor the number of the call, which may be a later one of a job."""
    index: Whole
    """-1 for the next that its job has no task for yet."""
    function: str
    items: Whole
    site: Whole = 0
    """Where the function is written."""


class TaskEnded(ObjectEvent, tag="task.ended", kw_only=True):
    """A worker is about to hand back the result of a task."""

    job: Whole
    """As in :class:`TaskStarted`."""
    index: Whole
    """-1 for the one that this process is at."""
    error: str = ""
    """The exception's class, where it raised."""
    stopped: str = ""
    """If it was broken off from outside, the reason, such as "stopped"; else empty."""
    cpu: Seconds = 0.0
    """CPU seconds that the worker has used so far; 0 where that is not told."""
    cpu_nanoseconds: Count = 0
    """The same CPU time in nanoseconds; records of rings have it instead, as a whole number."""


class TaskStopping(Event, tag="task.stopping", kw_only=True):
    """A pool is about to end one of its workers in order to stop the worker's task."""

    worker: Whole
    """The worker's pid."""
    why: str
    """The outcome of the task: "timed out", "cancelled"."""


class JobCallback(ObjectEvent, tag="job.callback", kw_only=True):
    """A thread of the process that submitted the job is about to call its callback."""

    job: Whole
    which: str
    """callback, error_callback."""


class JobDone(ObjectEvent, tag="job.done", kw_only=True):
    """All results of a job have come back to the process that submitted it."""

    job: Whole


class FutureDone(ObjectEvent, tag="future.done", kw_only=True):
    """A call of an executor has its result, its exception, or was cancelled."""

    job: Whole
    """The number of the call."""
    cancelled: bool = False
    error: str = ""
    """The exception's class, whoever set it."""


class JobLength(ObjectEvent, tag="job.length", kw_only=True):
    """It has become known how many tasks a job has (imap, when its input has been read)."""

    job: Whole
    tasks: Whole


class ExecutorBroken(ObjectEvent, tag="executor.broken", kw_only=True):
    """An executor has found a worker of its dead, and is about to fail all that is not done."""

    calls: Whole
    """How many calls it fails; -1 where nobody knows any more."""
    error: str = BROKEN
    """The exception's class that they fail with."""


class PoolEnded(ObjectEvent, tag="pool.ended", kw_only=True):
    """``close()``, ``terminate()`` or ``shutdown()`` was called, or an executor's
    ``terminate_workers()`` or ``kill_workers()`` (Python 3.14), which end its workers at once.
    """

    how: str
