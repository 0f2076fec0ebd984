"""What the Linux kernel knows of processes, and signals that cannot reach the wrong one.

The supervisor imports this file too, in an interpreter that has to start quickly: standard library
only, without ``pathlib``, ``dataclasses`` and ``typing``, which would take 8 to 10 ms each
(measured).
"""

# ruff: noqa: PTH208, PTH115, PTH116

import errno
import fcntl
import os
import signal
import struct
from collections.abc import Collection
from contextlib import suppress

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
"""The unit of all tick counts in ``/proc``."""

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
"""Bytes of the unit in which ``/proc`` counts memory."""

# include/uapi/linux/pidfd.h: _IOWR(0xFF, 11, struct pidfd_info), whose first version has 64 bytes:
# u64 mask, u64 cgroupid, u32 pid and ten more, s32 exit_code. The exit code is told from Linux 6.15
# on, and only when the process has been reaped (both tried on 6.18).
_PIDFD_GET_INFO = 3 << 30 | 64 << 16 | 0xFF << 8 | 11
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO_SIZE = 64
_PIDFD_INFO_EXIT_CODE_OFFSET = 60

# include/uapi/linux/pidfd.h, from Linux 6.9 on.
_PIDFD_SIGNAL_PROCESS_GROUP = 1 << 2


_WALKS = 10
"""Attempts to walk up from a process to its ancestors, if parents end meanwhile."""

_TRACKER_COMMANDS = tuple(
    f"from {package}.resource_tracker import main"
    for package in ("multiprocessing", "multiprocess", "loky.backend")
)
"""How a resource tracker's code begins on its command line."""

TRACKER_SECONDS = 3.0
"""Seconds that resource trackers get to clean up when the processes they serve are gone."""


class ProcessStatus:
    """One reading of ``/proc/PID/stat`` (man 5 proc_pid_stat)."""

    def __init__(self, pid: int, fields: list[bytes]) -> None:
        """Take the fields that follow the command's name; the first of them is the third of all."""
        self.pid = pid
        self.status = fields[0].decode("ascii")
        """One letter: R, S, D, T, Z …"""
        self.parent = int(fields[1])
        self.cpu_ticks = int(fields[11]) + int(fields[12])
        """User and system time in clock ticks."""
        self.threads = int(fields[17])
        self.started = int(fields[19])
        """Clock ticks since boot; with the pid it names a process for good."""
        self.rss = int(fields[21]) * PAGE_SIZE
        """Resident memory in bytes."""
        self.image = int(fields[25])
        """The place where its stack begins, which only an exec changes; 0 if hidden."""
        self.core = int(fields[36])
        """The core it last ran on."""
        self.exit_status = int(fields[49])
        """The status that ``wait`` would give, if it is a zombie and we may know; else 0."""


class Descendants:
    """The processes below one process, kept current at the price of one listing of ``/proc``.

    A process that is no descendant cannot become one, so we only look at pids that were not in the
    last listing. (``/proc/PID/task/TID/children`` would be the direct way, but it is a build option
    of the kernel that many machines lack.) Without ``/proc`` there are never any descendants.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.known: dict[int, int] = {}
        """Start time in ticks by pid. When you see that a process is gone, call :meth:`forget`."""
        self._listed: set[int] = set()
        self._doubtful: set[int] = set()

    def look(self, everything: bool = False) -> list[ProcessStatus]:
        """Add new descendants to :attr:`known` and return them, parents first.

        ``everything``: look at all processes, in case a pid was reused between two looks.
        """
        listed = list_pids()
        candidates = listed - self.known.keys()
        if not everything:
            candidates = (candidates - self._listed) | (self._doubtful & listed)
        self._listed = listed
        readings = [reading for pid in sorted(candidates) if (reading := read_status(pid))]
        found: list[ProcessStatus] = []
        while True:
            ours = [
                each for each in readings if each.parent in self.known or each.parent == self.root
            ]
            if not ours:
                break
            for reading in ours:
                self.known[reading.pid] = reading.started
            found += ours
            readings = [reading for reading in readings if reading.pid not in self.known]
        # The child of a parent that ended while we read has another parent now: look once more.
        self._doubtful = {reading.pid for reading in readings} - self._doubtful
        return found

    def forget(self, pid: int) -> None:
        """Remove a process that is gone; another one that has its pid by now counts as new."""
        self.known.pop(pid, None)
        self._doubtful.add(pid)


def list_pids() -> set[int]:
    """List the processes that are visible to us; none without ``/proc``."""
    try:
        names = os.listdir("/proc")
    except FileNotFoundError:
        return set()
    return {int(name) for name in names if name.isdigit()}


def read_status(pid: int) -> ProcessStatus | None:
    """Read the process's line in ``/proc``; None if there is no such process."""
    text = _read_file(f"/proc/{pid}/stat", 4096)
    # The command's name may have blanks and brackets; what follows it has none.
    fields = text[text.rfind(b")") + 2 :].split()
    return ProcessStatus(pid, fields) if fields else None


