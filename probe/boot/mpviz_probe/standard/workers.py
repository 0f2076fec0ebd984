"""What pools and executors share: who submits to them, their workers, and who waits for them."""

import os
from _thread import LockType, get_ident
from functools import partial, wraps
from itertools import chain, compress, filterfalse, repeat
from operator import not_
from sys import _getframe
from threading import Condition
from time import monotonic_ns

from mpviz_probe import creations, sections, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.guard import seamless, unframe
from mpviz_probe.standard import simple_queues
from mpviz_probe.standard.pipes import beneath
from mpviz_probe.standard.processes import cpu_so_far

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


FORMS = 64
"""Maximum number of prepared forms of one kind for one pool; a process has 512 forms at most."""

_submitting: "dict[int, tuple]" = {}
"""For each thread that submits a job: the pool, the call's name, the function, its arguments."""
_asleep: "set[int]" = set()
"""Threads whose wait for results has been reported."""
_over: "Any" = None
_plain: "Any" = Condition
_NEVER = object()


def identify(kind, inqueue):
    """The id of a pool as JSON, the same in every process: the pipe that its tasks go through."""
    return b'"%b-%d"' % (kind, os.fstat(inqueue._reader.fileno()).st_ino)


def announce(name, kind, workers, initializer, max_tasks, *, made=None):
    """Report a pool that is being made; ``made`` is an earlier result of ``creations.of_pool``."""
    site, maker = made or creations.of_pool()
    fields = b'"o":%b,"kind":"%b","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d,"maker":%b'
    told = name, kind, workers, wire.text(name_of(initializer)), max_tasks or 0, site
    fields %= (*told, wire.text(maker))
    sections.do(partial(_announce, fields, monotonic_ns(), get_ident()))


def _announce(fields, stamp, thread, told):
    number = wire.put(b"pool.created", fields, stamp, thread=thread, told=told)
    # So that records under the locks of a library find a ring.
    wire.open_ring(number)


def observe_submissions(pool, starmapstar):
    """Have :func:`submitted_here` know the calls of this class of pools that submit a job."""
    pool._map_async = _observed_submission(pool._map_async, partial(_map_of, starmapstar))
    for name in ("apply", "imap", "imap_unordered"):
        method = "apply_async" if name == "apply" else name
        setattr(pool, method, _observed_submission(getattr(pool, method), partial(_call_of, name)))


def _observed_submission(submit, describe):
    @wraps(submit)
    @seamless
    def observed(*args, **kwargs):
        try:
            thread = get_ident()
            try:
                try:
                    _submitting[thread] = describe(*args, **kwargs)
                except BaseException:
                    report("pool")
                return submit(*args, **kwargs)
            finally:
                _submitting.pop(thread, None)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _map_of(starmapstar, pool, func=None, iterable=None, mapper=None, *_, **__):
    return pool, "starmap" if mapper is starmapstar else "map", func, ()


def _call_of(call, pool, func=None, *args, **kwargs):
    arguments = args[0] if args else kwargs.get("args", ())
    return pool, call, func, arguments if call == "apply" else ()


def submitted_here():
    """The pool, the call's name, the function and its arguments, in a call that submits a job.

    None elsewhere. The job's number is only known where its result is made, inside that call.
    """
    return _submitting.get(get_ident())


def tell_end(name, how):
    """Report that a pool takes no more jobs, because this method of it is called."""
    if name is not None:
        sections.tell(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how.encode()))


def wait_for_workers(name):
    """The fields of a wait for the end of a pool's workers; None if the pool is not observed."""
    return None if name is None else b'"what":"workers","o":%b,"s":%d' % (name, sites.here())


def form_of(forms, key, kind, fields, names):
    """The form for this key, prepared at its first use and kept in ``forms``."""
    form = forms.get(key)
    if form is None:
        if len(forms) >= FORMS:
            return wire.form_of_line(kind, fields, names)
        form = forms[key] = wire.form(kind, fields, names)
    return form


def tell_ready(name):
    """Tell that this process is a worker, initialized, and about to ask for its first task."""
    number = wire.put(b"pool.worker", b'"o":%b,%b' % (name, cpu_so_far()))
    # So that records under the lock of its queue find a ring.
    wire.open_ring(number)


