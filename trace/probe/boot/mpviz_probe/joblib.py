"""Observes joblib: the program's functions in its batches of calls, and the queues of its Pool."""

from mpviz_probe import sites
from mpviz_probe.functions import see_through
from mpviz_probe.hooks import after
from mpviz_probe.pipes import disown
from mpviz_probe.queues import hush_simple


def patch(module):
    """Patch one of joblib's modules, of any version."""
    sites.count_as_library(module)
    for name, patch_class in _PATCHES.items():
        kind = module.__dict__.get(name)
        # What another module has from there is not its own.
        if kind is not None and kind.__module__ == module.__name__:
            patch_class(kind)


def _patch_batch(batch):
    see_through(batch, _functions_of_batch)


def _functions_of_batch(batch):
    # By their ids: to compare the program's callables could run its code.
    functions = {id(function): function for function, _, _ in batch.items}
    return list(functions.values()), len(batch.items)


def _patch_wrapper(wrapper):
    see_through(wrapper, lambda wrapped: ([wrapped.func], 1))


def _patch_queue(queue):
    queue.__setstate__ = after(queue.__setstate__, _hush, "queue")


def _hush(_, queue, state):
    """Keep still about a queue of a Pool that a worker which was not forked has got."""
    disown(queue._reader, queue._writer)
    hush_simple(queue)
    # Its get and put have the methods of its locks in them.
    queue._make_methods()


_PATCHES = {
    "BatchedCalls": _patch_batch,
    "CustomizablePicklingQueue": _patch_queue,
    "SafeFunction": _patch_wrapper,
    "_TracebackCapturingWrapper": _patch_wrapper,
}
