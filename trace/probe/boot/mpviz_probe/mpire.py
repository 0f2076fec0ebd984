"""Observes mpire: WorkerPools, whose workers are processes with a queue of tasks for each.

A chunk of a job bears no number. A worker tells of it as number -1, which is the next in its job.
"""

from functools import wraps
from weakref import WeakKeyDictionary, ref

from mpviz_probe import locks, queues, signals, sites, values, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.processes import cpu_so_far, prepare_for

_APPLY_PILL = "\3"
"""Comes before a task that has its own function with it; see ``mpire.comms``."""

_pools: "WeakKeyDictionary" = WeakKeyDictionary()
"""The id of each WorkerPool of processes and a weak reference to it, by its WorkerComms."""

_jobs: "dict[int, tuple[bytes, bytes]]" = {}
"""The pools of jobs that are not done, and what they are called, by their numbers."""

_NO_JOB = (b"", b"")

_NONE = -1
"""In place of the number of a job."""


def patch(module):
    """Patch one of mpire's modules."""
    sites.count_as_library(module)
    _PATCHES[module.__name__](module)


def _patch_pool(module):
    pool = module.WorkerPool
    pool.__init__ = _observed_init(pool.__init__)
    pool.terminate = _observed_terminate(pool.terminate)


def _patch_comms(module):
    comms = module.WorkerComms
    comms.add_task = _observed_add(comms.add_task)
    comms.add_apply_task = _observed_add_apply(comms.add_apply_task)
    comms.get_results = _observed_results(comms.get_results)
    comms.insert_poison_pill = _observed_close(comms.insert_poison_pill)


def _patch_results(module):
    results = module.UnorderedAsyncResultIterator
    results.remove_from_cache = _observed_removal(results.remove_from_cache)


def _patch_worker(module):
    prepare_for(module.AbstractWorker.run, _prepare_worker)


_PATCHES = {
    "mpire.async_result": _patch_results,
    "mpire.comms": _patch_comms,
    "mpire.pool": _patch_pool,
    "mpire.worker": _patch_worker,
}


def _identify(comms):
    """The id of a WorkerPool, the same in every process: that of a lock which it has for good."""
    return wire.text("pool-" + locks.identify(comms.exception_lock))


def _observed_init(init):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            params = self.pool_params
            if params.start_method != "threading":
                name = _identify(self._worker_comms)
                _pools[self._worker_comms] = name, ref(self)
                workers.announce(name, b"WorkerPool", params.n_jobs, None, 0)
        except Exception:
            report("mpire pool")

    return observed


def _observed_close(close):
    """Wrap how a WorkerPool tells its workers to end when they have done all there is to do."""

    @wraps(close)
    def observed(self):
        _tell_end(self, b"close")
        return close(self)

    return observed


def _observed_terminate(terminate):
    @wraps(terminate)
    def observed(self):
        if self._workers:
            _tell_end(self._worker_comms, b"terminate")
        return terminate(self)

    return observed


def _tell_end(comms, how):
    name, _ = _pools.get(comms, (None, None))
    if name is not None:
        wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how))


def _observed_add(add):
    @wraps(add)
    def observed(self, job_id, task, worker_id=None):
        try:
            # What has no number is a word to the worker.
            if job_id is not None and self in _pools:
                name, pool = _pools[self]
                _tell_chunk(name, pool().map_params.func, job_id, task)
        except Exception:
            report("mpire pool")
        return add(self, job_id, task, worker_id)

    return observed


def _tell_chunk(name, function, job, chunk):
    _, call = _jobs.get(job, _NO_JOB)
    if not call:
        _tell_submission(name, job, b"map", function, len(chunk))
    elif call == b"map":
        wire.put(b"job.grew", b'"o":%b,"job":%d,"items":%d' % (name, job, len(chunk)))


def _observed_add_apply(add):
    @wraps(add)
    def observed(self, job_id, func, *args, **kwargs):
        try:
            if self in _pools:
                _tell_submission(_pools[self][0], job_id, b"apply", func, 1)
        except Exception:
            report("mpire pool")
        return add(self, job_id, func, *args, **kwargs)

    return observed


def _tell_submission(name, job, call, function, items):
    _jobs[job] = name, call
    wire.put(
        b"job.submitted",
        b'"o":%b,"job":%d,"call":"%b","function":%b,"tasks":1,"items":%d,"chunksize":%d'
        % (name, job, call, wire.text(name_of(function)), items, items),
    )


