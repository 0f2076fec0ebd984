"""Tells for what a library ends a worker, before it does: a task that has had its time."""

from mpviz_probe import wire


def tell_stopping(worker, why):
    """Tell that a pool is about to end the worker with this pid, and why: "timed out"."""
    wire.put(b"task.stopping", b'"worker":%d,"why":%b' % (worker, wire.text(why)))
