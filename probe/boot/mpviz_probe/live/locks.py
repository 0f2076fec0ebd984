"""Adopts Lock, RLock and the semaphores; who is within a ``with`` has the old exit in hand."""

import sys

from mpviz_probe import wire
from mpviz_probe.live.find import stacks
from mpviz_probe.live.places import know, site
from mpviz_probe.standard.locks import identify, is_observed, observe


def prepare():
    """Have the exit that a ``with`` holds already do what the one of the probe does."""
    module = sys.modules.get("multiprocessing.synchronize")
    if module is not None:
        leave = module.SemLock.__exit__
        leave.__code__ = _leave.__code__


def _leave(self, *args):
    return self._mpviz_exit(*args)


def adopt(found, places):
    """Tell a lock of the program's own, and observe it; know those that are parts of others."""
    module = sys.modules.get("multiprocessing.synchronize")
    lock = found.thing
    if module is None or not isinstance(lock, module.SemLock):
        return
    know(lock, places)
    if found.is_part or not found.name:
        return
    kind, semlock = type(lock).__name__, lock._semlock
    name, maximum = wire.text(identify(lock)), _maximum(kind, semlock)
    fields = b'"o":%b,"kind":%b,"maximum":%d,"s":%d,"adopted":true'
    wire.put(b"lock.created", fields % (name, wire.text(kind), maximum, site(found.name, kind)))
    if maximum == 1 and semlock._count() > 0:
        wire.put(b"lock.held", b'"o":%b' % name, thread=_holder(semlock))
    if not is_observed(lock):
        observe(lock)


def _maximum(kind, semlock):
    """How many may hold it at once, as far as is known: a Semaphore forgets its first value."""
    if kind in ("Lock", "RLock"):
        return 1
    if kind == "BoundedSemaphore":
        return semlock.maxvalue
    return max(1, semlock._get_value() + max(0, semlock._count()))


def _holder(semlock):
    """The thread that holds it, if that is ours; else the only other one, or the main thread."""
    if semlock._is_mine():
        return 0
    threads = [each for each in stacks() if each != wire._main_thread]
    return threads[0] if len(threads) == 1 else wire._main_thread
