"""The fold of tasks: each reaches a worker, runs and ends, sometimes with its worker."""

from __future__ import annotations

from mpviz.trace.model.primitive import Bind, FoldRecord
from mpviz.trace.model.primitives.pool_events import (
    BROKEN,
    ENDS_WORKERS,
    MANY_AT_A_TIME,
    FutureDone,
    TaskEnded,
    TaskStarted,
    TaskStopping,
)
from mpviz.trace.model.primitives.pool_state import (
    MOST_JOBS,
    SINGLE_CALLS,
    TASK_LIMIT,
    Job,
    Pool,
    Task,
    job_of,
    note_beside,
    pool_of,
    thin_tasks,
)
from mpviz.trace.model.processes.process import Process, read_cpu, settle
from mpviz.trace.model.state import RunState


def arriving(state: RunState, process: Process, pool_id: str) -> FoldRecord:
    """Make the handler for the arrival of a task at a worker, which unpickles it next."""

    pool = pool_of(state, pool_id)

    def arrived(time: int, thread: int, size: int, *_: int) -> None:
        pool.arrived += 1
        pool.bytes_arrived += size
        process.receiving = True
        settle(process, time)

    return arrived


def starting(event: TaskStarted) -> Bind:
    """Make the handler for starts of tasks of this function with this number of items."""
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


def ending(event: TaskEnded) -> Bind:
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
                    state.note_failure(time, key, text)
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
    """The id of a task that the worker still runs after the end of another one; empty for none."""
    beside = pool.beside.get(process.key)
    if not beside:
        return ""
    if ended in beside:
        del beside[ended]
        return process.task
    return beside.popitem()[0]


def stopping(state: RunState, process: Process, event: TaskStopping) -> None:
    """Note why a pool is about to end a worker and its task."""
    worker = state.by_pid.get(event.worker)
    if worker is not None and worker.task:
        worker.stopping = event.why


def outcome(event: FutureDone) -> Bind:
    """Make the handler for calls that have ended in this way."""
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
                # Its workers may still take a few calls before they are ended, too.
                if len(pool.never_run) < MOST_JOBS:
                    pool.never_run[call] = number
            else:
                places.pop(call, None)
                job.never_run += 1
                text = f"could not send {job.function} to a worker: {error}"
                state.note_failure(time, process.key, text)

        return done

    return bind


def _note_cancellation(state: RunState, process: Process, job: Job, time: int) -> None:
    job.cancelled += 1
    if job.cancelled == 1:
        what = job.function if job.call in SINGLE_CALLS else f"the rest of {job.function}"
        state.note(time, process.key, f"cancels {what}")


def die_with(state: RunState, process: Process, task: Task) -> None:
    """Count a task as lost, because the worker that was at it has died."""
    task.ended = process.ended
    if process.ended_on_request:
        process.stopping = process.stopping or "ended with the program"
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
        # The program wanted that: it left the block of the pool.
        state.note(process.ended, process.key, f"is ended with its pool in {what}")
    else:
        words = f"died in {what}: its result is lost"
        state.note(process.ended, process.key, words, trouble=True)
