"""The FIFO to the viewer: opening it, and what is done with a record that it does not take.

A record waits for room for at most ``PATIENCE_MILLISECONDS``; then it is dropped and counted.
"""

import os
import select
import stat
from _thread import get_ident
from errno import ENXIO
from itertools import islice
from time import monotonic_ns

from .. import wire
from ..descriptors import LOWEST, use
from ..guard import is_the_programs, raise_if_the_programs, seamless
from .slots import has_room, skip

DROPPED_SUFFIX = ".dropped"
"""Suffix of a file beside the FIFO, with the number of the last record that a process dropped and
the count of all that it dropped."""

LINK_SUFFIX = ".dropped-link"
"""Suffix of a symbolic link whose text says the same: it needs no descriptor and hardly any space.
"""

RETRY_MILLISECONDS = 10
"""Milliseconds between two attempts to open the FIFO again if no descriptor was free."""

# A program that closes all descriptors has to open this many files before one of them could get
# ours, between two looks at whether it is still ours. The kernel's table for it takes 32 KiB.
_CEILING = 4096


@seamless
def put_after_all(error, told, state, *record):
    """Write a record after this exception; then raise it again unless the pipe caused it.

    ``state`` is the record's number, the deadline for its writing, and the count of dropped records
    if it is one of those; each is 0 as long as it has none. Another exception may come at any call
    that is made here. So each change of state is one step, and whatever comes is handled by
    another call of this function, as the first step of a handler.
    """
    try:
        if told is None:
            told = []
        if not told:
            _put_again(error, told, state, *record)
    except BaseException as another:
        put_after_all(another, told, state, *record)
    if is_the_programs(error) or not isinstance(error, OSError):
        raise error
    return state[0]


def _put_again(error, told, state, *record):
    """Try once more to write a record: wait for room, or drop it."""
    refusal = None if is_the_programs(error) else error
    if isinstance(refusal, BrokenPipeError):
        # The viewer is gone.
        wire.close()
    if wire._descriptor < 0 or not (refusal is None or isinstance(refusal, OSError)):
        told.append(0)
        return
    if not state[0]:
        state[:1] = islice(wire._numbers, 1)
    number = state[0]
    if wire._ring is not None and has_room(number):
        skip(number)
    kind, fields, stamp, thread = record
    line = wire._line(kind, fields, stamp, number, thread or get_ident())
    if isinstance(refusal, BlockingIOError) and not state[1]:
        state[1] = monotonic_ns() + wire.PATIENCE_MILLISECONDS * 1_000_000
    is_hopeless = refusal is not None and not isinstance(refusal, BlockingIOError)
    if is_hopeless or state[2] or (state[1] and not _gets_room(line, state[1])):
        if not state[2]:
            state[2:] = islice(wire._drops, 1)
        _account_for(number, state[2])
        told.append(0)
    else:
        wire._write(told, line)


def _gets_room(record, deadline):
    """Wait for room in the pipe, but not for a record too long to be written in one piece."""
    if not wire._full and len(record) <= select.PIPE_BUF:
        room = select.poll()
        room.register(wire._descriptor, select.POLLOUT)
        left = (deadline - monotonic_ns()) // 1_000_000
        if left > 0 and room.poll(left):
            return True
    wire._full = True
    return False


def _account_for(number, drops):
    """Put down how many records were dropped, in a file that survives the death of this process."""
    wire._dropped = max(wire._dropped, drops)
    wire._last_dropped = max(wire._last_dropped, number)
    if not wire._account:
        folder = os.path.dirname(wire.path)
        wire._account = "%s/%d-%d" % (folder, wire._pid, monotonic_ns())
    told = 0
    while told != wire._last_dropped:
        # Another thread may have dropped one meanwhile, and already written its count.
        told = wire._last_dropped
        try:
            _put_down(wire._account, b"%20d %20d %20d" % (told, wire._dropped, monotonic_ns()))
        except OSError as error:
            raise_if_the_programs(error)
            # Then only the next record that gets through has the count.
            return


def _put_down(account, text):
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        use(lambda file: os.pwrite(file, text, 0), os.open, account + DROPPED_SUFFIX, flags, 0o600)
    except OSError as error:
        raise_if_the_programs(error)
        # There is no descriptor left, or no space.
        new = "%s-%d" % (account, monotonic_ns())
        os.symlink(text.decode(), new)
        os.rename(new, account + LINK_SUFFIX)


def reopen():
    """Open the FIFO again; False if that fails, for now or for good."""
    if wire._descriptor < 0 or monotonic_ns() < wire._retry_at:
        return False
    opened: "list[int]" = []
    closing = map(os.close, opened)
    try:
        open_high(opened, wire.path)
        status = os.fstat(opened[0])
        if (status.st_dev, status.st_ino) == wire._inode:
            wire._descriptor = opened[0]
            opened.clear()
            return True
        # It is another FIFO, put in the place of ours.
    except OSError as error:
        raise_if_the_programs(error)
        if error.errno == ENXIO:
            # The viewer is gone.
            wire.close()
    finally:
        any(closing)
    wire._retry_at = monotonic_ns() + RETRY_MILLISECONDS * 1_000_000
    return False


def open_high(opened, path):
    """Open the FIFO, and add a high descriptor of it to the list in the same step.

    It is far from the descriptors that programs number by hand.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    use(lambda low: duplicate_high(opened, low, stat.S_ISFIFO), os.open, path, flags)


def duplicate_high(opened, low, is_kind):
    """Add a high duplicate of a descriptor to the list in one step, if its file is of this kind.

    ``is_kind`` is a function such as ``stat.S_ISFIFO``; :class:`OSError` for another kind.
    """
    import fcntl
    import resource

    if not is_kind(os.fstat(low).st_mode):
        raise OSError("another file has taken its place")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    ceiling = _CEILING if limit == resource.RLIM_INFINITY else min(limit, _CEILING)
    for lowest in (ceiling - 24, LOWEST, 3):
        if lowest >= LOWEST or lowest == 3:
            try:
                opened.extend(map(fcntl.fcntl, (low,), (fcntl.F_DUPFD_CLOEXEC,), (lowest,)))
                return
            except OSError as error:
                if is_the_programs(error) or lowest == 3:
                    raise
