"""The state of pools: their jobs, the tasks of these, and their workers."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from itertools import islice

from mpviz.trace.model.measures import Distribution, Rate
from mpviz.trace.model.primitives.pool_events import EXECUTORS
from mpviz.trace.model.state import RunState, TableFullError

JOB_LIMIT = 2_000
"""Approximate number of jobs of a pool that are kept; totals count all jobs."""

MOST_JOBS = 1 << 18
"""Maximum number of unfinished jobs of a pool, and of calls in them: 100 MB."""

TASK_LIMIT = 20_000
"""Approximate number of tasks that are kept; totals count all tasks."""

MOST_FUNCTIONS = 64
"""Maximum number of functions of a pool whose names are kept: the first."""

MOST_BESIDE = 10_000
"""Maximum number of further tasks that a process does at the same time."""

SINGLE_CALLS = ("apply", "submit")
"""Calls that are a job with one task each."""


@dataclass(slots=True)
class Task:
    """A part of a job that goes to one worker: a chunk of items."""

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
    number: int
    """Its number for a person: its index in the job, or the number of a job with one task."""
    ended: int = -1
    outcome: str = "running"
    """running, done, raised, lost (its worker died in it); or why it was ended, such as
    "timed out", "cancelled", "stopped"."""
    error: str = ""
    order: int = 0
    """Number of tasks that its worker had ended before; neighbours in a lane differ by one."""


@dataclass(slots=True)
class Job:
    """One call of map, apply_async or the like."""

    number: int
    call: str
    function: str
    submitted: int
    """Nanoseconds."""
    tasks: int
    """-1 while unknown."""
    items: int
    chunksize: int
    read_for: int = 0
    """How long the call read its items, from what has no length, before its first task could start,
    nanoseconds."""
    piled_up: int = 0
    """Results of an imap that had come, and had not been taken, when that was last told."""
    came: int = 0
    """Results of an imap that had come by then, taken or not."""
    started: int = 0
    """Tasks that were started."""
    done: int = 0
    raised: int = 0
    lost: int = 0
    cancelled: int = 0
    never_run: int = 0
    """Tasks that failed before a worker got them: unpicklable, or of a broken executor."""
    stopped: int = 0
    """Tasks that were ended, because they timed out or were cancelled."""
    returned: int = 0
    """Tasks of an executor whose futures are done, however they ended."""
    unheard: bool = False
    """It has failed, and nobody has asked for its result since."""
    callbacks: int = 0
    error_callbacks: int = 0
    ended: int = -1
    busy: int = 0
    """How long all ended tasks took together, nanoseconds."""
    last_end: int = -1
    """When the last task ended, nanoseconds; -1 before."""
    done_by: dict[str, int] = field(default_factory=dict)
    """Process key: number of tasks of this job that ended there."""

    @property
    def queued(self) -> int:
        """Number of tasks that wait for a worker; 0 while it is unknown."""
        return max(0, self.tasks - self.started - self.cancelled - self.never_run)

    @property
    def pending(self) -> int:
        """Number of tasks that have not ended; 0 while it is unknown."""
        ended = self.done + self.raised + self.lost + self.stopped
        return max(0, self.tasks - ended - self.cancelled - self.never_run)


@dataclass(slots=True)
class PoolSite:
    """A line of the program that makes pools in one process; in a loop, one after the other."""

    id: str
    process: str
    """Key."""
    site: int
    """The number of the place."""
    made: int = 0
    """Number of pools that were made there."""
    workers: int = 0
    """Number of workers that these were to have, together."""
    latest: str = ""
    """Id of the latest of them."""
    first: int = -1
    """When the first was made, nanoseconds."""
    gone: int = 0
    """Number of those that are over, with all their workers."""
    lived: int = 0
    """How long these were there, together, nanoseconds."""
    starting: int = 0
    """How long it took until their workers were ready, together, nanoseconds."""
    at_once: int = 0
    """Maximum number of them that were there at the same time."""


@dataclass(slots=True)
class Astray:
    """Calls that were submitted to the copy of a pool that came to a process by a fork."""

    function: str
    """That of the first call."""
    since: int
    """Nanoseconds."""
    count: int = 0


@dataclass(slots=True)
class Pool:
    """A Pool or a ProcessPoolExecutor of the program."""

    id: str
    name: str
    process: str
    """Key of the process that made it."""
    size: int
    """Number of workers; for an executor the maximum."""
    kind: str = "Pool"
    """One of :data:`POOLS` or of :data:`EXECUTORS`."""
    initializer: str = ""
    """The function that each worker calls first; empty for none."""
    max_tasks: int = 0
    """Number of tasks after which a worker is replaced; 0 for never."""
    made_at: str = ""
    """Id of the :class:`PoolSite` where it was made; empty if unknown."""
    is_over: bool = False
    """Whether it was ended, and all its workers have ended."""
    created: int = -1
    """When it was made, nanoseconds; -1 if unknown."""
    ready: int = -1
    """When the latest of its first workers was ready, nanoseconds; -1 before."""
    first_submitted: int = -1
    """When its first job was submitted, nanoseconds; -1 before."""
    reading: dict[tuple[str, int], int] = field(default_factory=dict)
    """Process key and thread: since when ``map`` reads its items from what has no length,
    nanoseconds."""
    longest_read: Job | None = None
    """The job whose items took longest to be read, while no worker had a task."""
    jobs: dict[int, Job] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    """The names of the functions that were submitted, in order."""
    thin_at: int = JOB_LIMIT * 11 // 10
    """At this number of jobs, old ended ones are added to the past."""
    past: Job = field(default_factory=lambda: Job(-1, "", "", -1, 0, 0, 0))
    """Sums over old jobs that are no longer kept."""
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """For an executor: job and index of unfinished calls that are not the first of their job."""
    never_run: dict[int, int] = field(default_factory=dict)
    """For a broken executor: calls that had not started, and their jobs."""
    workers: dict[str, None] = field(default_factory=dict)
    """Keys of all workers that it has ever had, in order."""
    initializing: dict[str, int] = field(default_factory=dict)
    """Process key: when a worker began its initializer, nanoseconds."""
    initialized: dict[str, int] = field(default_factory=dict)
    """Process key: how long the initializer took, nanoseconds."""
    is_heard: bool = False
    """Whether the program has asked for the result of a job that failed."""
    waited_for: int = 0
    """Waits for results that have ended."""
    arrived: int = 0
    """Pickled tasks that its workers have received."""
    bytes_arrived: int = 0
    """Size of all these tasks."""
    failed_initializers: int = 0
    """Workers that ended within the initializer."""
    retired: dict[str, int] = field(default_factory=dict)
    """Process key: when a worker that has no successor yet ended its last task."""
    replaced: int = 0
    """Number of workers that were replaced after their maximum number of tasks."""
    at_work: dict[str, str] = field(default_factory=dict)
    """Process key: id of the task that it runs."""
    beside: dict[str, dict[str, None]] = field(default_factory=dict)
    """Process key: ids of further tasks that it runs at the same time."""
    most_at_work: int = 0
    """Maximum number of workers that ran tasks at once."""
    first_task: int = -1
    """When the first task was started, nanoseconds; -1 before."""
    last_end: int = -1
    """When the last task ended, nanoseconds; -1 before."""
    done_by: dict[str, int] = field(default_factory=dict)
    """Process key: number of tasks that ended there."""
    items_by: dict[str, int] = field(default_factory=dict)
    """Process key: number of items of these."""
    lost_with: dict[str, str] = field(default_factory=dict)
    """Key of a worker that died in a task: id of the task."""
    piled_up: Job | None = None
    """The job with the most such results."""
    finished: Rate = field(default_factory=Rate)
    duration: Distribution = field(default_factory=Distribution)
    ended: str = ""
    """The call that ended it: close, terminate, shutdown, terminate_workers or kill_workers."""
    ended_at: int = 0
    """The place in the source of that call; 0 if unknown."""
    astray: dict[str, Astray] = field(default_factory=dict)
    """Process key: calls that were submitted there, which is not the process that made the pool."""
    deaf: str = ""
    """The exception of which its thread for results has died; empty while the thread lives."""
    deaf_at: int = 0
    """The place in the source where that was raised; 0 if it was none of the program's."""
    broken: bool = False
    """Whether it is an executor that has lost a worker, and with it all unfinished calls."""

    @property
    def is_executor(self) -> bool:
        """Whether its tasks are calls that are submitted one by one."""
        return self.kind in EXECUTORS


