"""Observes billiard, Celery's copy of multiprocessing: processes, locks, queues, and its Pool.

Its Pool has its own protocol, and a worker is an object. Conditions, events, values, pipes and
managers are not observed. The exit codes that billiard gives for children of a fork server are not
used: they are 255 for all that end by themselves. Tried with billiard 4.3.2 and celery 5.7.0.
"""

from _thread import get_ident
from functools import wraps
from itertools import chain, count

from mpviz_probe import creations, locks, processes, queues, sites, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.processes import cpu_so_far
from mpviz_probe.stopping import tell_stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NEVER = object()
_numbers = count(1)

_submitting: "dict[int, tuple]" = {}
"""For each thread that submits a job: the pool, the call's name, the function, its arguments."""

_at_work: "Any" = None
"""Reports the tasks of this process, if it is a worker of a Pool."""


def patch(module):
    """Patch one of billiard's modules."""
    sites.count_as_library(module)
    _PATCHES[module.__name__.rpartition(".")[2]](module)


def _patch_popen(module):
    processes.patch_popen(module)
    popen = module.Popen
    if "terminate" in popen.__dict__:
        popen.terminate = _observed_terminate(popen.terminate, module.TERM_SIGNAL)


def _observed_terminate(terminate, signal):
    @wraps(terminate)
    def observed(self):
        if self.returncode is None:
            wire.put(b"process.signalled", b'"child":%d,"signal":%d' % (self.pid, signal))
        return terminate(self)

    return observed


def _patch_pool(module):
    pool = module.Pool
    pool.WorkerProcess = _observed_worker_process(pool.WorkerProcess)
    pool._map_async = _observed_map(pool._map_async, module.starmapstar)
    pool.apply_async = _observed_call(pool.apply_async, "apply")
    pool.imap = _observed_call(pool.imap, "imap")
    pool.imap_unordered = _observed_call(pool.imap_unordered, "imap_unordered")
    pool.close = _observed_end(pool.close, b"close")
    pool.terminate = _observed_end(pool.terminate, b"terminate")
    for kind in (module.ApplyResult, module.MapResult, module.IMapIterator):
        kind.__init__ = _observed_result(kind.__init__, kind)
        kind._set = _observed_set(kind._set)
    unordered = module.IMapUnorderedIterator
    unordered._set = _observed_set(unordered._set)
    module.IMapIterator._set_length = _observed_length(module.IMapIterator._set_length)
    handler = module.TimeoutHandler
    handler.on_hard_timeout = _observed_timeout(handler.on_hard_timeout)
    worker = module.Worker
    worker._make_child_methods = _observed_preparation(worker._make_child_methods, module)
    module.ExceptionInfo.__init__ = _observed_exception(module.ExceptionInfo.__init__)


_PATCHES = {
    "process": processes.patch,
    "popen_fork": _patch_popen,
    "synchronize": locks.patch,
    "queues": queues.patch,
    "pool": _patch_pool,
}


# In the process that owns the pool


def _observed_worker_process(worker_process):
    """Wrap how a Pool makes a process for a worker, and give the worker the id of the pool."""

    @wraps(worker_process)
    def observed(self, worker):
        try:
            if "_mpviz_id" not in self.__dict__:
                _announce(self)
            worker._mpviz_pool = self._mpviz_id
        except Exception:
            report("billiard pool")
        return worker_process(self, worker)

    return observed


def _announce(pool):
    is_shared = getattr(pool._inqueue, "_reader", None) is not None
    # Celery's pool has separate queues for each worker, and forks its workers.
    pool._mpviz_id = name = (
        workers.identify(b"pool", pool._inqueue)
        if is_shared
        else b'"pool-%d.%d"' % (wire.pid(), next(_numbers))
    )
    site, maker = creations.of_pool()
    # If the celery command makes the pool, the program has no name for it.
    made = site, maker or ("" if is_shared else "prefork")
    size, limit = pool._processes, pool._maxtasksperchild
    workers.announce(name, b"billiard Pool", size, pool._initializer, limit, made=made)


def _observed_map(map_async, starmapstar):
    @wraps(map_async)
    def observed(self, func, iterable, mapper, *args, **kwargs):
        call = "starmap" if mapper is starmapstar else "map"
        _submitting[get_ident()] = self, call, func, ()
        try:
            return map_async(self, func, iterable, mapper, *args, **kwargs)
        finally:
            _submitting.pop(get_ident(), None)

    return observed


def _observed_call(submit, call):
    @wraps(submit)
    def observed(self, func, *args, **kwargs):
        arguments = args[0] if args else kwargs.get("args", ())
        _submitting[get_ident()] = self, call, func, arguments if call == "apply" else ()
        try:
            return submit(self, func, *args, **kwargs)
        finally:
            _submitting.pop(get_ident(), None)

    return observed


def _observed_result(init, kind):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            # A MapResult also calls ApplyResult.__init__, when it is not yet complete.
            if kind.__init__ is type(self).__init__ and get_ident() in _submitting:
                _tell_submission(self, *_submitting[get_ident()])
        except Exception:
            report("billiard pool")

    return observed


def _tell_submission(result, pool, call, function, arguments):
    result._mpviz_pool = name = pool._mpviz_id
    tasks, items, chunksize = -1, -1, 1
    if call == "apply":
        tasks, items, chunksize = 1, calls_in(function, arguments), 1
    elif hasattr(result, "_chunksize"):
        tasks, items, chunksize = result._number_left, result._length, result._chunksize
    fields = b'"o":%b,"job":%d,"call":%b,"function":%b,"tasks":%d,"items":%d,"chunksize":%d'
    function = wire.text(name_of(function, arguments))
    told = name, result._job, wire.text(call), function, tasks, items, chunksize
    wire.put(b"job.submitted", fields % told)
    _tell_if_done(result)


