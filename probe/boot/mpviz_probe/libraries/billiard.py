"""Observes billiard, Celery's copy of multiprocessing: processes, locks, queues, and its Pool.

Its Pool has its own protocol, and a worker is an object. Conditions, events, values, pipes and
managers are not observed. The exit codes that billiard gives for children of a fork server are not
used: they are 255 for all that end by themselves. Tried with billiard 4.3.2 and celery 5.7.0.
"""

from functools import partial
from itertools import count
from time import process_time_ns

from mpviz_probe import creations, sites, wire
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.hooks import after, before
from mpviz_probe.standard import locks, processes, queues, simple_queues
from mpviz_probe.workers import jobs, tasks, waits

_numbers = count(1)


def patch(module):
    """Patch one of billiard's modules."""
    sites.count_as_library(module)
    _PATCHES[module.__name__.rpartition(".")[2]](module)


def _patch_popen(module):
    processes.patch_popen(module, module.TERM_SIGNAL)


def _patch_queues(module):
    queues.patch(module)
    simple_queues.patch(module)


def _patch_pool(module):
    pool = module.Pool
    pool.WorkerProcess = before(pool.WorkerProcess, _identify, "billiard pool")
    jobs.observe_submissions(pool, module.starmapstar)
    jobs.observe_end(pool)
    iterator, unordered = module.IMapIterator, module.IMapUnorderedIterator
    for kind in (module.ApplyResult, module.MapResult, iterator):
        kind.__init__ = after(kind.__init__, partial(_tell_submission, kind), "billiard pool")
    for kind in (module.ApplyResult, module.MapResult, iterator, unordered):
        kind._set = after(kind._set, _tell_if_done, "billiard pool")
    length = before(iterator._set_length, jobs.tell_length, "billiard pool")
    iterator._set_length = after(length, _tell_if_done, "billiard pool")
    handler = module.TimeoutHandler
    handler.on_hard_timeout = before(handler.on_hard_timeout, _tell_timeout, "billiard pool")
    worker = module.Worker
    prepare = partial(_prepare_worker, module)
    worker._make_child_methods = after(worker._make_child_methods, prepare, "billiard worker")


_PATCHES = {
    "process": processes.patch,
    "popen_fork": _patch_popen,
    "synchronize": locks.patch,
    "queues": _patch_queues,
    "pool": _patch_pool,
}


# In the process that owns the pool


def _identify(pool, worker):
    """Give the id of a pool to a worker that it is about to start."""
    if "_mpviz_id" not in pool.__dict__:
        _announce(pool)
    worker._mpviz_pool = pool._mpviz_id


def _announce(pool):
    is_shared = getattr(pool._inqueue, "_reader", None) is not None
    # Celery's pool has separate queues for each worker, and forks its workers.
    pool._mpviz_id = name = (
        jobs.identify(b"pool", pool._inqueue._reader)
        if is_shared
        else b'"pool-%d.%d"' % (wire.pid(), next(_numbers))
    )
    site, maker = creations.of_pool()
    # If the celery command makes the pool, the program has no name for it.
    made = site, maker or ("" if is_shared else "prefork")
    size, limit = pool._processes, pool._maxtasksperchild
    jobs.announce(name, b"billiard Pool", size, pool._initializer, limit, made=made)
    pool._mpviz_waits = waits.forms_of_wait(name)


def _tell_submission(kind, _, result, *args, **kwargs):
    submitted = jobs.submitted_here()
    # A MapResult also calls ApplyResult.__init__, when it is not yet complete.
    if submitted is None or kind.__init__ is not type(result).__init__:
        return
    pool, call, function, arguments = submitted
    result._mpviz_pool = name = pool._mpviz_id
    extent = -1, -1, 1
    if call == "apply":
        extent = 1, calls_in(function, arguments), 1
    elif hasattr(result, "_chunksize"):
        extent = result._number_left, result._length, result._chunksize
    jobs.tell_job(name, result._job, call, name_of(function, arguments), *extent)
    waits.observe_result(result, pool._mpviz_waits)
    _tell_if_done(None, result)


def _tell_if_done(_, result, *args, **kwargs):
    """Report a job as done if all its results have come back, so that the pool forgets it."""
    name = result.__dict__.get("_mpviz_pool")
    event = result.__dict__.get("_event")
    if name is not None and (event.is_set() if event else result._job not in result._cache):
        wire.put(b"job.done", b'"o":%b,"job":%d' % (name, result._job))


def _tell_timeout(_, job):
    """Report that a worker is about to be ended because its task took too long (``time_limit``)."""
    if not job.ready() and job._worker_pid:
        jobs.tell_stopping(job._worker_pid, "timed out")


# In the process of a worker


def _prepare_worker(module, _, worker, *args, **kwargs):
    """Prepare to report what a worker does, in its process, when it has got its queues."""
    # A worker that was not forked got its queue from its pool, which identifies the pool.
    name = worker.__dict__.get("_mpviz_pool") or jobs.identify(b"pool", worker.inq._reader)
    simple_queues.hush(worker.inq)
    mappers = module.mapstar, module.starmapstar
    tell_start = partial(_tell_start, {}, mappers, name)
    told = tasks.telling(tell_start)
    worker.wait_for_job = tasks.told_tasks(name, worker.wait_for_job, told)
    errors: "list" = []
    kind = module.ExceptionInfo
    keep_error = partial(_keep_error, kind, errors)
    worker.prepare_result = before(worker.prepare_result, keep_error, "billiard worker")
    tasks.tell_results(worker.outq, _teller_of_end(name, module.READY, kind, errors))
    tasks.tell_initializer(name, worker.initializer)


def _tell_start(forms, mappers, name, request):
    _, (job, index, function, args, _) = request
    items = calls_in(function, args)
    if any(function is mapper for mapper in mappers):
        (function, chunk), args = args[0], ()
        items = len(chunk)
    form = tasks.form_of_start(forms, name, name_of(function, args), items)
    wire.send(form, site_of(function, args), job, index or 0)


def _keep_error(kind, errors, result):
    """Keep the exception in a result of Celery: the second of its three items, if there was one."""
    is_of_celery = type(result) is tuple and len(result) == 3
    errors[:] = [result[1]] if is_of_celery and type(result[1]) is kind else []


def _teller_of_end(name, ready, kind, errors):
    forms: "dict[str, object]" = {}

    def tell_end(message):
        word, told = message
        if word != ready:
            # It says that the worker has a task, or that it ends.
            return
        job, index, (_, value), *_ = told
        info = value if type(value) is kind else errors.pop() if errors else None
        error = "" if info is None else getattr(info.__dict__.get("type"), "__name__", "Exception")
        form = tasks.form_of_end(forms, name, error)
        wire.send(form, job, process_time_ns(), index or 0)

    return tell_end
