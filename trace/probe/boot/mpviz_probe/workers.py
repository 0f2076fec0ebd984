"""What Pool and ProcessPoolExecutor share: their workers, and whoever waits for them."""

import os
from functools import wraps

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.queues import hush_simple


def identify(kind, inqueue):
    """The id of a pool as JSON, the same in every process: the pipe that its tasks go through."""
    return b'"%b-%d"' % (kind, os.fstat(inqueue._reader.fileno()).st_ino)


def announce(name, kind, workers, initializer, max_tasks):
    """Tell of a pool that is being made."""
    fields = b'"o":%b,"kind":"%b","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d'
    initializer = wire.text(name_of(initializer))
    told = fields % (name, kind, workers, initializer, max_tasks or 0, sites.here())
    if sites.called() == "__call__":
        # As joblib's Parallel: what the program gets from this is not the pool, but its results.
        told += b',"hidden":true'
    wire.put(b"pool.created", told)


def observe_worker(name, inqueue, outqueue, tell_start, tell_end):
    """Tell what this worker takes from its pool's one queue and puts into the other.

    ``tell_start`` is called with what it took, ``tell_end`` with what it is about to hand back.
    """
    hush_simple(outqueue)
    handed_back: "list" = []
    ready: "list[bool]" = []
    # Below send_bytes, since joblib's queue may hand its results to the connection's send.
    get, put, send = inqueue.get, outqueue.put, outqueue._writer._send_bytes

    def observed_get(*args, **kwargs):
        if not ready:
            ready.append(True)
            wire.put(b"pool.worker", b'"o":' + name)
        task = get(*args, **kwargs)
        try:
            if task is not None:
                tell_start(name, task)
        except Exception:
            report("pool worker")
        return task

    def observed_put(result):
        handed_back[:] = [result]
        return put(result)

    def observed_send(data):
        # The result could be pickled, so this is what the parent will get.
        try:
            if handed_back:
                tell_end(name, handed_back.pop())
        except Exception:
            report("pool worker")
        return send(data)

    inqueue.get = observed_get
    outqueue.put = observed_put
    outqueue._writer._send_bytes = observed_send


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
                wire.put(b"wait", b'%b,"s":%d' % (fields, sites.here()))
        except Exception:
            report("pool")
        try:
            return wait(self, *args, **kwargs)
        finally:
            if fields is not None:
                wire.put(b"wait.over")

    return observed
