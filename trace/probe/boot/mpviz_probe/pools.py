"""Observes Pools: what is submitted, which worker takes which task, how each ends."""

from _thread import get_ident
from functools import partial, wraps
from itertools import chain
from time import monotonic_ns, process_time_ns

from mpviz_probe import wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.processes import prepare_for
from mpviz_probe.queues import hush_simple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NEVER = object()

# What a thread is about to submit: the call's name and the function. The job's number is only
# known inside the call, where the function is out of sight.
_submitting: "dict[int, tuple]" = {}


def patch(module):
    """Patch ``multiprocessing.pool``."""
    pool = module.Pool
    pool._repopulate_pool = _observed_repopulate(pool._repopulate_pool)
    pool._map_async = _observed_map(pool._map_async, module.starmapstar)
    pool.apply_async = _observed_call(pool.apply_async, "apply")
    pool.imap = _observed_call(pool.imap, "imap")
    pool.imap_unordered = _observed_call(pool.imap_unordered, "imap_unordered")
    pool.close = _observed_end(pool.close, b"close")
    pool.terminate = _observed_end(pool.terminate, b"terminate")
    pool.join = workers.observed_wait(pool.join, _pool_waited_for)
    _patch_results(module)
    mappers = module.mapstar, module.starmapstar
    prepare_for(module.worker, partial(_prepare_worker, mappers=mappers))


def _patch_results(module):
    for kind in (module.ApplyResult, module.MapResult, module.IMapIterator):
        kind.__init__ = _observed_result(kind.__init__, kind)
        kind._set = _observed_set(kind._set)
    unordered = module.IMapUnorderedIterator
    unordered._set = _observed_set(unordered._set)
    module.IMapIterator._set_length = _observed_length(module.IMapIterator._set_length)


def _observed_repopulate(repopulate):
    @wraps(repopulate)
    def observed(self):
        try:
            if "_mpviz_id" not in self.__dict__ and hasattr(self._inqueue, "_reader"):
                _announce(self)
        except Exception:
            report("pool")
        return repopulate(self)

    return observed


def _announce(pool):
    pool._mpviz_id = name = workers.identify(b"pool", pool._inqueue)
    workers.announce(name, b"Pool", pool._processes, pool._initializer, pool._maxtasksperchild)
    pool._mpviz_forms = {}, workers.forms_of_wait(name)


def _observed_map(map_async, starmapstar):
    @wraps(map_async)
    def observed(self, func, iterable, mapper, *args, **kwargs):
        _submitting[get_ident()] = ("starmap" if mapper is starmapstar else "map", func, ())
        try:
            return map_async(self, func, iterable, mapper, *args, **kwargs)
        finally:
            _submitting.pop(get_ident(), None)

    return observed


def _observed_call(submit, name):
    @wraps(submit)
    def observed(self, func, *args, **kwargs):
        arguments = args[0] if args and name == "apply" else ()
        _submitting[get_ident()] = (name, func, arguments)
        try:
            return submit(self, func, *args, **kwargs)
        finally:
            _submitting.pop(get_ident(), None)

    return observed


def _observed_result(init, kind):
    @wraps(init)
    def observed(self, pool, *args, **kwargs):
        init(self, pool, *args, **kwargs)
        try:
            # A MapResult passes through the ApplyResult's __init__ too, and is not whole there yet.
            if kind.__init__ is type(self).__init__:
                _tell_submission(self, pool)
        except Exception:
            report("pool")

    return observed


def _tell_submission(result, pool):
    name = getattr(pool, "_mpviz_id", None)
    call, function, arguments = _submitting.get(get_ident(), (None, None, ()))
    if name is None or call is None:
        return
    result._mpviz_pool = name
    jobs, waits = pool._mpviz_forms
    wire.send(
        _form_of_job(jobs, name, call, name_of(function, arguments)),
        result._job,
        *_extent(result, call, function),
    )
    event = result.__dict__.get("_event")
    condition = result._cond if event is None else event._cond
    workers.observe_wait(condition, waits, result._job)
    # A map of nothing is done before it has begun.
    _tell_if_done(result)


def _form_of_job(forms, name, call, function):
    known = forms.get((call, function))
    if known is not None:
        return known
    fields = b'"o":%b,"call":%b,"function":%b' % (name, wire.text(call), wire.text(function))
    names = (b"job", b"tasks", b"items", b"chunksize")
    return workers.form_of(forms, (call, function), b"job.submitted", fields, names)


