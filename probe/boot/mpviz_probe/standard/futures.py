"""Observes ProcessPoolExecutors: what is submitted, who takes which call, how each ends.

An executor numbers its calls, and the number is all that a worker knows of a call. A ``map`` is
many calls; what makes them one job is the function that they share, which ``map`` has made for
this purpose.

An executor's threads depend on the order of their steps. A call is numbered under a lock. A thread
that waits for a result runs as soon as the result is set and the GIL is given up; if the worker is
not yet counted as idle then, the next call starts another worker. So records between such steps are
sent with ``wire.send_at_once``, and the end of a call is told before its result is set.

loky's executors do the same under the same names, and are observed from here as well.
"""

import sys
from functools import partial
from time import process_time_ns
from weakref import ref

from mpviz_probe import sections, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import calls_in, name_of, site_of
from mpviz_probe.guard import seamless, unframe
from mpviz_probe.hooks import after, before, during, weakly
from mpviz_probe.standard.pipes import beneath
from mpviz_probe.standard.processes import prepare_for
from mpviz_probe.workers import jobs, tasks, waits


def patch(module):
    """Patch ``concurrent.futures.process``."""
    patch_executor(module, b"ProcessPoolExecutor")
    base = module._base
    base._create_and_install_waiters = after(
        base._create_and_install_waiters, _tell_of_waiter, "executor"
    )


def patch_executor(module, kind):
    """Patch a module's ProcessPoolExecutor, which is reported as this kind, and its workers."""
    executor = module.ProcessPoolExecutor
    observe = partial(_observe, kind, module._process_chunk)
    executor.__init__ = after(executor.__init__, observe, "executor")
    executor.shutdown = during(executor.shutdown, _tell_shutdown, "executor")
    executor.submit = sections.locked(executor.submit)
    # The manager calls it as well, to replace a worker.
    executor._adjust_process_count = sections.while_locked(executor._adjust_process_count)
    prepare_for(module._process_worker, partial(_prepare_worker, module=module))
    _patch_manager(module)


def _patch_manager(module):
    if not hasattr(module, "_ExecutorManagerThread"):
        # Up to Python 3.8 the manager is one long function.
        module._queue_management_worker = after(
            module._queue_management_worker, _tell_break_of_old, "executor"
        )
        return
    manager = module._ExecutorManagerThread
    # Reported before it is handed over: until then, the arrival of a result has no effect.
    manager.process_result_item = before(manager.process_result_item, _tell_result, "executor")
    # From Python 3.12 on, it takes a lock and calls another method, which does the work.
    if hasattr(manager, "_replace_dead_worker"):
        manager._replace_dead_worker = sections.while_locked(manager._replace_dead_worker)
    terminate = sections.locked(manager.terminate_broken)
    manager.terminate_broken = before(terminate, _tell_break_of, "executor")
    manager.join_executor_internals = sections.locked(manager.join_executor_internals)


def _observe(kind, process_chunk, _, executor, *args, **kwargs):
    queue = executor._call_queue
    executor._mpviz_id = queue._mpviz_pool = name = jobs.identify(b"executor", queue._reader)
    jobs.announce(
        name,
        kind,
        executor._max_workers,
        executor._initializer,
        # Came with Python 3.11.
        getattr(executor, "_max_tasks_per_child", None),
    )
    # None of this may keep the executor alive.
    teller = _Teller(name, process_chunk)
    tell = partial(teller.tell_submission, executor._pending_work_items)
    numbers = executor._work_ids
    # What ``submit`` does last, under its lock, before anybody can take the call.
    numbers.put = before(weakly(numbers.put), tell, "executor")
    queue.full = _observed_full(queue)


def _observed_full(queue):
    """Wrap a question that the manager asks, with no lock held, before it takes a call."""
    full, known = type(queue).full, ref(queue)

    @seamless
    def observed():
        try:
            # The submission of a call is reported before a worker can take it.
            wire.catch_up()
            return full(known())
        except BaseException as error:
            unframe(error)
            raise

    return observed


