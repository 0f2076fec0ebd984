"""How the supervisor starts the program: as a shell would, with only the environment changed.

Only the supervisor's script imports this; like that script, it avoids modules that are slow to
import.
"""

import ctypes
import os
import resource
import signal

from mpviz.trace.system import kernel

HELD_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that the supervisor ignores."""

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Surroundings:
    """What the program has to find as if we were not there; read before we change it."""

    def __init__(self, descriptor_limit: int) -> None:
        self.environment = _environment()
        self.ignored = {
            number for number in HELD_SIGNALS if signal.getsignal(number) is signal.SIG_IGN
        }
        """Signals that we ignored from the start, as the program then has to (nohup)."""
        self.descriptors = kernel.inherited_descriptors()
        """Descriptors that the program inherits beside the standard three; we do not use them."""
        self.limits = descriptor_limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def adopt_orphans() -> None:
    """Make the orphans among all descendants of this process its children (man 2 prctl)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def fork() -> int:
    """Fork; returns the child's pid, 0 in the child, and -1 if the fork fails."""
    try:
        return os.fork()
    except OSError:
        return -1


def become_program(
    command: list[str], surroundings: Surroundings, report: int, parent: int
) -> None:
    """Turn the forked child into the program as a shell would start it; never returns."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The supervisor was killed before we told the kernel that we want to die with it.
            return
        for number in set(HELD_SIGNALS) - surroundings.ignored:
            signal.signal(number, signal.SIG_DFL)
        # Python itself ignores these two when it starts.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        resource.setrlimit(resource.RLIMIT_NOFILE, surroundings.limits)
        os.execvpe(command[0], command, surroundings.environment)
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        os.write(report, (reason or repr(error)).encode())
    finally:
        os._exit(127)


def occupy_standard_descriptors() -> None:
    """Open what is closed of descriptors 0 to 2, so that no file of ours gets such a number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


def let_go_of_descriptors(surroundings: Surroundings) -> None:
    """Close our copies of the program's pipes, so that the program alone decides when they end."""
    for descriptor in surroundings.descriptors:
        os.close(descriptor)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for descriptor in range(3):
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)


def _environment() -> dict[bytes, bytes]:
    """The environment as we got it: Python may set ``LC_CTYPE`` when it starts (PEP 538)."""
    # Without pathlib, which costs 8 ms to import.
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123
        entries = file.read().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


def _prctl(option: int, argument: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    rest = [ctypes.c_ulong(value) for value in (argument, 0, 0, 0)]
    if library.prctl(option, *rest) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
