"""Knows when a thread holds a lock of a library, and holds its records until the lock is free.

Writing a record gives up the GIL. If that happens while a library's lock is held, other threads
see the library in a state that they would otherwise see seldom or never. So what happens in a
critical section is reported after it. Only a wait is reported at once: it gives up the GIL itself.
"""

from _thread import get_ident
from functools import partial
from time import monotonic_ns

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, unframe

_threads: "dict[int, int]" = {}
"""The threads that are in a critical section, each with its process: a fork copies all this."""
_forms: "dict[bytes, object]" = {}
"""The form of each kind of record that is sent inside a critical section."""


def locked(original):
    """Wrap a function of a library that takes a lock and gives it back before its end."""
    return _section(original, is_over_then=True)


def while_locked(original):
    """Wrap a function of a library whose caller holds a lock.

    What happens in it is told with the next record of this process, or by ``wire.catch_up``.
    """
    return _section(original, is_over_then=False)


def _section(original, is_over_then):
    @replaces(original)
    def observed(*args, **kwargs):
        try:
            thread = get_ident()
            is_outermost = not is_inside()
            try:
                _threads[thread] = wire.pid()
                result = original(*args, **kwargs)
                if is_outermost:
                    # Here as well, because up to Python 3.9 a signal can be handled before a
                    # ``finally``.
                    _threads.pop(thread, None)
                return result
            finally:
                if is_outermost:
                    _threads.pop(thread, None)
                    if is_over_then and wire.is_behind():
                        _tell_what_was_held()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def is_inside():
    """Whether this thread is in a critical section of a library."""
    return bool(_threads) and _threads.get(get_ident()) == wire.pid()


def tell(kind, fields, stamp=None):
    """Write a record as ``wire.put`` does, or hold it until the critical section is over."""
    do(partial(wire.put, kind, fields, stamp or monotonic_ns(), thread=get_ident()))


def do(tell_it):
    """Have this function called when the critical section is over, which may be at once.

    It is as for ``wire.hold``. It is called even if a signal handler of the program raises right
    after it was held. Only if a handler raises again at the next lines, it is called with the next
    record of this process.
    """
    try:
        wire.hold(tell_it)
    finally:
        if not is_inside():
            wire.catch_up()


def _tell_what_was_held():
    try:
        wire.catch_up()
    except BaseException:
        report("section")


def tell_cause(kind, **values):
    """Report a cause before it acts, since others may report its effect; values are whole numbers.

    In a critical section the record goes into the ring; it is held only if there is none.
    """
    if not is_inside():
        fields = [b'"%b":%d' % (name.encode(), value) for name, value in values.items()]
        wire.put(kind, b",".join(fields))
        return
    form = _forms.get(kind)
    if form is None:
        form = _forms[kind] = wire.form(kind, b"", [name.encode() for name in values])
    wire.send_at_once(form, *values.values())


def tell_end_of_wait():
    """Report that the wait of this thread is over, which its other threads cannot do for it."""
    try:
        tell_cause(b"wait.over")
    except BaseException:
        report("end of a wait")