class _Teller:
    """Reports the calls of one executor without giving up the GIL.

    The executor's futures keep this alive, so it keeps none of the calls.
    """

    __slots__ = ("ends", "forms", "grew", "jobs", "limit", "name", "process_chunk", "waits")

    def __init__(self, name, process_chunk):
        self.name, self.process_chunk = name, process_chunk
        self.jobs: "dict[int, tuple[ref[partial], int]]" = {}
        self.limit = 8
        self.forms: "dict[tuple, object]" = {}
        self.ends: "dict[str | None, object]" = {}
        self.grew = wire.form(b"job.grew", b'"o":' + name, (b"job", b"call", b"items"))
        self.waits = waits.forms_of_wait(name)
        jobs.form_of_outcome(self.ends, name, "")

    def tell_submission(self, calls, number, *_, **__):
        """Report the call with this number, and prepare to report its end and who waits for it."""
        call, job = calls[number], number
        if _is_chunk(call.fn, self.process_chunk):
            job = self.job_of(call.fn, number)
        function, arguments, items = _work_of(call, self.process_chunk)
        if job == number:
            kind = b"submit" if function is call.fn else b"map"
            wire.send_at_once(self.form_of_job(kind, name_of(function, arguments), items), number)
        else:
            wire.send_at_once(self.grew, job, number, items)
        future = call.future
        waits.observe_wait(future._condition, self.waits, job)
        # This is the first callback: nobody else has the future yet to add one.
        future._done_callbacks.append(_EndOfCall(_tell_end_of_future, self, number))

    def job_of(self, chunk, number):
        """The number of the first call of this function that ``map`` has made."""
        known, job = self.jobs.get(id(chunk), (None, number))
        if known is not None and known() is chunk:
            return job
        if len(self.jobs) >= self.limit:
            self.jobs = {each: job for each, job in self.jobs.items() if job[0]() is not None}
            self.limit = 2 * len(self.jobs) + 8
        # A weak reference with a callback would have Python run code of ours when the function
        # goes, and lose what a signal handler raises in it.
        self.jobs[id(chunk)] = ref(chunk), number
        return number

    def form_of_job(self, kind, function, items):
        """The form for a new job with this call, function and number of items."""
        key = kind, function, items
        known = self.forms.get(key)
        if known is not None:
            return known
        fields = b'"o":%b,"call":"%b","function":%b,"tasks":1,"items":%d,"chunksize":%d'
        told = fields % (self.name, kind, wire.text(function), items, items)
        return jobs.form_of(self.forms, key, b"job.submitted", told, (b"job",))

    def tell_end(self, number, error):
        """Report how a call has ended, or is about to end; see ``jobs.form_of_outcome``."""
        wire.send_at_once(jobs.form_of_outcome(self.ends, self.name, error), number)


class _EndOfCall(partial):
    """The first callback of a future, called when it is done."""

    __slots__ = ()


@seamless
def _tell_end_of_future(teller, number, future):
    try:
        try:
            teller.tell_end(number, jobs.outcome_of(future))
        except BaseException:
            report("executor")
    except BaseException as error:
        unframe(error)
        raise


def _tell_result(manager, item):
    # The item may also be the pid of a worker that ends, or the result of a call that has failed.
    call = manager.pending_work_items.get(getattr(item, "work_id", None))
    if call is None or call.future._state != "RUNNING":
        return
    callbacks = call.future._done_callbacks
    if callbacks and type(callbacks[0]) is _EndOfCall:
        # Reported here: nothing of ours may run between the result and the manager's next step.
        teller, number = callbacks.pop(0).args
        teller.tell_end(number, jobs.name_of_error(item.exception))


def _is_chunk(function, process_chunk):
    """Whether this is the function that ``map`` has made of the program's function."""
    return type(function) is partial and function.func is process_chunk


def _work_of(call, process_chunk):
    """The program's own function in a call, its arguments, and the number of items."""
    if _is_chunk(call.fn, process_chunk):
        return call.fn.args[0], (), len(call.args[0])
    return call.fn, call.args, calls_in(call.fn, call.args)


