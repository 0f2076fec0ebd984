"""Observes ProcessPoolExecutors: what is submitted, who takes which call, how each ends.

An executor numbers its calls, and the number is all that a worker knows of a call. A ``map`` is
many calls; what makes them one job is the function that they share, which ``map`` has made for
this purpose. Nothing of ours stands between the program and ``submit``, ``map`` or ``result``, so
that an exception looks as it did.

loky's executors do the same under the same names, and are observed from here as well.
"""

from _thread import get_ident
from functools import partial, wraps
from threading import Condition, Event
from time import monotonic_ns
from weakref import WeakKeyDictionary

from mpviz_probe import sites, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.processes import cpu_so_far, prepare_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_breaking: "dict[int, list[Any]]" = {}
"""By thread, what is to be told when all calls of an executor that breaks have failed.

Who waits for the first of them cancels the others as soon as it gets its turn, and up to CPython
3.11 a call that is cancelled while its executor breaks leaves the executor hanging. To write to the
pipe is to give others their turn, so it has to wait.
"""


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
    # Where there are both, the second calls the first.
    name = "_terminate_broken" if hasattr(manager, "_terminate_broken") else "terminate_broken"
    setattr(manager, name, _observed_break(getattr(manager, name)))


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
    workers.announce(
        name,
        kind,
        executor._max_workers,
        executor._initializer,
        # Came with Python 3.11.
        getattr(executor, "_max_tasks_per_child", None),
    )
    # The executor must be free to go, so none of this may hold it.
    calls, numbers = executor._pending_work_items, executor._work_ids
    numbers.put = _observed_number(numbers.put, name, calls, process_chunk)


def _observed_number(put, name, calls, process_chunk):
    """Wrap what ``submit`` does last, under its lock, before anybody can take the call."""
    jobs: "WeakKeyDictionary[partial, int]" = WeakKeyDictionary()

    def observed(number, *args, **kwargs):
        try:
            call = calls[number]
            job = number
            if _is_chunk(call.fn, process_chunk):
                job = jobs.setdefault(call.fn, number)
            _tell_submission(name, job, number, call, process_chunk)
            _observe_future(call.future, name, job, number)
        except Exception:
            report("executor")
        return put(number, *args, **kwargs)

    return observed


def _is_chunk(function, process_chunk):
    """Whether this is what ``map`` has made of the program's function."""
    return type(function) is partial and function.func is process_chunk


def _work_of(call, process_chunk):
    """The program's own function in a call, with which arguments, and for how many items."""
    if _is_chunk(call.fn, process_chunk):
        return call.fn.args[0], (), len(call.args[0])
    return call.fn, call.args, calls_in(call.fn, call.args)


def _tell_submission(name, job, number, call, process_chunk):
    function, arguments, items = _work_of(call, process_chunk)
    if job != number:
        fields = b'"o":%b,"job":%d,"call":%d,"items":%d'
        wire.put(b"job.grew", fields % (name, job, number, items))
        return
    kind = b"map" if _is_chunk(call.fn, process_chunk) else b"submit"
    wire.put(
        b"job.submitted",
        b'"o":%b,"job":%d,"call":"%b","function":%b,"tasks":1,"items":%d,"chunksize":%d'
        % (name, job, kind, wire.text(name_of(function, arguments)), items, items),
    )


def _observe_future(future, name, job, number):
    condition = future._condition
    condition._mpviz_wait = name, job
    if type(condition) is Condition:
        condition.__class__ = _ObservedCondition
    # The first callback: a future has nobody yet who could add another.
    future.add_done_callback(_teller_of_end(name, number))


def _teller_of_end(name, number):
    def tell_end(future):
        try:
            fields = b'"o":%b,"job":%d' % (name, number)
            if future.cancelled():
                fields += b',"cancelled":true'
            else:
                error = future.exception()
                if error is not None:
                    fields += b',"error":%b' % wire.text(type(error).__name__)
            held_back = _breaking.get(get_ident())
            if held_back is None:
                wire.put(b"future.done", fields)
            else:
                held_back.append((fields, monotonic_ns()))
        except Exception:
            report("executor")

    return tell_end


