"""Observes joblib: the program's functions in its batches of calls, and who waits for results.

Tried with joblib 1.6. In other versions the wait may not be seen.
"""

from _thread import get_ident
from functools import partial

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import see_through
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.hooks import after
from mpviz_probe.standard import simple_queues
from mpviz_probe.standard.pipes import disown

_waiting: "set[int]" = set()
"""The threads that wait for the results of a ``Parallel``."""


def patch(module):
    """Patch one of joblib's modules, of any version."""
    sites.count_as_library(module)
    for name, patch_class in _PATCHES.items():
        kind = module.__dict__.get(name)
        # A class that was imported from elsewhere is patched there.
        if kind is not None and kind.__module__ == module.__name__:
            patch_class(kind)


def _functions_of_batch(batch):
    # By their ids: to compare the program's callables could run its code.
    functions = {id(function): function for function, _, _ in batch.items}
    return list(functions.values()), len(batch.items)


def _function_of_wrapper(wrapper):
    return [wrapper.func], 1


def _patch_queue(queue):
    queue.__setstate__ = after(queue.__setstate__, _hush, "queue")


def _hush(_, queue, state):
    """Report nothing of a queue of a Pool in a worker that was not forked."""
    disown(queue._reader, queue._writer)
    simple_queues.hush(queue)
    # Its get and put refer to the methods of its locks.
    queue._make_methods()


def _patch_parallel(parallel):
    if hasattr(parallel, "_wait_retrieval"):
        parallel._wait_retrieval = after(parallel._wait_retrieval, _tell_wait, "joblib")
        parallel.__call__ = _observed_call(parallel.__call__)


def _tell_wait(is_to_go_on, parallel):
    """Report the wait for results, in which joblib looks for them again and again."""
    # With a generator, the program's code runs in between.
    if not is_to_go_on or parallel.return_generator or get_ident() in _waiting:
        return
    backend = vars(parallel._backend)
    # Of loky, or of multiprocessing.
    pool = backend.get("_workers") or backend.get("_pool")
    name = None if pool is None else vars(pool).get("_mpviz_id")
    if name is not None:
        _waiting.add(get_ident())
        wire.put(b"wait", b'"what":"results","o":%b/","s":%d' % (name[:-1], sites.here()))


def _observed_call(call):
    @replaces(call)
    def observed(*args, **kwargs):
        try:
            try:
                return call(*args, **kwargs)
            finally:
                if get_ident() in _waiting:
                    _waiting.discard(get_ident())
                    try:
                        wire.put(b"wait.over")
                    except BaseException:
                        report("joblib")
        except BaseException as error:
            unframe(error)
            raise

    return observed


_PATCHES: "dict" = {
    "BatchedCalls": partial(see_through, look=_functions_of_batch),
    "CustomizablePicklingQueue": _patch_queue,
    "Parallel": _patch_parallel,
    "SafeFunction": partial(see_through, look=_function_of_wrapper),
    "_TracebackCapturingWrapper": partial(see_through, look=_function_of_wrapper),
}
