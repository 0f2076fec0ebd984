"""Observes pebble's ProcessPool: its tasks, which worker takes each, how it ends, and time-outs.

The chunks of a ``map`` are scheduled one by one; here they form one job. Tried with pebble 5.2.3.
"""

from _thread import get_ident
from functools import partial
from itertools import chain
from time import process_time_ns

from mpviz_probe import creations, sections, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.guard import replaces, seamless, unframe
from mpviz_probe.hooks import after, before, weakly
from mpviz_probe.standard import locks
from mpviz_probe.standard.pipes import disown
from mpviz_probe.standard.processes import prepare_for
from mpviz_probe.workers import jobs, tasks, waits

_maps: "dict[int, list[int]]" = {}
"""For each thread that runs ``map``: a list with the number of its first chunk, once known."""


def patch(module):
    """Patch ``pebble.pool.process``."""
    sites.count_as_library(module)
    pool, base = module.ProcessPool, module.BasePool
    observe = partial(_observe, module.process_chunk)
    pool.__init__ = after(pool.__init__, observe, "pebble pool")
    pool._start_pool = sections.locked(pool._start_pool)
    for name, how in (("close", "close"), ("stop", "terminate")):
        setattr(base, name, before(getattr(base, name), partial(_tell_of_end, how), "pebble pool"))
    manager = module.WorkerManager
    manager.create_channels = after(manager.create_channels, _announce, "pebble pool")
    manager.maybe_stop_worker = sections.locked(manager.maybe_stop_worker)
    kind = module.TaskManager
    for name, why in (("timeout_tasks", "timed out"), ("cancelled_tasks", "cancelled")):
        tell = partial(_tell_of_stops, why)
        setattr(kind, name, after(getattr(kind, name), tell, "pebble pool"))
    module.iter_chunks = _observed_chunks(module.iter_chunks)
    prepare_for(module.worker_process, partial(_prepare_worker, module=module))


# In the process that owns the pool


def _observe(process_chunk, _, pool, *args, **kwargs):
    manager = pool._pool_manager.worker_manager
    manager._mpviz_made = creations.of_pool()
    queue = pool._context.task_queue
    # The last step of ``schedule``, before a worker can take the task.
    tell = partial(_tell_submission, manager, process_chunk)
    queue.put = before(weakly(queue.put), tell, "pebble pool")


def _announce(_, manager):
    """Report a pool when it has got its pipes, before its first task."""
    manager._mpviz_id = name = jobs.identify(b"pebble", manager.workers_channel.reader)
    about = manager.worker_parameters
    made = manager.__dict__.pop("_mpviz_made", None)
    size, limit = manager.workers_number, about.max_tasks
    jobs.announce(name, b"ProcessPool", size, about.initializer, limit, made=made)
    manager._mpviz_waits, manager._mpviz_ends = waits.forms_of_wait(name), {}


def _observed_chunks(iter_chunks):
    """Wrap the iterator of chunks of a ``map``; no frame of ours is there while it is read."""

    @replaces(iter_chunks)
    def observed(*args, **kwargs):
        try:
            thread = get_ident()
            _maps[thread] = []
            end = map(_maps.pop, (thread,), (None,))
            return chain(iter_chunks(*args, **kwargs), filter(lambda _: False, end))
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _tell_submission(manager, process_chunk, task, *_, **__):
    name = manager.__dict__.get("_mpviz_id")
    if task is None or name is None:
        return
    job = _tell_job(name, task, process_chunk)
    waits.observe_wait(task.future._condition, manager._mpviz_waits, job)
    # This is the first callback: nobody else has the future yet to add one.
    task.future.add_done_callback(partial(_tell_end_of_future, manager._mpviz_ends, name, task.id))


def _tell_job(name, task, process_chunk):
    """Report a new job, or a further chunk of a ``map``; returns the number of the job."""
    function, arguments, items = _work_of(task.payload, process_chunk)
    call, job = "submit", task.id
    if task.payload.function is process_chunk:
        call, chunks = "map", _maps.setdefault(get_ident(), [])
        if chunks:
            fields = b'"o":%b,"job":%d,"call":%d,"items":%d'
            wire.put(b"job.grew", fields % (name, chunks[0], job, items))
            return chunks[0]
        chunks.append(job)
    jobs.tell_job(name, job, call, name_of(function, arguments), 1, items, items)
    return job


