"""What is reported in a worker's process: when it is ready, and each task's start and end."""

from functools import partial
from itertools import chain, filterfalse

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.guard import seamless, unframe
from mpviz_probe.hooks import before
from mpviz_probe.standard import simple_queues
from mpviz_probe.standard.pipes import beneath
from mpviz_probe.standard.processes import cpu_so_far
from mpviz_probe.workers.jobs import form_of

_NEVER = object()


def tell_ready(name):
    """Report that this process is a worker that is about to ask for its first task."""
    number = wire.put(b"pool.worker", b'"o":%b,%b' % (name, cpu_so_far()))
    # So that records under the lock of its queue find a ring.
    wire.open_ring(number)


def told_arrival(name, receive):
    """Wrap the read of a task's bytes, after which the worker unpickles it and may import a lot.

    No frame of ours is around the read: an iterator in C reads, has the arrival told, and yields
    what was read, because that returns None.
    """
    arrived = wire.form(b"task.arrived", b'"o":' + name, (b"size",))

    @seamless
    def told(piece):
        try:
            # The lock that all readers share is held here.
            wire.send_at_once(arrived, len(piece))
        except BaseException as error:
            unframe(error)
            raise

    return filterfalse(told, iter(receive, _NEVER)).__next__


def told_tasks(name, get, told):
    """Wrap a worker's wait for the next task; ``told`` is called with each, see :func:`telling`.

    No frame of ours is around the wait, in which a task may turn out to be unreadable.
    """
    return each_told(name, iter(get, _NEVER), told).__next__


class Before:
    """Calls one function first, and then the original with the same arguments.

    While the original runs, no frame of ours is on the stack: our code runs only when Python looks
    up what to call.
    """

    __slots__ = ("first", "then")

    def __init__(self, first, then):
        self.first, self.then = first, then

    @property
    @seamless
    def __call__(self):
        """Call the first function, and return the original for Python to call."""
        try:
            try:
                self.first()
            except BaseException:
                report("pool worker")
            return self.then
        except BaseException as error:
            unframe(error)
            raise


def telling(tell_start):
    """Wrap the function that reports the start of a task: None is no task."""

    @seamless
    def told(task):
        try:
            try:
                if task is not None:
                    tell_start(task)
            except BaseException:
                report("pool worker")
        except BaseException as error:
            unframe(error)
            raise

    return told


def each_told(name, tasks, told):
    """Report that a worker is ready when it asks for its first task, and then each task.

    It is a chain of iterators in C, with no frame of ours while the next task is waited for. It
    yields each task because ``told``, made by :func:`telling`, returns None.
    """

    @seamless
    def begin(_):
        try:
            tell_ready(name)
            return tasks
        except BaseException as error:
            unframe(error)
            raise

    return filterfalse(told, chain.from_iterable(map(begin, (None,))))


def form_of_start(forms, name, function, items):
    """The form for the start of a task of this pool; its values are site, job and index."""
    known = forms.get((function, items))
    if known is not None:
        return known
    fields = b'"o":%b,"function":%b,"items":%d' % (name, wire.text(function), items)
    names = (b"s", b"job", b"index")
    return form_of(forms, (function, items), b"task.started", fields, names)


def form_of_end(forms, name, error):
    """The form for the end of a task of this pool; its values are job, CPU time and index."""
    fields = b'"o":' + name
    if error:
        # The name of the exception's class.
        fields += b',"error":' + wire.text(error)
    return form_of(forms, error, b"task.ended", fields, (b"job", b"cpu_nanoseconds", b"index"))


def tell_results(outqueue, tell_end):
    """Report each result of this worker when it is sent; ``tell_end`` is called with it."""
    simple_queues.hush(outqueue)
    results: "list" = []
    # Without a ring, the record is written before the lock is taken that all writers share. Not so
    # for joblib's queue, which pickles its results only when it has the lock.
    lock = outqueue._wlock
    early = Before(partial(_tell_kept, results, tell_end), lock.acquire)
    keep = partial(_keep, results, partial(setattr, lock, "acquire", early))
    outqueue.put = before(outqueue.put, keep, "pool worker")
    writer = outqueue._writer
    # Below send_bytes, since joblib's queue may hand its results to the connection's send.
    writer._send_bytes = told_when_sent(results, tell_end, beneath(writer._send_bytes))


def _tell_kept(results, tell_end, *_, **__):
    if results:
        tell_end(results.pop())


def _keep(results, tell_early, result, *_, **__):
    # If it cannot be pickled, another one follows.
    results[:] = (result,)
    if not wire.has_ring():
        tell_early()


def told_when_sent(results, tell_end, send_bytes):
    """Wrap what sends the bytes of a kept result: it could be pickled, so the parent will get it.

    The lock that all writers share is held here, so this must be quick: any wait, such as for room
    in the ring, happened before, with the record of the task's start. Without a ring, the end was
    reported before the lock was taken, if that was possible. And it cannot be reported later,
    since the parent reports what it does with the result.
    """
    return before(send_bytes, partial(_tell_kept, results, tell_end), "pool worker")


def tell_initializer(name, initializer=None, *_, **__):
    """Report that a worker is about to call its initializer, if it has one."""
    if initializer is not None:
        fields = b'"o":%b,"function":%b,"s":%d'
        function = wire.text(name_of(initializer))
        wire.put(b"pool.initializing", fields % (name, function, site_of(initializer)))
