"""Observes Queue and JoinableQueue at their innermost steps.

A put is reported when there is room for it and before anybody can take it; a get when its bytes
have arrived and before its room is given back. So the records of one queue are in the order in
which things happened, and its depth is never wrong.
"""

import os
import select
import sys
from functools import partial
from itertools import starmap
from time import monotonic_ns

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.capacity import used_of_pipe
from mpviz_probe.guard import passed_call, replaces, seamless, unframe
from mpviz_probe.hooks import after, before, begin_wait, during, end_wait
from mpviz_probe.standard.conditions import hide
from mpviz_probe.standard.locks import (
    answers_of,
    attempts,
    is_the_programs_own,
    keep_or_undo,
    wait_for,
)
from mpviz_probe.standard.locks import hush as hush_lock
from mpviz_probe.standard.pipes import disown
from mpviz_probe.transfers import NONE_YET, noting_reads, size_received

EMPTY_NANOSECONDS = 10_000_000
"""Minimum time between two records of a process that finds the same queue empty again."""


def patch(module):
    """Patch ``multiprocessing.queues``."""
    queue = module.Queue
    # Called _after_fork up to Python 3.8.
    reset = "_reset" if "_reset" in queue.__dict__ else "_after_fork"
    setattr(queue, reset, after(getattr(queue, reset), _tell_of_connected, "queue"))
    queue._start_thread = after(_with_losses_told(queue._start_thread), _name_thread, "queue")
    queue._finalize_join = staticmethod(during(queue._finalize_join, _drain, "queue"))
    queue.empty = after(queue.empty, _tell_of_emptiness, "queue")
    module.is_exiting = after(module.is_exiting, _tell_of_losses_at_exit, "queue")
    joinable = module.JoinableQueue
    joinable.__setstate__ = after(joinable.__setstate__, _hush_tasks, "queue")
    joinable.task_done = after(joinable.task_done, _tell_of_task_done, "queue")
    joinable.join = during(joinable.join, _tasks_to_be_done, "queue")


def identify(queue):
    """The id of a queue, the same in every process: its pipe's inode."""
    known = queue.__dict__.get("_mpviz_id")
    if known is None:
        known = queue._mpviz_id = "queue-%d" % os.fstat(queue._reader.fileno()).st_ino
    return known


def _tell_of_connected(_, queue, *args, **kwargs):
    """Observe a Queue that ``__init__``, ``__setstate__`` or a fork has connected to its pipe."""
    disown(queue._reader, queue._writer)
    # A fork has it of its parent.
    queue.__dict__.pop("_mpviz_empty", None)
    if "_mpviz_quiet" not in queue.__dict__:
        queue._mpviz_quiet = _is_internal(queue, sys._getframe(2))
    if not queue._mpviz_quiet:
        _observe_queue(queue)


def _is_internal(queue, frame):
    hush_lock(queue._rlock, queue._wlock, queue._sem)
    if type(queue).__name__ == "_SafeQueue":
        # It belongs to an executor of concurrent.futures or of loky.
        return True
    if frame.f_code.co_name == "__setstate__":
        return False
    if not is_the_programs_own(frame):
        return True
    announce(queue, queue._maxsize)
    return False


def announce(queue, maxsize):
    """Report a queue that the program has made, and how many items it takes."""
    from _multiprocessing import SemLock

    bound = 0 if maxsize == SemLock.SEM_VALUE_MAX else maxsize
    told = wire.text(identify(queue)), wire.text(type(queue).__name__), bound, creations.here()
    wire.put(b"queue.created", b'"o":%b,"kind":%b,"maxsize":%d,"s":%d' % told)


def _observe_queue(queue):
    name = wire.text(identify(queue))
    queue._sem.acquire = _observed_room(queue._sem._semlock, name)
    queue._rlock.acquire = observed_turn(queue._rlock._semlock, b"get", name)
    queue._recv_bytes = observed_read(queue._recv_bytes, queue._reader, name)
    queue._poll = _observed_poll(queue._poll, name)


def _tell_of_emptiness(is_empty, queue):
    """Tell that a process has found a queue empty, seldom of one that asks all the time."""
    names = queue.__dict__
    if not is_empty:
        names.pop("_mpviz_empty", None)
        return
    now = monotonic_ns()
    if names.get("_mpviz_quiet", True) or now < names.get("_mpviz_empty", 0) + EMPTY_NANOSECONDS:
        return
    names["_mpviz_empty"] = now
    wire.put(b"queue.empty", b'"o":%b,"s":%d' % (wire.text(identify(queue)), sites.here()))


