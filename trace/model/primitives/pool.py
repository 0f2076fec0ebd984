"""Pools and executors: how what is told of them changes what is known of them."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.measures import Activity, TimingFields
from mpviz.trace.model.names import name_by_place, name_object
from mpviz.trace.model.primitives.pool_document import (
    document,
    results_freers,
    results_words,
    workers_freers,
    workers_words,
)
from mpviz.trace.model.primitives.pool_events import (
    BROKEN,
    ENDS_WORKERS,
    MANY_AT_A_TIME,
    ExecutorBroken,
    FutureDone,
    JobCallback,
    JobDone,
    JobGrew,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    PoolResized,
    TaskArrived,
    TaskEnded,
    TaskStarted,
    TaskStopping,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import (
    JOB_LIMIT,
    MOST_JOBS,
    SINGLE_CALLS,
    TASK_LIMIT,
    Job,
    Pool,
    Task,
    add_job,
    job_of,
    note_beside,
    note_place,
    pool_of,
    take_over,
    thin_tasks,
)
from mpviz.trace.model.processes import described
from mpviz.trace.model.state import (
    Bind,
    FoldRecord,
    FormHandler,
    Primitive,
    Process,
    RingHandler,
    RunState,
    Summary,
    WaitKind,
    read_cpu,
    settle,
)

__all__ = [
    "JOB_LIMIT",
    "PRIMITIVE",
    "SINGLE_CALLS",
    "TASK_LIMIT",
    "ExecutorBroken",
    "FutureDone",
    "Job",
    "JobCallback",
    "JobDone",
    "JobGrew",
    "JobLength",
    "JobSubmitted",
    "Pool",
    "PoolCreated",
    "PoolEnded",
    "PoolResized",
    "Task",
    "TaskArrived",
    "TaskEnded",
    "TaskStarted",
    "TaskStopping",
    "WorkerInitializing",
    "WorkerReady",
]


def _created(state: RunState, process: Process, event: PoolCreated) -> None:
    pools = state.table(Pool)
    pool = pools.get(event.object)
    if pool is None or pool.process:
        pool = pools[event.object] = Pool(event.object, event.object, "", 0)
    # Else its workers have told of it before, which were started while it was being made.
    pool.name = (
        name_by_place(state, event.site, event.maker)
        if event.maker
        else name_object(state, event.site, event.kind)
    )
    pool.process, pool.size, pool.kind = process.key, event.workers, event.kind
    pool.initializer, pool.max_tasks = event.initializer, event.max_tasks


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
    process.initializing = ""
    process.idle_since = event.time
    settle(process, event.time)


def _joined(state: RunState, process: Process, pool_id: str, time: int) -> Pool:
    """The pool, which has this process among its workers from now on."""
    pool = pool_of(state, pool_id)
    if process.pool == pool.id:
        return pool
    pool.workers[process.key] = None
    process.role = "worker"
    process.pool = pool.id
    # Whoever retired after this one was started is not the reason for it, late as it may come.
    former = [key for key, end in pool.retired.items() if end <= process.first_seen]
    if former:
        del pool.retired[former[-1]]
        pool.replaced += 1
        name = described(state.processes[former[-1]])
        state.note(time, process.key, f"takes the place of {name}")
    return pool


def _submitted(state: RunState, process: Process, event: JobSubmitted) -> None:
    pool = pool_of(state, event.object)
    job = Job(
        event.job,
        event.call,
        event.function,
        event.time,
        event.tasks,
        event.items,
        event.chunksize,
    )
    heard_of = pool.jobs.get(event.job)
    if heard_of is not None and not heard_of.call:
        # Without rings, two threads of an executor may write what they tell in another order.
        take_over(job, heard_of)
    add_job(pool, job)
    if event.call not in SINGLE_CALLS:
        # How many tasks a map of the others comes to is only known when it has made them.
        known = event.tasks >= 0 and pool.kind == "Pool"
        count = f": {plural(event.items, 'item')} in {plural(event.tasks, 'task')}" if known else ""
        state.note(event.time, process.key, f"submits {event.call} of {event.function}{count}")


def _growing(state: RunState, process: Process, pool_id: str) -> FoldRecord:
    pool = pool_of(state, pool_id)
    jobs = pool.jobs

    def grew(time: int, thread: int, number: int, call: int, items: int, *_: int) -> None:
        job = jobs.get(number) or job_of(pool, number, "", time)
        job.tasks = max(1, job.tasks)
        if call >= 0:
            note_place(pool, call, job)
        job.tasks += 1
        job.items = max(0, job.items) + items
        # It may have come to an end with what it was by then.
        job.ended = -1

    return grew


def _arriving(state: RunState, process: Process, pool_id: str) -> FoldRecord:
    def arrived(time: int, *_: int) -> None:
        process.receiving = True
        settle(process, time)

    return arrived


def _starting(event: TaskStarted) -> Bind:
    """Make the handler for the starts of tasks of this function, with as many items."""
    function, items = event.function, event.items

    def bind(state: RunState, process: Process, pool_id: str) -> FoldRecord:
        pool = pool_of(state, pool_id)
        tasks = state.table(Task)
        key, jobs, places, at_work = process.key, pool.jobs, pool.places, pool.at_work

        def started(time: int, thread: int, site: int, call: int, index: int, *_: int) -> None:
            number = call
            if call in places:
                number, index = places[call]
            job = jobs.get(number) or job_of(pool, number, function, time)
            if index < 0:
                index = job.started
            job.started += 1
            if pool.never_run and pool.never_run.pop(call, None) is not None:
                job.never_run -= 1
            job.function = job.function or function
            task_id = f"{pool_id}/{number}/{index}"
            tasks[task_id] = Task(
                task_id,
                pool_id,
                number,
                index,
                function,
                items,
                key,
                job.submitted,
                time,
                number if job.call in SINGLE_CALLS else index,
                order=pool.done_by.get(key, 0),
            )
            if len(tasks) > TASK_LIMIT:
                thin_tasks(tasks)
            if process.task and pool.kind in MANY_AT_A_TIME:
                note_beside(pool, key, process.task)
            process.task = task_id
            process.receiving = False
            at_work[key] = task_id
            if len(at_work) > pool.most_at_work:
                pool.most_at_work = len(at_work)
            if pool.first_task < 0:
                pool.first_task = time
            if site:
                process.site = site
            settle(process, time)

        return started

    return bind


def _ending(event: TaskEnded) -> Bind:
    """Make the handler for the ends of tasks with the same outcome."""
    error, stopped, seconds = event.error, event.stopped, event.cpu
    outcome = stopped or ("raised" if error else "done")
    counts = not stopped

    def bind(state: RunState, process: Process, pool_id: str) -> FoldRecord:
        pool = pool_of(state, pool_id)
        tasks = state.table(Task)
        key, jobs, places = process.key, pool.jobs, pool.places
        at_work, beside = pool.at_work, pool.beside

        def ended(time: int, thread: int, call: int, cpu: int, index: int, *_: int) -> None:
            number = call
            if call in places:
                number, index = places[call]
            job = jobs.get(number) or job_of(pool, number, "", time)
            task_id = f"{pool_id}/{number}/{index}" if index >= 0 else process.task
            task = tasks.get(task_id)
            if stopped:
                job.stopped += 1
            elif error:
                job.raised += 1
            else:
                job.done += 1
            if task is not None:
                task.ended = time
                task.outcome = outcome
                task.error = error
                took = time - task.started
                pool.duration.add(took)
                job.busy += took
                pool.items_by[key] = pool.items_by.get(key, 0) + task.items
                if error:
                    text = f"{task.function} raised {error}"
                    state.note(time, key, text, trouble=True)
            done = pool.done_by[key] = pool.done_by.get(key, 0) + counts
            job.done_by[key] = job.done_by.get(key, 0) + counts
            job.last_end = pool.last_end = time
            pool.finished.add(time)
            read_cpu(process, time, seconds or cpu / 1e9)
            left = _task_left(pool, process, task_id) if beside else ""
            process.task, process.stopping = left, ""
            at_work.pop(key, None)
            if left:
                at_work[key] = left
            process.receiving = False
            process.idle_since = time
            if done == pool.max_tasks:
                pool.retired[key] = time
                which = "task" if done == 1 else f"{done} tasks"
                state.note(time, key, f"has done its {which} and retires")
            settle(process, time)

        return ended

    return bind


def _task_left(pool: Pool, process: Process, ended: str) -> str:
    """After the end of one task, the id of another that the worker is still at; empty if none."""
    beside = pool.beside.get(process.key)
    if not beside:
        return ""
    if ended in beside:
        del beside[ended]
        return process.task
    return beside.popitem()[0]


def _stopping(state: RunState, process: Process, event: TaskStopping) -> None:
    worker = state.by_pid.get(event.worker)
    if worker is not None and worker.task:
        worker.stopping = event.why


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


def _outcome(event: FutureDone) -> Bind:
    """Make the handler for calls that have ended in the same way."""
    cancelled, error = event.cancelled, event.error

    def bind(state: RunState, process: Process, pool_id: str) -> FoldRecord:
        pool = pool_of(state, pool_id)
        tasks, jobs, places = state.table(Task), pool.jobs, pool.places

        def done(time: int, thread: int, call: int, *_: int) -> None:
            number, index = places.get(call, (call, 0))
            job = jobs.get(number) or job_of(pool, number, "", time)
            job.returned += 1
            if job.returned >= job.tasks:
                job.ended = time
            is_fine = not (cancelled or error)
            if is_fine or f"{pool_id}/{number}/{index}" in tasks:
                places.pop(call, None)
            elif cancelled:
                places.pop(call, None)
                _note_cancellation(state, process, job, time)
            elif pool.broken or error == BROKEN:
                job.never_run += 1
                # Its workers may still take a few calls, before they are ended, too.
                if len(pool.never_run) < MOST_JOBS:
                    pool.never_run[call] = number
            else:
                places.pop(call, None)
                job.never_run += 1
                text = f"could not send {job.function} to a worker: {error}"
                state.note(time, process.key, text, trouble=True)

        return done

    return bind


def _note_cancellation(state: RunState, process: Process, job: Job, time: int) -> None:
    job.cancelled += 1
    if job.cancelled == 1:
        what = job.function if job.call in SINGLE_CALLS else f"the rest of {job.function}"
        state.note(time, process.key, f"cancels {what}")


def _job_length(state: RunState, process: Process, event: JobLength) -> None:
    job_of(pool_of(state, event.object), event.job, "", event.time).tasks = event.tasks


def _broken(state: RunState, process: Process, event: ExecutorBroken) -> None:
    pool = pool_of(state, event.object)
    pool.broken = True
    which = {-1: "what was not done", 0: "whatever is submitted", 1: "the one call not done"}
    calls = which.get(event.calls, f"all {event.calls} calls not done")
    # The program asked for it, if it ended the workers.
    asked_for = pool.ended in ENDS_WORKERS
    cause = f"{pool.ended}()" if asked_for else "the end of a worker"
    text = f"{pool.name} is broken by {cause}: {event.error} for {calls}"
    state.note(event.time, process.key, text, trouble=not asked_for)


def _pool_ended(state: RunState, process: Process, event: PoolEnded) -> None:
    pool_of(state, event.object).ended = event.how


def _process_ended(state: RunState, process: Process) -> None:
    """A task dies with its worker, and nobody starts it again (CPython issue 22393)."""
    if process.initializing:
        state.note(
            process.ended,
            process.key,
            f"ended within its initializer {process.initializing}",
            # A death by a signal is noted as what it is.
            trouble=(process.exit_code or 0) >= 0,
        )
        pool_of(state, process.pool).initializing.pop(process.key, None)
        process.initializing = ""
    if not process.task:
        return
    pool = pool_of(state, process.pool)
    for task_id in (process.task, *pool.beside.pop(process.key, ())):
        task = state.table(Task).get(task_id)
        if task is not None:
            _die_with(state, process, task)
    process.task = ""
    pool.at_work.pop(process.key, None)


def _die_with(state: RunState, process: Process, task: Task) -> None:
    task.ended = process.ended
    task.outcome = process.stopping or "lost"
    pool = pool_of(state, task.pool)
    job = job_of(pool, task.job, task.function, process.ended)
    what = f"task {task.number} of {task.function}"
    if process.stopping:
        job.stopped += 1
        state.note(process.ended, process.key, f"is ended with {what}: {process.stopping}")
        return
    job.lost += 1
    pool.lost_with[process.key] = task.id
    if pool.ended in ENDS_WORKERS:
        # The program has what it wanted: it left the block of the pool.
        state.note(process.ended, process.key, f"is ended with its pool in {what}")
    else:
        words = f"died in {what}: its result is lost"
        state.note(process.ended, process.key, words, trouble=True)


def _line(state: RunState, pool: Pool) -> str:
    done, workers = plural(_done(pool), "task"), plural(len(pool.workers), "worker")
    return f"pool {pool.name}: {done} by {workers}" + ", and is broken" * pool.broken


def _done(pool: Pool) -> int:
    return sum(pool.done_by.values())


def _timings(state: RunState) -> Iterator[TimingFields]:
    for pool in state.table(Pool).values():
        yield "task", "tasks of", pool.name, pool.id, pool.duration


PRIMITIVE = Primitive(
    handlers={
        PoolCreated: _created,
        PoolResized: _resized,
        WorkerInitializing: _worker_initializing,
        WorkerReady: _worker_ready,
        JobSubmitted: _submitted,
        TaskStopping: _stopping,
        JobCallback: _callback,
        JobDone: _job_done,
        JobLength: _job_length,
        ExecutorBroken: _broken,
        PoolEnded: _pool_ended,
    },
    ring_handlers={
        TaskArrived: RingHandler(_arriving, ()),
        JobGrew: RingHandler(_growing, ("job", "call", "items")),
    },
    form_handlers={
        TaskStarted: FormHandler(_starting, ("site", "job", "index")),
        TaskEnded: FormHandler(_ending, ("job", "cpu_nanoseconds", "index")),
        FutureDone: FormHandler(_outcome, ("job",)),
    },
    in_rings=(JobSubmitted,),
    waits={
        "results": WaitKind(Activity.RESULT, results_words, results_freers),
        "workers": WaitKind(Activity.PROCESS, workers_words, workers_freers),
    },
    process_ended=_process_ended,
    document=document,
    summary=Summary(
        "pool",
        "pools",
        lambda state: list(state.table(Pool).values()),
        _done,
        _line,
    ),
    timings=_timings,
)
