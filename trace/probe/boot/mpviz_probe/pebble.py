"""Observes pebble's ProcessPool: its tasks, which worker takes each, how it ends, and time-outs.

The chunks of a ``map`` are scheduled one by one; here they form one job. Tried with pebble 5.2.3.
"""

import os
from _thread import get_ident
from functools import partial, wraps
from itertools import chain

from mpviz_probe import creations, locks, sites, wire, workers
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of, site_of
from mpviz_probe.pipes import disown
from mpviz_probe.processes import cpu_so_far, prepare_for
from mpviz_probe.stopping import tell_stopping

_maps: "dict[int, list[int]]" = {}
"""For each thread that runs ``map``: a list with the number of its first chunk, once known."""


def patch(module):
    """Patch ``pebble.pool.process``."""
    sites.count_as_library(module)
    pool, base = module.ProcessPool, module.BasePool
    pool.__init__ = _observed_init(pool.__init__, module.process_chunk)
    base.close = _observed_end(base.close, b"close")
    base.stop = _observed_end(base.stop, b"terminate")
    manager = module.WorkerManager
    manager.create_channels = _observed_channels(manager.create_channels)
    tasks = module.TaskManager
    tasks.timeout_tasks = _observed_stops(tasks.timeout_tasks, "timed out")
    tasks.cancelled_tasks = _observed_stops(tasks.cancelled_tasks, "cancelled")
    module.iter_chunks = _observed_chunks(module.iter_chunks)
    prepare_for(module.worker_process, partial(_prepare_worker, module=module))


def _identify(reader):
    """The id of a pool, the same in every process: the pipe that its tasks go through."""
    return b'"pebble-%d"' % os.fstat(reader.fileno()).st_ino


# In the process that owns the pool


def _observed_init(init, process_chunk):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            manager = self._pool_manager.worker_manager
            manager._mpviz_made = creations.of_pool()
            queue = self._context.task_queue
            queue.put = _observed_put(queue.put, manager, process_chunk)
        except Exception:
            report("pebble pool")

    return observed


def _observed_channels(create):
    """Wrap the making of a pool's pipes, when it gets its first task."""

    @wraps(create)
    def observed(self):
        create(self)
        try:
            self._mpviz_id = name = _identify(self.workers_channel.reader)
            about = self.worker_parameters
            made = self.__dict__.pop("_mpviz_made", None)
            size, limit = self.workers_number, about.max_tasks
            workers.announce(name, b"ProcessPool", size, about.initializer, limit, made=made)
        except Exception:
            report("pebble pool")

    return observed


def _observed_chunks(iter_chunks):
    """Wrap the iterator that cuts the input of ``map``, with no frame of ours while it is read."""

    @wraps(iter_chunks)
    def observed(iterable, chunksize):
        thread = get_ident()
        _maps[thread] = []

        def end(_):
            _maps.pop(thread, None)

        return chain(iter_chunks(iterable, chunksize), filter(None, map(end, (None,))))

    return observed


def _observed_put(put, manager, process_chunk):
    """Wrap the last step of ``schedule``, before a worker can take the task."""

    def observed(task, *args, **kwargs):
        try:
            name = manager.__dict__.get("_mpviz_id")
            if task is not None and name is not None:
                _tell_submission(name, task, process_chunk)
                task.future.add_done_callback(_teller_of_end(name, task.id))
        except Exception:
            report("pebble pool")
        return put(task, *args, **kwargs)

    return observed


def _tell_submission(name, task, process_chunk):
    function, arguments, items = _work_of(task.payload, process_chunk)
    call, job = b"submit", task.id
    if task.payload.function is process_chunk:
        call, chunks = b"map", _maps.setdefault(get_ident(), [])
        if chunks:
            fields = b'"o":%b,"job":%d,"call":%d,"items":%d'
            wire.put(b"job.grew", fields % (name, chunks[0], job, items))
            return
        chunks.append(job)
    fields = b'"o":%b,"job":%d,"call":"%b","function":%b,"tasks":1,"items":%d,"chunksize":%d'
    function = wire.text(name_of(function, arguments))
    wire.put(b"job.submitted", fields % (name, job, call, function, items, items))