def _observed_set(set_result):
    @wraps(set_result)
    def observed(self, i, *args, **kwargs):
        set_result(self, i, *args, **kwargs)
        try:
            _tell_if_done(self)
        except Exception:
            report("billiard pool")

    return observed


def _tell_if_done(result):
    """Report a job as done if all its results have come back, so that the pool forgets it."""
    name = result.__dict__.get("_mpviz_pool")
    event = result.__dict__.get("_event")
    if name is not None and (event.is_set() if event else result._job not in result._cache):
        wire.put(b"job.done", b'"o":%b,"job":%d' % (name, result._job))


def _observed_length(set_length):
    @wraps(set_length)
    def observed(self, length):
        name = self.__dict__.get("_mpviz_pool")
        if name is not None:
            wire.put(b"job.length", b'"o":%b,"job":%d,"tasks":%d' % (name, self._job, length))
        set_length(self, length)
        try:
            _tell_if_done(self)
        except Exception:
            report("billiard pool")

    return observed


def _observed_end(end, how):
    @wraps(end)
    def observed(self):
        name = self.__dict__.get("_mpviz_id")
        if name is not None:
            wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how))
        return end(self)

    return observed


def _observed_timeout(on_timeout):
    """Wrap how a worker is ended when its task has exceeded its time (``time_limit``)."""

    @wraps(on_timeout)
    def observed(self, job):
        try:
            if not job.ready() and job._worker_pid:
                tell_stopping(job._worker_pid, "timed out")
        except Exception:
            report("billiard pool")
        return on_timeout(self, job)

    return observed


# In the process of a worker


class _Teller:
    """Reports the tasks and results of a worker, which does one task after another."""

    __slots__ = ("exception_info", "mappers", "name", "results", "task")

    def __init__(self, worker, module):
        # A worker that was not forked got its queue from its pool, which identifies the pool.
        known = worker.__dict__.get("_mpviz_pool")
        self.name = known or workers.identify(b"pool", worker.inq)
        self.mappers = module.mapstar, module.starmapstar
        self.exception_info = module.ExceptionInfo
        self.task = 0, 0
        self.results: "list" = []

    def tell_start(self, request):
        """Report the start of a task, if this request is one, and return the request."""
        try:
            if request is not None:
                _, (job, index, function, args, _) = request
                self.task = job, index or 0
                items = calls_in(function, args)
                if any(function is mapper for mapper in self.mappers):
                    (function, chunk), args = args[0], ()
                    items = len(chunk)
                fields = b'"o":%b,"job":%d,"index":%d,"function":%b,"items":%d,"s":%d'
                function_name = wire.text(name_of(function, args))
                told = self.name, *self.task, function_name, items, site_of(function, args)
                wire.put(b"task.started", fields % told)
        except Exception:
            report("billiard worker")
        return request

    def take_result(self, prepare):
        """Wrap the preparation of a result for sending."""

        def observed(result):
            error = ""
            if type(result) is tuple and len(result) == 3:
                # A result of Celery: the second item is the exception, if there was one.
                _, value, _ = result
                if type(value) is self.exception_info:
                    error = getattr(value.__dict__.get("type"), "__name__", "")
            self.results[:] = [error]
            return prepare(result)

        return observed

    def tell_end(self, send):
        """Wrap the sending of bytes: by then the result is pickled, so the parent will get it."""

        def observed(data, *args):
            try:
                if self.results:
                    error = self.results.pop()
                    fields = b'"o":%b,"job":%d,"index":%d,%b'
                    told = fields % (self.name, *self.task, cpu_so_far())
                    if error:
                        told += b',"error":%b' % wire.text(error)
                    wire.put(b"task.ended", told)
            except Exception:
                report("billiard worker")
            return send(data, *args)

        return observed


def _observed_preparation(make_methods, module):
    """Wrap the first step of a worker in its process; later steps run outside of this wrapper."""

    @wraps(make_methods)
    def observed(self, *args, **kwargs):
        make_methods(self, *args, **kwargs)
        try:
            _prepare_worker(self, module)
        except Exception:
            report("billiard worker")

    return observed


def _prepare_worker(worker, module):
    global _at_work
    _at_work = teller = _Teller(worker, module)
    queues.hush_simple(worker.inq)
    queues.hush_simple(worker.outq)
    wait = worker.wait_for_job

    def begin(_):
        workers.tell_ready(teller.name)
        return iter(wait, _NEVER)

    # In C, so that the traceback has no frame of ours if a task is unreadable or the worker exits.
    requests = chain.from_iterable(map(begin, (None,)))
    worker.wait_for_job = map(teller.tell_start, requests).__next__
    worker.prepare_result = teller.take_result(worker.prepare_result)
    writer = worker.outq._writer
    writer._send_bytes = teller.tell_end(writer._send_bytes)
    workers.tell_initializer(teller.name, worker.initializer)


def _observed_exception(init):
    """Wrap the object that a worker makes of an exception that its task has raised."""

    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            if _at_work is not None:
                _at_work.results[:] = [getattr(self.__dict__.get("type"), "__name__", "Exception")]
        except Exception:
            report("billiard worker")

    return observed
