"""Which processes belong to one program, and which programs of this machine use processes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import pairwise

from mpviz.trace.looker.threads import SleepClock
from mpviz.trace.model.processes.commands import is_python
from mpviz.trace.system import kernel

_OF_MULTIPROCESSING = (
    "--multiprocessing-fork",
    ".forkserver import main",
    ".resource_tracker import main",
    ".semaphore_tracker import main",
)
"""Marks of the command lines of processes that multiprocessing starts."""


@dataclass
class RunningProgram:
    """A Python program that uses processes."""

    pid: int
    """Its first process."""
    command: list[str]
    user: int
    """The number of the user that it runs as; -1 if unknown."""
    age: float
    """Seconds since its start."""
    processes: int = 1
    cpu_seconds: float = 0.0
    asleep: float = 0.0
    """Seconds for which none of its threads has run; 0 if one is at work."""


def first_process(pid: int) -> int:
    """The first process of the program that a process belongs to."""
    status = kernel.read_status(pid)
    while status is not None:
        parent = kernel.read_status(status.parent) if status.parent > 1 else None
        if parent is None or not _is_started_by(status, parent):
            return status.pid
        status = parent
    return pid


def _is_started_by(child: kernel.ProcessStatus, parent: kernel.ProcessStatus) -> bool:
    """Whether a process was started by multiprocessing or a fork of its parent's program."""
    if not is_python(_executable(parent.pid)) or parent.pid == os.getpid():
        return False
    words = kernel.read_command(child.pid)
    if any(mark in word for word in words for mark in _OF_MULTIPROCESSING):
        return True
    if child.image and parent.image:
        # Without an exec since its fork, its stack lies where its parent's does.
        return child.image == parent.image
    return words == kernel.read_command(parent.pid)


def _executable(pid: int) -> str:
    """The name of the file that a process runs; without rights, of its first word."""
    path = kernel.read_executable(pid)
    words = kernel.read_command(pid) if not path else []
    return (path or (words[0] if words else "")).rsplit("/", 1)[-1]


def list_programs() -> list[RunningProgram]:
    """The Python programs that have more than one process, the youngest first."""
    readings = [each for pid in kernel.list_pids() if (each := kernel.read_status(pid))]
    by_pid = {each.pid: each for each in readings}
    programs: dict[int, RunningProgram] = {}
    clock = SleepClock()
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    for reading in readings:
        root = _root_of(reading, by_pid)
        if root is None:
            continue
        found = programs.get(root.pid)
        if found is None:
            found = programs[root.pid] = RunningProgram(
                root.pid,
                kernel.read_command(root.pid),
                _user(root.pid),
                now - root.started / kernel.TICKS_PER_SECOND,
                processes=0,
            )
        found.processes += 1
        asleep = _asleep_for(reading, clock)
        found.asleep = asleep if found.processes == 1 else min(found.asleep, asleep)
        found.cpu_seconds += reading.cpu_ticks / kernel.TICKS_PER_SECOND
    own = [each for each in programs.values() if each.processes > 1]
    return sorted(own, key=lambda each: each.age)


def _asleep_for(reading: kernel.ProcessStatus, clock: SleepClock) -> float:
    """Seconds for which no thread of a process has run; 0 if one is at work, or if unknown."""
    if reading.status not in "SDITZ":
        return 0.0
    since = [clock.asleep_since(reading.pid, each) for each in kernel.list_threads(reading.pid)]
    if not since or min(since) < 0:
        return 0.0
    return max(0.0, (time.monotonic_ns() - max(since)) / 1e9)


def _root_of(
    reading: kernel.ProcessStatus, by_pid: dict[int, kernel.ProcessStatus]
) -> kernel.ProcessStatus | None:
    """The first process of a Python program; None for a process of another kind."""
    if not is_python(_executable(reading.pid)):
        return None
    while True:
        parent = by_pid.get(reading.parent)
        if parent is None or not _is_started_by(reading, parent):
            return reading
        reading = parent


def _user(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - for each process
    except OSError:
        return -1


def short_name(words: list[str]) -> str:
    """The script or module of a command line; of another program than Python, its own name."""
    if words and not is_python(words[0].rsplit("/", 1)[-1]):
        return words[0].rsplit("/", 1)[-1]
    for before, word in pairwise(words):
        if before == "-m" or not word.startswith("-"):
            return word.rsplit("/", 1)[-1]
    return words[0].rsplit("/", 1)[-1] if words else ""
