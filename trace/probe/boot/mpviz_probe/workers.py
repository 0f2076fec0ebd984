"""What Pool and ProcessPoolExecutor share: their workers, and whoever waits for them."""

import os
from functools import wraps

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.processes import cpu_so_far
from mpviz_probe.queues import hush_simple

_NEVER = object()


def identify(kind, inqueue):
    """The id of a pool as JSON, the same in every process: the pipe that its tasks go through."""
    return b'"%b-%d"' % (kind, os.fstat(inqueue._reader.fileno()).st_ino)


def announce(name, kind, workers, initializer, max_tasks, *, made=None):
    """Tell of a pool that is being made, or was, as :func:`creations.of_pool` has said."""
    site, maker = made or creations.of_pool()
    fields = b'"o":%b,"kind":"%b","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d,"maker":%b'
    told = name, kind, workers, wire.text(name_of(initializer)), max_tasks or 0, site
    wire.put(b"pool.created", fields % (*told, wire.text(maker)))


def tell_ready(name):
    """Tell that this process is a worker, initialized, and about to ask for its first task."""
    wire.put(b"pool.worker", b'"o":%b,%b' % (name, cpu_so_far()))


def told_arrival(name, receive):
    """Wrap the read of a task's bytes: from then on the worker unpickles it, and may import a lot.

    No frame of ours is around the read: it is a chain of iterators in C, which reads again and
    again, and has all that was read told.
    """
    arrived = wire.form(b"task.arrived", b'"o":' + name)
    send = wire.send

    def told(data):
        send(arrived)
        return data

    return map(told, iter(receive, _NEVER)).__next__


def tell_results(name, outqueue, tell_end):
    """Tell of each result when this worker sends it: as what :func:`tell_end` is called with.

    Returns the list that the result has to be put into before it is pickled.
    """
    hush_simple(outqueue)
    results: "list" = []
    # Below send_bytes, since joblib's queue may hand its results to the connection's send.
    send = outqueue._writer._send_bytes

    def observed(data):
        # The result could be pickled, so this is what the parent will get.
        try:
            if results:
                tell_end(name, results.pop())
        except Exception:
            report("pool worker")
        return send(data)

    outqueue._writer._send_bytes = observed
    return results


def tell_initializer(name, initializer=None, *_, **__):
    """Tell that a worker is about to call its initializer, if it has one."""
    if initializer is not None:
        fields = b'"o":%b,"function":%b,"s":%d'
        function = wire.text(name_of(initializer))
        wire.put(b"pool.initializing", fields % (name, function, site_of(initializer)))


def observed_wait(wait, waited_for):
    """Wrap a wait for what ``waited_for`` says of the object that has the method."""

    @wraps(wait)
    def observed(self, *args, **kwargs):
        fields = None
        try:
            fields = waited_for(self)
            if fields is not None:
                limit = wire.milliseconds(args[0] if args else kwargs.get("timeout"))
                wire.put(b"wait", b'%b,"s":%d,"limit":%d' % (fields, sites.here(), limit))
        except Exception:
            report("pool")
        try:
            return wait(self, *args, **kwargs)
        finally:
            if fields is not None:
                wire.put(b"wait.over")

    return observed
