"""The writing end of the transport: a record is told in one step, with no lock and no thread.

:func:`put` writes one line of JSON, at most ``select.PIPE_BUF`` bytes, to the FIFO in one piece, so
the kernel neither tears it nor mixes it with another process's (POSIX, ``write`` to a FIFO).
:func:`send`, for what happens many times a second, stores a record in the :mod:`ring
<mpviz_probe.wire.ring>` of the process, or puts it if there is none. Once they have returned, a
SIGKILL of this process cannot take the record back.

Writing to the FIFO gives up the GIL. Between two steps of a library that belong together, use
:func:`send_at_once`, which does not: a record that does not fit into the ring at once is held, and
written by :func:`catch_up` or with the next record.

The state is module-level on purpose: there is one queue in a process, ``put`` runs inside the
locks of the observed program, and an attribute look-up on an object would be paid for each record.
What is rarely needed is in the other modules of this room, which read and change the state here.
"""

import os
from _thread import get_ident
from errno import EBADF
from itertools import count
from os import write
from time import monotonic_ns

# The viewer imports this module too, as part of a larger package.
from ..guard import raise_if_the_programs, seamless
from .fifo import open_high, put_after_all, reopen
from .held import catch_up, hold, hold_after_all, hold_record, is_behind
from .slots import (
    form,
    form_of_line,
    goes_into_ring,
    has_room,
    open_ring,
    send_after_all,
    send_by_pipe,
    skip,
)
from .texts import TEXT_LIMIT, may_wait, milliseconds, text

try:
    # ``collections`` takes it from there; not every program imports ``collections``.
    from _collections import deque  # type: ignore[import-not-found]
except ImportError:
    from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "TEXT_LIMIT",
    "catch_up",
    "form",
    "form_of_line",
    "hold",
    "is_behind",
    "may_wait",
    "milliseconds",
    "open_ring",
    "text",
]
"""What other modules of this room give to the rest of the probe."""

ENVIRONMENT_VARIABLE = "MPVIZ_EVENTS"
"""The variable with the path of the FIFO; every descendant has it, however it was started."""

PATIENCE_MILLISECONDS = 50
"""How long a writer waits, once, for room in a full pipe or ring before it does without."""

path = ""
_descriptor = -1
_left = -1
"""The descriptor of a viewer that went away, until another one comes; or -1."""
_inode = None
"""Device and inode of the FIFO."""
_pid = 0
_main_thread = 0
_numbers = count(1)
_drops = count(1)
_dropped = 0
_declared = 0
"""The count of dropped records that the last written record has told."""
_last_dropped = 0
"""The number of the last record that was dropped."""
_account = ""
"""The path, without suffix, of the file that counts dropped records; empty before the first."""
_retry_at = 0
"""The time in nanoseconds before which the FIFO is not opened again."""
_full = False
"""Whether the pipe had no room for the last record; the next one does not wait for it again."""

_form_numbers = count(1)
_forms: "dict[int, bytes]" = {}
"""What the ring has of each form, by its number."""
_lines: "dict[int, tuple[bytes, bytes, int]]" = {}
"""Arguments for :func:`put`, by form number: the kind, the fields, and the number of values."""
_ring: "Any" = None
_first = 0
"""The ring has the records after the one with this number."""
_limit = 0
"""The first number for which the ring had no room when it was last asked."""
_next_ring = 0
"""Below this number no ring is made: the last try failed, or the last ring was full."""
_held: "deque[tuple]" = deque()
"""Held records: each is number, time, thread, form and values, or a function that writes it.

A number of 0 is still to be taken. For the function, see :func:`hold`.
"""
_writer: "dict[str, tuple[int, int]]" = {}
"""The thread that writes held records, and how long the others let it (nanoseconds); or empty."""

_refusals: "set[bytes]" = set()
"""Kinds of refusal (of a ring, or a place in it) that this process or its parent has reported."""

# These come with the first form: a program that sends nothing does not pay for them.
_layout: "Any" = None
"""The module ``ring``."""
_pack: "Any" = None
_MASK = _SLOT_BYTES = _SLOTS_AT = 0
over: "Any" = None
"""Reports the end of a wait of this thread that :func:`send` has reported."""
_DOES_NOT_FIT: "tuple[type[Exception], ...]" = ()
"""What pack_into raises for a number that does not fit, and for a ring that another thread gave up.
"""


def open_queue(fifo):
    """Begin to write to the FIFO at this path; :class:`OSError` when there is no reader."""
    global path, _descriptor, _inode
    opened: "list[int]" = []
    open_high(opened, fifo)
    close_left()
    path = fifo
    _descriptor = opened[0]
    status = os.fstat(_descriptor)
    _inode = (status.st_dev, status.st_ino)
    reset()


def reset():
    """Begin a new process's numbering; for the first process and after each fork."""
    # All in one step: with half of it, a child that a signal interrupts here would write into its
    # parent's ring, which it has mapped, too. The parent writes the records that it holds.
    globals().update(
        _pid=os.getpid(),
        _main_thread=get_ident(),
        _numbers=count(1),
        _drops=count(1),
        _dropped=0,
        _declared=0,
        _last_dropped=0,
        _account="",
        _full=False,
        _ring=None,
        _first=0,
        _limit=0,
        _next_ring=0,
        _held=deque(),
        _writer={},
    )


def close():
    """Stop writing for good; every later record goes nowhere."""
    global _descriptor, _left, _ring, _limit
    if _descriptor >= 0:
        # It stays open: another thread may be about to write, and another file must not have it.
        _left = _descriptor
    _descriptor = -1
    _ring = None
    _limit = 0
    _held.clear()


