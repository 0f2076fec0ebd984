"""Observes aiomultiprocess's Pool, whose workers run many tasks at a time, as coroutines.

Tried with aiomultiprocess 0.9.1.
"""

import os
from functools import wraps
from weakref import WeakKeyDictionary

from mpviz_probe import queues, sites, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.processes import cpu_so_far, prepare_for

_NEVER = object()

_pools: "WeakKeyDictionary" = WeakKeyDictionary()
"""For each queue of tasks, the id of its pool."""


def patch(module):
    """Patch ``aiomultiprocess.core`` or ``aiomultiprocess.pool``."""
    sites.count_as_library(module)
    if module.__name__ == "aiomultiprocess.core":
        prepare_for(module.Process.run_async, _prepare_worker)
        return
    pool = module.Pool
    pool.create_worker = _observed_creation(pool.create_worker)
    pool.queue_work = _observed_queue_work(pool.queue_work)
    pool.finish_work = _observed_finish(pool.finish_work)
    pool.close = _observed_end(pool.close, b"close")
    pool.terminate = _observed_end(pool.terminate, b"terminate")
    worker = module.PoolWorker
    worker.__init__ = _observed_worker(worker.__init__)


# In the process that owns the pool


def _observed_creation(create):
    @wraps(create)
    def observed(self, *args, **kwargs):
        try:
            if "_mpviz_id" not in self.__dict__:
                _announce(self)
        except Exception:
            report("aiomultiprocess pool")
        return create(self, *args, **kwargs)

    return observed


def _announce(pool):
    tasks = [tasks for tasks, _ in pool.queues.values()]
    pool._mpviz_id = name = b'"aio-%d"' % os.fstat(tasks[0]._reader.fileno()).st_ino
    for queue in tasks:
        _pools[queue] = name
    size, limit = pool.process_count, pool.maxtasksperchild
    workers.announce(name, b"aiomultiprocess Pool", size, pool.initializer, limit)


def _observed_worker(init):
    """Wrap the making of a worker, which takes the id of its pool along into its process."""

    @wraps(init)
    def observed(self, tx, *args, **kwargs):
        init(self, tx, *args, **kwargs)
        self._mpviz_pool = _pools.get(tx)

    return observed


def _observed_queue_work(queue_work):
    @wraps(queue_work)
    def observed(self, func, args, kwargs):
        try:
            fields = b'"o":%b,"job":%d,"call":"apply","function":%b,"tasks":1,"items":1'
            told = self._mpviz_id, self.last_id + 1, wire.text(name_of(func, args))
            wire.put(b"job.submitted", fields % told + b',"chunksize":1')
        except Exception:
            report("aiomultiprocess pool")
        return queue_work(self, func, args, kwargs)

    return observed


def _observed_finish(finish):
    @wraps(finish)
    def observed(self, task_id, *args, **kwargs):
        finish(self, task_id, *args, **kwargs)
        try:
            wire.put(b"job.done", b'"o":%b,"job":%d' % (self._mpviz_id, task_id))
        except Exception:
            report("aiomultiprocess pool")

    return observed


def _observed_end(end, how):
    @wraps(end)
    def observed(self):
        name = self.__dict__.get("_mpviz_id")
        if name is not None:
            wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how))
        return end(self)

    return observed


# In the process of a worker


def _prepare_worker(unit):
    """Prepare, in a worker's process and before it begins, to report what it does."""
    worker = getattr(unit.target, "__self__", None)
    name = getattr(worker, "_mpviz_pool", None)
    if worker is None or name is None:
        # A Process or a Worker outside of a pool runs one coroutine.
        return
    for queue in (worker.tx, worker.rx):
        queues.hush(queue)
    # In C, so that the traceback has no frame of ours if there is no task or it is unreadable.
    worker.tx.get_nowait = map(_teller_of_start(name), iter(worker.tx.get_nowait, _NEVER)).__next__
    worker.rx.put_nowait = _observed_result(worker.rx.put_nowait, name)
    workers.tell_initializer(name, unit.initializer)
    workers.tell_ready(name)


def _teller_of_start(name):
    def told(task):
        try:
            if task is not None:
                number, function, args, _ = task
                fields = b'"o":%b,"job":%d,"index":0,"function":%b,"items":1,"s":%d'
                told = name, number, wire.text(name_of(function, args)), site_of(function, args)
                wire.put(b"task.started", fields % told)
        except Exception:
            report("aiomultiprocess worker")
        return task

    return told


def _observed_result(put, name):
    def observed(result):
        try:
            number, _, traceback = result
            fields = b'"o":%b,"job":%d,"index":0,%b' % (name, number, cpu_so_far())
            if traceback is not None:
                fields += b',"error":%b' % wire.text(_error_in(traceback))
            wire.put(b"task.ended", fields)
        except Exception:
            report("aiomultiprocess worker")
        return put(result)

    return observed


def _error_in(traceback):
    """The class of an exception, taken from its traceback, which is all that is left of it."""
    for line in reversed(traceback.splitlines()):
        name = line.partition(":")[0]
        if name.replace(".", "").isidentifier():
            return name.rpartition(".")[2]
    return "Exception"
