"""Who waits for results: the Conditions of results and futures report their waits."""

from _thread import LockType, get_ident
from sys import _getframe
from threading import Condition

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import seamless, unframe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_asleep: "set[int]" = set()
"""Threads whose wait for results has been reported."""
_plain: "Any" = Condition


def forms_of_wait(name):
    """The forms for a wait for results: those of one job, and those of many."""
    one = wire.form(b"wait", b'"what":"results","o":' + name, (b"s", b"job", b"limit"))
    many = b'"what":"results","o":%b/"' % name[:-1]
    return one, wire.form(b"wait", many, (b"s", b"limit"))


def observe_result(result, forms):
    """Report who waits for a result of a Pool, or for the next item of an iterator."""
    event = result.__dict__.get("_event")
    observe_wait(result._cond if event is None else event._cond, forms, result._job)


def observe_wait(condition, forms, job):
    """Report who waits for a condition, and so for the results of this job; -1 for many jobs.

    No frame of ours is there during the wait, nor in the traceback of what interrupts it.
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
            # This type has no such methods; a condition asks the lock itself.
            if type(lock) is LockType:
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
            restore = None if type(lock) is LockType else getattr(lock, "_acquire_restore", None)
            if restore is None:
                lock.acquire()
            else:
                restore(state)
            thread = get_ident()
            if thread in _asleep:
                _asleep.discard(thread)
                try:
                    wire.send_at_once(*wire.over.args)
                except BaseException:
                    report("results")
        except BaseException as error:
            unframe(error)
            raise


_WAIT = Condition.wait.__code__
# The name that a ``repr`` shows.
_ObservedCondition.__module__ = Condition.__module__
_ObservedCondition.__qualname__ = Condition.__qualname__
