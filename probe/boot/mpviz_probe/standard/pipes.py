"""Observes the pipes that the program makes: each message sent and received, and who waits.

Every message passes through ``Connection._send_bytes`` and ``_recv_bytes``, those of queues, pools
and managers too. So these are wrapped once for the class, and report something of a connection only
if it has something under ``_mpviz``. Nothing of ours keeps a connection alive: when the program
drops it, it is closed, and the other side sees the end.
"""

import os
import select
import sys
from functools import partial
from types import MethodType

from mpviz_probe import capacity, creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import (
    is_the_programs,
    passed_call,
    passed_the_program,
    raise_if_the_programs,
    replaces,
    unframe,
)
from mpviz_probe.hooks import after, before, end_wait
from mpviz_probe.transfers import (
    HEADER,
    NONE_YET,
    note_reads,
    note_writes,
    size_received,
    was_sent,
)

_UNUSED = False
"""Marks a connection that is the program's, or may be (it came from a process), before its use."""

_NUMBERS = (int, float)

_PAGE = os.sysconf("SC_PAGE_SIZE")

_SOCKET_PIECE = 36864
"""The kernel cuts what goes into a socket into pieces of at most so many bytes, and lets the one
pass that reaches its limit (af_unix.c)."""

_originals: "dict" = {}
"""For our wrapper of a connection's method: the method."""


def patch(module):
    """Patch ``multiprocessing.connection``."""
    connection = module.Connection
    connection._mpviz = None
    for name, observe in (("_send_bytes", _observed_send), ("_recv_bytes", _observed_receive)):
        original = getattr(connection, name)
        observed = observe(original)
        _originals[observed] = original
        setattr(connection, name, observed)
    connection._close = before(connection._close, _tell_of_close, "pipe")
    module.wait = _observed_wait(module.wait, connection)
    module.Pipe = after(module.Pipe, _tell_of_new, "pipe")
    # Pickled by name, so the wrapper has to bear the original's.
    module.rebuild_connection = after(module.rebuild_connection, _await_use, "pipe")


def beneath(method):
    """A connection's method without our wrapper, to save time where nothing is reported.

    The connection keeps it, and so itself alive; for the connections of a worker, that is no harm.
    """
    original = _originals.get(getattr(method, "__func__", None))
    return method if original is None else MethodType(original, method.__self__)


def disown(*connections):
    """Leave these to the queue that they are a part of, which reports what passes through them."""
    for connection in connections:
        connection._mpviz = None


class _Observed:
    """What is needed to report what one end does; made at its first use, since forms are kept."""

    __slots__ = (
        "arrival", "capacity", "descriptor", "ended", "here", "is_socket", "name", "no_message",
        "no_room", "page_used", "reads", "received", "refused", "room", "sent", "writes",
    )  # fmt: skip

    def __init__(self, connection):
        # First what the system may refuse, so that no form is made in vain.
        self.descriptor = connection.fileno()
        self.name = wire.text(_identify(connection))
        if connection.readable:
            self.arrival = select.poll()
            self.arrival.register(self.descriptor, select.POLLIN)
        if connection.writable:
            self.room = select.poll()
            self.room.register(self.descriptor, select.POLLOUT)
            self.is_socket = capacity.is_socket(self.descriptor)
            size = capacity.of_socket if self.is_socket else capacity.of_pipe
            self.capacity = size(self.descriptor)
        # Between the site and the program are the wrapper and ``send`` or ``recv``.
        self.here = sites.of_caller(3)
        self.writes, self.reads = note_writes(connection), note_reads(connection)
        end = b'"o":' + self.name
        if connection.readable:
            self.received = wire.form(b"pipe.received", end, (b"s", b"size"))
            self.no_message = wire.form(b"wait", b'"what":"receive",' + end, (b"s",))
            self.ended = False
        if connection.writable:
            self.sent = wire.form(b"pipe.sent", end, (b"s", b"size"))
            self.refused = wire.form(b"pipe.refused", end, (b"s", b"size"))
            self.no_room = wire.form(b"wait", b'"what":"send",' + end, (b"s",))
            # A pipe is made of pages. For poll it is full when the last page has been begun, but
            # what fits into that page is still written. The previous message has begun the page.
            self.page_used = _PAGE

    def __reduce__(self):
        """Give a copy of the connection nothing, as if it were made elsewhere."""
        return type(None), ()

    def waits_for_message(self):
        """Whether there is nothing to read, not even the end."""
        try:
            return not self.arrival.poll(0)
        except RuntimeError as error:
            raise_if_the_programs(error)
            # Another thread is asking at this moment.
            return False

    def waits_for_room(self, size):
        """Whether somebody has to read before a message of so many bytes is written."""
        try:
            has_room = self.room.poll(0)
        except RuntimeError as error:
            raise_if_the_programs(error)
            return False
        size += HEADER
        if self.is_socket:
            return self._waits_at_socket(size, has_room)
        fits = has_room or self.page_used + size <= _PAGE
        if has_room or not fits:
            # It goes into a new page, now or when somebody has emptied one.
            self.page_used = size % _PAGE or _PAGE
        else:
            self.page_used += size
        if size <= select.PIPE_BUF:
            return not fits
        return not has_room or capacity.used_of_pipe(self.descriptor) + size > self.capacity

    def _waits_at_socket(self, size, has_room):
        # Here poll sees room only while three quarters are free.
        if has_room and size <= select.PIPE_BUF:
            return False
        used = capacity.used_of_socket(self.descriptor)
        return used + max(0, size - _SOCKET_PIECE) >= self.capacity


