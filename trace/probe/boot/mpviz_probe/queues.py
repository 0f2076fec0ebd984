"""Observes Queue, JoinableQueue and SimpleQueue from their innermost steps.

A put is told between the moment at which there is room for it and the moment at which anybody
could take it; a get right after its bytes have arrived and before its room is given back. So the
records of one queue come in the order in which things happened, and its depth is never wrong.
"""

import os
import select
import sys
from functools import wraps

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.locks import hush as hush_lock
from mpviz_probe.locks import is_the_programs_own
from mpviz_probe.pipes import bytes_in, capacity_of, disown
from mpviz_probe.signals import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def patch(module):
    """Patch ``multiprocessing.queues``."""
    queue = module.Queue
    # Called _after_fork up to Python 3.8.
    reset = "_reset" if "_reset" in queue.__dict__ else "_after_fork"
    setattr(queue, reset, _observed_reset(getattr(queue, reset)))
    queue._start_thread = _observed_start_thread(queue._start_thread)
    queue._finalize_join = staticmethod(_observed_finalize_join(queue._finalize_join))
    joinable = module.JoinableQueue
    joinable.__setstate__ = _quiet_setstate(joinable.__setstate__)
    joinable.task_done = _observed_task_done(joinable.task_done)
    joinable.join = _observed_join(joinable.join)
    simple = module.SimpleQueue
    simple.__init__ = _observed_simple_init(simple.__init__)
    simple.__setstate__ = _observed_simple_setstate(simple.__setstate__)


def identify(queue):
    """The id of a queue, the same in every process: its pipe's inode."""
    known = queue.__dict__.get("_mpviz_id")
    if known is None:
        known = queue._mpviz_id = "queue-%d" % os.fstat(queue._reader.fileno()).st_ino
    return known


def _observed_reset(reset):
    """Wrap what ``__init__``, ``__setstate__`` and a fork call to connect a Queue to its pipe."""

    @wraps(reset)
    def observed(self, *args, **kwargs):
        reset(self, *args, **kwargs)
        try:
            disown(self._reader, self._writer)
            if "_mpviz_quiet" not in self.__dict__:
                self._mpviz_quiet = _is_internal(self, sys._getframe(1))
            if not self._mpviz_quiet:
                _observe_queue(self)
        except Exception:
            report("queue")

    return observed


def _is_internal(queue, frame):
    for lock in (queue._rlock, queue._wlock, queue._sem):
        if lock is not None:
            hush_lock(lock)
    if type(queue).__name__ == "_SafeQueue":
        # An executor's own, of concurrent.futures or of loky.
        return True
    if frame.f_code.co_name == "__setstate__":
        return False
    if not is_the_programs_own(frame):
        return True
    _announce(queue, queue._maxsize)
    return False


def _announce(queue, maxsize):
    from _multiprocessing import SemLock

    bound = 0 if maxsize == SemLock.SEM_VALUE_MAX else maxsize
    wire.put(
        b"queue.created",
        b'"o":%b,"kind":%b,"maxsize":%d,"s":%d'
        % (wire.text(identify(queue)), wire.text(type(queue).__name__), bound, creations.here()),
    )


def _observe_queue(queue):
    name = wire.text(identify(queue))
    queue._sem.acquire = _observed_room(queue._sem._semlock.acquire, name)
    queue._rlock.acquire = _observed_turn(queue._rlock._semlock.acquire, b"get", name)
    queue._recv_bytes = _observed_receive(queue._recv_bytes, queue._reader, name)
    queue._reader._recv = _observed_piece(queue._reader, name)
    queue._poll = _observed_poll(queue._poll, name)
    if hasattr(queue, "_on_queue_feeder_error"):
        # billiard has none.
        queue._on_queue_feeder_error = _observed_feeder_error(queue._on_queue_feeder_error, name)


def hush(queue):
    """Give an internal Queue its own methods back."""
    queue._mpviz_quiet = True
    for lock in (queue._rlock, queue._wlock, queue._sem):
        hush_lock(lock)
    queue._recv_bytes, queue._poll = queue._reader.recv_bytes, queue._reader.poll
    queue._reader.__dict__.pop("_recv", None)
    queue.__dict__.pop("_on_queue_feeder_error", None)


