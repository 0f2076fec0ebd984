"""Observes Pools: what is submitted, which worker takes which task, how each ends."""

from functools import partial
from time import monotonic_ns, process_time_ns
from types import FunctionType

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.errors import error_in_words, place_of
from mpviz_probe.functions import calls_in, is_plain, name_of, site_of
from mpviz_probe.guard import replaces, seamless, unframe
from mpviz_probe.hooks import after, around, before, during, failing
from mpviz_probe.standard import simple_queues
from mpviz_probe.standard.pipes import beneath
from mpviz_probe.standard.processes import prepare_for
from mpviz_probe.workers import jobs, tasks, waits

PILE = 64
"""Minimum number of results of an iterator, waiting to be taken, that is reported."""


def patch(module):
    """Patch ``multiprocessing.pool``."""
    pool = module.Pool
    pool._repopulate_pool = before(pool._repopulate_pool, _announce, "pool")
    jobs.observe_submissions(pool, module.starmapstar)
    reading = failing(pool._map_async, _tell_reading_failed, "pool")
    pool._map_async = before(reading, _tell_reading, "pool")
    jobs.observe_end(pool)
    receive = failing(pool._handle_results, _tell_failure, "pool")
    pool._handle_results = staticmethod(receive)
    pool.join = during(pool.join, _pool_waited_for, "pool")
    # It waits for its own pipes and workers, ten times for each task: that is not reported.
    module.wait = getattr(module.wait, "__wrapped__", module.wait)
    _patch_results(module)
    mappers = module.mapstar, module.starmapstar
    prepare_for(module.worker, partial(_prepare_worker, mappers=mappers))


def _patch_results(module):
    iterator = module.IMapIterator
    for kind in (module.ApplyResult, module.MapResult, iterator):
        kind.__init__ = after(kind.__init__, partial(_tell_submission, kind), "pool")
    for kind in (module.ApplyResult, module.MapResult):
        kind._set = around(kind._set, _tell_callback, _tell_if_done, "pool")
    for name in ("get", "successful"):
        asked = before(getattr(module.ApplyResult, name), _tell_heard, "pool")
        setattr(module.ApplyResult, name, asked)
    for kind in (iterator, module.IMapUnorderedIterator):
        kind._set = _observed_item(kind._set)
    length = iterator._set_length
    iterator._set_length = around(length, jobs.tell_length, _tell_if_done, "pool")


def _announce(pool):
    if "_mpviz_id" in pool.__dict__ or not hasattr(pool._inqueue, "_reader"):
        # It is known already, or is a pool of threads.
        return
    pool._mpviz_id = pool._outqueue._mpviz_pool = name = jobs.identify(
        b"pool", pool._inqueue._reader
    )
    jobs.announce(name, b"Pool", pool._processes, pool._initializer, pool._maxtasksperchild)
    pool._mpviz_forms = {}, waits.forms_of_wait(name)


def _tell_failure(error, results, *_):
    """Report that the thread dies that receives the results of a pool."""
    # A pool of threads has a queue in C.
    name = getattr(results, "_mpviz_pool", None)
    if name is not None:
        fields = name, wire.text(error_in_words(error)), place_of(error)
        wire.put(b"pool.deaf", b'"o":%b,"error":%b,"s":%d' % fields)


def _tell_reading(pool, _=None, iterable=None, *__, **___):
    """Report that a map is about to read its items into a list, since it needs their number."""
    name = pool.__dict__.get("_mpviz_id")
    if name is not None and not hasattr(type(iterable), "__len__"):
        wire.put(b"items.read", b'"o":%b' % name)


def _tell_reading_failed(_, pool, *__, **___):
    name = pool.__dict__.get("_mpviz_id")
    if name is not None:
        wire.put(b"items.read", b'"o":%b,"over":true' % name)


def _tell_submission(kind, _, result, pool=None, *args, **kwargs):
    # A MapResult also calls ApplyResult.__init__, when it is not yet complete.
    if kind.__init__ is not type(result).__init__:
        return
    name = getattr(pool, "_mpviz_id", None)
    submitted = jobs.submitted_here()
    if name is None or submitted is None:
        return
    _, call, function, arguments = submitted
    result._mpviz_pool = name
    forms, forms_of_wait = pool._mpviz_forms
    wire.send(
        _form_of_job(forms, name, call, name_of(function, arguments)),
        result._job,
        *_extent(result, call, function),
    )
    waits.observe_result(result, forms_of_wait)
    # The map of an empty iterable is done at once.
    _tell_if_done(None, None, result)


def _form_of_job(forms, name, call, function):
    known = forms.get((call, function))
    if known is not None:
        return known
    fields = b'"o":%b,"call":%b,"function":%b' % (name, wire.text(call), wire.text(function))
    names = (b"job", b"tasks", b"items", b"chunksize")
    return jobs.form_of(forms, (call, function), b"job.submitted", fields, names)


def _extent(result, call, function):
    """Tasks, items and chunk size of a job; -1 for what nobody knows yet."""
    if call == "apply":
        items = calls_in(function)
        return 1, items, items
    if hasattr(result, "_chunksize"):
        items = len(result._value)
        return result._number_left, items, result._chunksize
    return -1, -1, 1


