"""Observes aiomultiprocess's Pool, whose workers run many tasks at a time, as coroutines.

Tried with aiomultiprocess 0.9.1.
"""

from functools import partial
from time import process_time_ns

from mpviz_probe import sites, wire
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.hooks import after, before
from mpviz_probe.standard import queues
from mpviz_probe.standard.processes import prepare_for
from mpviz_probe.workers import jobs, tasks


def patch(module):
    """Patch ``aiomultiprocess.core`` or ``aiomultiprocess.pool``."""
    sites.count_as_library(module)
    if module.__name__ == "aiomultiprocess.core":
        prepare_for(module.Process.run_async, _prepare_worker)
        return
    pool = module.Pool
    where = "aiomultiprocess pool"
    pool.create_worker = before(pool.create_worker, _announce, where)
    pool.queue_work = before(pool.queue_work, _tell_submission, where)
    pool.finish_work = after(pool.finish_work, _tell_done, where)
    jobs.observe_end(pool)
    worker = module.PoolWorker
    worker.__init__ = after(worker.__init__, _tell_pool, where)


# In the process that owns the pool


def _announce(pool, *_, **__):
    if "_mpviz_id" in pool.__dict__:
        return
    queues_of_tasks = [queue for queue, _ in pool.queues.values()]
    pool._mpviz_id = name = jobs.identify(b"aio", queues_of_tasks[0]._reader)
    for queue in queues_of_tasks:
        queue._mpviz_pool = name
    size, limit = pool.process_count, pool.maxtasksperchild
    jobs.announce(name, b"aiomultiprocess Pool", size, pool.initializer, limit)


def _tell_pool(_, worker, tx, *args, **kwargs):
    """Give a worker the id of its pool, which it has in its process, too."""
    worker._mpviz_pool = tx.__dict__.get("_mpviz_pool")


def _tell_submission(pool, function, args, kwargs):
    jobs.tell_job(pool._mpviz_id, pool.last_id + 1, "apply", name_of(function, args), 1, 1, 1)


def _tell_done(_, pool, task_id, *args, **kwargs):
    wire.put(b"job.done", b'"o":%b,"job":%d' % (pool._mpviz_id, task_id))


# In the process of a worker


def _prepare_worker(unit):
    """Prepare to report what a worker does, in its process, before it begins."""
    worker = getattr(unit.target, "__self__", None)
    name = getattr(worker, "_mpviz_pool", None)
    if worker is None or name is None:
        # A Process or a Worker outside of a pool runs one coroutine.
        return
    for queue in (worker.tx, worker.rx):
        queues.hush(queue)
    tasks.tell_initializer(name, unit.initializer)
    get, tell_start = worker.tx.get_nowait, partial(_tell_start, {}, name)
    worker.tx.get_nowait = tasks.told_tasks(name, get, tasks.telling(tell_start))
    tell_end = partial(_tell_end, {}, name)
    worker.rx.put_nowait = before(worker.rx.put_nowait, tell_end, "aiomultiprocess worker")


def _tell_start(forms, name, task):
    number, function, args, _ = task
    form = tasks.form_of_start(forms, name, name_of(function, args), 1)
    wire.send(form, site_of(function, args), number)


def _tell_end(forms, name, result):
    number, _, traceback = result
    error = "" if traceback is None else _error_in(traceback)
    wire.send(tasks.form_of_end(forms, name, error), number, process_time_ns())


def _error_in(traceback):
    """The class of an exception, from the text of its traceback, which is all that is left."""
    for line in reversed(traceback.splitlines()):
        name = line.partition(":")[0]
        if name.replace(".", "").isidentifier():
            return name.rpartition(".")[2]
    return "Exception"
