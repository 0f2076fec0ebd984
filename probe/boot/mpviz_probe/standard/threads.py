"""Observes ``threading``: each thread that starts, with its name and the kernel's number.

The thread that starts it tells of it, so nothing of ours is on the stack of the new one, and no
record is cut off when a process ends while a daemon thread begins. That it has ended is for the
kernel to say: up to Python 3.10, its last step calls no method. Threads that a program starts by
``_thread`` do not come by here.
"""

from functools import partial
from time import monotonic_ns
from types import FunctionType, MethodType

from mpviz_probe import sections, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, unframe

# Nothing else is imported: many programs use threads, and no multiprocessing.

_HELPERS = ("multiprocessing", "multiprocess", "concurrent", "billiard", "loky", "joblib")
"""Packages whose threads serve a pool or queue."""

_RUN_WHAT_IS_GIVEN = (
    ("concurrent.futures.thread", "_worker"),
    ("multiprocessing.pool", "worker"),
)
"""Module and name of their functions that run, in threads, what the program has given to them."""


def patch(module):
    """Patch ``threading``."""
    original = module.Thread.start

    @replaces(original)
    def observed(thread):
        try:
            original(thread)
            try:
                _tell_start(thread)
            except BaseException:
                report("thread")
        except BaseException as error:
            unframe(error)
            raise

    module.Thread.start = observed


def _tell_start(thread):
    known = thread.__dict__
    native, ident = known.get("_native_id"), known.get("_ident")
    if not native or not ident:
        return
    name, daemon = known.get("_name"), known.get("_daemonic")
    fields = b'"native":%d,"name":%b,"daemon":%b,"own":%b'
    texts = wire.text(name if type(name) is str else ""), _bool(daemon), _bool(_is_own(thread))
    fields %= (native, *texts)
    # An executor starts its thread while it holds a lock of its own.
    sections.do(partial(wire.put, b"thread.started", fields, monotonic_ns(), thread=ident))


def _bool(value):
    return b"true" if value is True else b"false"


def _is_own(thread):
    """Whether a thread may run code of the program or a library; else it serves a pool or queue."""
    function = thread.__dict__.get("_target")
    if function is None:
        function = type(thread).run
    elif type(function) is MethodType:
        function = function.__func__
    if type(function) is not FunctionType:
        return True
    # Of a function that the probe has replaced, this is still the original's.
    module = function.__module__
    if type(module) is not str or (module, function.__name__) in _RUN_WHAT_IS_GIVEN:
        return True
    return module.partition(".")[0] not in _HELPERS
