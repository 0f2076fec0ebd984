"""Observes ProcessPoolExecutors: what is submitted, who takes which call, how each ends.

An executor numbers its calls, and the number is all that a worker knows of a call. A ``map`` is
many calls; what makes them one job is the function that they share, which ``map`` has made for
this purpose. Nothing of ours stands between the program and ``submit``, ``map`` or ``result``, so
that an exception looks as it did.

An executor's threads depend on the order of their steps. A call is numbered under a lock. A thread
that waits for a result runs as soon as the result is set and the GIL is given up; if the worker is
not yet counted as idle then, the next call starts another worker. So records between such steps are
sent with ``wire.send_at_once``, and the end of a call is told before its result is set.

loky's executors do the same under the same names, and are observed from here as well.
"""

import sys
from functools import partial, wraps
from time import process_time_ns
from weakref import WeakKeyDictionary, ref

from mpviz_probe import sites, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.processes import prepare_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def patch(module):
    """Patch ``concurrent.futures.process``."""
    patch_executor(module, b"ProcessPoolExecutor")
    base = module._base
    base._create_and_install_waiters = _observed_install(base._create_and_install_waiters)


def patch_executor(module, kind):
    """Patch a module's ProcessPoolExecutor, which is to be called this, and what its workers do."""
    executor = module.ProcessPoolExecutor
    executor.__init__ = _observed_init(executor.__init__, kind, module._process_chunk)
    executor.shutdown = _observed_shutdown(executor.shutdown)
    prepare_for(module._process_worker, partial(_prepare_worker, module=module))
    _patch_manager(module)


def _patch_manager(module):
    if not hasattr(module, "_ExecutorManagerThread"):
        # Up to Python 3.8 the manager is one long function.
        module._queue_management_worker = _observed_manager(module._queue_management_worker)
        return
    manager = module._ExecutorManagerThread
    manager.process_result_item = _observed_result_item(manager.process_result_item)
    # From Python 3.12 on, it takes a lock and calls another method, which does the work.
    manager.terminate_broken = _observed_break(manager.terminate_broken)


def _observed_init(init, kind, process_chunk):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            _observe(self, kind, process_chunk)
        except Exception:
            report("executor")

    return observed


def _observe(executor, kind, process_chunk):
    queue = executor._call_queue
    executor._mpviz_id = queue._mpviz_pool = name = workers.identify(b"executor", queue)
    number = workers.announce(
        name,
        kind,
        executor._max_workers,
        executor._initializer,
        # Came with Python 3.11.
        getattr(executor, "_max_tasks_per_child", None),
    )
    # So that records under the executor's locks find a ring.
    wire.open_ring(number)
    # The executor must be free to go, so none of this may hold it.
    teller = _Teller(name, executor._pending_work_items, process_chunk)
    numbers = executor._work_ids
    numbers.put = _observed_number(numbers.put, teller)
    queue.full = _observed_full(queue)


def _observed_full(queue):
    """Wrap a question that the manager asks, with no lock held, before it takes a call."""
    full, known = type(queue).full, ref(queue)

    def observed():
        # The submission of a call is told before a worker can take it.
        wire.catch_up()
        return full(known())

    return observed


def _observed_number(put, teller):
    """Wrap what ``submit`` does last, under its lock, before anybody can take the call."""

    def observed(number, *args, **kwargs):
        try:
            teller.tell_submission(number)
        except Exception:
            report("executor")
        return put(number, *args, **kwargs)

    return observed


