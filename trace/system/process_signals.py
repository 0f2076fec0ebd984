"""What ``/proc`` says of the signals, the threads and the open files of a process."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mpviz.trace.system.kernel import list_threads

MOST_ENDS = 1000
"""Open files of a process that are looked at."""

_END = re.compile(r"(pipe|socket):\[(\d+)\]")

_FUTEX = {"x86_64": "202", "aarch64": "98"}
"""The number of the system call, by machine."""


WAKERS = (
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
)
"""Signals with which a timer or another program has something done: a handler of one may put an
item or set an event at any time. SIGINT and SIGTERM ask for the end."""


@dataclass(frozen=True, slots=True)
class SignalMasks:
    """Sets of signals as bit masks: signal 1 is the lowest bit (man 5 proc_pid_status)."""

    pending: int
    """Sent to the process, and not delivered yet."""
    blocked: int
    """By the main thread."""
    ignored: int
    caught: int
    """Those with a handler."""

    def handles(self, number: int) -> bool:
        """Whether the main thread would handle this signal at once."""
        bit = 1 << (number - 1)
        return bool(self.caught & bit) and not (self.blocked | self.ignored) & bit

    def awaits(self, number: int) -> bool:
        """Whether this signal was sent and is not delivered yet."""
        return bool(self.pending & 1 << (number - 1))


def read_signal_masks(pid: int) -> SignalMasks | None:
    """Read the signal masks of a process; None if it is gone, or the kernel does not say."""
    fields: dict[str, str] = {}
    for line in _read(f"/proc/{pid}/status").splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    try:
        return SignalMasks(
            *(int(fields[name], 16) for name in ("ShdPnd", "SigBlk", "SigIgn", "SigCgt"))
        )
    except (KeyError, ValueError):
        return None


def list_wakers(pid: int) -> list[int]:
    """The signals of :data:`WAKERS` that a process handles; none if it is gone."""
    masks = read_signal_masks(pid)
    return [number for number in WAKERS if masks.handles(number)] if masks is not None else []


def are_asleep(pid: int) -> bool:
    """Whether every thread of a process sleeps, so that its stacks do not change meanwhile."""
    threads = list_threads(pid)
    states = [_read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2] for thread in threads]
    return bool(threads) and all(state.split()[:1] in (["S"], ["I"]) for state in states if state)


def is_timed(pid: int, thread: int) -> bool:
    """Whether a thread waits for a lock with a time-out; True also if the kernel does not say.

    The fourth argument of ``futex`` is the time-out, and 0 for none (man 2 futex).
    """
    fields = _read(f"/proc/{pid}/task/{thread}/syscall").split()
    is_known = len(fields) > 4 and fields[0] == _FUTEX.get(os.uname().machine)
    return not is_known or int(fields[4], 16) != 0


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has this file open; the highest descriptors are looked at first."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - only the names are needed
    except OSError:
        return False
    for name in sorted(names, key=int, reverse=True):
        try:
            if Path(folder, name).readlink() == path:
                return True
        except OSError:
            continue
    return False


def list_ends(pid: int) -> list[tuple[int, bool]]:
    """List the ends of pipes and the sockets that a process has open, at most :data:`MOST_ENDS`.

    Each is an inode and whether the process may write there; a socket, which is for both, is listed
    twice.
    """
    folder = Path(f"/proc/{pid}/fd")
    ends: dict[tuple[int, bool], None] = {}
    try:
        names = list(islice(folder.iterdir(), MOST_ENDS))
    except OSError:
        # It has ended, or is another user's.
        return []
    for name in names:
        found = _END.fullmatch(_link(name))
        if found is None:
            continue
        inode = int(found[2])
        if found[1] == "socket":
            ends[inode, False] = None
        # The access mode of open(2): O_RDONLY is 0, O_WRONLY is 1.
        flags = re.search(r"^flags:\s*([0-7]+)", _read(f"/proc/{pid}/fdinfo/{name.name}"), re.M)
        ends[inode, flags is not None and int(flags[1], 8) & os.O_ACCMODE > 0] = None
    return list(ends)


def _link(name: Path) -> str:
    try:
        return str(name.readlink())
    except OSError:
        # It was closed meanwhile.
        return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - often
            return file.read(1 << 14)
    except OSError:
        return ""