def _observed_item(set_item):
    """Wrap the arrival of an iterator's next item: such a result has no callback."""

    @replaces(set_item)
    def observed(self, *args, **kwargs):
        try:
            began = monotonic_ns()
            result = set_item(self, *args, **kwargs)
            try:
                if self._job not in self._cache:
                    _tell_if_done(began, None, self)
                _tell_pile(self)
            except BaseException:
                report("pool")
            return result
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _tell_pile(result):
    """Report how many results of an iterator wait to be taken, if they are twice as many, or half
    as many, as when that was last reported."""
    count = len(result._items)
    low, high = result.__dict__.get("_mpviz_pile", (0, PILE))
    if low <= count < high:
        return
    result._mpviz_pile = (count // 2, 2 * count) if count >= PILE else (0, PILE)
    name = result.__dict__.get("_mpviz_pool")
    if name is not None:
        fields = b'"o":%b,"job":%d,"count":%d,"came":%d'
        wire.put(b"results.piled", fields % (name, result._job, count, result._index))


def _tell_if_done(stamp, _, result, *args, **kwargs):
    """Report a job as done if the pool has forgotten it, because all its results have come back."""
    name = result.__dict__.get("_mpviz_pool")
    if name is not None and result._job not in result._cache:
        unheard = b',"unheard":true' if _is_unheard(result) else b""
        wire.put(b"job.done", b'"o":%b,"job":%d%b' % (name, result._job, unheard), stamp)


def _is_unheard(result):
    """Whether a job has failed, and the program has not asked how it went."""
    known = result.__dict__
    return (
        known.get("_success") is False
        and known.get("_error_callback") is None
        and "_mpviz_heard" not in known
    )


def _tell_heard(result, *_, **__):
    """Report that the program asks for the result of a job that has failed."""
    name = result.__dict__.get("_mpviz_pool")
    if name is None or "_mpviz_heard" in result.__dict__:
        return
    result._mpviz_heard = True
    if result._event.is_set() and not result._success:
        wire.put(b"job.heard", b'"o":%b,"job":%d' % (name, result._job))


def _tell_callback(result, index, outcome):
    """Report the callback that a result is about to call; returns the time before it."""
    began = monotonic_ns()
    name = result.__dict__.get("_mpviz_pool")
    # The result of a map counts its tasks that are left; its callback follows the last one.
    if name is not None and result.__dict__.get("_number_left", 1) == 1:
        success = outcome[0] and result.__dict__.get("_success", True)
        which = "callback" if success else "error_callback"
        if callable(result.__dict__.get("_" + which)):
            fields = b'"o":%b,"job":%d,"which":%b'
            wire.put(b"job.callback", fields % (name, result._job, wire.text(which)))
    return began


def _pool_waited_for(pool, *_, **__):
    return jobs.wait_for_workers(pool.__dict__.get("_mpviz_id"))


def _prepare_worker(inqueue, outqueue, *args, mappers, **kwargs):
    """Prepare to report what a worker does, in its process, before it begins."""
    name = jobs.identify(b"pool", inqueue._reader)
    simple_queues.hush(inqueue)
    reader = inqueue._reader
    reader._recv_bytes = beneath(reader._recv_bytes)
    reader.recv_bytes = tasks.told_arrival(name, reader.recv_bytes)
    inqueue.get = tasks.told_tasks(name, inqueue.get, _teller_of_start(mappers, name))
    tasks.tell_results(outqueue, _teller_of_end(name))
    tasks.tell_initializer(name, *args, **kwargs)


def _teller_of_start(mappers, name):
    """Make the function that reports the start of a task, and remembers the one before.

    It is like one that :func:`tasks.telling` makes, with one call less for each task.
    """
    forms: "dict[tuple, object]" = {}
    mapper, star_mapper = mappers
    code = called = size = form = None
    site, send = 0, wire.send

    def learn(function, args, items):
        nonlocal code, called, size, form, site
        code = None
        form = tasks.form_of_start(
            forms, name, name_of(function, args), items or calls_in(function)
        )
        site = site_of(function, args)
        if is_plain(function):
            # So is any other function with this code and no attributes.
            called, size, code = function.__qualname__, items, function.__code__

    @seamless
    def told(task):
        try:
            try:
                if task is None:
                    return
                job, index, function, args, _ = task
                items = 0
                if function is mapper or function is star_mapper:
                    (function, chunk), args = args[0], ()
                    items = len(chunk)
                if not (
                    type(function) is FunctionType
                    and function.__code__ is code
                    and not function.__dict__
                    and function.__qualname__ == called
                    and items == size
                ):
                    learn(function, args, items)
                send(form, site, job, index or 0)
            except BaseException:
                report("pool worker")
        except BaseException as error:
            unframe(error)
            raise

    return told


def _teller_of_end(name):
    forms: "dict[str, object]" = {}

    def tell_end(result):
        job, index, (success, value) = result
        error = ""
        if not success:
            # Most errors are wrapped with their traceback; a MaybeEncodingError has a text instead.
            wrapped = getattr(value, "exc", None)
            error = type(wrapped if isinstance(wrapped, BaseException) else value).__name__
        form = forms.get(error) or tasks.form_of_end(forms, name, error)
        wire.send(form, job, process_time_ns(), index or 0)

    return tell_end
