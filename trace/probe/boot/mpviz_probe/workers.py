"""What Pool and ProcessPoolExecutor share: their workers, and whoever waits for them."""

import os
from _thread import get_ident
from functools import wraps
from sys import _getframe
from threading import Condition

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.processes import cpu_so_far
from mpviz_probe.queues import hush_simple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


FORMS = 64
"""Maximum number of prepared forms of one kind for one pool; a process has 512 forms at most."""

_asleep: "set[int]" = set()
"""Threads whose wait for results has been reported."""
_over: "Any" = None
_plain: "Any" = Condition
_NEVER = object()


def identify(kind, inqueue):
    """The id of a pool as JSON, the same in every process: the pipe that its tasks go through."""
    return b'"%b-%d"' % (kind, os.fstat(inqueue._reader.fileno()).st_ino)


def announce(name, kind, workers, initializer, max_tasks, *, made=None):
    """Report a pool that is being made; ``made`` is an earlier result of ``creations.of_pool``.

    Returns the number of the record.
    """
    site, maker = made or creations.of_pool()
    fields = b'"o":%b,"kind":"%b","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d,"maker":%b'
    told = name, kind, workers, wire.text(name_of(initializer)), max_tasks or 0, site
    return wire.put(b"pool.created", fields % (*told, wire.text(maker)))


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

    No frame of ours is around the read: a chain of iterators in C reads again and again, and
    passes all that was read to ``told``.
    """
    arrived = wire.form(b"task.arrived", b'"o":' + name)
    send_at_once = wire.send_at_once

    def told(data):
        # The lock that all readers share is held here.
        send_at_once(arrived)
        return data

    return map(told, iter(receive, _NEVER)).__next__


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


def tell_results(outqueue, tell_end):
    """Tell of each result when this worker sends it: as what :func:`tell_end` is called with.

    Returns the list that the result has to be put into before it is pickled.
    """
    hush_simple(outqueue)
    results: "list" = []
    # The lock that all writers share is held here, so this must be quick: any wait, such as for
    # room in the ring, happened before, with the record of the task's start.
    # Below send_bytes, since joblib's queue may hand its results to the connection's send.
    send = outqueue._writer._send_bytes

    def observed(data):
        # The result could be pickled, so this is what the parent will get.
        try:
            if results:
                tell_end(results.pop())
        except Exception:
            report("pool worker")
        return send(data)

    outqueue._writer._send_bytes = observed
    return results


def tell_initializer(name, initializer=None, *_, **__):
    """Tell that a worker is about to call its initializer, if it has one."""
    if initializer is not None:
        fields = b'"o":%b,"function":%b,"s":%d'
        function = wire.text(name_of(initializer))
        wire.put(b"pool.initializing", fields % (name, function, site_of(initializer)))


def observed_wait(wait, waited_for):
    """Wrap a wait for what ``waited_for`` says of the object that has the method."""

    @wraps(wait)
    def observed(self, *args, **kwargs):
        fields = None
        try:
            fields = waited_for(self)
            if fields is not None:
                limit = wire.milliseconds(args[0] if args else kwargs.get("timeout"))
                wire.put(b"wait", b'%b,"s":%d,"limit":%d' % (fields, sites.here(), limit))
        except Exception:
            report("pool")
        try:
            return wait(self, *args, **kwargs)
        finally:
            if fields is not None:
                wire.put(b"wait.over")

    return observed


def forms_of_wait(name):
    """The forms for a wait for results: those of one job, and those of many."""
    global _over
    if _over is None:
        _over = wire.form(b"wait.over", b"")
    one = wire.form(b"wait", b'"what":"results","o":' + name, (b"s", b"job", b"limit"))
    many = b'"what":"results","o":%b/"' % name[:-1]
    return one, wire.form(b"wait", many, (b"s", b"limit"))


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

    def _is_owned(self):
        """Called first by ``wait``, and also by ``notify``."""
        frame = _getframe(1)
        if frame.f_code is _WAIT:
            try:
                self._mpviz_tell(frame.f_locals["timeout"])
            except Exception:
                report("results")
        owned = getattr(self._lock, "_is_owned", None)
        return _plain._is_owned(self) if owned is None else owned()

    def _mpviz_tell(self, timeout):
        if timeout is not None and timeout <= 0:
            return
        (one, many), job = self._mpviz_wait
        site, limit = sites.here(), wire.milliseconds(timeout)
        _asleep.add(get_ident())
        if job < 0:
            wire.send_at_once(many, site, limit)
        else:
            wire.send_at_once(one, site, job, limit)

    def _acquire_restore(self, state):
        """Called last by ``wait``, however it ends."""
        restore = getattr(self._lock, "_acquire_restore", None)
        if restore is None:
            self._lock.acquire()
        else:
            restore(state)
        if get_ident() in _asleep:
            _asleep.discard(get_ident())
            wire.send_at_once(_over)


_WAIT = Condition.wait.__code__
# The name that a ``repr`` shows.
_ObservedCondition.__module__ = Condition.__module__
_ObservedCondition.__qualname__ = Condition.__qualname__