def _observed_results(get_results):
    """Wrap how results come back; with the one of a call, all of its job is there."""

    @wraps(get_results)
    def observed(self, *args, **kwargs):
        results = get_results(self, *args, **kwargs)
        try:
            for job, _, _ in results:
                if _jobs.get(job, _NO_JOB)[1] == b"apply":
                    _tell_done(job)
        except Exception:
            report("mpire pool")
        return results

    return observed


def _observed_removal(remove):
    """Wrap the last that a WorkerPool does with the results of a map, be they all there or not."""

    @wraps(remove)
    def observed(self):
        _tell_done(self.job_id)
        return remove(self)

    return observed


def _tell_done(job):
    name, _ = _jobs.pop(job, _NO_JOB)
    if name:
        wire.put(b"job.done", b'"o":%b,"job":%d' % (name, job))


def _prepare_worker(worker):
    """Prepare to tell of what a worker does, in its process, before it begins."""
    comms = worker.worker_comms
    name = _identify(comms)
    for part in vars(comms).values():
        for thing in part if isinstance(part, list) else [part]:
            _hush(thing)
    teller = _Teller(name, worker)
    comms.get_task = teller.observed_get(comms.get_task)
    comms.add_results = teller.observed_add_results(comms.add_results)
    comms.task_done = teller.observed_task_done(comms.task_done)


def _hush(thing):
    """Keep still about a part of a WorkerPool, where a worker has got it by a pickle."""
    if hasattr(thing, "_semlock"):
        locks.hush(thing)
    elif hasattr(thing, "get_lock"):
        values.hush(thing)
    elif hasattr(thing, "_unfinished_tasks"):
        queues.hush(thing)
    elif hasattr(thing, "_flag"):
        signals.hide_event(thing)
    elif hasattr(thing, "_wait_semaphore"):
        signals.hide(thing)


class _Teller:
    """Tells what a worker takes and hands back; it does one task after another."""

    __slots__ = ("job", "last", "name", "ready", "worker")

    def __init__(self, name, worker):
        self.name, self.worker = name, worker
        self.job = _NONE
        self.last = None
        self.ready = False

    def observed_get(self, get):
        """Wrap how the worker waits for a chunk, a call or a word of its pool."""

        def observed(worker_id):
            if not self.ready:
                self.ready = True
                workers.tell_ready(self.name)
            task = get(worker_id)
            try:
                if type(task) is tuple:
                    self.tell_start(*task)
                self.last = task if type(task) is str else None
            except Exception:
                report("mpire worker")
            return task

        return observed

    def tell_start(self, job, work):
        """Tell of a chunk of arguments, or of a call with its own function."""
        is_call = self.last == _APPLY_PILL
        function, items = (work[0], 1) if is_call else (self.worker.map_params.func, len(work))
        self.job = job
        wire.put(
            b"task.started",
            b'"o":%b,"job":%d,"index":-1,"function":%b,"items":%d,"s":%d'
            % (self.name, job, wire.text(name_of(function)), items, site_of(function)),
        )

    def observed_add_results(self, add_results):
        """Wrap how the worker hands back what became of a task."""

        def observed(worker_id, results):
            try:
                if self.job != _NONE and results and results[0][0] == self.job:
                    failures = [result[0] for _, success, result in results if not success]
                    self.tell_end(*[kind.__name__ for kind in failures])
            except Exception:
                report("mpire worker")
            return add_results(worker_id, results)

        return observed

    def observed_task_done(self, task_done):
        """Wrap what the worker says at the end of each task, whether it has results or not."""

        def observed(worker_id):
            try:
                if self.job != _NONE:
                    # With no result: another's exception has ended it, or its time was over.
                    ended_all = self.worker.worker_comms.exception_thrown()
                    self.tell_end(stopped="stopped" if ended_all else "timed out")
            except Exception:
                report("mpire worker")
            return task_done(worker_id)

        return observed

    def tell_end(self, *failures, stopped=""):
        """Tell of the end of the task; failures are classes of exceptions, by name."""
        fields = b'"o":%b,"job":%d,"index":-1,%b' % (self.name, self.job, cpu_so_far())
        if failures:
            fields += b',"error":%b' % wire.text(failures[0])
        if stopped:
            fields += b',"stopped":%b' % wire.text(stopped)
        self.job = _NONE
        wire.put(b"task.ended", fields)
