"""Observes mpire: WorkerPools, whose workers are processes with a queue of tasks for each.

The chunks of a job have no numbers. A worker reports each as number -1: the next of its job.
"""

from _weakref import ref
from functools import partial

from mpviz_probe import sites, wire
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.hooks import after, around, before
from mpviz_probe.standard import conditions, events, locks, queues, values
from mpviz_probe.standard.processes import cpu_so_far, prepare_for
from mpviz_probe.workers import jobs, tasks

_APPLY_PILL = "\3"
"""Comes before a task that has its own function with it; see ``mpire.comms``."""

_jobs: "dict[int, tuple[bytes, str]]" = {}
"""The pools of jobs that are not done, and what they are called, by their numbers."""

_NO_JOB = (b"", "")

_NONE = -1
"""In place of the number of a job."""


def patch(module):
    """Patch one of mpire's modules."""
    sites.count_as_library(module)
    _PATCHES[module.__name__](module)


def _patch_pool(module):
    pool = module.WorkerPool
    pool.__init__ = after(pool.__init__, _announce, "mpire pool")
    pool.terminate = before(pool.terminate, _tell_terminate, "mpire pool")


def _patch_comms(module):
    comms, where = module.WorkerComms, "mpire pool"
    comms.add_task = before(comms.add_task, _tell_chunk, where)
    comms.add_apply_task = before(comms.add_apply_task, _tell_call, where)
    comms.get_results = after(comms.get_results, _tell_calls_done, where)
    # With it, a WorkerPool tells its workers to end when they have done all there is to do.
    tell = partial(_tell_end, how="close")
    comms.insert_poison_pill = before(comms.insert_poison_pill, tell, where)


def _patch_results(module):
    results = module.UnorderedAsyncResultIterator
    # The last step of a map, whether all its results are there or not.
    results.remove_from_cache = before(results.remove_from_cache, _tell_map_done, "mpire pool")


def _patch_worker(module):
    prepare_for(module.AbstractWorker.run, _prepare_worker)


_PATCHES = {
    "mpire.async_result": _patch_results,
    "mpire.comms": _patch_comms,
    "mpire.pool": _patch_pool,
    "mpire.worker": _patch_worker,
}


def _identify(comms):
    """The id of a WorkerPool, the same in every process: the id of a lock that it keeps."""
    return wire.text("pool-" + locks.identify(comms.exception_lock))


class _Pool:
    """What a WorkerComms keeps about its WorkerPool; a copy in a worker keeps nothing."""

    __slots__ = ("known", "name")

    def __init__(self, name, pool):
        self.name, self.known = name, ref(pool)

    def __reduce__(self):
        return type(None), ()


def _pool_of(comms):
    return comms.__dict__.get("_mpviz_pool")


def _announce(_, pool, *args, **kwargs):
    params = pool.pool_params
    if params.start_method != "threading":
        name = _identify(pool._worker_comms)
        pool._worker_comms._mpviz_pool = _Pool(name, pool)
        jobs.announce(name, b"WorkerPool", params.n_jobs, None, 0)


def _tell_terminate(pool):
    if pool._workers:
        _tell_end(pool._worker_comms, "terminate")


def _tell_end(comms, how):
    pool = _pool_of(comms)
    if pool is not None:
        jobs.tell_end(pool.name, how)


def _tell_chunk(comms, job_id=None, task=None, worker_id=None):
    pool = _pool_of(comms)
    # A message to the worker has no number.
    if job_id is None or pool is None:
        return
    _, call = _jobs.get(job_id, _NO_JOB)
    if not call:
        _tell_submission(pool.name, job_id, "map", pool.known().map_params.func, len(task))
    elif call == "map":
        fields = b'"o":%b,"job":%d,"items":%d'
        wire.put(b"job.grew", fields % (pool.name, job_id, len(task)))


def _tell_call(comms, job_id, func, *_, **__):
    pool = _pool_of(comms)
    if pool is not None:
        _tell_submission(pool.name, job_id, "apply", func, 1)


