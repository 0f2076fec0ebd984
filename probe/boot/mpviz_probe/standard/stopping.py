"""Reports why a library is about to end a worker, such as a task that has timed out."""

from mpviz_probe import wire


def tell_stopping(worker, why):
    """Report that a pool is about to end the worker with this pid, and why: "timed out"."""
    wire.put(b"task.stopping", b'"worker":%d,"why":%b' % (worker, wire.text(why)))
