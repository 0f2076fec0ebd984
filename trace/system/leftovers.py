"""Clears what a run leaves behind if viewer, supervisor and stand-in are all killed.

The name of a run's folder has the pid and the start time of its viewer. Viewer and supervisor keep
the folder locked (man 2 flock) as long as they live, also across containers. The processes of a run
have the path of its queue in their environment, which the kernel keeps as it was at their start.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.wire import ENVIRONMENT_VARIABLE
from mpviz.trace.system import kernel, removal
from mpviz.trace.system import send_signal as signals

QUEUE_NAME = "events"
"""The FIFO's name in the folder of its run."""

_ROUNDS = 100
_PAUSE = 0.02
_NAME = re.compile(r"mpviz-(\d+)-(\d+)-[0-9a-f]{8}")
_SUPERVISOR = str(Path(__file__).parent.parent / "supervisor" / "supervisor.py")


def new_folder() -> Path:
    """An unused path for the folder of a run of ours."""
    pid = os.getpid()
    name = f"mpviz-{pid}-{kernel.start_time(pid) or 0}-{os.urandom(4).hex()}"
    return Path(tempfile.gettempdir()) / name


def hold(folder: Path) -> int:
    """Mark this folder as in use, as long as the returned descriptor is open."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # Only a viewer that is about to remove the folder takes the lock exclusively.
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def clear() -> list[str]:
    """End and remove what is left of runs whose viewer and supervisor are gone.

    Returns a sentence for each folder that could not be removed.
    """
    with os.scandir(tempfile.gettempdir()) as entries:
        names = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
    problems = []
    for name in names:
        # It is held by its owner, belongs to another user, or was removed meanwhile.
        with suppress(OSError):
            problems.append(_clear_folder(Path(name)))
    return [problem for problem in problems if problem]


def end_marked(queue_path: str) -> int:
    """Kill all processes of a run, found by the path of its queue; return their number.

    Its resource trackers get time to clean up, and are killed last.
    """
    killed: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        left = _find_marked(queue_path) - killed
        others = {each for each in left if not kernel.is_tracker(each[0])}
        if not others:
            break
        killed |= {each for each in others if _kill(*each)}
    deadline = time.monotonic() + kernel.TRACKER_SECONDS
    while trackers := _find_marked(queue_path):
        for tracker in trackers:
            signals.send(*tracker, signal.SIGCONT)
        if time.monotonic() > deadline:
            killed |= {each for each in trackers if _kill(*each)}
            break
        time.sleep(_PAUSE)
    return len(killed)


def _clear_folder(folder: Path) -> str:
    found = _NAME.fullmatch(folder.name)
    if found is None or kernel.start_time(int(found[1])) == int(found[2]):
        return ""
    descriptor = removal.open_folder(str(folder))
    try:
        if not removal.is_ours(descriptor):
            return ""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        queue_path = str(folder / QUEUE_NAME)
        if any(_SUPERVISOR in kernel.read_command(pid) for pid, _ in _find_marked(queue_path)):
            # This supervisor has not locked the folder yet, or is the stand-in of one that had.
            return ""
        end_marked(queue_path)
        return removal.remove(str(folder), descriptor)
    finally:
        os.close(descriptor)


def _find_marked(queue_path: str) -> set[tuple[int, int]]:
    """Pid and start time of each living process of this run."""
    mark = os.fsencode(f"{ENVIRONMENT_VARIABLE}={queue_path}")
    marked = set()
    for pid in kernel.list_pids():
        reading = kernel.read_status(pid)
        if reading and reading.status not in "ZX" and mark in kernel.read_environment(pid):
            marked.add((pid, reading.started))
    return marked


def _kill(pid: int, started: int) -> bool:
    try:
        return signals.send(pid, started, signal.SIGKILL)
    except PermissionError:
        return False