def close_left():
    """Close the descriptor that :func:`close` has left open, if it is still ours."""
    global _left
    left, _left = _left, -1
    try:
        status = os.fstat(left) if left >= 0 else None
        if status is not None and (status.st_dev, status.st_ino) == _inode:
            os.close(left)
    except OSError as error:
        # The program has closed it.
        raise_if_the_programs(error)


def is_open():
    """Whether records still go anywhere."""
    return _descriptor >= 0


def has_ring():
    """Whether records go into a ring, and not each into the pipe."""
    return _ring is not None


def pid():
    """The pid of this process, without a system call."""
    return _pid


@seamless
def put(kind, fields=b"", stamp=None, *, number=0, thread=0, told=None):
    """Write one record to the pipe, and return its number when it is in the kernel.

    ``kind`` and ``fields`` are bytes of JSON: the kind without its quotes, the fields as
    ``b'"object":"x"'``. ``stamp`` is in nanoseconds of ``time.monotonic_ns``; now by default.

    If a signal handler of the program raises an exception meanwhile, it is raised again after the
    record is written, as if the signal had come then. The keyword arguments are for held records:
    ``told`` is a list that is empty until the record is written or given up.
    """
    try:
        if _descriptor < 0:
            return number
        if not number:
            # A held record that is written now (``told``) comes before those held after it.
            if _held and told is None:
                catch_up()
            # After a call of ``next``, a signal could come before its result is stored.
            for number in _numbers:  # noqa: PLR1704 - a parameter, so that it has a value
                break
        if _ring is not None and has_room(number):
            skip(number)
        if told is None:
            told = []
        _write(told, _line(kind, fields, stamp, number, thread or get_ident()))
        return number
    except BaseException as error:
        return put_after_all(error, told, [number, 0, 0], kind, fields, stamp, thread)


def _write(told, record):
    """Write a record to the pipe, and make the list ``told`` longer in the same step."""
    global _declared, _full
    # The program may have closed all descriptors, and opened its own files since.
    if not (_is_ours() or reopen()):
        raise OSError(EBADF, "no descriptor for the pipe")
    dropped = _dropped
    if dropped != _declared:
        record = b'%b,"d":%d}\n' % (record[:-2], dropped)
    told.extend(map(write, (_descriptor,), (record,)))
    _declared = dropped
    _full = False


def was_told(error):
    """Whether this exception came while a record was being told; the record is not lost."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code is put.__code__ or code is send.__code__:
            return True
        trace = trace.tb_next
    return False


def was_told_since(error, first=None):
    """Whether this exception, or one that it came after, came while a record was being told.

    Each came while the one before was handled; ``first`` and those before it do not count.
    """
    while error is not None and error is not first:
        if was_told(error):
            return True
        error = error.__context__
    return False


@seamless
def send(form, site=0, first=0, second=0, third=0, number=0, memory=None, told=None):
    """Write one record that was prepared with :func:`form`, as all hot paths do.

    As with :func:`put`, the record is written before an exception is raised. The last three
    arguments are not for the caller: as parameters they have a value from the first instruction on.
    """
    try:
        if _held:
            catch_up()
        for number in _numbers:  # noqa: PLR1704 - a parameter, so that it has a value
            break
        if _first < number < _limit and form.__class__ is int:
            memory = _ring
            _pack(
                memory,
                (number & _MASK) * _SLOT_BYTES + _SLOTS_AT,
                monotonic_ns(),
                get_ident(),
                form,
                site,
                first,
                second,
                third,
                number,
            )
        else:
            told = []
            if (
                form.__class__ is not int
                or _ring is None
                or not goes_into_ring(told, number, form, site, first, second, third)
            ):
                send_by_pipe(told, number, form, site, first, second, third)
    except BaseException as error:
        send_after_all(error, told, memory, number, form, site, first, second, third)


@seamless
def send_at_once(
    form, site=0, first=0, second=0, third=0, stamp=0, number=0, memory=None, told=None
):
    """Send a record without giving up the GIL; hold it if it does not fit into the ring.

    The last four arguments are not for the caller; as those of :func:`send`.
    """
    global _limit
    try:
        stamp = monotonic_ns()
        for number in _numbers:  # noqa: PLR1704 - a parameter, so that it has a value
            break
        memory = _ring
        if number >= _limit and memory is not None:
            _limit = _layout.number_read(memory) + _layout.SLOTS + 1
        if _first < number < _limit and form.__class__ is int:
            place = (number & _MASK) * _SLOT_BYTES + _SLOTS_AT
            _pack(memory, place, stamp, get_ident(), form, site, first, second, third, number)
        else:
            told = []
            hold_record(told, number, stamp, get_ident(), form, site, first, second, third)
    except BaseException as error:
        hold_after_all(error, told, memory, number, stamp, form, site, first, second, third)


def _line(kind, fields, stamp, number, thread):
    return b'{"k":"%b","t":%d,"p":%d,"n":%d%b%b}\n' % (
        kind,
        monotonic_ns() if stamp is None else stamp,
        _pid,
        number,
        b"" if thread == _main_thread else b',"h":%d' % thread,
        b"," + fields if fields else b"",
    )


def _is_ours():
    try:
        status = os.fstat(_descriptor)
    except OSError as error:
        raise_if_the_programs(error)
        return False
    return (status.st_dev, status.st_ino) == _inode