class _Teller:
    """Reports the calls of one executor, never giving up the GIL."""

    __slots__ = ("calls", "ends", "forms", "grew", "jobs", "name", "process_chunk", "waits")

    def __init__(self, name, calls, process_chunk):
        self.name, self.calls, self.process_chunk = name, calls, process_chunk
        self.jobs: "WeakKeyDictionary[partial, int]" = WeakKeyDictionary()
        self.forms: "dict[tuple, Any]" = {}
        self.ends: "dict[str | None, Any]" = {}
        self.grew = wire.form(b"job.grew", b'"o":' + name, (b"job", b"call", b"items"))
        self.waits = workers.forms_of_wait(name)
        self.form_of_end("")

    def tell_submission(self, number):
        """Report the call with this number, and prepare to report its end and who waits for it."""
        call, job = self.calls[number], number
        if _is_chunk(call.fn, self.process_chunk):
            job = self.jobs.setdefault(call.fn, number)
        function, arguments, items = _work_of(call, self.process_chunk)
        if job == number:
            kind = b"submit" if function is call.fn else b"map"
            wire.send_at_once(self.form_of_job(kind, name_of(function, arguments), items), number)
        else:
            wire.send_at_once(self.grew, job, number, items)
        future = call.future
        workers.observe_wait(future._condition, self.waits, job)
        # This is the first callback: nobody else has the future yet to add one.
        future._done_callbacks.append(_EndOfCall(_tell_end_of_future, self, number))

    def form_of_job(self, kind, function, items):
        """The form for a new job with this call, function and number of items."""
        key = kind, function, items
        known = self.forms.get(key)
        if known is not None:
            return known
        fields = b'"o":%b,"call":"%b","function":%b,"tasks":1,"items":%d,"chunksize":%d'
        told = fields % (self.name, kind, wire.text(function), items, items)
        return workers.form_of(self.forms, key, b"job.submitted", told, (b"job",))

    def form_of_end(self, error):
        """The form for the end of a call, by the name of its exception; None if cancelled."""
        fields = b'"o":' + self.name
        if error is None:
            fields += b',"cancelled":true'
        elif error:
            fields += b',"error":' + wire.text(error)
        return workers.form_of(self.ends, error, b"future.done", fields, (b"job",))

    def tell_end(self, number, error):
        """Report how a call has ended, or is about to end."""
        wire.send_at_once(self.form_of_end(error), number)


class _EndOfCall(partial):
    """The first callback of a future, called when it is done."""

    __slots__ = ()


def _tell_end_of_future(teller, number, future):
    try:
        if future.cancelled():
            teller.tell_end(number, None)
        else:
            teller.tell_end(number, _name_of_error(future.exception()))
    except Exception:
        report("executor")


def _name_of_error(error):
    return "" if error is None else type(error).__name__


def _observed_result_item(process):
    """Wrap how the manager hands over a result; before that, its arrival has no effect."""

    @wraps(process)
    def observed(self, result_item):
        try:
            _tell_result(self.pending_work_items, result_item)
        except Exception:
            report("executor")
        return process(self, result_item)

    return observed


def _tell_result(calls, item):
    # Some are the pid of a worker that ends, and some the result of a call that already failed.
    call = calls.get(getattr(item, "work_id", None))
    if call is None or call.future._state != "RUNNING":
        return
    callbacks = call.future._done_callbacks
    if callbacks and type(callbacks[0]) is _EndOfCall:
        # Told here, so that we do nothing between the result and the manager's next step.
        teller, number = callbacks.pop(0).args
        teller.tell_end(number, _name_of_error(item.exception))


def _is_chunk(function, process_chunk):
    """Whether this is the function that ``map`` has made of the program's function."""
    return type(function) is partial and function.func is process_chunk


def _work_of(call, process_chunk):
    """The program's own function in a call, its arguments, and the number of items."""
    if _is_chunk(call.fn, process_chunk):
        return call.fn.args[0], (), len(call.args[0])
    return call.fn, call.args, calls_in(call.fn, call.args)


def _observed_install(install):
    @wraps(install)
    def observed(futures, *args, **kwargs):
        waiter = install(futures, *args, **kwargs)
        try:
            told = {future._condition.__dict__.get("_mpviz_wait") for future in futures}
            told.discard(None)
            if told:
                forms, job = told.pop()
                # Of many jobs, that of the pool as a whole is the only one to name.
                workers.observe_wait(waiter.event._cond, forms, -1 if told else job)
        except Exception:
            report("executor")
        return waiter

    return observed


def _observed_break(terminate):
    @wraps(terminate)
    def observed(self, *args, **kwargs):
        try:
            _tell_break(self.call_queue, len(self.pending_work_items), *args, **kwargs)
        except Exception:
            report("executor")
        try:
            return terminate(self, *args, **kwargs)
        finally:
            wire.catch_up()

    return observed


def _observed_manager(manage):
    @wraps(manage)
    def observed(executor_reference, processes, calls, numbers, call_queue, *args, **kwargs):
        manage(executor_reference, processes, calls, numbers, call_queue, *args, **kwargs)
        try:
            executor = executor_reference()
            if executor is not None and executor._broken:
                # How many calls have failed with it is no longer known here.
                _tell_break(call_queue, -1)
        except Exception:
            report("executor")

    return observed


