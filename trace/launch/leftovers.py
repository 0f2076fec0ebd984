"""Clears what a run leaves behind if viewer, supervisor and stand-in are all killed.

The folder of such a run bears the name of its viewer, see :mod:`mpviz.trace.system.run_folder`. Its
processes have the path of its FIFO in their environment, which the kernel keeps as it was at their
start.
"""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.wire import ENVIRONMENT_VARIABLE
from mpviz.trace.supervisor import SUPERVISOR
from mpviz.trace.system import kernel, removal
from mpviz.trace.system.run_folder import FIFO_NAME, owner_of
from mpviz.trace.system.send_signal import send_signal

_ROUNDS = 100
_PAUSE = 0.02


def clear() -> list[str]:
    """End and remove what is left of runs whose viewer and supervisor are gone.

    Returns a sentence for each folder that could not be removed.
    """
    with os.scandir(tempfile.gettempdir()) as entries:
        names = [entry.path for entry in entries if owner_of(entry.name)]
    problems = []
    for name in names:
        # It is held by its owner, belongs to another user, or was removed meanwhile.
        with suppress(OSError):
            problems.append(_clear_folder(Path(name)))
    return [problem for problem in problems if problem]


def end_marked(fifo: str) -> int:
    """Kill all processes of a run, found by the path of its FIFO; return their number.

    Its resource trackers get time to clean up, and are killed last.
    """
    killed: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        left = _find_marked(fifo) - killed
        others = {each for each in left if not kernel.is_tracker(each[0])}
        if not others:
            break
        killed |= {each for each in others if _kill(*each)}
    deadline = time.monotonic() + kernel.TRACKER_SECONDS
    while trackers := _find_marked(fifo):
        for tracker in trackers:
            send_signal(*tracker, signal.SIGCONT)
        if time.monotonic() > deadline:
            killed |= {each for each in trackers if _kill(*each)}
            break
        time.sleep(_PAUSE)
    return len(killed)


def _clear_folder(folder: Path) -> str:
    owner = owner_of(folder.name)
    if owner is None or kernel.start_time(owner[0]) == owner[1]:
        return ""
    descriptor = removal.open_folder(str(folder))
    try:
        if not removal.is_ours(descriptor):
            return ""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fifo = str(folder / FIFO_NAME)
        if any(str(SUPERVISOR) in kernel.read_command(pid) for pid, _ in _find_marked(fifo)):
            # This supervisor has not locked the folder yet, or is the stand-in of one that had.
            return ""
        end_marked(fifo)
        return removal.remove(str(folder), descriptor)
    finally:
        os.close(descriptor)


def _find_marked(fifo: str) -> set[tuple[int, int]]:
    """Pid and start time of each living process of this run."""
    mark = os.fsencode(f"{ENVIRONMENT_VARIABLE}={fifo}")
    marked = set()
    for pid in kernel.list_pids():
        reading = kernel.read_status(pid)
        if reading and reading.status not in "ZX" and mark in kernel.read_environment(pid):
            marked.add((pid, reading.started))
    return marked


def _kill(pid: int, started: int) -> bool:
    try:
        return send_signal(pid, started, signal.SIGKILL)
    except PermissionError:
        return False