def _tell_of_waiter(waiter, futures, *_, **__):
    told = {future._condition.__dict__.get("_mpviz_wait") for future in futures}
    told.discard(None)
    if told:
        forms, job = told.pop()
        # For many jobs, only the pool as a whole can be named.
        waits.observe_wait(waiter.event._cond, forms, -1 if told else job)


def _tell_break_of(manager, *args, **kwargs):
    _tell_break(manager.call_queue, len(manager.pending_work_items), *args, **kwargs)


def _tell_break_of_old(_, executor_reference, processes, calls, numbers, call_queue, *__):
    executor = executor_reference()
    if executor is not None and executor._broken:
        # The number of calls that fail with it is no longer known here.
        _tell_break(call_queue, -1)


def _tell_break(call_queue, calls, cause=None, *_, **__):
    name = call_queue.__dict__.get("_mpviz_pool")
    if name is not None:
        fields = b'"o":%b,"calls":%d' % (name, calls)
        if isinstance(cause, BaseException):
            # That of loky is the exception with which its calls fail.
            fields += b',"error":%b' % wire.text(type(cause).__name__)
        wire.put(b"executor.broken", fields)


def _how_it_ends(caller):
    """``shutdown``, or its caller if that ends the workers afterwards (from Python 3.14 on)."""
    if caller is None or caller.f_code.co_name != "_force_shutdown":
        return "shutdown"
    return "%s_workers" % caller.f_locals.get("operation")


def _tell_shutdown(executor, wait=True, *_, **__):
    """Report the end of an executor; returns the wait for its workers if it waits for them."""
    name = executor.__dict__.get("_mpviz_id")
    if name is None:
        return None
    jobs.tell_end(name, _how_it_ends(sys._getframe(2)))
    # The second up to Python 3.8.
    threads = ("_executor_manager_thread", "_queue_management_thread")
    is_running = any(getattr(executor, thread, None) is not None for thread in threads)
    return jobs.wait_for_workers(name) if wait and is_running else None


def _prepare_worker(call_queue, result_queue, *args, module, **kwargs):
    """Prepare to report what a worker does, in its process, before it begins.

    No frame of ours is around what it does: a call may be unreadable, and a result unpicklable.
    """
    name = jobs.identify(b"executor", call_queue._reader)
    _tell_first_wait(call_queue._rlock, name)
    reader = call_queue._reader
    reader._recv_bytes = beneath(reader._recv_bytes)
    receive = tasks.told_arrival(name, call_queue._recv_bytes)
    # After a fork, a queue takes this method from its reader again, later than here.
    call_queue._recv_bytes = reader.recv_bytes = receive
    module._CallItem.__setstate__ = _observed_setstate(name, module._process_chunk)
    tasks.tell_results(result_queue, _teller_of_end(name))
    tasks.tell_initializer(name, *args, **kwargs)


def _tell_first_wait(lock, name):
    """Report that a worker is ready when it takes its queue's lock for the first time."""
    take = lock.acquire

    def tell():
        lock.acquire = take
        tasks.tell_ready(name)

    lock.acquire = tasks.Before(tell, take)


def _observed_setstate(name, process_chunk):
    """Make the method in which a call gets its unpickled function and arguments, and reports it."""
    forms: "dict[tuple, object]" = {}

    @seamless
    def setstate(self, state):
        try:
            self.__dict__.update(state)
            try:
                function, arguments, items = _work_of(self, process_chunk)
                form = tasks.form_of_start(forms, name, name_of(function, arguments), items)
                wire.send(form, site_of(function, arguments), self.work_id)
            except BaseException:
                report("executor worker")
        except BaseException as error:
            unframe(error)
            raise

    return setstate


def _teller_of_end(name):
    forms: "dict[str, object]" = {}

    def tell_end(result):
        number = getattr(result, "work_id", None)
        if number is None:
            # The worker says that it ends.
            return
        # It comes wrapped with its traceback.
        error = jobs.name_of_error(getattr(result.exception, "exc", result.exception))
        form = tasks.form_of_end(forms, name, error)
        wire.send(form, number, process_time_ns())

    return tell_end