def hush(queue):
    """Give an internal Queue its own methods back."""
    queue._mpviz_quiet = True
    for lock in (queue._rlock, queue._wlock, queue._sem):
        hush_lock(lock)
    queue._recv_bytes, queue._poll = queue._reader.recv_bytes, queue._reader.poll
    queue._reader.__dict__.pop("_recv", None)


def _observed_room(semlock, name):
    """Wrap the acquire of the semaphore that counts free places: the main step of a put."""
    take, give = semlock.acquire, semlock.release
    putting = wire.form(b"queue.put", b'"o":' + name, (b"s",))
    waiting = wire.form(b"wait", b'"what":"put","o":' + name, (b"s", b"limit"))
    given_up = b'"given_up":1,"o":' + name
    send, here, attempt = wire.send, sites.of_caller(3), attempts(take)

    @seamless
    def acquire(block=True, timeout=None):
        try:
            taken = answers = False
            try:
                for taken in attempt:
                    break
                if not taken and block and (timeout is None or timeout > 0):
                    answers = answers_of(take, True, timeout)
                    taken = wait_for(answers, timeout, waiting)
                if taken:
                    send(putting, here())
                return taken
            except BaseException as error:
                undo = give, wire.put, b"queue.lost", given_up
                return keep_or_undo(error, error, taken, answers, [], *undo)
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def observed_turn(semlock, what, name):
    """Wrap the acquire of the lock that admits one reader, or one writer, to the pipe at a time."""
    take, give = semlock.acquire, semlock.release
    waiting = wire.form(b"wait", b'"what":"' + what + b'","o":' + name, (b"s", b"limit"))
    attempt = attempts(take)

    @seamless
    def acquire(block=True, timeout=None):
        try:
            taken = answers = False
            try:
                for taken in attempt:
                    break
                if not taken and block and (timeout is None or timeout > 0):
                    answers = answers_of(take, True, timeout)
                    taken = wait_for(answers, timeout, waiting)
                return taken
            except BaseException as error:
                return _give_turn_back(error, taken, answers, [], give)
        except BaseException as error:
            unframe(error)
            raise

    return acquire


@seamless
def _give_turn_back(error, taken, answers, given, give):
    """Give back the lock if this exception came after it was taken, and raise the exception again.

    The list ``given`` becomes longer in the step that gives back.
    """
    try:
        if not given and (taken or (answers and answers.get(0))):
            given.extend(starmap(give, ((),)))
        if given and answers and not wire.was_told_since(error):
            # Otherwise the end of the wait shows in the next record of this thread.
            end_wait()
    except BaseException as another:
        _give_turn_back(another, taken, answers, given, give)
    raise error


