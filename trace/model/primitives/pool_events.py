"""Events of pools, which are the same for a Pool and for a ProcessPoolExecutor."""

from __future__ import annotations

from mpviz.trace.model.events import Count, Event, ObjectEvent, Seconds, SitedEvent, Whole

POOLS = ("Pool", "WorkerPool", "billiard Pool", "aiomultiprocess Pool", "pytest-xdist")
"""Kinds whose jobs are cut into tasks; WorkerPool is mpire's."""

MANY_AT_A_TIME = ("aiomultiprocess Pool",)
"""Kinds whose workers begin a task before the previous one has ended."""

EXECUTORS = ("ProcessPoolExecutor", "loky executor", "ProcessPool")
"""Kinds whose tasks are calls that are submitted one by one; ProcessPool is pebble's."""

ENDS_WORKERS = ("terminate", "terminate_workers", "kill_workers")
"""Calls that end a pool by ending its workers."""

BROKEN = "BrokenProcessPool"
"""The error of unfinished calls of a broken executor, unless another is told."""


class PoolCreated(SitedEvent, tag="pool.created", kw_only=True):
    """A pool is being made; it has no workers yet."""

    workers: Whole
    """Number of workers; for an executor the maximum."""
    kind: str = "Pool"
    """One of :data:`POOLS` or of :data:`EXECUTORS`."""
    initializer: str = ""
    """The function that each worker calls first; empty for none."""
    max_tasks: Whole = 0
    """Number of tasks after which a worker is replaced; 0 for never."""
    maker: str = ""
    """The library function that made the pool for its own use; empty for none."""


class PoolResized(ObjectEvent, tag="pool.resized", kw_only=True):
    """The number of workers changes."""

    workers: Whole


class WorkerInitializing(ObjectEvent, tag="pool.initializing", kw_only=True):
    """This process is a worker of the pool and is about to call the initializer."""

    function: str
    site: Whole = 0
    """Where the function is written."""


class WorkerReady(ObjectEvent, tag="pool.worker", kw_only=True):
    """This process is a worker of the pool, initialized, and asks for its first task."""

    cpu: Seconds = 0.0
    """CPU seconds that it has used so far; 0 if not told."""


class JobSubmitted(ObjectEvent, tag="job.submitted", kw_only=True):
    """A call of map, apply_async or the like, which will be cut into tasks."""

    job: Whole
    call: str
    """map, starmap, imap, imap_unordered, apply, submit."""
    function: str
    tasks: Whole
    """Number of tasks; -1 while unknown (imap)."""
    items: Whole
    """Number of items; -1 while unknown."""
    chunksize: Whole


class ItemsRead(ObjectEvent, tag="items.read", kw_only=True):
    """A thread is about to read the items of a map, whose number is not known, into a list.

    The submission of the job ends that, or this event again.
    """

    over: bool = False
    """The reading has failed, so that there will be no job."""


class ResultsPiledUp(ObjectEvent, tag="results.piled", kw_only=True):
    """The number of results of an imap that have come and were not taken has doubled, or halved."""

    job: Whole
    count: Count
    """Results that have come and were not taken."""
    came: Count = 0
    """Results that have come, taken or not."""


class JobGrew(ObjectEvent, tag="job.grew", kw_only=True):
    """A job has one more task: the ``map`` of an executor submits its calls one by one."""

    job: Whole
    call: Whole = -1
    """The number of the call in the executor's workers; -1 if that is the job's number."""
    items: Whole


class TaskArrived(ObjectEvent, tag="task.arrived", kw_only=True):
    """A worker has got the bytes of a task and begins to unpickle them.

    That includes importing the module of the task's function.
    """

    size: Count = 0
    """Bytes of the pickled task: its function, its arguments, and what these bring along."""


class TaskStarted(ObjectEvent, tag="task.started", kw_only=True):
    """A worker has taken a task."""

    job: Whole
    """For an executor, the number of the call."""
    index: Whole
    """-1 for the next index without a task."""
    function: str
    items: Whole
    site: Whole = 0
    """Where the function is written."""


class TaskEnded(ObjectEvent, tag="task.ended", kw_only=True):
    """A worker is about to send back the result of a task."""

    job: Whole
    """As in :class:`TaskStarted`."""
    index: Whole
    """-1 for the task that this process runs."""
    error: str = ""
    """The class of the exception that it raised; empty for none."""
    stopped: str = ""
    """If it was ended from outside, the reason, such as "stopped"; else empty."""
    cpu: Seconds = 0.0
    """CPU seconds that the worker has used so far; 0 where that is not told."""
    cpu_nanoseconds: Count = 0
    """The same in nanoseconds: ring records have only whole numbers."""


class TaskStopping(Event, tag="task.stopping", kw_only=True):
    """A pool is about to end a worker in order to stop its task."""

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
    """All results of a job have reached the process that submitted it."""

    job: Whole
    unheard: bool = False
    """It has failed, and the program has not asked for its result so far."""


class FutureDone(ObjectEvent, tag="future.done", kw_only=True):
    """A call of an executor has its result, its exception, or was cancelled."""

    job: Whole
    """The number of the call."""
    cancelled: bool = False
    error: str = ""
    """The class of its exception; empty for none."""


class JobHeard(ObjectEvent, tag="job.heard", kw_only=True):
    """The program has asked for the result of a job that has failed."""

    job: Whole


class JobLength(ObjectEvent, tag="job.length", kw_only=True):
    """The number of tasks of a job becomes known (imap, when its input has been read)."""

    job: Whole
    tasks: Whole


class ExecutorBroken(ObjectEvent, tag="executor.broken", kw_only=True):
    """An executor has found one of its workers dead, and is about to fail all unfinished calls."""

    calls: Whole
    """Number of calls that it fails; -1 if unknown."""
    error: str = BROKEN
    """The class of the exception that they fail with."""


class PoolDeaf(ObjectEvent, tag="pool.deaf", kw_only=True):
    """The thread of a Pool that receives its results has died: no result arrives any more."""

    error: str
    """The exception that it died of, as Python prints it."""
    site: Whole = 0
    """The innermost line of the program in that exception's traceback; 0 if it has none."""


class PoolEnded(ObjectEvent, tag="pool.ended", kw_only=True):
    """``close()``, ``terminate()`` or ``shutdown()`` was called, or an executor's
    ``terminate_workers()`` or ``kill_workers()`` (Python 3.14), which end its workers at once.
    """

    how: str
    site: Whole = 0
    """Where; 0 if unknown."""