def job_of(pool: Pool, number: int, function: str, time: int) -> Job:
    """The job with this number, which is added if it is new."""
    job = pool.jobs.get(number)
    if job is None:
        job = Job(number, "", function, time, -1, -1, 1)
        add_job(pool, job)
    return job


def job_at(pool: Pool, number: str) -> Job | None:
    """The job with this number, which may be any text; None if there is none."""
    is_number = number.isdecimal() and len(number) < 20
    return pool.jobs.get(int(number)) if is_number else None


def take_over(job: Job, heard_of: Job) -> None:
    """Give a job what was told of it before its submission."""
    job.tasks = max(job.tasks, heard_of.tasks)
    job.items = max(0, job.items) + heard_of.items if heard_of.items > 0 else job.items
    for name in _TOLD_LATER:
        setattr(job, name, getattr(heard_of, name))


_TOLD_LATER = [
    each.name
    for each in fields(Job)
    if each.default is not MISSING or each.default_factory is not MISSING
]
"""The fields of a job that are not known at its submission."""


def add_job(pool: Pool, job: Job) -> None:
    """Add a job to those of its pool; :class:`TableFullError` if too many have not ended."""
    if job.function and len(pool.functions) < MOST_FUNCTIONS:
        pool.functions[job.function] = None
    if len(pool.jobs) >= MOST_JOBS and job.number not in pool.jobs:
        raise TableFullError(
            f"more than {MOST_JOBS:,} jobs of {pool.name} have not ended: the others are not shown"
        )
    pool.jobs[job.number] = job
    _thin_jobs(pool)