def read_command(pid: int) -> list[str]:
    """Read the process's command line word by word; empty for a zombie or no process at all."""
    text = _read_file(f"/proc/{pid}/cmdline", 1 << 16).removesuffix(b"\0")
    return text.decode("utf-8", "backslashreplace").split("\0") if text else []


def number_inside(pid: int, thread: int) -> int:
    """The number by which a thread knows itself, in a container's pid namespace another one."""
    for line in _read_file(f"/proc/{pid}/task/{thread}/status", 4096).splitlines():
        if line.startswith(b"NSpid:"):
            return int(line.split()[-1])
    return thread


def read_name(pid: int) -> str:
    """Read the kernel's name for a process, at most 15 bytes; zombies still have it."""
    return os.fsdecode(_read_file(f"/proc/{pid}/comm", 64)).rstrip("\n")


def read_executable(pid: int) -> str:
    """Give the path of the file that the process runs; empty if we may not know, or it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def read_environment(pid: int) -> list[bytes]:
    """Read the process's environment at its exec; empty if we may not, or it is gone."""
    return _read_file(f"/proc/{pid}/environ", 1 << 21).split(b"\0")


def read_place_of_sleep(pid: int, thread: int = 0) -> str:
    """Name the kernel function in which a thread sleeps, by default the main thread.

    Empty if it does not sleep, or if that is hidden.
    """
    text = _read_file(f"/proc/{pid}/task/{thread or pid}/wchan", 128).decode("ascii", "replace")
    return "" if text == "0" else text


def read_thread_name(pid: int, thread: int) -> str:
    """The kernel's name of a thread, at most 15 bytes; empty if it is gone."""
    text = _read_file(f"/proc/{pid}/task/{thread}/comm", 64)
    return text.decode("utf-8", "backslashreplace").rstrip("\n")


def read_thread_status(pid: int, thread: int) -> str:
    """One letter for what a thread does: R, S, D, T …; empty if it is gone."""
    text = _read_file(f"/proc/{pid}/task/{thread}/stat", 128)
    # The name may have blanks and brackets; the letter follows its last bracket.
    at = text.rfind(b") ")
    return text[at + 2 : at + 3].decode("ascii", "replace") if at >= 0 else ""


def list_threads(pid: int) -> list[int]:
    """List the threads of a process; none if it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def read_core_times(pid: int, thread: int) -> tuple[int, int] | None:
    """Read the nanoseconds that a thread was on a core, and those that it waited for one.

    None if it is gone, or the kernel does not count (Documentation/scheduler/sched-stats.rst).
    The kernel adds a wait only when the thread gets its core.
    """
    fields = _read_file(f"/proc/{pid}/task/{thread}/schedstat", 128).split()
    return (int(fields[0]), int(fields[1])) if len(fields) >= 2 else None


def start_time(pid: int) -> int | None:
    """Give the process's start in clock ticks since boot; None if there is no such process."""
    reading = read_status(pid)
    return reading.started if reading else None


