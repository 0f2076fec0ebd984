"""Sees which threads wait for locks of files, and who holds these; tells it when it changes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mpviz.trace.model.events import FileLockSeen, FileLocksSeen, ProcessSample
from mpviz.trace.model.text import clean
from mpviz.trace.system import kernel
from mpviz.trace.system.file_locks import (
    FileLock,
    awaited_by,
    find_file,
    list_held,
    read_file_locks,
)
from mpviz.trace.system.system_calls import meaning_of_sleep

_PAUSE_SECONDS = 1.0
"""Seconds between two looks while no main thread waits for a file lock: another thread may."""

ASLEEP = "file lock"
"""What samples say of a main thread that waits for a file lock."""


class FileLocks:
    """The waits for file locks, as they were last told."""

    def __init__(self) -> None:
        self._told: list[FileLockSeen] = []
        self._due = 0.0
        self._paths: dict[str, str] = {}
        self._holders: dict[tuple[str, tuple[int, ...]], tuple[list[int], bool]] = {}
        """What was found out about each lock and the holders that the kernel names for it."""

    def look(self, samples: Sequence[ProcessSample]) -> FileLocksSeen | None:
        """What is new now; None if nothing is. While anybody waits, it is told once a second.

        Else a wait could be missed for good: what a process told just before it, such as its
        hello, may be read only after this.
        """
        asleep = {sample.pid for sample in samples if sample.asleep_in == ASLEEP}
        now = time.monotonic()
        if not asleep and not self._told and now < self._due:
            return None
        is_due = now >= self._due
        if is_due:
            self._due = now + _PAUSE_SECONDS
            self._holders.clear()
        seen = self._seen([sample.pid for sample in samples], asleep)
        if seen == self._told and not (seen and is_due):
            return None
        self._told = seen
        self._paths = {each.object: each.path for each in seen}
        return FileLocksSeen(time=time.monotonic_ns(), pid=0, locks=seen)

    def _seen(self, ours: list[int], asleep: set[int]) -> list[FileLockSeen]:
        known = set(ours)
        locks = [lock for lock in read_file_locks() if not known.isdisjoint(lock.waiters)]
        listed = {pid for lock in locks for pid in lock.waiters}
        return [self._one(lock, ours, asleep) for lock in [*locks, *_unlisted(asleep - listed)]]

    def _one(self, lock: FileLock, ours: list[int], asleep: set[int]) -> FileLockSeen:
        name = " ".join(filter(None, (lock.kind, lock.file, lock.part)))
        key = name, tuple(lock.holders)
        if key not in self._holders:
            self._holders[key] = _holders(lock, ours)
        holders, complete = self._holders[key]
        waiters = sorted(pid for pid in lock.waiters if pid in ours)
        return FileLockSeen(
            name,
            lock.kind,
            self._paths.get(name) or clean(find_file(waiters[0], lock.inode)),
            holders,
            [(pid, 0 if pid in asleep else _waiting_thread(pid)) for pid in waiters],
            complete,
        )


def _holders(lock: FileLock, ours: list[int]) -> tuple[list[int], bool]:
    """The processes that have to release a lock, and whether these are all.

    The kernel names the process that took it. A lock by ``flock`` belongs to the open file: forks
    inherit it, and the one that took it may have closed its own copy, or ended.
    """
    named = sorted(set(lock.holders) - {-1})
    strangers = [pid for pid in named if pid not in ours]
    if lock.kind == "lockf" and named == sorted(set(lock.holders)):
        return named, bool(named)
    have = [pid for pid in sorted(ours) if (lock.kind, lock.file) in list_held(pid)]
    # If several have the same open file, one may unlock it or all may close it.
    complete = not strangers and (len(have) == 1 or have == named)
    return sorted({*have, *strangers}), complete


def _unlisted(asleep: set[int]) -> list[FileLock]:
    """The locks that these processes wait for, of which the kernel names no holder."""
    locks: dict[tuple[str, str], FileLock] = {}
    for pid in sorted(asleep):
        awaited = awaited_by(pid, pid)
        if awaited is not None:
            locks.setdefault(awaited, FileLock(*awaited)).waiters.append(pid)
    return list(locks.values())


def _waiting_thread(pid: int) -> int:
    """The kernel's number of the thread that waits for a file lock; 0 for the main thread."""
    for thread in kernel.list_threads(pid):
        if thread != pid and meaning_of_sleep(kernel.read_place_of_sleep(pid, thread)) == ASLEEP:
            return thread
    return 0
