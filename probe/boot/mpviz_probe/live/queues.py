"""Adopts Queue, JoinableQueue and SimpleQueue, with the items that are in them."""

import sys
from _thread import get_ident

from mpviz_probe import wire
from mpviz_probe.live.find import stacks
from mpviz_probe.live.places import know, site
from mpviz_probe.standard import queues, simple_queues
from mpviz_probe.standard.locks import hush as hush_lock
from mpviz_probe.standard.pipes import disown


def prepare():
    """Nothing: what a queue calls is looked up with each call."""


def adopt(found, places):
    """Tell a queue of the program's own, and observe it."""
    module = sys.modules.get("multiprocessing.queues")
    queue = found.thing
    if module is None or not isinstance(queue, (module.Queue, module.SimpleQueue)):
        return
    for lock in (queue._rlock, queue._wlock):
        if lock is not None:
            know(lock, places)
    is_simple = isinstance(queue, module.SimpleQueue)
    is_quiet = found.is_part or type(queue).__name__ == "_SafeQueue"
    disown(queue._reader, queue._writer)
    if is_quiet or (is_simple and not found.name):
        if not is_simple:
            queue.__dict__.setdefault("_mpviz_quiet", True)
        return
    _tell(queue, found.name, is_simple)
    if "_mpviz_adopted" in queue.__dict__ or "_mpviz_quiet" in queue.__dict__:
        return
    queue._mpviz_adopted = True
    if is_simple:
        hush_lock(queue._rlock, queue._wlock)
        simple_queues._observe(queue)
        return
    queue._mpviz_quiet = False
    hush_lock(queue._rlock, queue._wlock, queue._sem)
    if hasattr(queue, "_unfinished_tasks"):
        queues._hush_tasks(None, queue, None)
    queues._observe_queue(queue)
    _await_reads(queue, module)
    _await_puts(queue, module)
    if queue._thread is not None:
        queue._thread._mpviz_queue = wire.text(queues.identify(queue))


def _tell(queue, name, is_simple):
    from _multiprocessing import SemLock

    kind = type(queue).__name__
    bound, depth = 0, 0
    if not is_simple:
        depth = queue._maxsize - queue._sem._semlock._get_value()
        bound = 0 if queue._maxsize == SemLock.SEM_VALUE_MAX else queue._maxsize
    told = wire.text(queues.identify(queue)), wire.text(kind), bound, depth
    place = site(name, kind) if name else 0
    fields = b'"o":%b,"kind":%b,"maxsize":%d,"depth":%d,"s":%d,"adopted":true'
    wire.put(b"queue.created", fields % (*told, place))


def _await_reads(queue, module):
    """Have the item told for which a thread waits by now, in the read as it was before.

    Then it gives back a place of the queue, which it looks up only now.
    """
    waiting = {
        thread
        for thread, frames in stacks().items()
        for inner, outer in zip(frames, frames[1:])  # noqa: B905, RUF007 - Python 3.8 has neither
        if outer.f_code is module.Queue.get.__code__
        and inner.f_code.co_name == "recv_bytes"
        and outer.f_locals.get("self") is queue
    }
    if not waiting:
        return
    give = queue._sem.release
    name = b'"o":%b' % wire.text(queues.identify(queue))

    def release():
        thread = get_ident()
        if thread in waiting:
            waiting.discard(thread)
            data = sys._getframe(1).f_locals.get("res")
            wire.put(b"queue.got", b'%b,"size":%d' % (name, len(data or b"")))
        if not waiting:
            queue._sem.release = give
        return give()

    queue._sem.release = release


def _await_puts(queue, module):
    """The same for the items that wait for room: then they are put under a lock of the queue."""
    codes = {module.Queue.put.__code__, module.JoinableQueue.put.__code__}
    waiting = {
        thread
        for thread, frames in stacks().items()
        if frames
        and frames[0].f_code in codes
        and thread != get_ident()
        and frames[0].f_locals.get("self") is queue
    }
    if not waiting:
        return
    condition = queue._notempty
    notify = condition.notify
    name = b'"o":%b' % wire.text(queues.identify(queue))

    def tell_and_notify(*args):
        thread = get_ident()
        if thread in waiting:
            waiting.discard(thread)
            wire.put(b"queue.put", name)
        if not waiting:
            condition.__dict__.pop("notify", None)
        return notify(*args)

    condition.notify = tell_and_notify
