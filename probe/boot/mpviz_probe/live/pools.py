"""Adopts a Pool where it was made, and its workers, which have their queues' methods in hand."""

import sys
from functools import partial

from mpviz_probe import wire
from mpviz_probe.functions import name_of
from mpviz_probe.live.find import stacks
from mpviz_probe.live.places import site
from mpviz_probe.standard import pools
from mpviz_probe.standard.locks import hush as hush_lock
from mpviz_probe.standard.pipes import disown
from mpviz_probe.workers import jobs, waits

_done: "set[int]" = set()
"""The pid of the process whose worker was adopted."""


def prepare():
    """Nothing: the methods of a pool are looked up on the class."""


def adopt(found, places):
    """Tell a pool of the program's own, or take over the worker that this process is."""
    module = sys.modules.get("multiprocessing.pool")
    if module is None:
        return
    pool = found.thing
    if isinstance(pool, module.Pool) and hasattr(pool._inqueue, "_reader"):
        _adopt_pool(pool, found.name)
    if wire.pid() not in _done:
        _done.add(wire.pid())
        _adopt_worker(module)


def _adopt_pool(pool, name):
    for queue in (pool._inqueue, pool._outqueue, pool._change_notifier):
        hush_lock(queue._rlock, queue._wlock)
        disown(queue._reader, queue._writer)
    pool._mpviz_id = pool._outqueue._mpviz_pool = told = jobs.identify(
        b"pool", pool._inqueue._reader
    )
    fields = b'"o":%b,"kind":"Pool","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d,"maker":""'
    initializer = wire.text(name_of(pool._initializer))
    place = site(name or "pool", "Pool")
    told = told, pool._processes, initializer, pool._maxtasksperchild or 0, place
    wire.open_ring(wire.put(b"pool.created", fields % told))
    if "_mpviz_forms" not in pool.__dict__:
        pool._mpviz_forms = {}, waits.forms_of_wait(pool._mpviz_id)


def _adopt_worker(module):
    """Give a worker that runs already the methods that one of the probe has.

    It took those of its queues when it began, and keeps them in its local variables.
    """
    worker = getattr(module.worker, "__wrapped__", module.worker).__code__
    for frames in stacks().values():
        for frame in frames:
            if frame.f_code is worker:
                _take_over(module, frames, frame)
                return


def _take_over(module, frames, frame):
    names = frame.f_locals
    inqueue, outqueue = names["inqueue"], names["outqueue"]
    if not hasattr(inqueue, "_reader"):
        return
    mappers = module.mapstar, module.starmapstar
    pools._prepare_worker(inqueue, outqueue, mappers=mappers)
    wire.open_ring(wire.put(b"pool.worker", b'"o":%b' % jobs.identify(b"pool", inqueue._reader)))
    # From Python 3.13 on, this changes the frame's variables (PEP 667).
    names["get"], names["put"] = inqueue.get, outqueue.put
    _await_task(module, frames, inqueue, partial(pools._teller_of_start, mappers))


def _await_task(module, frames, inqueue, teller):
    """Have the task told for which the worker waits by now, in the ``get`` as it was before."""
    queues = sys.modules["multiprocessing.queues"]
    get = queues.SimpleQueue.get.__code__
    waiting = [
        each for each in frames if each.f_code is get and each.f_locals.get("self") is inqueue
    ]
    if not waiting:
        return
    pickler = queues._ForkingPickler
    told = teller(jobs.identify(b"pool", inqueue._reader))

    class Loading:
        """Stands in for the pickler until that task has been unpickled."""

        def __getattr__(self, name):
            return getattr(pickler, name)

        @staticmethod
        def loads(*args):
            """Unpickle as ever, and tell the task."""
            task = pickler.loads(*args)
            if sys._getframe(1) in waiting:
                queues._ForkingPickler = pickler  # type: ignore[attr-defined]  # not in typeshed
                waiting.clear()
                told(task)
            return task

    queues._ForkingPickler = Loading()  # type: ignore[attr-defined]  # the same
