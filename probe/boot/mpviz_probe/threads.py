"""Reports threads of the program that ran while it forked: the child gets only their locks.

This runs in the child of each fork, before ``threading`` forgets them there (its callback was
registered later than ours), and only if there was more than one thread. What multiprocessing has
threads for (queues, pools, executors) is not the program's. A thread is known by the function that
it was started with: to look at the frames of others would keep alive what is in them, and a buffer
that is kept like that can crash a Python up to 3.12.6 (CPython issue 77894).
"""

import sys
from _thread import get_ident
from types import FunctionType, MethodType

from mpviz_probe import sites, wire


def tell_beside_fork():
    """Report the other threads if any of them was the program's.

    A thread of multiprocessing that forks does so for it: a pool replaces a worker. The main thread
    is passed over where another forks: mostly it waits for that one.
    """
    threading = sys.modules["threading"]
    active = dict(threading._active)
    if len(active) < 2:
        return
    main = threading.main_thread()
    own = active.pop(get_ident(), None)
    if own is not main and not _is_the_programs(own):
        return
    others = [each for each in active.values() if each is not main and _is_the_programs(each)]
    if others:
        names = ", ".join(filter(None, map(_name_of, others)))
        fields = b'"threads":%d,"names":%b,"s":%d'
        wire.put(b"process.beside", fields % (len(others), wire.text(names), sites.here()))


def _is_the_programs(thread):
    """Whether a thread was started with a function or a class of the program's own."""
    if thread is None:
        return False
    function = thread.__dict__.get("_target")
    if function is None:
        function = type(thread).run
    elif type(function) is MethodType:
        function = function.__func__
    if type(function) is not FunctionType:
        return False
    return sites.owner_of(function.__code__, function.__globals__) > 0


def _name_of(thread):
    name = thread.__dict__.get("_name")
    return name if type(name) is str else ""
