"""What is reported in the process that owns a pool: the pool, its jobs, and its end."""

import os
from _thread import get_ident
from functools import partial
from time import monotonic_ns

from mpviz_probe import creations, sections, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import name_of
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.hooks import before

FORMS = 64
"""Maximum number of prepared forms of one kind for one pool; a process has 512 forms at most."""

_submitting: "dict[int, tuple]" = {}
"""For each thread that submits a job: the pool, the call's name, the function, its arguments."""


def identify(kind, reader):
    """The id of a pool as JSON, the same in every process: the pipe that its tasks go through."""
    return b'"%b-%d"' % (kind, os.fstat(reader.fileno()).st_ino)


def announce(name, kind, workers, initializer, max_tasks, *, made=None):
    """Report a pool that is being made; ``made`` is an earlier result of ``creations.of_pool``."""
    site, maker = made or creations.of_pool()
    fields = b'"o":%b,"kind":"%b","workers":%d,"initializer":%b,"max_tasks":%d,"s":%d,"maker":%b'
    told = name, kind, workers, wire.text(name_of(initializer)), max_tasks or 0, site
    fields %= (*told, wire.text(maker))
    sections.do(partial(_announce, fields, monotonic_ns(), get_ident()))


def _announce(fields, stamp, thread, told):
    number = wire.put(b"pool.created", fields, stamp, thread=thread, told=told)
    # So that records under the locks of a library find a ring.
    wire.open_ring(number)


def observe_submissions(pool, starmapstar):
    """Have :func:`submitted_here` know the calls of this class of pools that submit a job."""
    pool._map_async = _observed_submission(pool._map_async, partial(_map_of, starmapstar))
    for name in ("apply", "imap", "imap_unordered"):
        method = "apply_async" if name == "apply" else name
        setattr(pool, method, _observed_submission(getattr(pool, method), partial(_call_of, name)))


def _observed_submission(submit, describe):
    @replaces(submit)
    def observed(*args, **kwargs):
        try:
            thread = get_ident()
            try:
                try:
                    _submitting[thread] = describe(*args, **kwargs)
                except BaseException:
                    report("pool")
                return submit(*args, **kwargs)
            finally:
                _submitting.pop(thread, None)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _map_of(starmapstar, pool, func=None, iterable=None, mapper=None, *_, **__):
    return pool, "starmap" if mapper is starmapstar else "map", func, ()


def _call_of(call, pool, func=None, *args, **kwargs):
    arguments = args[0] if args else kwargs.get("args", ())
    return pool, call, func, arguments if call == "apply" else ()


def submitted_here():
    """The pool, the call's name, the function and its arguments, in a call that submits a job.

    None elsewhere. The job's number is only known where its result is made, inside that call.
    """
    return _submitting.get(get_ident())


def tell_job(name, job, call, function, tasks, items, chunksize):
    """Report a job, with the name of its function; -1 stands for a count that is not yet known."""
    fields = b'"o":%b,"job":%d,"call":%b,"function":%b,"tasks":%d,"items":%d,"chunksize":%d'
    told = name, job, wire.text(call), wire.text(function), tasks, items, chunksize
    wire.put(b"job.submitted", fields % told)


def tell_length(result, length):
    """Report how many tasks an iterator of results has turned out to have."""
    name = result.__dict__.get("_mpviz_pool")
    if name is not None:
        wire.put(b"job.length", b'"o":%b,"job":%d,"tasks":%d' % (name, result._job, length))


def tell_stopping(worker, why):
    """Report that a pool is about to end the worker with this pid, and why: "timed out"."""
    wire.put(b"task.stopping", b'"worker":%d,"why":%b' % (worker, wire.text(why)))


def observe_end(pool):
    """Have the methods of this class of pools reported after which it takes no more jobs."""
    for how in ("close", "terminate"):
        setattr(pool, how, before(getattr(pool, how), partial(_tell_end_of, how), "pool"))


def _tell_end_of(how, pool, *_, **__):
    tell_end(pool.__dict__.get("_mpviz_id"), how)


def tell_end(name, how):
    """Report that a pool takes no more jobs, because this method of it is called."""
    if name is not None:
        fields = b'"o":%b,"how":"%b","s":%d'
        sections.tell(b"pool.ended", fields % (name, how.encode(), sites.here()))


def wait_for_workers(name):
    """The fields of a wait for the end of a pool's workers; None if the pool is not observed."""
    return None if name is None else b'"what":"workers","o":%b,"s":%d' % (name, sites.here())


def form_of(forms, key, kind, fields, names):
    """The form for this key, prepared at its first use and kept in ``forms``."""
    form = forms.get(key)
    if form is None:
        if len(forms) >= FORMS:
            return wire.form_of_line(kind, fields, names)
        form = forms[key] = wire.form(kind, fields, names)
    return form


def form_of_outcome(forms, name, error):
    """The form for the end of a call of an executor, by its exception; None if cancelled."""
    known = forms.get(error)
    if known is not None:
        return known
    fields = b'"o":' + name
    if error is None:
        fields += b',"cancelled":true'
    elif error:
        fields += b',"error":' + wire.text(error)
    return form_of(forms, error, b"future.done", fields, (b"job",))


def outcome_of(future):
    """The name of the class of the exception that a call has raised; None if it was cancelled."""
    if future.cancelled():
        return None
    return name_of_error(future.exception())


def name_of_error(error):
    """The name of the class of an exception; empty if there is none."""
    return "" if error is None else type(error).__name__