def _extent(result, call, function):
    """Tasks, items and chunk size of a job; -1 for what nobody knows yet."""
    if call == "apply":
        items = calls_in(function)
        return 1, items, items
    if hasattr(result, "_chunksize"):
        items = len(result._value)
        return result._number_left, items, result._chunksize
    return -1, -1, 1


def _observed_set(set_result):
    @wraps(set_result)
    def observed(self, *args, **kwargs):
        before = monotonic_ns()
        try:
            _tell_callback(self, *args, **kwargs)
        except Exception:
            report("pool")
        set_result(self, *args, **kwargs)
        try:
            _tell_if_done(self, before)
        except Exception:
            report("pool")

    return observed


def _tell_if_done(result, stamp=None):
    """Tell of a job whose results have all come back: then the pool has no more need of it."""
    name = result.__dict__.get("_mpviz_pool")
    if name is not None and result._job not in result._cache:
        wire.put(b"job.done", b'"o":%b,"job":%d' % (name, result._job), stamp)


def _tell_callback(result, index, outcome):
    """Tell of the callback that a result is about to call: when its last task has come back."""
    name = result.__dict__.get("_mpviz_pool")
    if name is None:
        return
    success = outcome[0]
    if hasattr(result, "_number_left"):
        if result._number_left != 1:
            return
        success = success and result._success
    which = "callback" if success else "error_callback"
    if callable(result.__dict__.get("_" + which)):
        fields = b'"o":%b,"job":%d,"which":%b'
        wire.put(b"job.callback", fields % (name, result._job, wire.text(which)))


def _observed_length(set_length):
    @wraps(set_length)
    def observed(self, length):
        try:
            name = self.__dict__.get("_mpviz_pool")
            if name is not None:
                fields = b'"o":%b,"job":%d,"tasks":%d' % (name, self._job, length)
                wire.put(b"job.length", fields)
        except Exception:
            report("pool")
        set_length(self, length)
        try:
            _tell_if_done(self)
        except Exception:
            report("pool")

    return observed


def _observed_end(end, how):
    @wraps(end)
    def observed(self):
        name = self.__dict__.get("_mpviz_id")
        if name is not None:
            wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how))
        return end(self)

    return observed


def _pool_waited_for(pool):
    name = pool.__dict__.get("_mpviz_id")
    return None if name is None else b'"what":"workers","o":%b' % name


def _prepare_worker(inqueue, outqueue, *args, mappers, **kwargs):
    """Prepare to tell of what a worker does, in its process, before it begins."""
    name = workers.identify(b"pool", inqueue)
    hush_simple(inqueue)
    inqueue._reader.recv_bytes = workers.told_arrival(name, inqueue._reader.recv_bytes)
    inqueue.get = _observed_get(inqueue.get, name, mappers)
    results = workers.tell_results(outqueue, _teller_of_end(name))
    put = outqueue.put

    def observed_put(result):
        results[:] = [result]
        return put(result)

    outqueue.put = observed_put
    workers.tell_initializer(name, *args, **kwargs)


def _observed_get(get, name, mappers):
    """Wrap the wait for the next task, with no frame of ours around it: a task may be unreadable.

    It is a chain of iterators in C: one that is ready when it is asked for the first time, and then
    calls ``get`` again and again, and one that has each of the tasks told.
    """
    forms: "dict[tuple, Any]" = {}

    def begin(_):
        workers.tell_ready(name)
        return iter(get, _NEVER)

    def told(task):
        try:
            if task is not None:
                _tell_start(forms, mappers, name, task)
        except Exception:
            report("pool worker")
        return task

    return map(told, chain.from_iterable(map(begin, (None,)))).__next__


def _tell_start(forms, mappers, name, task):
    job, index, function, args, _ = task
    items = calls_in(function)
    if any(function is mapper for mapper in mappers):
        (function, chunk), args = args[0], ()
        items = len(chunk)
    form = workers.form_of_start(forms, name, name_of(function, args), items)
    wire.send(form, site_of(function, args), job, index or 0)


def _teller_of_end(name):
    forms: "dict[str, Any]" = {}

    def tell_end(result):
        job, index, (success, value) = result
        error = ""
        if not success:
            # Most errors are wrapped with their traceback; a MaybeEncodingError has a text instead.
            wrapped = getattr(value, "exc", None)
            error = type(wrapped if isinstance(wrapped, BaseException) else value).__name__
        form = workers.form_of_end(forms, name, error)
        wire.send(form, job, process_time_ns(), index or 0)

    return tell_end
