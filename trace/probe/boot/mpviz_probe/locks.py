"""Observes Lock, RLock and the semaphores: who takes them, who waits, who gives them back."""

import sys
from functools import wraps
from itertools import count
from operator import attrgetter
from time import monotonic_ns
from types import FunctionType

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report

# Not from 1: a program that replaces itself (exec) keeps its pid, and its locks are others.
_numbers = count(monotonic_ns() // 1000)


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    base = module.SemLock
    base.__init__ = _observed_init(base.__init__)
    base.__setstate__ = _observed_setstate(base.__setstate__)
    # C code behind the originals would pass by the methods that `observe` puts on an instance.
    base.__enter__ = _Enter(attrgetter("acquire"))
    base.__exit__ = _Exit(attrgetter("_mpviz_exit"))
    base._mpviz_exit = _exit
    condition = module.Condition
    condition.__setstate__ = _quiet_setstate(condition.__setstate__)


def hush(lock):
    """Give an internal lock its own methods back: it is not shown as the program's."""
    lock.acquire = lock._semlock.acquire
    lock.release = lock._semlock.release
    lock.__dict__.pop("_mpviz_exit", None)


def is_observed(lock):
    """Whether this lock has the methods that :func:`observe` gives."""
    return isinstance(lock.acquire, FunctionType)


def identify(lock):
    """The id of a lock, the same in every process, as text; empty where it cannot have one."""
    name = lock._semlock.name
    if name is not None:
        return name
    # Under fork a semaphore has no name, and its address is used again after its end.
    known = lock.__dict__.get("_mpviz_id")
    if known is None:
        known = lock._mpviz_id = "%d.%d" % (wire.pid(), next(_numbers))
    return known


class _Enter(property):
    """Hands a ``with`` the lock's own ``acquire``, and spares it a call; the type's method as ever.

    :class:`contextlib.ExitStack` looks it up on the type, and calls it with the lock.
    """

    def __call__(self, lock):
        return lock.acquire()


class _Exit(property):
    """The same at the end of a ``with``."""

    def __call__(self, lock, *error):
        return lock.release()


def _exit(self, *error):
    """Release a lock that has not been observed."""
    return self.release()


def _observed_init(init):
    @wraps(init)
    def observed(self, kind, value, maxvalue, **kwargs):
        init(self, kind, value, maxvalue, **kwargs)
        try:
            if is_the_programs_own(sys._getframe(1)):
                _announce(self, value)
                observe(self)
        except Exception:
            report("lock")

    return observed


def _observed_setstate(setstate):
    @wraps(setstate)
    def observed(self, state):
        setstate(self, state)
        try:
            observe(self)
        except Exception:
            report("lock")

    return observed


def _quiet_setstate(setstate):
    @wraps(setstate)
    def observed(self, state):
        setstate(self, state)
        for lock in (self._sleeping_count, self._woken_count, self._wait_semaphore):
            hush(lock)

    return observed


def is_the_programs_own(frame):
    """Whether an object that is being made in this frame is the program's, or a part of another.

    Its own constructors come first, then a context, which called them; what stands behind those
    is the program, or the container that the object is a part of.
    """
    while frame is not None and _is_constructor(frame.f_code):
        frame = frame.f_back
    while frame is not None and sites.is_context(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and not sites.is_machinery(frame.f_code.co_filename)


def _is_constructor(code):
    return code.co_name in ("__init__", "observed") and sites.is_machinery(code.co_filename)


def _announce(lock, value):
    kind = type(lock).__name__
    wire.put(
        b"lock.created",
        b'"o":%b,"kind":%b,"maximum":%d,"s":%d'
        % (wire.text(identify(lock)), wire.text(kind), value, creations.here()),
    )


def observe(lock):
    """Put methods on this lock that act as its own do and tell of it."""
    semlock = lock._semlock
    take, give = semlock.acquire, semlock.release
    count_held = semlock._count if semlock.kind == _RECURSIVE else None
    object_field = b'"o":%b' % wire.text(identify(lock))
    waiting = wire.form(b"wait", b'"what":"lock",' + object_field, (b"s", b"limit"))
    acquired = wire.form(b"lock.acquired", object_field, (b"s",))
    released = wire.form(b"lock.released", object_field)
    refused = wire.form(b"lock.refused", object_field)
    send, here = wire.send, sites.of_caller(2)

    def acquire(block=True, timeout=None):
        # C checks the time-out and tries without waiting first, too: nothing is in another order.
        if not take(False, timeout):
            if not block or (timeout is not None and timeout <= 0):
                return False
            if not wait(timeout):
                return False
        if count_held is None or count_held() == 1:
            try:
                send(acquired, here())
            except BaseException:
                # An interrupt has to find the lock as if it had come before the acquire.
                give()
                raise
        return True

    def wait(timeout):
        send(waiting, sites.here(), wire.milliseconds(timeout))
        taken = False
        try:
            taken = take(True, timeout)
        finally:
            if not taken:
                wire.put(b"wait.over")
        return taken

    def release():
        if count_held is not None and count_held() != 1:
            return give()
        send(released)
        try:
            return give()
        except BaseException:
            send(refused)
            raise

    def leave(*error):
        release()

    lock.acquire = acquire
    lock.release = release
    lock._mpviz_exit = leave


_RECURSIVE = 0
