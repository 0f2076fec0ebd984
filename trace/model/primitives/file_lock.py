"""Locks of files, by ``flock`` and ``lockf``: who waits for one, and who holds it.

The kernel shows them while somebody waits. The probe tells nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import FileLockSeen, FileLocksSeen
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.primitive import (
    Held,
    ObjectReport,
    Primitive,
    Unblockers,
    all_of,
    main_threads,
    object_wait,
    timings_of,
)
from mpviz.trace.model.processes.identity import names_of
from mpviz.trace.model.processes.process import Process, begin_wait, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState, note_thread

WAITS_FOR_FILE_LOCK = "file lock"


@dataclass(slots=True)
class FileLock:
    """A lock of a file that a process of the program has waited for."""

    id: str
    kind: str
    path: str
    """Empty if unknown."""
    holders: tuple[str, ...] = ()
    """Keys of the program's processes that hold it, when it was last seen waited for."""
    strangers: tuple[int, ...] = ()
    """Pids of other programs' processes that hold it."""
    complete: bool = False
    """All that hold it are known."""
    waiters: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread): when its wait was first seen, nanoseconds."""
    wait: Distribution = field(default_factory=Distribution)
    """Waits that are over, to the tenth of a second between two samples."""

    @property
    def name(self) -> str:
        """The last part of its path; the id if the path is unknown."""
        return self.path.rsplit("/", 1)[-1] or self.id


def take_in_file_locks(state: RunState, event: FileLocksSeen) -> None:
    """Begin the waits that are new, and end those that are no longer seen."""
    table = state.table(FileLock)
    still = {
        (each.object, process.key, thread)
        for each in event.locks
        for process, thread in _waiters(state, each)
    }
    for lock in table.values():
        for key, thread in [each for each in lock.waiters if (lock.id, *each) not in still]:
            lock.wait.add(event.time - lock.waiters.pop((key, thread)))
            _end(state.processes[key], thread, lock, event.time)
    for each in event.locks:
        lock = table.get(each.object) or FileLock(each.object, each.kind, each.path)
        table[each.object] = lock
        known = [state.by_pid[pid] for pid in each.holders if pid in state.by_pid]
        lock.path = lock.path or each.path
        lock.holders = tuple(dict.fromkeys(process.key for process in known if process.alive))
        lock.strangers = tuple(pid for pid in each.holders if pid not in state.by_pid)
        lock.complete = each.complete and bool(each.holders)
        for process, thread in _waiters(state, each):
            _begin(process, thread, lock, event.time)


def _waiters(state: RunState, seen: FileLockSeen) -> list[tuple[Process, int]]:
    found = [(state.by_pid.get(pid), thread) for pid, thread in seen.waiters]
    return [(each, thread) for each, thread in found if each is not None and each.alive]


def _begin(process: Process, thread: int, lock: FileLock, time: int) -> None:
    if (process.key, thread) not in lock.waiters:
        note_thread(lock.waiters, process, thread, time, f"wait for the file lock {lock.name}")
    wait = process.waits.get(thread)
    if wait is None:
        since = lock.waiters[process.key, thread]
        wait = Wait(WAITS_FOR_FILE_LOCK, lock.id, since, Activity.LOCK)
        begin_wait(process, thread, wait)
        settle(process, time)


def _end(process: Process, thread: int, lock: FileLock, time: int) -> None:
    wait = process.waits.get(thread)
    if wait is not None and (wait.what, wait.object) == (WAITS_FOR_FILE_LOCK, lock.id):
        end_wait(process, thread)
        settle(process, time)


def _process_ended(state: RunState, process: Process) -> None:
    for lock in state.table(FileLock).values():
        for waiter in [each for each in lock.waiters if each[0] == process.key]:
            lock.wait.add(process.ended - lock.waiters.pop(waiter))


def _words(state: RunState, lock: FileLock) -> str:
    strangers = [f"process {pid} of another program" for pid in lock.strangers]
    holders = [names_of(state, lock.holders)] if lock.holders else []
    held = " and ".join([*holders, *strangers])
    return f"file lock {lock.name}" + f", held by {held}" * bool(held)


def _unblockers(state: RunState, lock: FileLock) -> Unblockers:
    """Its holders, all of which have to release it."""
    complete = lock.complete and not lock.strangers
    return Unblockers(
        main_threads(lock.holders),
        "holds it",
        complete,
        all_needed=complete,
        held=f"file lock {lock.name}",
    )


def _held(state: RunState, process: Process) -> Iterator[Held]:
    for lock in state.table(FileLock).values():
        if process.key in lock.holders:
            yield Held(f"file lock {lock.name}", WAITS_FOR_FILE_LOCK, lock.id)


def _waited(state: RunState, lock: FileLock) -> float:
    """Seconds waited for it in all, with the waits that are not over."""
    return (lock.wait.total + sum(state.now - since for since in lock.waiters.values())) / 1e9


def _entry(state: RunState, lock: FileLock) -> dict[str, Any]:
    return {
        "id": lock.id,
        "kind": lock.kind,
        "path": lock.path or None,
        "waits": lock.wait.count + len(lock.waiters),
        "wait": _waited(state, lock),
        "holder_pids": [state.pid_of(key) for key in lock.holders] + list(lock.strangers),
        "waiter_pids": [state.pid_of(key) for key, _ in lock.waiters],
    }


def _line(state: RunState, lock: FileLock) -> str:
    count = lock.wait.count + len(lock.waiters)
    waited = duration(round(_waited(state, lock) * 1e9))
    more = f", {plural(len(lock.waiters), 'wait')} not over" * bool(lock.waiters)
    return f"file lock {lock.name}: {plural(count, 'wait')} seen{more}, {waited} waited in all"


PRIMITIVE = Primitive(
    handlers={},
    waits={
        WAITS_FOR_FILE_LOCK: object_wait(
            Activity.LOCK, FileLock, "a file lock", _words, _unblockers
        )
    },
    process_ended=_process_ended,
    held=_held,
    report=ObjectReport(
        section="file_locks",
        thing="file lock",
        things="file locks",
        objects=all_of(FileLock),
        weight=lambda lock: (lock.wait.total, lock.wait.count),
        entry=_entry,
        line=_line,
    ),
    timings=timings_of(FileLock, ("wait", "file lock", "wait", WAITS_FOR_FILE_LOCK)),
)
