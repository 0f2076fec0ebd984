"""What is left to remove at the end: the run's folder, and what multiprocessing leaves if killed.

A fork server and a manager listen on a socket in a folder ``pymp-XXXXXXXX`` for temporary files.
Under spawn and forkserver each lock is a file ``/dev/shm/sem.mp-XXXXXXXX``. The process that made
the folder or the file removes it when it exits (``multiprocessing.util.get_temp_dir``), or else the
resource tracker does, if it is a semaphore. Our SIGTERM or SIGKILL takes the first chance away, and
somebody may have killed the tracker. So the supervisor notes both before it sends a signal, and
removes them when no process is left.

Only the supervisor's script imports this; like that script, it avoids modules that are slow to
import.
"""

# ruff: noqa: PTH108, PTH115, PTH116, PTH121, PTH123, PTH208 - pathlib takes 8 ms to import

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from time import time

from mpviz.trace.supervisor.start import fork
from mpviz.trace.system import removal

_SOCKET = re.compile(rb"(/.*/pymp-[a-z0-9_]{8})/[^/]+\n")
"""The path of a socket of multiprocessing, and its folder."""

_LISTENS = 1 << 16
"""The flag of a socket that listens (``__SO_ACCEPTCON``, include/linux/net.h)."""

_SHARED_MEMORY = "/dev/shm"
_SEMAPHORE = re.compile(r"sem\.mp-[a-z0-9_]{8}")
_MAPPED = re.compile(rb"^\S+ rw-s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) +/dev/shm/sem\.", re.MULTILINE)
"""Major and minor number of the device, and inode. The path is no help: the C library makes the
file under another name."""

_SINCE = time() - 0.1
"""Semaphores that are older than this are not the program's, whoever has given them to it. The
kernel's clock for files is some milliseconds late."""

MOST_PROCESSES = 100
"""Maximum number of processes whose mappings are read, at 0.3 ms each; those that make locks come
first."""


class Leftovers:
    """Folders of sockets and semaphores that the program would remove itself if not killed."""

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._semaphores: set[str] = set()

    def note(self, pids: Iterable[int]) -> None:
        """Note those of these processes; :class:`OSError`."""
        folders, semaphores = _folders_of_sockets(), _new_semaphores()
        pids = sorted(pids)
        if folders:
            for pid in pids:
                self._folders.update(folders[each] for each in _sockets_of(pid) & folders.keys())
        if semaphores:
            for pid in pids[:MOST_PROCESSES]:
                mapped = _mapped_by(pid) & semaphores.keys()
                self._semaphores.update(semaphores[each] for each in mapped)

    def remove(self) -> Iterator[OSError]:
        """Remove those that the program or its resource tracker has left; gives what failed."""
        for folder in self._folders:
            try:
                descriptor = removal.open_folder(folder)
            except OSError:
                # It is removed, or somebody has put something else in its place.
                continue
            problem = removal.remove(folder, descriptor) if removal.is_ours(descriptor) else ""
            os.close(descriptor)
            if problem:
                yield OSError(problem)
        for name in self._semaphores:
            try:
                os.unlink(f"{_SHARED_MEMORY}/{name}")
            except FileNotFoundError:
                continue
            except OSError as error:
                yield error


def hold_run_folder(path: str) -> int:
    """Lock the run's folder, so that no other run takes it for a leftover.

    Returns the descriptor that keeps it locked, -1 if the viewer has already removed the folder.
    """
    try:
        folder = removal.open_folder(path)
        fcntl.flock(folder, fcntl.LOCK_SH)
    except OSError:
        return -1
    return folder


def remove_run_folder(path: str) -> None:
    """Remove the run's folder as soon as the viewer has let go of it, for whatever reason.

    The viewer removes it itself, unless it is killed before that. It waits for our end, so a child
    of ours waits for the viewer.
    """
    try:
        folder = removal.open_folder(path)
    except OSError:
        # The viewer has removed it.
        return
    if not removal.is_ours(folder):
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if fork() != 0:
            return
        fcntl.flock(folder, fcntl.LOCK_EX)
    # Nobody is left to be told what could not be removed; the next run tries again, and tells it.
    removal.remove(path, folder)


def _folders_of_sockets() -> dict[str, str]:
    """The folder of each such socket that listens, by what /proc/PID/fd calls the socket.

    Lines are as in man 5 proc_net: number, reference count, protocol, flags, type, state, inode and
    path.
    """
    found = {}
    with open("/proc/net/unix", "rb") as lines:
        for line in lines:
            words = line.split(None, 7)
            path = _SOCKET.fullmatch(words[7]) if len(words) > 7 else None
            if path and int(words[3], 16) & _LISTENS:
                found[f"socket:[{int(words[6])}]"] = os.fsdecode(path[1])
    return found


def _sockets_of(pid: int) -> set[str]:
    """What a process of our user has open, if its paths mean the same as ours.

    One of another user may not make us remove what that user could not.
    """
    folder = f"/proc/{pid}"
    try:
        if os.stat(folder).st_uid != os.geteuid():
            return set()
        if os.stat(f"{folder}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino:
            return set()
        if not os.path.samefile(f"{folder}/root", "/proc/self/root"):
            return set()
        return {os.readlink(f"{folder}/fd/{name}") for name in os.listdir(f"{folder}/fd")}
    except OSError:
        # It has ended, or we may not look.
        return set()


def _new_semaphores() -> dict[tuple[int, int], str]:
    """The name of each new semaphore of multiprocessing, by device and inode."""
    found = {}
    try:
        entries = os.scandir(_SHARED_MEMORY)
    except FileNotFoundError:
        return {}
    with entries:
        for entry in entries:
            if _SEMAPHORE.fullmatch(entry.name):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if status.st_mtime >= _SINCE:
                    found[status.st_dev, status.st_ino] = entry.name
    return found


def _mapped_by(pid: int) -> set[tuple[int, int]]:
    """Device and inode of each semaphore that a process of our user has mapped."""
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return set()
        with open(f"/proc/{pid}/maps", "rb") as maps:
            found = _MAPPED.findall(maps.read())
    except OSError:
        # It has ended, or we may not look.
        return set()
    return {
        (os.makedev(int(major, 16), int(minor, 16)), int(inode)) for major, minor, inode in found
    }