def _observed_room(take, name):
    """Wrap the acquire of the semaphore that counts a Queue's free places: the heart of a put."""
    putting = wire.form(b"queue.put", b'"o":' + name, (b"s",))
    waiting = wire.form(b"wait", b'"what":"put","o":' + name, (b"s", b"limit"))
    send, here = wire.send, sites.of_caller(3)

    def acquire(block=True, timeout=None):
        if not take(False, timeout):
            if not block or (timeout is not None and timeout <= 0):
                return False
            send(waiting, here(), wire.milliseconds(timeout))
            taken = False
            try:
                taken = take(True, timeout)
            finally:
                if not taken:
                    wire.put(b"wait.over")
            if not taken:
                return False
        send(putting, here())
        return True

    return acquire


def _observed_turn(take, what, name):
    """Wrap the acquire of the lock that lets one reader, or one writer, at the pipe at a time."""
    waiting = wire.form(b"wait", b'"what":"' + what + b'","o":' + name, (b"s", b"limit"))
    send, here = wire.send, sites.of_caller(3)

    def acquire(block=True, timeout=None):
        if take(False, timeout):
            return True
        if not block or (timeout is not None and timeout <= 0):
            return False
        send(waiting, here(), wire.milliseconds(timeout))
        taken = False
        try:
            taken = take(True, timeout)
        finally:
            if not taken:
                wire.put(b"wait.over")
        return taken

    return acquire


def _observed_receive(receive, reader, name):
    """Wrap the read of an item's bytes; the reading lock is held: one thread at a time is here."""
    got = wire.form(b"queue.got", b'"o":' + name, (b"s", b"size"))
    waiting = wire.form(b"wait", b'"what":"get","turn":true,"o":' + name, (b"s",))
    send, here = wire.send, sites.of_caller(3)
    ready = select.poll()
    ready.register(reader.fileno(), select.POLLIN)

    def observed():
        if not ready.poll(0):
            send(waiting, here())
        arrived = False
        try:
            data = receive()
            arrived = True
        finally:
            if not arrived:
                wire.put(b"wait.over")
        send(got, here(), len(data))
        return data

    return observed


def _observed_piece(reader, name):
    """Wrap the read of an item's length, and then of the item: half of it may never come.

    What was written in one piece (PIPE_BUF at most) is there as a whole, and costs no look.
    """
    from weakref import ref

    waiting = wire.form(b"wait", b'"what":"get","turn":true,"begun":true,"o":' + name, (b"s",))
    read, known = type(reader)._recv, ref(reader)

    def observed(size, *args):
        # It is there: it is what calls us. We hold no more of it, so that it closes when let go of.
        connection: "Any" = known()
        if size > select.PIPE_BUF and bytes_in(connection.fileno()) < size:
            wire.send(waiting, sites.here())
        return read(connection, size, *args)

    return observed


def _observed_poll(poll, name):
    """Wrap the wait for data of a get with a time-out."""
    wait_fields = b'"what":"get","turn":true,"o":' + name + b',"s":%d,"limit":%d'

    def observed(timeout=0.0):
        if timeout is not None and timeout <= 0:
            return poll(timeout)
        if poll(0.0):
            return True
        wire.put(b"wait", wait_fields % (sites.here(), wire.milliseconds(timeout)))
        arrived = False
        try:
            arrived = poll(timeout)
        finally:
            if not arrived:
                wire.put(b"wait.over")
        return arrived

    return observed


def _observed_feeder_error(handle, name):
    def observed(error, item):
        wire.put(b"queue.lost", b'"o":' + name)
        return handle(error, item)

    return observed


def _observed_start_thread(start_thread):
    """Wrap the start of a Queue's own thread, which writes what was put into the pipe."""

    @wraps(start_thread)
    def observed(self):
        start_thread(self)
        try:
            if not self._mpviz_quiet:
                self._thread._mpviz_queue = wire.text(identify(self))
        except Exception:
            report("queue")

    return observed