def _work_of(payload, process_chunk):
    """The program's function, its arguments if these may name another one, and its items."""
    arguments = payload.args if type(payload.args) is tuple else ()
    if payload.function is process_chunk and len(arguments) == 2:
        function, items = arguments
        return function, (), len(items)
    return payload.function, arguments, 1


def _teller_of_end(name, number):
    def tell_end(future):
        try:
            fields = b'"o":%b,"job":%d' % (name, number)
            if future.cancelled():
                fields += b',"cancelled":true'
            else:
                error = future.exception()
                if error is not None:
                    fields += b',"error":%b' % wire.text(type(error).__name__)
            wire.put(b"future.done", fields)
        except Exception:
            report("pebble pool")

    return tell_end


def _observed_stops(tasks_to_stop, why):
    """Wrap the search for tasks that have to be stopped by ending their workers."""

    @wraps(tasks_to_stop)
    def observed(self):
        tasks = tasks_to_stop(self)
        try:
            for task in tasks:
                if "_mpviz_told" not in task.__dict__ and task.worker_id:
                    task._mpviz_told = True
                    tell_stopping(task.worker_id, why)
        except Exception:
            report("pebble pool")
        return tasks

    return observed


def _observed_end(end, how):
    @wraps(end)
    def observed(self):
        try:
            # Pools of threads have no such manager.
            manager = getattr(self.__dict__.get("_pool_manager"), "worker_manager", None)
            name = None if manager is None else manager.__dict__.get("_mpviz_id")
            # A join calls this too, when a closed pool has done all tasks.
            if name is not None and self._context.alive and self._context.status != _CLOSED:
                wire.put(b"pool.ended", b'"o":%b,"how":"%b"' % (name, how))
        except Exception:
            report("pebble pool")
        return end(self)

    return observed


_CLOSED = 2
"""``PoolStatus.CLOSED``."""


# In the process of a worker


def _prepare_worker(params, channel, *_, module, **__):
    """Prepare, in a worker's process and before it begins, to report what it does."""
    name = _identify(channel.reader)
    disown(channel.reader, channel.writer)
    for lock in (channel.mutex.reader_mutex, channel.mutex.writer_mutex):
        locks.hush(lock)
    module.worker_get_next_task = _observed_tasks(module, name)
    results: "list" = []
    for kind in (module.TaskResult, module.TaskProblem):
        kind.__init__ = _kept(kind.__init__, results)
    send = channel.writer._send_bytes

    def observed_send(data):
        # By now the result is pickled, so the pool will get it.
        try:
            if results:
                _tell_end(name, results.pop())
        except Exception:
            report("pebble worker")
        return send(data)

    channel.writer._send_bytes = observed_send
    workers.tell_initializer(name, params.initializer)


def _observed_tasks(module, name):
    """Wrap the iterator of tasks, with no frame of ours while the worker waits or works."""
    get_tasks = module.worker_get_next_task

    def told(task):
        try:
            function, arguments, items = _work_of(task.payload, module.process_chunk)
            fields = b'"o":%b,"job":%d,"index":0,"function":%b,"items":%d,"s":%d'
            function_name = wire.text(name_of(function, arguments))
            site = site_of(function, arguments)
            wire.put(b"task.started", fields % (name, task.id, function_name, items, site))
        except Exception:
            report("pebble worker")
        return task

    @wraps(get_tasks)
    def observed(*args, **kwargs):
        workers.tell_ready(name)
        return map(told, get_tasks(*args, **kwargs))

    return observed


def _kept(init, results):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        results[:] = [self]

    return observed


def _tell_end(name, result):
    fields = b'"o":%b,"job":%d,"index":0,%b' % (name, result.task, cpu_so_far())
    error = result.__dict__.get("error")
    if error is None:
        # A chunk has a result for each of its items.
        value = result.result.value
        results = [result.result, *(value if type(value) is list else ())]
        failed = (each.value for each in results if type(each) is type(result.result))
        wrapped = next((each for each in failed if type(each).__name__ == "RemoteException"), None)
        error = getattr(wrapped, "exception", None)
    if isinstance(error, BaseException):
        fields += b',"error":%b' % wire.text(type(error).__name__)
    wire.put(b"task.ended", fields)