def _work_of(payload, process_chunk):
    """The program's function, its arguments if one may be the function, and the number of items."""
    arguments = payload.args if type(payload.args) is tuple else ()
    if payload.function is process_chunk and len(arguments) == 2:
        function, items = arguments
        return function, (), len(items)
    return payload.function, arguments, 1


@seamless
def _tell_end_of_future(ends, name, number, future):
    try:
        try:
            form = jobs.form_of_outcome(ends, name, jobs.outcome_of(future))
            # The caller may have the result already, before the pool counts the task as done.
            wire.send_at_once(form, number)
        except BaseException:
            report("pebble pool")
    except BaseException as error:
        unframe(error)
        raise


def _tell_of_stops(why, stopped, _):
    """Report tasks that have to be stopped, which is done by ending their workers."""
    for task in stopped:
        if "_mpviz_told" not in task.__dict__ and task.worker_id:
            task._mpviz_told = True
            jobs.tell_stopping(task.worker_id, why)


def _tell_of_end(how, pool, *_, **__):
    # Pools of threads have no such manager.
    manager = getattr(pool.__dict__.get("_pool_manager"), "worker_manager", None)
    name = None if manager is None else manager.__dict__.get("_mpviz_id")
    # A join calls this too, when a closed pool has done all tasks.
    if name is not None and pool._context.alive and pool._context.status != _CLOSED:
        jobs.tell_end(name, how)


_CLOSED = 2
"""``PoolStatus.CLOSED``."""


# In the process of a worker


def _prepare_worker(params, channel, *_, module, **__):
    """Prepare to report what a worker does, in its process, before it begins."""
    name = jobs.identify(b"pebble", channel.reader)
    disown(channel.reader, channel.writer)
    locks.hush(channel.mutex.reader_mutex, channel.mutex.writer_mutex)
    module.worker_get_next_task = _observed_tasks(module, name)
    results: "list" = []
    for kind in (module.TaskResult, module.TaskProblem):
        kind.__init__ = after(kind.__init__, partial(_keep, results), "pebble worker")
    writer = channel.writer
    tell_end = _teller_of_end(name)
    writer._send_bytes = tasks.told_when_sent(results, tell_end, writer._send_bytes)
    tasks.tell_initializer(name, params.initializer)


def _observed_tasks(module, name):
    """Wrap the iterator of tasks, with no frame of ours while the worker waits or works."""
    get_tasks = module.worker_get_next_task
    forms: "dict[tuple, object]" = {}

    def tell_start(task):
        function, arguments, items = _work_of(task.payload, module.process_chunk)
        form = tasks.form_of_start(forms, name, name_of(function, arguments), items)
        wire.send(form, site_of(function, arguments), task.id)

    told = tasks.telling(tell_start)

    @replaces(get_tasks)
    def observed(*args, **kwargs):
        try:
            return tasks.each_told(name, get_tasks(*args, **kwargs), told)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _keep(results, _, result, *args, **kwargs):
    results[:] = [result]


def _teller_of_end(name):
    forms: "dict[str, object]" = {}

    def tell_end(result):
        form = tasks.form_of_end(forms, name, _error_in(result))
        wire.send(form, result.task, process_time_ns())

    return tell_end


def _error_in(result):
    """The name of the class of the exception that a task has raised; empty if there was none."""
    error = result.__dict__.get("error")
    if error is None:
        # A chunk has a result for each of its items.
        value = result.result.value
        results = [result.result, *(value if type(value) is list else ())]
        failed = (each.value for each in results if type(each) is type(result.result))
        wrapped = next((each for each in failed if type(each).__name__ == "RemoteException"), None)
        error = getattr(wrapped, "exception", None)
    return type(error).__name__ if isinstance(error, BaseException) else ""
