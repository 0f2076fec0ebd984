"""Observes SimpleQueue at the reads and writes of its pipe, the only place where its items are."""

import select
import sys

from mpviz_probe import capacity, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import passed_call, raise_if_the_programs, seamless, unframe
from mpviz_probe.hooks import after, end_wait, weakly
from mpviz_probe.standard.locks import hush as hush_lock
from mpviz_probe.standard.locks import is_the_programs_own
from mpviz_probe.standard.pipes import disown
from mpviz_probe.standard.queues import announce, identify, observed_read, observed_turn
from mpviz_probe.transfers import note_writes, was_sent


def patch(module):
    """Patch ``multiprocessing.queues``."""
    queue = module.SimpleQueue
    queue.__init__ = after(queue.__init__, _tell_of_new, "queue")
    queue.__setstate__ = after(queue.__setstate__, _observe_copy, "queue")


def hush(queue):
    """Give an internal SimpleQueue its own methods back."""
    hush_lock(queue._rlock, queue._wlock)
    queue._reader.__dict__.pop("recv_bytes", None)
    queue._reader.__dict__.pop("_recv", None)
    queue._writer.__dict__.pop("send_bytes", None)


def _tell_of_new(_, queue, *args, **kwargs):
    if is_the_programs_own(sys._getframe(2)):
        announce(queue, 0)
        _observe(queue)


def _observe_copy(_, queue, state):
    disown(queue._reader, queue._writer)
    _observe(queue)


def _observe(queue):
    name = wire.text(identify(queue))
    for lock, what in ((queue._rlock, b"get"), (queue._wlock, b"put")):
        if lock is not None:
            lock.acquire = observed_turn(lock._semlock, what, name)
            lock.release = lock._semlock.release
    reader, writer = queue._reader, queue._writer
    reader.recv_bytes = observed_read(weakly(reader.recv_bytes), reader, name)
    writer.send_bytes = _observed_send(weakly(writer.send_bytes), writer, name)


def _fits(descriptor, size, room):
    """Whether a pipe that takes this many bytes has room for so many more."""
    try:
        return capacity.used_of_pipe(descriptor) + size <= room
    except OSError as error:
        raise_if_the_programs(error)
        # It has been closed; the write will tell the program.
        return True


def _observed_send(send, writer, name):
    """Wrap the write of an item's bytes, which blocks while the pipe is full."""
    putting = wire.form(b"queue.put", b'"o":' + name, (b"s",))
    waiting = wire.form(b"wait", b'"what":"put","turn":true,"o":' + name, (b"s",))
    send_record, here, writes = wire.send, sites.of_caller(3), note_writes(writer)
    descriptor = writer.fileno()
    room = capacity.of_pipe(descriptor)
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)

    @seamless
    def observed(data):
        try:
            waits, is_told, size = False, False, 0
            writes.clear()
            try:
                try:
                    size = len(data)
                    send_record(putting, here())
                    is_told = True
                    # A larger item may need a reader before it is written completely.
                    waits = not ready.poll(0) or (
                        size > select.PIPE_BUF and not _fits(descriptor, size, room)
                    )
                    if waits:
                        send_record(waiting, here())
                except BaseException as error:
                    is_told = is_told or wire.was_told(error) or passed_call(error, 2)
                    report("queue")
                return send(data)
            except BaseException:
                if is_told and not was_sent(writes, size):
                    # The put was told, but the item was not sent.
                    wire.put(b"queue.lost", b'"given_up":1,"o":' + name)
                raise
            finally:
                if waits:
                    end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed
