"""How many bytes a pipe or a socket takes before anybody has read, and how many are in it."""

import os
import sys
from functools import partial
from itertools import compress, starmap
from operator import is_
from stat import S_ISFIFO, S_ISSOCK

_GET_PIPE_SIZE = 1032
"""F_GETPIPE_SZ, for which ``fcntl`` has a name from Python 3.10 on."""


def is_socket(descriptor):
    """Whether this is a socket."""
    return S_ISSOCK(os.fstat(descriptor).st_mode)


def is_pipe(descriptor):
    """Whether this is a pipe."""
    return S_ISFIFO(os.fstat(descriptor).st_mode)


def of_socket(descriptor):
    """The size of a socket's buffer in bytes; ``sys.maxsize`` if it cannot be asked for.

    The socket object is of the program's own descriptor: a copy of that, made while another thread
    forks, would stay open in the child. The object would close the descriptor when it goes, so it
    is detached.
    """
    import _socket

    # With a default time-out, the object would make the program's descriptor non-blocking. That
    # there is none is checked in the same step.
    has_none = map(partial(is_, None), starmap(_socket.getdefaulttimeout, ((),)))
    make = partial(_socket.socket, fileno=descriptor)
    ends: "list[_socket.socket]" = []
    detaching = map(_socket.socket.detach, ends)
    try:
        ends.extend(starmap(make, compress(((),), has_none)))
        sizes = [end.getsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF) for end in ends]
        # Here as well, because up to Python 3.9 a signal can be handled before a ``finally``.
        any(detaching)
        return sizes[0] if sizes else sys.maxsize
    finally:
        any(detaching)


def of_pipe(descriptor):
    """The size of a pipe in bytes."""
    import fcntl

    return fcntl.fcntl(descriptor, _GET_PIPE_SIZE)


def used_of_socket(descriptor):
    """How much of its buffer a socket uses: not only the bytes, but the memory for them."""
    import termios

    return _ask(descriptor, termios.TIOCOUTQ)


def used_of_pipe(descriptor):
    """How many bytes are in a pipe."""
    import termios

    return _ask(descriptor, termios.FIONREAD)


def _ask(descriptor, request):
    import fcntl

    return int.from_bytes(fcntl.ioctl(descriptor, request, bytes(4)), sys.byteorder)