def observed_read(receive, reader, name):
    """Wrap the read of an item's bytes, by one thread at a time: it holds the reading lock."""
    reads, receive_piece = noting_reads(reader)
    reader._recv = _observed_piece(reader, name, receive_piece)
    got = wire.form(b"queue.got", b'"o":' + name, (b"s", b"size"))
    waiting = wire.form(b"wait", b'"what":"get","turn":true,"o":' + name, (b"s",))
    send, here = wire.send, sites.of_caller(3)
    ready = select.poll()
    ready.register(reader.fileno(), select.POLLIN)

    @seamless
    def observed():
        try:
            size, is_told = NONE_YET, False
            # Before the ``try``: these must not be the notes of the previous item.
            reads.clear()
            try:
                try:
                    if not ready.poll(0):
                        send(waiting, here())
                except BaseException:
                    report("queue")
                data = receive()
                size = len(data)
                try:
                    send(got, here(), size)
                    is_told = True
                except BaseException as error:
                    is_told = is_told or wire.was_told(error) or passed_call(error, 3)
                    report("queue")
                return data
            except BaseException:
                if size == NONE_YET:
                    size = size_received(reads)
                if size == NONE_YET:
                    end_wait()
                elif not is_told:
                    # The item has left the queue, but the program will not get it.
                    send(got, 0, size)
                raise
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_piece(reader, name, receive):
    """Wrap the read of an item's length, and then of the item, of which a part may never come.

    What is written in one piece (at most PIPE_BUF bytes) is there as a whole, so nobody waits.
    """
    from weakref import ref

    waiting = wire.form(b"wait", b'"what":"get","turn":true,"begun":true,"o":' + name, (b"s",))
    known = ref(reader)

    @seamless
    def observed(size, *args):
        try:
            # The connection exists, because it calls us. We keep only a weak reference, so that it
            # is closed when the program drops it.
            connection = known()
            try:
                if size > select.PIPE_BUF and used_of_pipe(connection.fileno()) < size:  # type: ignore[union-attr]
                    wire.send(waiting, sites.here())
            except BaseException:
                report("queue")
            return receive(connection, size, *args)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_poll(poll, name):
    """Wrap the wait for data of a get with a time-out."""
    fields = b'"what":"get","turn":true,"o":' + name
    waiting = wire.form(b"wait", fields, (b"s", b"limit"))

    @seamless
    def observed(timeout=0.0):
        try:
            if timeout is not None and timeout <= 0:
                return poll(timeout)
            if poll(0.0):
                return True
            arrived = False
            try:
                begin_wait(waiting, timeout)
                arrived = poll(timeout)
                return arrived
            finally:
                if not arrived:
                    end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _with_losses_told(start):
    """Wrap the start of a queue's feeder thread, which is given the function for lost items.

    The queue has our wrapper of that function only meanwhile: it may be a method of the queue, and
    the queue must not keep itself alive.
    """

    @replaces(start)
    def observed(self):
        try:
            told: "dict[str, object]" = {}
            own = told
            attributes = self.__dict__
            try:
                try:
                    told = _told_losses(self)
                    own = {name: attributes[name] for name in told if name in attributes}
                except BaseException:
                    report("queue")
                attributes.update(told)
                return start(self)
            finally:
                for name in told:
                    attributes.pop(name, None)
                attributes.update(own)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _told_losses(queue):
    name = "_on_queue_feeder_error"
    # billiard's queues have no such attribute.
    if queue._mpviz_quiet or not hasattr(queue, name):
        return {}
    lost = b'"o":' + wire.text(identify(queue))
    tell = partial(_tell_of_loss, lost)
    return {name: before(getattr(queue, name), tell, "queue")}


def _tell_of_loss(lost, *_):
    wire.put(b"queue.lost", lost)


def _tell_of_losses_at_exit(is_exiting):
    """Tell what is lost when a process at its end cannot pickle an item, or cannot write it.

    Then the feeder thread asks for that, says nothing and ends, with all items that are left.
    """
    frame = sys._getframe(2)
    if not is_exiting or frame.f_code.co_name != "_feed":
        return
    import threading

    name = threading.current_thread().__dict__.get("_mpviz_queue")
    if name is not None:
        names = frame.f_locals
        left = [each for each in names["buffer"] if each is not names["sentinel"]]
        # The pipe has no reading end any more; what cannot be pickled raises other errors.
        is_written_in_vain = isinstance(names.get("e"), OSError)
        fields = b'"o":%b,"others":%d,"given_up":%d'
        wire.put(b"queue.lost", fields % (name, len(left), is_written_in_vain))


def _name_thread(_, queue):
    """Store the queue's name on its feeder thread, which writes the items into the pipe."""
    if not queue._mpviz_quiet:
        queue._thread._mpviz_queue = wire.text(identify(queue))


def _drain(thread_reference):
    """The wait for that thread: a process does not exit before all its items are written."""
    thread = thread_reference()
    name = thread.__dict__.get("_mpviz_queue") if thread is not None else None
    if name is None or not thread.is_alive():
        return None
    return b'"what":"drain","o":%b,"s":%d' % (name, sites.here())


def _hush_tasks(_, queue, state):
    hush_lock(queue._unfinished_tasks)
    hide(queue._cond)


def _tell_of_task_done(_, queue):
    if not queue._mpviz_quiet:
        wire.put(b"queue.done", b'"o":%b' % wire.text(identify(queue)))


def _tasks_to_be_done(queue):
    if queue._mpviz_quiet or queue._unfinished_tasks._semlock._is_zero():
        return None
    return b'"what":"done","o":%b,"s":%d' % (wire.text(identify(queue)), sites.here())
