"""Enters a program that runs already, and leaves it again, on the order of ``mpviz attach --live``.

Both run in the main thread, between two steps of the program, and hold the GIL: no other thread of
the program runs meanwhile, but for where a system call gives the GIL away.
"""

import os
import select
import sys

from mpviz_probe import arm, sites, wire
from mpviz_probe.live import adopt

_before: "dict[str, str | None]" = {}
"""The variables of the environment as they were before the first of our viewers came."""


def enter(boot, fifo, root):
    """Begin to tell the viewer behind this FIFO; the result says what was adopted, or why not.

    ``root`` is the pid of the program's first process.
    """
    if _is_importing():
        return "later"
    if wire.is_open():
        if wire.path == fifo:
            return "ok"
        if _is_heard():
            return "refused: another mpviz watches it"
        wire.close()
    _change_environment(boot, fifo)
    wire.open_queue(fifo)
    role = "main" if os.getpid() == root else arm._role(list(sys.orig_argv))
    # A forked child has the command line of its parent.
    arm._say_hello("process" if role == "main" and os.getpid() != root else role, _command())
    if any(isinstance(each, arm._Finder) for each in sys.meta_path):
        sites.announce_again()
    else:
        _arm()
    adopt.tell_of_process(os.getpid() == root)
    adopt.adopt_all()
    return "ok"


def leave(fifo):
    """Tell nothing more to the viewer behind this FIFO; what is observed stays hooked."""
    if wire.path == fifo:
        wire.close()
        wire.close_left()
        for name, value in _before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return "ok"


def _arm():
    os.register_at_fork(after_in_child=arm._after_fork)
    finder = arm._Finder(arm.PRIMITIVES)
    adopt.prepare()
    finder.patch_loaded()
    sys.meta_path.insert(0, finder)


def _change_environment(boot, fifo):
    """Have what is started from now on find the probe by itself."""
    for name in (wire.ENVIRONMENT_VARIABLE, "PYTHONPATH"):
        _before.setdefault(name, os.environ.get(name))
    os.environ[wire.ENVIRONMENT_VARIABLE] = fifo
    paths = os.environ.get("PYTHONPATH", "")
    if boot not in paths.split(os.pathsep):
        os.environ["PYTHONPATH"] = boot + os.pathsep + paths if paths else boot


def _is_importing():
    """Whether a module that we would patch is half there: its import goes on when we are done."""
    for modules in arm.PRIMITIVES.values():
        for name in modules:
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if getattr(spec, "_initializing", False):
                return True
    return False


def _command():
    return " ".join(arm.read_command(os.getpid()))


def _is_heard():
    """Whether somebody still reads what we write."""
    ready = select.poll()
    ready.register(wire._descriptor, select.POLLOUT)
    return not any(what & (select.POLLERR | select.POLLNVAL) for _, what in ready.poll(0))