def note_place(pool: Pool, call: int, job: Job) -> None:
    """Note that a call of an executor is the next task of a job."""
    if len(pool.places) >= MOST_JOBS and call not in pool.places:
        raise TableFullError(
            f"more than {MOST_JOBS:,} calls of {pool.name} are not done: the others are not shown"
        )
    pool.places[call] = job.number, job.tasks


def note_beside(pool: Pool, worker: str, task: str) -> None:
    """Note that a worker goes on with this task while it starts another one."""
    beside = pool.beside.setdefault(worker, {})
    if len(beside) >= MOST_BESIDE and task not in beside:
        raise TableFullError(
            f"a worker of {pool.name} is at more than {MOST_BESIDE:,} tasks:"
            " the others are not shown"
        )
    beside[task] = None


def pool_of(state: RunState, object_id: str) -> Pool:
    """The pool with this id, which is added if it is new."""
    pools = state.table(Pool)
    pool = pools.get(object_id)
    if pool is None:
        pool = pools[object_id] = Pool(object_id, object_id, "", 0)
    return pool


def note_site(state: RunState, pool: Pool, number: int) -> None:
    """Note that a new pool was made at the place with this number."""
    sites = state.table(PoolSite)
    key = f"{pool.process}/{number}"
    site = sites.get(key)
    if site is None:
        site = sites[key] = PoolSite(key, pool.process, number, first=pool.created)
    site.made += 1
    site.workers += pool.size
    site.latest = pool.id
    site.at_once = max(site.at_once, site.made - site.gone)
    pool.made_at = site.id


def leave_site(state: RunState, pool: Pool, time: int) -> None:
    """Add the life of a pool, which is over with all its workers, to that of others like it.

    An executor starts its workers when it gets its first job.
    """
    site = state.table(PoolSite)[pool.made_at]
    pool.is_over = True
    site.gone += 1
    site.lived += time - pool.created
    begin, end = pool.created, pool.ready
    if pool.is_executor:
        begin, end = pool.first_submitted, pool.first_task
    if 0 <= begin < end:
        site.starting += min(end, time) - begin


_ADDED_UP = (
    *("tasks", "items", "started", "done", "raised", "lost", "cancelled", "never_run", "stopped"),
    *("callbacks", "error_callbacks"),
)


def _thin_jobs(pool: Pool) -> None:
    """Add the oldest ended jobs to the past, many at a time and not at every call."""
    if len(pool.jobs) <= pool.thin_at:
        return
    oldest = islice(pool.jobs.values(), len(pool.jobs) - JOB_LIMIT)
    for job in [job for job in oldest if job.ended >= 0]:
        for name in _ADDED_UP:
            sum_before = getattr(pool.past, name)
            setattr(pool.past, name, sum_before + max(0, getattr(job, name)))
        del pool.jobs[job.number]
    # The next search comes after a tenth more jobs, however few of them have ended.
    pool.thin_at = max(JOB_LIMIT, len(pool.jobs)) * 11 // 10


def thin_tasks(tasks: dict[str, Task]) -> None:
    """Forget the oldest ended tasks, many at a time, because a dict is slow at its front."""
    # Searching all of them pays only now and then.
    if len(tasks) <= TASK_LIMIT or len(tasks) % (TASK_LIMIT // 10):
        return
    oldest = islice(tasks.values(), len(tasks) - TASK_LIMIT)
    for task in [task for task in oldest if task.ended >= 0]:
        del tasks[task.id]
