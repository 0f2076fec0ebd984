"""Finds the named semaphores that multiprocessing leaves if its resource tracker is killed too.

Under spawn and forkserver each lock is a file ``/dev/shm/sem.mp-XXXXXXXX``. The process that made
it removes it when it exits, else the resource tracker does. Our signals take the first chance away,
and somebody may have killed the tracker. So the supervisor notes these files before it sends a
signal, and removes them when no process is left. Only the supervisor's script imports this.
"""

import os
import re
from time import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SHARED_MEMORY = "/dev/shm"
_NAME = re.compile(r"sem\.mp-[a-z0-9_]{8}")
_MAPPED = re.compile(rb"^\S+ rw-s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) +/dev/shm/sem\.", re.MULTILINE)
"""Major and minor number of the device, and inode. The path is no help: the C library makes the
file under another name."""

_SINCE = time() - 0.1
"""Older files are not the program's, whoever has given them to it; the kernel's clock for files is
some milliseconds late."""

MOST_PROCESSES = 100
"""Processes whose mappings are read, at 0.3 ms each; those that make locks come first."""


def semaphores_of(pids: "Iterable[int]") -> set[str]:
    """The names of the semaphores that one of these processes has mapped."""
    names = _names()
    found: set[str] = set()
    if names:
        for pid in sorted(pids)[:MOST_PROCESSES]:
            found |= {names[each] for each in _mapped_by(pid) & names.keys()}
    return found


def remove(name: str) -> None:
    """Remove such a semaphore, if the program has left it; :class:`OSError` if that fails."""
    try:
        os.unlink(f"{_SHARED_MEMORY}/{name}")  # noqa: PTH108
    except FileNotFoundError:
        # The program or its resource tracker has removed it.
        return


def _names() -> dict[tuple[int, int], str]:
    """The name of each new semaphore of multiprocessing, by device and inode."""
    found = {}
    try:
        entries = os.scandir(_SHARED_MEMORY)
    except FileNotFoundError:
        return {}
    with entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
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
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():  # noqa: PTH116 - as below
            return set()
        with open(f"/proc/{pid}/maps", "rb") as maps:  # noqa: PTH123 - pathlib is slow to import
            found = _MAPPED.findall(maps.read())
    except OSError:
        # It has ended, or we may not look.
        return set()
    return {
        (os.makedev(int(major, 16), int(minor, 16)), int(inode)) for major, minor, inode in found
    }