def _observed_finalize_join(finalize_join):
    """Wrap the wait for that thread: at its exit a process waits for room for all it has put."""

    @wraps(finalize_join)
    def observed(thread_reference):
        name = None
        try:
            thread = thread_reference()
            if thread is not None and thread.is_alive():
                name = thread.__dict__.get("_mpviz_queue")
            if name is not None:
                wire.put(b"wait", b'"what":"drain","o":%b,"s":%d' % (name, sites.here()))
        except Exception:
            report("queue")
        try:
            return finalize_join(thread_reference)
        finally:
            if name is not None:
                wire.put(b"wait.over")

    return observed


def _quiet_setstate(setstate):
    @wraps(setstate)
    def observed(self, state):
        setstate(self, state)
        hush_lock(self._unfinished_tasks)
        hide(self._cond)

    return observed


def _observed_task_done(task_done):
    @wraps(task_done)
    def observed(self):
        result = task_done(self)
        if not self._mpviz_quiet:
            wire.put(b"queue.done", b'"o":%b' % wire.text(identify(self)))
        return result

    return observed


def _observed_join(join):
    @wraps(join)
    def observed(self):
        waits = not self._mpviz_quiet and not self._unfinished_tasks._semlock._is_zero()
        if waits:
            name = wire.text(identify(self))
            wire.put(b"wait", b'"what":"done","o":%b,"s":%d' % (name, sites.here()))
        try:
            return join(self)
        finally:
            if waits:
                wire.put(b"wait.over")

    return observed


def _observed_simple_init(init):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            if is_the_programs_own(sys._getframe(1)):
                _announce(self, 0)
                _observe_simple(self)
        except Exception:
            report("queue")

    return observed


def _observed_simple_setstate(setstate):
    @wraps(setstate)
    def observed(self, state):
        setstate(self, state)
        try:
            disown(self._reader, self._writer)
            _observe_simple(self)
        except Exception:
            report("queue")

    return observed


def _observe_simple(queue):
    name = wire.text(identify(queue))
    queue._rlock.acquire = _observed_turn(queue._rlock._semlock.acquire, b"get", name)
    queue._rlock.release = queue._rlock._semlock.release
    if queue._wlock is not None:
        queue._wlock.acquire = _observed_turn(queue._wlock._semlock.acquire, b"put", name)
        queue._wlock.release = queue._wlock._semlock.release
    reader, writer = queue._reader, queue._writer
    reader.recv_bytes = _observed_receive(reader.recv_bytes, reader, name)
    reader._recv = _observed_piece(reader, name)
    writer.send_bytes = _observed_send(writer.send_bytes, writer, name)


def hush_simple(queue):
    """Give an internal SimpleQueue its own methods back."""
    for lock in (queue._rlock, queue._wlock):
        if lock is not None:
            hush_lock(lock)
    queue._reader.__dict__.pop("recv_bytes", None)
    queue._reader.__dict__.pop("_recv", None)
    queue._writer.__dict__.pop("send_bytes", None)


def _fits(descriptor, size, capacity):
    """Whether a pipe has room for so many bytes more."""
    try:
        return bytes_in(descriptor) + size <= capacity
    except OSError:
        # It has been closed: who sends will hear of that.
        return True


def _observed_send(send, writer, name):
    """Wrap the write of an item's bytes, which blocks while the pipe is full."""
    putting = wire.form(b"queue.put", b'"o":' + name, (b"s",))
    waiting = wire.form(b"wait", b'"what":"put","turn":true,"o":' + name, (b"s",))
    send_record, here = wire.send, sites.of_caller(3)
    descriptor = writer.fileno()
    capacity = capacity_of(descriptor)
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)

    def observed(data):
        send_record(putting, here())
        size = len(data)
        waits = not ready.poll(0) or (
            # What is larger may go in only in part before somebody has to read.
            size > select.PIPE_BUF and not _fits(descriptor, size, capacity)
        )
        if waits:
            send_record(waiting, here())
        try:
            return send(data)
        finally:
            if waits:
                wire.put(b"wait.over")

    return observed