def _identify(connection):
    """The id of an end, the same in every process; the two of a one-way pipe have the same."""
    return "pipe-%d" % os.fstat(connection.fileno()).st_ino


def _tell_of_new(ends, *args, **kwargs):
    if not _is_the_programs_own(sys._getframe(2)):
        return
    first, second = ends
    duplex = b"true" if first.writable else b"false"
    told = wire.text(_identify(first)), wire.text(_identify(second)), duplex, creations.here()
    wire.put(b"pipe.created", b'"o":%b,"other":%b,"duplex":%b,"s":%d' % told)
    first._mpviz = second._mpviz = _UNUSED


def _is_the_programs_own(frame):
    """Whether a pipe is made by the program, and not for a queue, a manager or a pool."""
    while frame is not None and sites.is_context(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and not sites.is_machinery(frame.f_code.co_filename)


def _announce(first, second):
    wire.put(
        b"pipe.created",
        b'"o":%b,"other":%b,"duplex":%b,"s":%d'
        % (
            wire.text(_identify(first)),
            wire.text(_identify(second)),
            b"true" if first.writable else b"false",
            creations.here(),
        ),
    )
    first._mpviz = second._mpviz = _UNUSED


def _await_use(connection, *args, **kwargs):
    connection._mpviz = _UNUSED


def _begin_to_tell(connection):
    """Prepare to report what a connection does; None if that is not possible."""
    try:
        descriptor = connection.fileno()
        if not (capacity.is_pipe(descriptor) or capacity.is_socket(descriptor)):
            # The program may make a connection of any descriptor.
            connection._mpviz = None
            return None
        told = connection._mpviz = _Observed(connection)
    except BaseException as error:
        # If there was no descriptor left, there may be one at its next use.
        is_to_be_told = is_the_programs(error) or isinstance(error, OSError)
        connection._mpviz = _UNUSED if is_to_be_told else None
        report("pipe")
        return None
    return told


def _observed_send(send_bytes):
    send = wire.send

    @replaces(send_bytes)
    def observed(self, buf):
        try:
            told = self._mpviz
            if told is None:
                return send_bytes(self, buf)
            told = told or _begin_to_tell(self)
            if told is None:
                return send_bytes(self, buf)
            size, here, waits, written = len(buf), 0, False, told.writes
            # Before the ``try``: these must not be the notes of the previous message.
            written.clear()
            try:
                try:
                    here = told.here()
                    waits = told.waits_for_room(size)
                    send(told.sent, here, size)
                    if waits:
                        send(told.no_room, here)
                except BaseException as error:
                    was_told = wire.was_told(error) or passed_call(error, 3)
                    if is_the_programs(error) and not was_told:
                        send(told.sent, here, size)
                    report("pipe")
                return send_bytes(self, buf)
            except BaseException:
                # The other end is closed, or the program was interrupted.
                if not was_sent(written, size):
                    send(told.refused, here, size)
                raise
            finally:
                if waits:
                    end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_receive(receive_bytes):
    send = wire.send

    @replaces(receive_bytes)
    def observed(self, maxsize=None):
        try:
            told = self._mpviz
            if told is None:
                return receive_bytes(self, maxsize)
            told = told or _begin_to_tell(self)
            if told is None:
                return receive_bytes(self, maxsize)
            waits, data, is_told, read = False, None, False, told.reads
            read.clear()
            try:
                try:
                    waits = told.waits_for_message()
                    if waits:
                        send(told.no_message, told.here())
                except BaseException:
                    report("pipe")
                data = receive_bytes(self, maxsize)
                try:
                    # None means a message longer than the program accepts.
                    if data is not None:
                        send(told.received, told.here(), data.tell())
                        is_told = True
                except BaseException as error:
                    is_told = is_told or wire.was_told(error) or passed_call(error, 3)
                    report("pipe")
                return data
            except BaseException as error:
                size = size_received(read) if data is None else data.tell()
                waits = waits and size == NONE_YET
                _tell_after_all(error, told, size, is_told)
                raise
            finally:
                if waits and data is None:
                    end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _tell_after_all(error, told, size, is_told):
    """After this exception, report a message of this size, or the end of the pipe, that was read.

    The program does not get it.
    """
    if size != NONE_YET:
        if not is_told:
            wire.send(told.received, 0, size)
    elif isinstance(error, EOFError) and not passed_the_program(error) and not told.ended:
        try:
            told.ended = True
            wire.put(b"pipe.ended", b'"o":' + told.name)
        except BaseException:
            report("pipe")


def _tell_of_close(connection, is_finalizing=sys.is_finalizing):
    """Report that a connection is closed, by ``close`` or because its object is gone."""
    # At the end of the interpreter, our modules may be gone; the process's end says the same.
    if connection._mpviz is None or is_finalizing():
        return
    try:
        name = _identify(connection)
    except OSError as error:
        raise_if_the_programs(error)
        # The program has closed the descriptor itself; the original will tell it.
        return
    reads = b"true" if connection.readable else b"false"
    writes = b"true" if connection.writable else b"false"
    wire.put(b"pipe.closed", b'"o":%b,"reads":%b,"writes":%b' % (wire.text(name), reads, writes))


def _observed_wait(wait, connection):
    """Wrap the wait for the first of several connections; a ``poll`` calls it with one."""
    names_of_ends = partial(_names_of_ends, connection)

    @replaces(wait)
    def observed(object_list, timeout=None):
        try:
            if type(timeout) in _NUMBERS and timeout <= 0:
                # Only a look, such as a connection's ``poll`` and a queue's ``empty`` take.
                return wait(object_list, timeout)
            objects, names = list(object_list), None
            try:
                if wire.may_wait(timeout):
                    names = names_of_ends(objects)
            except BaseException:
                report("pipe")
            if not names:
                return wait(objects, timeout)
            ready = wait(objects, 0)
            if ready:
                return ready
            try:
                try:
                    fields = b'"what":"receive","o":%b,"s":%d' % (names, sites.here())
                    wire.put(b"wait", fields)
                except BaseException:
                    report("pipe")
                return wait(objects, timeout)
            finally:
                end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _names_of_ends(kind, objects):
    """The ids of the program's ends among these, as one text; None if there are none."""
    # ``isinstance`` could run code of the program, which may wait for objects of its own class.
    ends = [each for each in objects if issubclass(type(each), kind) and each._mpviz is not None]
    if not ends:
        return None
    told = [each._mpviz or _begin_to_tell(each) for each in ends]
    names = [each.name[1:-1].decode() for each in told if isinstance(each, _Observed)]
    return wire.text(" ".join(names)) if names else None