def _tell_submission(name, job, call, function, items):
    _jobs[job] = name, call
    jobs.tell_job(name, job, call, name_of(function), 1, items, items)


def _tell_calls_done(results, comms, *args, **kwargs):
    """Report calls as done whose results have come; each is the only task of its job."""
    for job, _, _ in results:
        if _jobs.get(job, _NO_JOB)[1] == "apply":
            _tell_done(job)


def _tell_map_done(results):
    _tell_done(results.job_id)


def _tell_done(job):
    name, _ = _jobs.pop(job, _NO_JOB)
    if name:
        wire.put(b"job.done", b'"o":%b,"job":%d' % (name, job))


def _prepare_worker(worker):
    """Prepare to report what a worker does, in its process, before it begins."""
    comms = worker.worker_comms
    name = _identify(comms)
    for part in vars(comms).values():
        for thing in part if isinstance(part, list) else [part]:
            _hush(thing)
    teller = _Teller(name, worker)
    get = comms.get_task
    comms.get_task = around(get, teller.tell_ready, teller.tell_task, "mpire worker")
    comms.add_results = before(comms.add_results, teller.tell_results, "mpire worker")
    comms.task_done = before(comms.task_done, teller.tell_done, "mpire worker")


def _hush(thing):
    """Report nothing of a part of a WorkerPool, which a worker may have got by a pickle."""
    if hasattr(thing, "_semlock"):
        locks.hush(thing)
    elif hasattr(thing, "get_lock"):
        values.hush(thing)
    elif hasattr(thing, "_unfinished_tasks"):
        queues.hush(thing)
    elif hasattr(thing, "_flag"):
        events.hide(thing)
    elif hasattr(thing, "_wait_semaphore"):
        conditions.hide(thing)


class _Teller:
    """Tells what a worker takes and hands back; it does one task after another."""

    __slots__ = ("job", "last", "name", "ready", "worker")

    def __init__(self, name, worker):
        self.name, self.worker = name, worker
        self.job = _NONE
        self.last = None
        self.ready = False

    def tell_ready(self, *_, **__):
        """Report that the worker is ready when it asks for its first task."""
        if not self.ready:
            self.ready = True
            tasks.tell_ready(self.name)

    def tell_task(self, _, task, *args, **kwargs):
        """Report a chunk or a call that the worker has got; a text is a message of its pool."""
        if type(task) is tuple:
            self.tell_start(*task)
        self.last = task if type(task) is str else None

    def tell_start(self, job, work):
        """Report a chunk of arguments, or of a call with its own function."""
        is_call = self.last == _APPLY_PILL
        function, items = (work[0], 1) if is_call else (self.worker.map_params.func, len(work))
        self.job = job
        fields = b'"o":%b,"job":%d,"index":-1,"function":%b,"items":%d,"s":%d'
        fields %= self.name, job, wire.text(name_of(function)), items, site_of(function)
        wire.put(b"task.started", fields)

    def tell_results(self, worker_id, results):
        """Tell what became of a task when the worker hands back its results."""
        if self.job != _NONE and results and results[0][0] == self.job:
            failures = [result[0] for _, success, result in results if not success]
            self.tell_end(*[kind.__name__ for kind in failures])

    def tell_done(self, worker_id):
        """Report the end of a task that has no results; a worker calls this after every task."""
        if self.job != _NONE:
            # The exception of another task has ended it, or its time-out.
            ended_all = self.worker.worker_comms.exception_thrown()
            self.tell_end(stopped="stopped" if ended_all else "timed out")

    def tell_end(self, *failures, stopped=""):
        """Report the end of the task; failures are classes of exceptions, by name."""
        fields = b'"o":%b,"job":%d,"index":-1,%b' % (self.name, self.job, cpu_so_far())
        if failures:
            fields += b',"error":%b' % wire.text(failures[0])
        if stopped:
            fields += b',"stopped":%b' % wire.text(stopped)
        self.job = _NONE
        wire.put(b"task.ended", fields)
