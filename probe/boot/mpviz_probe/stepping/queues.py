"""Gates of queues: put, get and the looks at it; and the thread that writes items into the pipe."""

from queue import Empty, Full

from mpviz_probe.standard import queues
from mpviz_probe.stepping import gate
from mpviz_probe.stepping.locks import id_of

_feeding: "dict[int, str]" = {}
"""By the address of a queue's buffer: the queue's id."""


def patch(module):
    """Patch ``multiprocessing.queues``."""
    queue = module.Queue
    queue.__init__ = _gated_init(queue.__init__)
    queue.put = gate.gated(queue.put, _put, _full)
    queue.get = gate.gated(queue.get, _get, _empty, _in_short)
    for name in ("empty", "full", "qsize"):
        setattr(queue, name, gate.gated(getattr(queue, name), _look(name), None, str))
    queue._start_thread = _gated_start_thread(queue._start_thread)
    queue._feed = staticmethod(_gated_feed(queue._feed))
    queue._finalize_join = staticmethod(_gated_drain(queue._finalize_join))


def _queue_id(queue):
    return id_of(queue, "queue" + (queue._rlock._semlock.name or ""))


def _gated_init(original):
    def observed(self, *args, **kwargs):
        outermost = gate.is_outermost()
        with gate.Inside():
            original(self, *args, **kwargs)
        if outermost and not self.__dict__.get("_mpviz_quiet"):
            self._mpviz_step = known = gate.new_id("queue")
            most = self._maxsize if self._maxsize < 2147483647 else 0
            gate.tell(
                new=known,
                kind="queue",
                count=most,
                alias="queue" + (self._rlock._semlock.name or ""),
                observed=gate.observed_id(queues.identify, self),
            )

    return observed


def _is_gated(queue):
    return not queue.__dict__.get("_mpviz_quiet")


def _put(queue, item, block=True, timeout=None):
    if not _is_gated(queue):
        return None
    told = {"detail": _in_short(item), "blocking": bool(block), "timed": timeout is not None}
    return "put", _queue_id(queue), "queue", told


def _get(queue, block=True, timeout=None):
    if not _is_gated(queue):
        return None
    return "get", _queue_id(queue), "queue", {"blocking": bool(block), "timed": timeout is not None}


def _full(*_, **__):
    raise Full


def _empty(*_, **__):
    raise Empty


def _look(verb):
    def describe(queue):
        return (verb, _queue_id(queue), "queue", {}) if _is_gated(queue) else None

    return describe


def _in_short(item):
    """A plain item as it is written; of all else only the type: its own code must not run."""
    if item is None or type(item) in (bool, int, float, str, bytes):
        return repr(item)[:30]
    return type(item).__name__


def _gated_start_thread(original):
    def _start_thread(self):
        known = _queue_id(self) if gate.path and _is_gated(self) else None
        if known is not None:
            _feeding[id(self._buffer)] = known
        result = original(self)
        self._thread._mpviz_step = known
        return result

    return _start_thread


class _Turn:
    """The lock for writing of a queue's pipe, which is taken when the item may go."""

    def __init__(self, lock, known):
        self._lock = lock
        self._known = known

    def acquire(self):
        with gate.Inside():
            gate.ask("feed", self._known, "queue")
        return self._lock.acquire()

    def release(self):
        result = self._lock.release()
        gate.did()
        return result


def _gated_feed(original):
    def _feed(buffer, notempty, send_bytes, writelock, *more):
        known = _feeding.get(id(buffer))
        if known is None or not gate.path:
            return original(buffer, notempty, send_bytes, writelock, *more)
        gate.name_task("feeder-" + known)
        turn = None if writelock is None else _Turn(writelock, known)
        try:
            return original(buffer, notempty, send_bytes, turn, *more)
        finally:
            gate.end()

    return _feed


def _gated_drain(original):
    def _finalize_join(twr):
        thread = twr()
        known = getattr(thread, "_mpviz_step", None)
        if known is not None and gate.is_outermost():
            with gate.Inside():
                gate.ask("drain", known, "queue")
                gate.did()
        return original(twr)

    return _finalize_join
