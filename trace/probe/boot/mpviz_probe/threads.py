"""Tells which threads of the program run while it forks: the child gets their locks, not them.

It is asked at each fork, and only where there is more than one thread. What multiprocessing has
threads for (queues, pools, executors) is not the program's: no code of the program is in them.
"""

import sys
from _thread import get_ident

from mpviz_probe import sites, wire

_JOINS = ("join", "_wait_for_tstate_lock")
"""Functions of ``threading`` in which a thread only waits for the end of another."""


def beside_fork():
    """The other threads as fields of a record; empty where none of them is the program's.

    A thread of multiprocessing that forks does so for it: a pool replaces a worker.
    """
    frames = sys._current_frames()
    own = frames.pop(get_ident())
    if not _is_in_program(own):
        return b""
    others = [thread for thread, frame in frames.items() if _is_at_work(frame)]
    if not others:
        return b""
    names = ", ".join(filter(None, map(_name_of, others)))
    fields = b',"threads":%d,"names":%b,"s":%d'
    return fields % (len(others), wire.text(names), sites.here())


def _is_at_work(frame):
    inner = frame.f_code
    is_joining = inner.co_name in _JOINS and inner.co_filename.endswith("threading.py")
    return not is_joining and _is_in_program(frame)


def _is_in_program(frame):
    while frame is not None:
        if sites.owner(frame) > 0:
            return True
        frame = frame.f_back
    return False


def _name_of(thread):
    known = sys.modules["threading"]._active.get(thread) if "threading" in sys.modules else None
    name = None if known is None else known.__dict__.get("_name")
    return name if type(name) is str else ""