def told_arrival(name, receive):
    """Wrap the read of a task's bytes, after which the worker unpickles it and may import a lot.

    No frame of ours is around the read: a chain of iterators in C reads, sends the record, and
    gives what was read, because the sending returns None.
    """
    arrived = wire.form(b"task.arrived", b'"o":' + name)
    # The lock that all readers share is held here.
    sent = map(wire.send_at_once, repeat(arrived))
    return compress(iter(receive, _NEVER), map(not_, sent)).__next__


def told_tasks(name, get, told):
    """Wrap a worker's wait for the next task; ``told`` is called with each, see :func:`telling`.

    No frame of ours is around the wait, in which a task may turn out to be unreadable.
    """
    return each_told(name, iter(get, _NEVER), told).__next__


class Before:
    """Calls one function first, and then the original with the same arguments.

    While the original runs, no frame of ours is on the stack: our code runs only when Python looks
    up what to call.
    """

    __slots__ = ("first", "then")

    def __init__(self, first, then):
        self.first, self.then = first, then

    @property
    @seamless
    def __call__(self):
        """Call the first function, and return the original for Python to call."""
        try:
            self.first()
            return self.then
        except BaseException as error:
            unframe(error)
            raise


def telling(tell_start):
    """Wrap what tells of the start of a task: None is no task, and errors of ours are reported."""

    @seamless
    def told(task):
        try:
            try:
                if task is not None:
                    tell_start(task)
            except BaseException:
                report("pool worker")
        except BaseException as error:
            unframe(error)
            raise

    return told


def each_told(name, tasks, told):
    """Tell of each of a worker's tasks, and that it is ready when it asks for the first.

    It is a chain of iterators in C, with no frame of ours while the next task is waited for. It
    gives each task because ``told``, which is made like that of :func:`telling`, returns None.
    """

    @seamless
    def begin(_):
        try:
            tell_ready(name)
            return tasks
        except BaseException as error:
            unframe(error)
            raise

    return filterfalse(told, chain.from_iterable(map(begin, (None,))))


def form_of_start(forms, name, function, items):
    """The form for the start of a task of this pool; its values are site, job and index."""
    known = forms.get((function, items))
    if known is not None:
        return known
    fields = b'"o":%b,"function":%b,"items":%d' % (name, wire.text(function), items)
    names = (b"s", b"job", b"index")
    return form_of(forms, (function, items), b"task.started", fields, names)


def form_of_end(forms, name, error):
    """The form for the end of a task of this pool; its values are job, CPU time and index."""
    fields = b'"o":' + name
    if error:
        # The name of the exception's class.
        fields += b',"error":' + wire.text(error)
    return form_of(forms, error, b"task.ended", fields, (b"job", b"cpu_nanoseconds", b"index"))


def form_of_outcome(forms, name, error):
    """The form for the end of a call of an executor, by its exception; None if cancelled."""
    known = forms.get(error)
    if known is not None:
        return known
    fields = b'"o":' + name
    if error is None:
        fields += b',"cancelled":true'
    elif error:
        fields += b',"error":' + wire.text(error)
    return form_of(forms, error, b"future.done", fields, (b"job",))


def outcome_of(future):
    """The name of the class of the exception that a call has raised; None if it was cancelled."""
    if future.cancelled():
        return None
    error = future.exception()
    return "" if error is None else type(error).__name__


def tell_results(outqueue, tell_end):
    """Tell of each result of this worker when it is sent; ``tell_end`` is called with it."""
    simple_queues.hush(outqueue)
    results: "list" = []
    lock, tell = outqueue._wlock, partial(_tell_kept, results, tell_end)
    early = Before(tell, lock.acquire)
    outqueue.put = _kept(results, outqueue.put, partial(setattr, lock, "acquire", early))
    writer = outqueue._writer
    # Below send_bytes, since joblib's queue may hand its results to the connection's send.
    writer._send_bytes = told_when_sent(results, tell_end, beneath(writer._send_bytes))


@seamless
def _tell_kept(results, tell_end):
    """Tell of a result before the lock is taken for it, which all writers share.

    Without a ring, the record has to wait for its writing. joblib's queue pickles only later, under
    the lock, and does not come here.
    """
    try:
        try:
            if results:
                tell_end(results.pop())
        except BaseException:
            report("pool worker")
    except BaseException as error:
        unframe(error)
        raise


