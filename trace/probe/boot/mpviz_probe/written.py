"""Notes how much of a message a connection has written, even if an exception comes right after.

A signal handler of the program may raise between a write and the storing of its result. Without a
note, nobody would know then whether the message was sent.
"""

from _thread import get_ident
from functools import partial
from weakref import ref

HEADER = 4
"""Bytes before each message, which say how long it is."""

_PARAMETERS = ("self", "buf", "write")


class Writes:
    """What each thread has written of the message that it sends through this connection."""

    __slots__ = ("_by_thread",)

    def __init__(self, connection):
        self._by_thread: "dict[int, list[int] | None]" = {}
        original = type(connection)._send
        # A subclass may have a method of its own, which is left as it is.
        if original.__code__.co_varnames[: len(_PARAMETERS)] == _PARAMETERS:
            noting = partial(_write, self._by_thread, *original.__defaults__)
            # Weakly, since a connection that kept itself would not be closed when it is dropped.
            connection._send = partial(_send, original, ref(connection), noting)

    def begin(self, written):
        """Note the writes of this thread in this list from now on; returns what :meth:`end` takes.

        A signal handler of the program may send through the same connection in between.
        """
        thread = get_ident()
        outer = self._by_thread.get(thread)
        self._by_thread[thread] = written
        return outer

    def end(self, outer):
        """Note them where they were noted before."""
        self._by_thread[get_ident()] = outer


def was_sent(written, size):
    """Whether these writes are a whole message of so many bytes."""
    return sum(written) >= HEADER + size


def _send(original, connection, noting, buf):
    return original(connection(), buf, noting)


def _write(by_thread, write, handle, buf):
    written = by_thread.get(get_ident())
    if written is None:
        return write(handle, buf)
    # Written and noted in one step.
    written.extend(map(write, (handle,), (buf,)))
    return written[-1]
