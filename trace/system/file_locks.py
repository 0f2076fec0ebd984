"""The file locks that some process waits for, as ``/proc/locks`` has them (man 5 proc_locks)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mpviz.trace.system.system_calls import read_system_call

_LOCKS = Path("/proc/locks")

_KINDS = {"FLOCK": "flock", "POSIX": "lockf", "OFDLCK": "lockf"}
"""Leases are no locks that a program waits for in a call of its own."""


@dataclass(slots=True)
class FileLock:
    """A lock of a file that at least one process waits for."""

    kind: str
    """flock, or lockf, which also stands for ``fcntl(F_SETLKW)``."""
    file: str
    """The device and the inode, as ``fe:00:1234``."""
    part: str = ""
    """The bytes that it is for, as ``0-9``; empty for the whole file."""
    holders: list[int] = field(default_factory=list)
    """Pids of the processes that have to release it; -1 for one that the kernel does not name."""
    waiters: list[int] = field(default_factory=list)
    """Pids of the processes that wait for it."""

    @property
    def inode(self) -> int:
        """The number of the file on its device."""
        return int(self.file.rpartition(":")[2])


def read_file_locks() -> list[FileLock]:
    """Read the file locks that some process waits for; none if the kernel does not say."""
    try:
        text = _LOCKS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    # Nobody waits, as nearly always.
    return parse_file_locks(text) if "->" in text else []


def parse_file_locks(text: str) -> list[FileLock]:
    """Turn ``/proc/locks`` into the locks that some process waits for.

    A wait stands below a lock that is in its way, or below a wait before it. If several share that
    lock, all have to release it.
    """
    locks: dict[tuple[str, str, str], FileLock] = {}
    held: FileLock | None = None
    for line in text.splitlines():
        words = line.split()
        waits = words[1:2] == ["->"]
        if waits:
            del words[1]
        if len(words) < 8 or words[1] not in _KINDS:
            held = None if not waits else held
            continue
        pid = int(words[4])
        if not waits:
            part = "" if words[6:8] == ["0", "EOF"] else f"{words[6]}-{words[7]}"
            held = FileLock(_KINDS[words[1]], words[5], part)
            held = locks.setdefault((held.kind, held.file, held.part), held)
            held.holders.append(pid)
        elif held is not None:
            held.waiters.append(pid)
    return [lock for lock in locks.values() if lock.waiters]


def find_file(pid: int, inode: int) -> str:
    """The path by which a process has this file open; empty if that cannot be seen."""
    for name in _descriptors(pid):
        try:
            if name.stat().st_ino == inode:
                return str(name.readlink())
        except OSError:
            continue
    return ""


def list_held(pid: int) -> set[tuple[str, str]]:
    """The locks that the open files of a process keep: kind, and device with inode.

    A lock by ``flock`` belongs to the open file, which forks inherit.
    """
    held: set[tuple[str, str]] = set()
    for name in _descriptors(pid):
        try:
            text = Path(f"/proc/{pid}/fdinfo/{name.name}").read_text(encoding="ascii")
        except OSError:
            continue
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ["lock:"] and len(words) > 6 and words[2] in _KINDS:
                held.add((_KINDS[words[2]], words[6]))
    return held


def awaited_by(pid: int, thread: int) -> tuple[str, str] | None:
    """The lock that a thread waits for in a system call: kind, and device with inode.

    None if the kernel does not say.
    """
    words = read_system_call(pid, thread)
    if words is None or words.name not in ("flock", "fcntl"):
        return None
    try:
        status = os.stat(f"/proc/{pid}/fd/{words.arguments[0]}")  # noqa: PTH116 - at each look
    except OSError:
        return None
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return ("flock" if words.name == "flock" else "lockf"), file


def _descriptors(pid: int) -> list[Path]:
    folder = f"/proc/{pid}/fd"
    try:
        return [Path(folder, name) for name in os.listdir(folder)]  # noqa: PTH208 - names only
    except OSError:
        # It has ended, or is another user's.
        return []