def _kept(results, put, tell_early):
    """Wrap the put of a result, which is kept until it is sent."""

    @wraps(put)
    @seamless
    def observed(result, *args, **kwargs):
        try:
            # If it cannot be pickled, another one follows.
            results[:] = (result,)
            if not wire.has_ring():
                tell_early()
            return put(result, *args, **kwargs)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def told_when_sent(results, tell_end, send_bytes):
    """Wrap what sends the bytes of a kept result: it could be pickled, so the parent will get it.

    The lock that all writers share is held here, so this must be quick: any wait, such as for room
    in the ring, happened before, with the record of the task's start. Without a ring, it was told
    before the lock was taken, where that is possible. And it cannot come later, since the parent
    tells what it does with the result.
    """

    @wraps(send_bytes)
    @seamless
    def observed(*args, **kwargs):
        try:
            try:
                if results:
                    tell_end(results.pop())
            except BaseException:
                report("pool worker")
            return send_bytes(*args, **kwargs)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def tell_initializer(name, initializer=None, *_, **__):
    """Tell that a worker is about to call its initializer, if it has one."""
    if initializer is not None:
        fields = b'"o":%b,"function":%b,"s":%d'
        function = wire.text(name_of(initializer))
        wire.put(b"pool.initializing", fields % (name, function, site_of(initializer)))


def forms_of_wait(name):
    """The forms for a wait for results: those of one job, and those of many."""
    global _over
    if _over is None:
        _over = wire.form(b"wait.over", b"")
    one = wire.form(b"wait", b'"what":"results","o":' + name, (b"s", b"job", b"limit"))
    many = b'"what":"results","o":%b/"' % name[:-1]
    return one, wire.form(b"wait", many, (b"s", b"limit"))


def observe_result(result, forms):
    """Report who waits for a result of a Pool, or for the next item of an iterator."""
    event = result.__dict__.get("_event")
    observe_wait(result._cond if event is None else event._cond, forms, result._job)


def observe_wait(condition, forms, job):
    """Report who waits for a condition, that is for the results of this job; -1 for many jobs.

    During the wait, and in the traceback of an exception that interrupts it, there is no frame of
    ours.
    """
    if type(condition) is not _plain:
        return
    for name in ("_is_owned", "_acquire_restore"):
        # An instance gets these attributes if its lock has such methods.
        condition.__dict__.pop(name, None)
    condition._mpviz_wait = forms, job
    condition.__class__ = _ObservedCondition


class _ObservedCondition(Condition):
    """A condition that reports the beginning and the end of each wait.

    Both are told while its lock is held, and so without giving up the GIL.
    """

    _lock: "Any"
    _mpviz_wait: "Any"

    @seamless
    def _is_owned(self):
        """Called first by ``wait``, and also by ``notify``."""
        try:
            frame = _getframe(1)
            if frame.f_code is _WAIT:
                try:
                    self._mpviz_tell(frame)
                except BaseException:
                    report("results")
            lock = self._lock
            if type(lock) is _LOCK:
                return lock.locked()
            owned = getattr(lock, "_is_owned", None)
            return _plain._is_owned(self) if owned is None else owned()
        except BaseException as error:
            unframe(error)
            raise

    def _mpviz_tell(self, frame):
        limit, timeout = 0, frame.f_locals["timeout"]
        if timeout is not None:
            if timeout <= 0:
                return
            limit = wire.milliseconds(timeout)
        (one, many), job = self._mpviz_wait
        site = sites.of_frame(frame.f_back)
        _asleep.add(get_ident())
        if job < 0:
            wire.send_at_once(many, site, limit)
        else:
            wire.send_at_once(one, site, job, limit)

    @seamless
    def _acquire_restore(self, state):
        """Called last by ``wait``, however it ends."""
        try:
            lock = self._lock
            restore = None if type(lock) is _LOCK else getattr(lock, "_acquire_restore", None)
            if restore is None:
                lock.acquire()
            else:
                restore(state)
            thread = get_ident()
            if thread in _asleep:
                _asleep.discard(thread)
                try:
                    wire.send_at_once(_over)
                except BaseException:
                    report("results")
        except BaseException as error:
            unframe(error)
            raise


_LOCK = LockType
"""The type of the locks that have no such methods, so that a condition asks them itself."""
_WAIT = Condition.wait.__code__
# The name that a ``repr`` shows.
_ObservedCondition.__module__ = Condition.__module__
_ObservedCondition.__qualname__ = Condition.__qualname__