def open_process(pid: int, started: int) -> int | None:
    """Open a pidfd of the process with this pid and start time; None if it is gone.

    :class:`OSError` if there are no descriptors left.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            # It is the number of a thread, or of nothing at all.
            return None
        raise
    # The start time was read before the pidfd was opened. If the pid still belongs to the process
    # now, it did so in between.
    if start_time(pid) == started:
        return descriptor
    os.close(descriptor)
    return None


def signal_process(descriptor: int, signal_number: int) -> bool:
    """Signal the process behind a pidfd; False if it has ended and was reaped.

    :class:`PermissionError` if it belongs to another user by now.
    """
    try:
        signal.pidfd_send_signal(descriptor, signal_number)
    except ProcessLookupError:
        return False
    return True


def signal_group(descriptor: int, signal_number: int) -> None:
    """Signal the whole process group whose leader is, or was, behind a pidfd.

    The kernel does it at one stroke, so that no fork escapes it. Nothing happens if nobody is left
    in the group, or the kernel cannot do it (before Linux 6.9).
    """
    # It is only a short cut: what it could not reach is signalled one by one.
    with suppress(OSError):
        signal.pidfd_send_signal(descriptor, signal_number, None, _PIDFD_SIGNAL_PROCESS_GROUP)


def is_below(pid: int, roots: Collection[tuple[int, int]]) -> bool:
    """Say whether a process is a descendant of one of these, each a pid and its start time."""
    for _ in range(_WALKS):
        leads_there = _leads_to(pid, roots)
        if leads_there is not None:
            return leads_there
    return False


def _leads_to(pid: int, roots: Collection[tuple[int, int]]) -> bool | None:
    """Walk up the parents; None if one of them ended meanwhile, so that we have to try again."""
    reading = read_status(pid)
    while reading is not None:
        if reading.parent <= 1:
            return False
        parent = read_status(reading.parent)
        # A parent that is younger than its child has reused the pid of the real one.
        if parent is None or parent.started > reading.started:
            return None
        if (parent.pid, parent.started) in roots:
            return True
        reading = parent
    return None


def is_tracker(pid: int) -> bool:
    """Say whether a process is a resource tracker, by its command line."""
    return any(word.startswith(_TRACKER_COMMANDS) for word in read_command(pid))


def inherited_descriptors() -> list[int]:
    """List the descriptors that we inherited, without the standard three.

    None of them is ours: descriptors that Python opens are not inheritable (PEP 446).
    """
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return []
    found: list[int] = []
    for descriptor in map(int, names):
        try:
            if descriptor > 2 and os.get_inheritable(descriptor):
                found.append(descriptor)
        except OSError:
            # The descriptor of the listing itself, which is closed by now.
            continue
    return found


def exit_code_of_ended(descriptor: int, pid: int) -> int | None:
    """Give the exit code of an ended process, negative for a signal; None if it cannot be known.

    A zombie shows it in ``/proc/PID/stat``. If it was reaped, the pidfd tells it, on Linux 6.15 and
    newer. The pidfd must have been opened while the process was there.
    """
    status = _exit_status_of_reaped(descriptor)
    if status is None:
        status = exit_status_of_zombie(pid)
        # It may have been reaped, and even its pid reused, while we looked for the zombie.
        reaped_meanwhile = _exit_status_of_reaped(descriptor)
        if reaped_meanwhile is not None:
            status = reaped_meanwhile
        elif not _is_unreaped(descriptor):
            status = None
    return None if status is None else os.waitstatus_to_exitcode(status)


def _exit_status_of_reaped(descriptor: int) -> int | None:
    information = bytearray(_PIDFD_INFO_SIZE)
    struct.pack_into("=Q", information, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(descriptor, _PIDFD_GET_INFO, information)
    except OSError:
        # The kernel does not know the request, or has nothing to tell about the process.
        return None
    mask: int = struct.unpack_from("=Q", information)[0]
    if not mask & _PIDFD_INFO_EXIT:
        return None
    status: int = struct.unpack_from("=i", information, _PIDFD_INFO_EXIT_CODE_OFFSET)[0]
    return status


def exit_status_of_zombie(pid: int) -> int | None:
    """The status that ``wait`` will give of a zombie; None of another process, or if refused."""
    reading = read_status(pid)
    if reading is None or reading.status not in "ZX":
        return None
    # The kernel shows 0 to processes of other users (fs/proc/array.c).
    with suppress(FileNotFoundError):
        if reading.exit_status or os.geteuid() in (0, os.stat(f"/proc/{pid}").st_uid):
            return reading.exit_status
    return None


def _is_unreaped(descriptor: int) -> bool:
    try:
        return signal_process(descriptor, 0)
    except PermissionError:
        return True


def _read_file(path: str, size: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
    try:
        return os.read(descriptor, size)
    except ProcessLookupError:
        # The process ended between the two calls.
        return b""
    finally:
        os.close(descriptor)
