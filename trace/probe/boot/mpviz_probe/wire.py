"""The writing end of the EventQueue: one record, one atomic write, no lock and no thread.

A record is one line of JSON of at most ``select.PIPE_BUF`` bytes, so the kernel neither tears it
nor mixes it with another process's (POSIX, ``write`` to a FIFO). What :func:`put` has returned from
is in the kernel, where a SIGKILL of this process cannot take it back.

The state is module-level on purpose: there is one queue in a process, ``put`` runs inside the
locks of the observed program, and an attribute look-up on an object would be paid on each record.
"""

import os
import select
from itertools import count
from os import write
from time import monotonic_ns

try:
    # The C function behind ``json``; importing ``json`` costs the program 8 ms (measured).
    from _json import encode_basestring_ascii as _quote
except ImportError:
    from json.encoder import encode_basestring_ascii as _quote
from _thread import get_ident

ENVIRONMENT_VARIABLE = "MPVIZ_EVENTS"
"""Holds the path of the FIFO, so that every descendant finds it, however it was started."""

PATIENCE_MILLISECONDS = 50
"""How long a writer waits, once, for room in a full pipe before it begins to drop."""

TEXT_LIMIT = 240
"""Characters of a text that go into a record; a longer one is cut and ends in an ellipsis."""

_TEXT_BYTES = 900

_CHECK_EVERY = 64
_LOWEST_DESCRIPTOR = 100

# A program that closes all descriptors has to open this many files before one of them could get
# ours, between two looks at whether it is still ours. The kernel's table for it takes 32 KiB.
_CEILING = 4096

path = None
_descriptor = -1
_inode = None
_pid = 0
_main_thread = 0
_numbers = count(1)
_dropped = 0
_declared = 0
_full = False
_in_trouble = False
"""Records were dropped and the viewer has not been told yet."""


def open_queue(fifo):
    """Begin to write to the FIFO at this path; :class:`OSError` when there is no reader."""
    global path, _descriptor, _inode
    path = fifo
    _descriptor = _open_high(fifo)
    status = os.fstat(_descriptor)
    _inode = (status.st_dev, status.st_ino)
    reset()


def reset():
    """Begin a new process's numbering; for the first process and after each fork."""
    global _pid, _main_thread, _numbers, _dropped, _declared, _full, _in_trouble
    _pid = os.getpid()
    _main_thread = get_ident()
    _numbers = count(1)
    _dropped = _declared = 0
    _full = _in_trouble = False


def close():
    """Stop writing for good; every later record goes nowhere."""
    global _descriptor
    _descriptor = -1


def is_open():
    """Say whether records still go anywhere."""
    return _descriptor >= 0


def pid():
    """The process that writes, which ``os.getpid`` would ask the system for."""
    return _pid


def put(kind, fields=b"", stamp=None):
    """Write one record, and return when it is in the kernel.

    ``kind`` and ``fields`` are bytes of JSON: the kind without its quotes, the fields as
    ``b'"object":"x"'``. ``stamp`` is in nanoseconds of ``time.monotonic_ns``; now by default.
    """
    record = b'{"k":"%b","t":%d,"p":%d,"n":%d%b%b}\n' % (
        kind,
        monotonic_ns() if stamp is None else stamp,
        _pid,
        next(_numbers),
        _thread_field(),
        b"," + fields if fields else b"",
    )
    if _descriptor >= 0:
        _write(record)


def template(kind, fields):
    """Prepare a record for :func:`send`: bytes with a ``%d`` or ``%b`` for each later value."""
    return b'{"k":"%b",%b,"t":%%d,"p":%%d,"n":%%d%%b}\n' % (kind, fields)


def send(prepared, *values):
    """Write one record that was prepared with :func:`template`: what is on the hot paths does this.

    It formats once and asks for nothing that is rarely needed.
    """
    number = next(_numbers)
    thread = b"" if get_ident() == _main_thread else _thread_field()
    record = prepared % (*values, monotonic_ns(), _pid, number, thread)
    if number % _CHECK_EVERY and not _in_trouble:
        try:
            write(_descriptor, record)
            return
        except OSError:
            # The pipe is full, or the descriptor is no longer ours.
            pass
    if _descriptor >= 0:
        _write(record)


def text(value):
    """Turn a text into JSON, quotes and all, in ASCII and cut to :data:`TEXT_LIMIT` characters.

    At most 900 bytes, so that the four texts of the largest record fit into ``PIPE_BUF``.
    """
    limit = TEXT_LIMIT
    while True:
        cut = value if len(value) <= limit else value[: limit - 1] + "\u2026"
        quoted = _quote(cut)
        if len(quoted) <= _TEXT_BYTES:
            return quoted.encode("ascii")
        limit //= 2


def _thread_field():
    thread = get_ident()
    return b"" if thread == _main_thread else b',"h":%d' % thread


def _write(record):
    """Write a record with all due care: for a full pipe, a lost reader, a descriptor taken away."""
    global _declared, _dropped, _full, _in_trouble
    if not _is_ours():
        # The program closed all descriptors, and may have opened files of its own since.
        _reopen()
    dropped = _dropped
    if dropped != _declared:
        record = b'%b,"d":%d}\n' % (record[:-2], dropped)
    try:
        written = _descriptor < 0 or write(_descriptor, record) > 0
    except BlockingIOError:
        written = _write_when_there_is_room(record)
    except OSError:
        # The viewer is gone (EPIPE), or nothing can be written for some other reason.
        close()
        return
    if written:
        _full = False
        _declared = dropped
    else:
        _dropped += 1
    _in_trouble = _dropped != _declared


def _write_when_there_is_room(record):
    global _full
    if _full or len(record) > select.PIPE_BUF:
        return False
    room = select.poll()
    room.register(_descriptor, select.POLLOUT)
    deadline = monotonic_ns() + PATIENCE_MILLISECONDS * 1_000_000
    while True:
        left = (deadline - monotonic_ns()) // 1_000_000
        if left <= 0 or not room.poll(left):
            _full = True
            return False
        try:
            write(_descriptor, record)
        except BlockingIOError:
            continue
        return True


def _is_ours():
    try:
        status = os.fstat(_descriptor)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == _inode


def _reopen():
    global _descriptor
    try:
        _descriptor = _open_high(path)
    except OSError:
        close()


def _open_high(fifo):
    """Open the FIFO on a high descriptor, far from those that programs number by hand."""
    import fcntl
    import resource

    low = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        ceiling = _CEILING if limit == resource.RLIM_INFINITY else min(limit, _CEILING)
        for lowest in (ceiling - 24, _LOWEST_DESCRIPTOR):
            if lowest >= _LOWEST_DESCRIPTOR:
                try:
                    return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, lowest)
                except OSError:
                    continue
        return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(low)