def _waiting_for(thing, timeout):
    """Tell that this thread waits for results, and whether that was told."""
    try:
        if timeout is None or timeout > 0:
            name, job = thing._mpviz_wait
            fields = b'"what":"results","o":"%b/%b","s":%d,"limit":%d'
            which = name[1:-1], b"%d" % job if job >= 0 else b""
            wire.put(b"wait", fields % (*which, sites.here(), wire.milliseconds(timeout)))
            return True
    except Exception:
        report("executor")
    return False


class _ObservedCondition(Condition):
    """The condition of a future: who waits for it waits for the result."""

    def wait(self, timeout=None):
        told = _waiting_for(self, timeout)
        try:
            return Condition.wait(self, timeout)
        finally:
            if told:
                wire.put(b"wait.over")


class _ObservedEvent(Event):
    """The event of ``wait`` and ``as_completed``, which is set when enough futures are done."""

    def wait(self, timeout=None):
        told = not self.is_set() and _waiting_for(self, timeout)
        try:
            return Event.wait(self, timeout)
        finally:
            if told:
                wire.put(b"wait.over")


for _ours, _theirs in ((_ObservedCondition, Condition), (_ObservedEvent, Event)):
    # As they show in a ``repr``.
    _ours.__module__, _ours.__qualname__ = _theirs.__module__, _theirs.__qualname__


def _observed_install(install):
    @wraps(install)
    def observed(futures, *args, **kwargs):
        waiter = install(futures, *args, **kwargs)
        try:
            told = {future._condition.__dict__.get("_mpviz_wait") for future in futures}
            told.discard(None)
            if told:
                name, job = told.pop()
                waiter.event.__class__ = _ObservedEvent
                # Of many jobs, that of the pool as a whole is the only one to name.
                waiter.event._mpviz_wait = name, -1 if told else job
        except Exception:
            report("executor")
        return waiter

    return observed


def _observed_break(terminate):
    @wraps(terminate)
    def observed(self, *args, **kwargs):
        try:
            _tell_break(self.call_queue, len(self.pending_work_items), *args)
        except Exception:
            report("executor")
        held_back = _breaking[get_ident()] = []
        try:
            return terminate(self, *args, **kwargs)
        finally:
            del _breaking[get_ident()]
            for fields, moment in held_back:
                wire.put(b"future.done", fields, moment)

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


def _tell_break(call_queue, calls, cause=None):
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


def _tell_shutdown(executor, wait=True, *_, **__):
    """Tell of the end of an executor, and say whether this waits for its workers."""
    name = executor.__dict__.get("_mpviz_id")
    if name is None:
        return False
    wire.put(b"pool.ended", b'"o":%b,"how":"shutdown"' % name)
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
    tell_start = partial(_tell_start, module._process_chunk)
    _tell_first_wait(call_queue._rlock, name)
    call_queue._recv_bytes = workers.told_arrival(name, call_queue._recv_bytes)
    module._CallItem.__setstate__ = _observed_setstate(name, tell_start)
    results = workers.tell_results(name, result_queue, _tell_end)
    result = module._ResultItem
    result.__init__ = _observed_result(result.__init__, results)
    workers.tell_initializer(name, *args, **kwargs)


def _tell_first_wait(lock, name):
    """Tell that a worker is ready when it takes its queue's lock for the first time."""
    take = lock.acquire

    def acquire(*args):
        lock.acquire = take
        workers.tell_ready(name)
        return take(*args)

    lock.acquire = acquire


def _observed_setstate(name, tell_start):
    """Make what a call comes to when its function and its arguments have been unpickled."""

    def setstate(self, state):
        self.__dict__.update(state)
        try:
            tell_start(name, self)
        except Exception:
            report("executor worker")

    return setstate


def _observed_result(init, results):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        results[:] = [self]

    return observed


def _tell_start(process_chunk, name, call):
    function, arguments, items = _work_of(call, process_chunk)
    wire.put(
        b"task.started",
        b'"o":%b,"job":%d,"index":0,"function":%b,"items":%d,"s":%d'
        % (
            name,
            call.work_id,
            wire.text(name_of(function, arguments)),
            items,
            site_of(function, arguments),
        ),
    )


def _tell_end(name, result):
    fields = b'"o":%b,"job":%d,"index":0,%b' % (name, result.work_id, cpu_so_far())
    if result.exception is not None:
        # It comes wrapped with its traceback.
        error = getattr(result.exception, "exc", result.exception)
        fields += b',"error":%b' % wire.text(type(error).__name__)
    wire.put(b"task.ended", fields)
