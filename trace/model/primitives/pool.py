"""Pools and executors: the fold of their events, but for those of tasks."""

from __future__ import annotations

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.names import name_by_place, name_object, with_kind
from mpviz.trace.model.primitive import (
    FoldRecord,
    FormHandler,
    ObjectReport,
    Primitive,
    RingHandler,
    WaitKind,
    all_of,
    timings_of,
)
from mpviz.trace.model.primitives.pool_document import (
    pool_entry,
    results_unblockers,
    results_words,
    tasks_document,
    workers_unblockers,
    workers_words,
)
from mpviz.trace.model.primitives.pool_events import (
    ENDS_WORKERS,
    ExecutorBroken,
    FutureDone,
    ItemsRead,
    JobCallback,
    JobDone,
    JobGrew,
    JobHeard,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolDeaf,
    PoolEnded,
    PoolResized,
    ResultsPiledUp,
    TaskArrived,
    TaskEnded,
    TaskStarted,
    TaskStopping,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import (
    SINGLE_CALLS,
    Astray,
    Job,
    Pool,
    Task,
    add_job,
    job_of,
    leave_site,
    note_place,
    note_site,
    pool_of,
    take_over,
)
from mpviz.trace.model.primitives.pool_tasks import (
    arriving,
    die_with,
    ending,
    outcome,
    starting,
    stopping,
)
from mpviz.trace.model.processes.identity import described, ended_badly
from mpviz.trace.model.processes.process import Process, read_cpu, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState, note_thread


def _created(state: RunState, process: Process, event: PoolCreated) -> None:
    pools = state.table(Pool)
    pool = pools.get(event.object)
    if pool is None or pool.process:
        pool = pools[event.object] = Pool(event.object, event.object, "", 0)
    # Otherwise workers that were started while it was being made have told of it before.
    pool.name = (
        name_by_place(state, event.site, event.maker)
        if event.maker
        else name_object(state, event.site, event.kind)
    )
    pool.process, pool.size, pool.kind = process.key, event.workers, event.kind
    pool.initializer, pool.max_tasks = event.initializer, event.max_tasks
    pool.created = event.time
    if event.site:
        note_site(state, pool, event.site)


def _resized(state: RunState, process: Process, event: PoolResized) -> None:
    pool = pool_of(state, event.object)
    pool.size = event.workers
    state.note(event.time, process.key, f"resizes {pool.name} to {plural(event.workers, 'worker')}")


def _worker_initializing(state: RunState, process: Process, event: WorkerInitializing) -> None:
    pool = _joined(state, process, event.object, event.time)
    pool.initializing[process.key] = event.time
    process.initializing = event.function
    if event.site:
        process.site = event.site
    settle(process, event.time)


def _worker_ready(state: RunState, process: Process, event: WorkerReady) -> None:
    pool = _joined(state, process, event.object, event.time)
    read_cpu(process, event.time, event.cpu)
    since = pool.initializing.pop(process.key, -1)
    if since >= 0:
        pool.initialized[process.key] = event.time - since
    if len(pool.workers) <= pool.size:
        pool.ready = event.time
    process.initializing = ""
    process.idle_since = event.time
    settle(process, event.time)


def _joined(state: RunState, process: Process, pool_id: str, time: int) -> Pool:
    """The pool with this id, with this process as one of its workers."""
    pool = pool_of(state, pool_id)
    if process.pool == pool.id:
        return pool
    pool.workers[process.key] = None
    process.role = "worker"
    process.pool = pool.id
    # It replaces a worker that retired before it was started, however late this is told.
    former = [key for key, end in pool.retired.items() if end <= process.first_seen]
    if former:
        del pool.retired[former[-1]]
        pool.replaced += 1
        name = described(state.processes[former[-1]])
        state.note(time, process.key, f"takes the place of {name}")
    return pool


def _is_copy(pool: Pool, process: Process) -> bool:
    """Whether a process has only a copy of a pool, by a fork, without the threads of the pool.

    An executor makes its threads at the first call, so whoever makes that call may use it.
    """
    if process.key == pool.process or not pool.process:
        return False
    is_started = 0 <= pool.first_submitted < process.first_seen
    return pool.kind == "Pool" or (pool.kind == "ProcessPoolExecutor" and is_started)


def _submitted(state: RunState, process: Process, event: JobSubmitted) -> None:
    pool = pool_of(state, event.object)
    if _is_copy(pool, process):
        # Its numbers are those of the maker's next jobs.
        calls = pool.astray.setdefault(process.key, Astray(event.function, event.time))
        calls.count += 1
        return
    job = Job(
        event.job,
        event.call,
        event.function,
        event.time,
        event.tasks,
        event.items,
        event.chunksize,
    )
    if pool.first_submitted < 0:
        pool.first_submitted = event.time
    reading = pool.reading.pop((process.key, event.thread), -1)
    if reading >= 0:
        job.read_for = event.time - reading
        longest = pool.longest_read
        if not pool.at_work and (longest is None or job.read_for > longest.read_for):
            pool.longest_read = job
    heard_of = pool.jobs.get(event.job)
    if heard_of is not None and not heard_of.call:
        # Without rings, records of two threads of an executor may come in the wrong order.
        take_over(job, heard_of)
    add_job(pool, job)
    if event.call not in SINGLE_CALLS:
        # How many tasks a map of another kind has is known only when it has made them.
        known = event.tasks >= 0 and pool.kind == "Pool"
        count = f": {plural(event.items, 'item')} in {plural(event.tasks, 'task')}" if known else ""
        state.note(event.time, process.key, f"submits {event.call} of {event.function}{count}")


def _reading(state: RunState, process: Process, event: ItemsRead) -> None:
    pool = pool_of(state, event.object)
    place = process.key, event.thread
    if event.over:
        pool.reading.pop(place, None)
    else:
        note_thread(pool.reading, process, event.thread, event.time, "read items for a map")


def _piling_up(state: RunState, process: Process, event: ResultsPiledUp) -> None:
    pool = pool_of(state, event.object)
    job = job_of(pool, event.job, "", event.time)
    job.piled_up, job.came = event.count, event.came
    if pool.piled_up is None or job.piled_up >= pool.piled_up.piled_up:
        pool.piled_up = job


def growing(state: RunState, process: Process, pool_id: str) -> FoldRecord:
    """Make the handler for the further tasks of jobs."""
    pool = pool_of(state, pool_id)
    jobs = pool.jobs

    def grew(time: int, thread: int, number: int, call: int, items: int, *_: int) -> None:
        job = jobs.get(number) or job_of(pool, number, "", time)
        job.tasks = max(1, job.tasks)
        if call >= 0:
            note_place(pool, call, job)
        job.tasks += 1
        job.items = max(0, job.items) + items
        # It may have seemed complete before.
        job.ended = -1

    return grew


def _callback(state: RunState, process: Process, event: JobCallback) -> None:
    job = job_of(pool_of(state, event.object), event.job, "", event.time)
    if event.which == "callback":
        job.callbacks += 1
    else:
        job.error_callbacks += 1
    name = event.which.replace("_", " ")
    state.note(event.time, process.key, f"calls the {name} of {job.function or job.call}")


def _job_done(state: RunState, process: Process, event: JobDone) -> None:
    job = job_of(pool_of(state, event.object), event.job, "", event.time)
    job.ended = event.time
    job.never_run = job.queued
    job.unheard = event.unheard


def _job_heard(state: RunState, process: Process, event: JobHeard) -> None:
    pool = pool_of(state, event.object)
    pool.is_heard = True
    job = pool.jobs.get(event.job)
    if job is not None:
        job.unheard = False


def _job_length(state: RunState, process: Process, event: JobLength) -> None:
    job_of(pool_of(state, event.object), event.job, "", event.time).tasks = event.tasks


def _broken(state: RunState, process: Process, event: ExecutorBroken) -> None:
    pool = pool_of(state, event.object)
    pool.broken = True
    which = {-1: "what was not done", 0: "whatever is submitted", 1: "the one call not done"}
    calls = which.get(event.calls, f"all {event.calls} calls not done")
    # The program wanted it, if it ended the workers.
    asked_for = pool.ended in ENDS_WORKERS
    cause = f"{pool.ended}()" if asked_for else "the end of a worker"
    text = f"{pool.name} is broken by {cause}: {event.error} for {calls}"
    if asked_for:
        state.note(event.time, process.key, text)
    else:
        state.note_failure(event.time, process.key, text)


def _deaf(state: RunState, process: Process, event: PoolDeaf) -> None:
    pool = pool_of(state, event.object)
    pool.deaf, pool.deaf_at = event.error, event.site
    text = f"receives no more results of {pool.name}: {event.error}"
    state.note_failure(event.time, process.key, text)


def _waited_for_results(state: RunState, wait: Wait, duration: int) -> None:
    pool = state.table(Pool).get(wait.object.rpartition("/")[0])
    if pool is not None:
        pool.waited_for += 1


def _pool_ended(state: RunState, process: Process, event: PoolEnded) -> None:
    pool = pool_of(state, event.object)
    pool.ended, pool.ended_at = event.how, event.site


def _process_ended(state: RunState, process: Process) -> None:
    """A task dies with its worker, and nobody starts it again (CPython issue 22393)."""
    if process.initializing:
        state.note(
            process.ended,
            process.key,
            f"ended within its initializer {process.initializing}",
            # A bad end is noted as such.
            trouble=process.exit_code == 0 and not process.ended_on_request,
        )
        pool = pool_of(state, process.pool)
        pool.initializing.pop(process.key, None)
        pool.failed_initializers += ended_badly(process) and not pool.ended
        process.initializing = ""
    if process.task:
        _lose_tasks(state, pool_of(state, process.pool), process)
    if process.pool:
        _leave_pool(state, pool_of(state, process.pool), process)


def _leave_pool(state: RunState, pool: Pool, process: Process) -> None:
    """Note the end of a worker, which may be the end of its pool."""
    is_over = pool.ended and not any(state.processes[key].alive for key in pool.workers)
    if is_over and pool.made_at and not pool.is_over:
        leave_site(state, pool, process.ended)


def _lose_tasks(state: RunState, pool: Pool, process: Process) -> None:
    for task_id in (process.task, *pool.beside.pop(process.key, ())):
        task = state.table(Task).get(task_id)
        if task is not None:
            die_with(state, process, task)
    process.task = ""
    pool.at_work.pop(process.key, None)


def _line(state: RunState, pool: Pool) -> str:
    done, workers = plural(_done(pool), "task"), plural(len(pool.workers), "worker")
    items = sum(pool.items_by.values())
    done += f" ({plural(items, 'item')})" * (items > _done(pool))
    return f"{with_kind('Pool', pool.name)}: {done} by {workers}" + ", and is broken" * pool.broken


def _done(pool: Pool) -> int:
    return sum(pool.done_by.values())


PRIMITIVE = Primitive(
    handlers={
        PoolCreated: _created,
        PoolResized: _resized,
        WorkerInitializing: _worker_initializing,
        WorkerReady: _worker_ready,
        JobSubmitted: _submitted,
        ItemsRead: _reading,
        ResultsPiledUp: _piling_up,
        TaskStopping: stopping,
        JobCallback: _callback,
        JobDone: _job_done,
        JobHeard: _job_heard,
        JobLength: _job_length,
        ExecutorBroken: _broken,
        PoolEnded: _pool_ended,
        PoolDeaf: _deaf,
    },
    ring_handlers={
        TaskArrived: RingHandler(arriving, ("size",)),
        JobGrew: RingHandler(growing, ("job", "call", "items")),
    },
    form_handlers={
        TaskStarted: FormHandler(starting, ("site", "job", "index")),
        TaskEnded: FormHandler(ending, ("job", "cpu_nanoseconds", "index")),
        FutureDone: FormHandler(outcome, ("job",)),
    },
    in_rings=(JobSubmitted,),
    waits={
        "results": WaitKind(
            Activity.RESULT, results_words, results_unblockers, _waited_for_results
        ),
        "workers": WaitKind(Activity.PROCESS, workers_words, workers_unblockers),
    },
    process_ended=_process_ended,
    document=tasks_document,
    report=ObjectReport(
        thing="pool",
        things="pools",
        objects=all_of(Pool),
        weight=_done,
        entry=pool_entry,
        line=_line,
    ),
    timings=timings_of(Pool, ("task", "tasks of", "duration")),
)
