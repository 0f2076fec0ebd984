"""Lets mpviz see where a process stands: at a signal, Python writes the stacks of all its threads.

``faulthandler`` does it in C, within the signal handler, so it also answers for a process whose
main thread is blocked in C code, and no code of the program or of ours runs. Interrupted system
calls are restarted (SA_RESTART), and Python itself repeats those that cannot be. Whoever sends the
signal first makes sure that the process still has this handler and the file to write to: see
:mod:`mpviz.trace.collect.stacks`.
"""

import os
import stat

# mypy knows no C modules.
from _signal import SIG_DFL, getsignal  # type: ignore[import-not-found]

# The viewer imports this module too, as part of a larger package.
from . import wire
from .descriptors import use
from .guard import is_the_programs
from .wire.fifo import duplicate_high

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIGNAL = 59
"""A real-time signal, far from both ends of their range, where programs take theirs from."""

FILE = "stacks"
"""The name of the file in the run's folder that the stacks are written to."""

_descriptor = -1
_status: "Any" = None
"""What ``fstat`` said of the file."""


def prepare():
    """Prepare this interpreter to answer; processes that it forks inherit that."""
    global _descriptor, _status
    # It may be ignored, or handled by a program that embeds Python.
    if getsignal(SIGNAL) != SIG_DFL:
        return
    path = os.path.join(os.path.dirname(wire.path), FILE)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    opened: "list[int]" = []
    try:
        use(lambda low: duplicate_high(opened, low, stat.S_ISREG), os.open, path, flags)
    except OSError as error:
        if is_the_programs(error):
            raise
        # The viewer is gone, or no descriptor is free: it is then not asked.
        return
    import faulthandler

    faulthandler.register(SIGNAL, opened[0], all_threads=True, chain=False)
    _status = os.fstat(opened[0])
    _descriptor = opened[0]


def patch(module):
    """Patch ``signal`` or ``faulthandler``."""
    from mpviz_probe.hooks import before

    name = "signal" if module.__name__ == "signal" else "register"
    setattr(module, name, before(getattr(module, name), _give_way, "signal"))


def _give_way(signalnum=None, *_, signum=None, **__):
    """Close the file if the program takes the signal for itself: then mpviz does not send it."""
    global _descriptor
    number = signum if signalnum is None else signalnum
    if isinstance(number, int) and number == SIGNAL and _descriptor >= 0:
        descriptor, _descriptor = _descriptor, -1
        if _is_ours(descriptor):
            os.close(descriptor)


def _is_ours(descriptor):
    # The program may have closed it, and opened a file of its own since.
    try:
        return os.path.samestat(os.fstat(descriptor), _status)
    except OSError as error:
        if is_the_programs(error):
            raise
        return False