def _tell_break(call_queue, calls, cause=None, *_, **__):
    name = call_queue.__dict__.get("_mpviz_pool")
    if name is not None:
        fields = b'"o":%b,"calls":%d' % (name, calls)
        if isinstance(cause, BaseException):
            # loky's is the very exception that its calls fail with.
            fields += b',"error":%b' % wire.text(type(cause).__name__)
        wire.put(b"executor.broken", fields)


def _observed_shutdown(shutdown):
    @wraps(shutdown)
    def observed(self, *args, **kwargs):
        waits = False
        try:
            waits = _tell_shutdown(self, *args, **kwargs)
        except Exception:
            report("executor")
        try:
            return shutdown(self, *args, **kwargs)
        finally:
            if waits:
                wire.put(b"wait.over")

    return observed


def _how_it_ends(caller):
    """``shutdown``, or its caller if that ends the workers afterwards (from Python 3.14 on)."""
    if caller is None or caller.f_code.co_name != "_force_shutdown":
        return b"shutdown"
    return b"%b_workers" % str(caller.f_locals.get("operation")).encode()


def _tell_shutdown(executor, wait=True, *_, **__):
    """Tell of the end of an executor, and say whether this waits for its workers."""
    name = executor.__dict__.get("_mpviz_id")
    if name is None:
        return False
    wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, _how_it_ends(sys._getframe(1).f_back)))
    # The latter up to Python 3.8.
    threads = ("_executor_manager_thread", "_queue_management_thread")
    waits = wait and any(getattr(executor, thread, None) is not None for thread in threads)
    if waits:
        wire.put(b"wait", b'"what":"workers","o":%b,"s":%d' % (name, sites.here()))
    return waits


def _prepare_worker(call_queue, result_queue, *args, module, **kwargs):
    """Prepare to tell of what a worker does, in its process, before it begins.

    No frame of ours is around what it does: a call may be unreadable, and a result unpicklable.
    """
    name = workers.identify(b"executor", call_queue)
    _tell_first_wait(call_queue._rlock, name)
    receive = workers.told_arrival(name, call_queue._recv_bytes)
    # After a fork, a queue takes this method from its reader again, later than here.
    call_queue._recv_bytes = call_queue._reader.recv_bytes = receive
    module._CallItem.__setstate__ = _observed_setstate(name, module._process_chunk)
    results = workers.tell_results(result_queue, _teller_of_end(name))
    result = module._ResultItem
    result.__init__ = _observed_result(result.__init__, results)
    workers.tell_initializer(name, *args, **kwargs)


def _tell_first_wait(lock, name):
    """Tell that a worker is ready when it takes its queue's lock for the first time."""
    take = lock.acquire

    def tell():
        lock.acquire = take
        workers.tell_ready(name)

    lock.acquire = _Before(tell, take)


class _Before:
    """Calls one function first, and then the original with the same arguments.

    While the original runs, no frame of ours is on the stack: our code runs only when Python looks
    up what to call.
    """

    __slots__ = ("first", "then")

    def __init__(self, first, then):
        self.first, self.then = first, then

    @property
    def __call__(self):
        """Call the first function, and return the original for Python to call."""
        self.first()
        return self.then


def _observed_setstate(name, process_chunk):
    """Make what a call comes to when its function and its arguments have been unpickled."""
    forms: "dict[tuple, Any]" = {}

    def setstate(self, state):
        self.__dict__.update(state)
        try:
            function, arguments, items = _work_of(self, process_chunk)
            form = workers.form_of_start(forms, name, name_of(function, arguments), items)
            wire.send(form, site_of(function, arguments), self.work_id)
        except Exception:
            report("executor worker")

    return setstate


def _observed_result(init, results):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        results[:] = [self]

    return observed


def _teller_of_end(name):
    forms: "dict[str, Any]" = {}

    def tell_end(result):
        # It comes wrapped with its traceback.
        error = _name_of_error(getattr(result.exception, "exc", result.exception))
        form = workers.form_of_end(forms, name, error)
        wire.send(form, result.work_id, process_time_ns())

    return tell_end
