"""What a run leaves behind when viewer, warden and stand-in are all killed; the next run clears it.

A run's folder bears the pid and the start time of its viewer, and is locked (man 2 flock) by
viewer and warden as long as they live, in whatever container that is. Its processes have the path
of its queue in the environment that the kernel keeps of their start.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mpviz.trace import kernel, signals

EVENTS_VARIABLE = "MPVIZ_EVENTS"
"""Tells the probe the path of the FIFO, and us whose a process is."""

QUEUE_NAME = "events"
"""The FIFO's name in the folder of its run."""

TRACKER_SECONDS = 3.0
"""How long resource trackers may clean up when all that they watched over is gone."""

_ROUNDS = 100
_PAUSE = 0.02
_NAME = re.compile(r"mpviz-(\d+)-(\d+)-[0-9a-f]{8}")
_WARDEN = str(Path(__file__).with_name("warden.py"))


def new_folder() -> Path:
    """A path for the folder of a run of ours, where there is nothing yet."""
    pid = os.getpid()
    name = f"mpviz-{pid}-{kernel.start_time(pid) or 0}-{os.urandom(4).hex()}"
    return Path(tempfile.gettempdir()) / name


def hold(folder: Path) -> int:
    """Say that this folder is in use, as long as the descriptor that this returns is open."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # Nobody else takes the lock alone before it is free, but for one who is about to remove it.
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def clear() -> None:
    """End and remove what is left of runs whose viewer and warden are no more."""
    with os.scandir(tempfile.gettempdir()) as entries:
        names = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
    for name in names:
        # It is another user's, or was removed meanwhile.
        with suppress(OSError):
            _clear_folder(Path(name))


def end_marked(queue_path: str) -> int:
    """Kill all processes of a run, by the path of its queue; how many there were.

    Its resource trackers are left to clean up, and killed last.
    """
    killed: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        left = _find_marked(queue_path) - killed
        others = {each for each in left if not kernel.is_tracker(each[0])}
        if not others:
            break
        killed |= {each for each in others if _kill(*each)}
    deadline = time.monotonic() + TRACKER_SECONDS
    while trackers := _find_marked(queue_path):
        for tracker in trackers:
            signals.send(*tracker, signal.SIGCONT)
        if time.monotonic() > deadline:
            killed |= {each for each in trackers if _kill(*each)}
            break
        time.sleep(_PAUSE)
    return len(killed)


def _clear_folder(folder: Path) -> None:
    found = _NAME.fullmatch(folder.name)
    if found is None or kernel.start_time(int(found[1])) == int(found[2]):
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder, flags)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        queue_path = str(folder / QUEUE_NAME)
        if any(_WARDEN in kernel.read_command(pid) for pid, _ in _find_marked(queue_path)):
            # It was started and has not locked the folder yet, or stands in for one that had.
            return
        end_marked(queue_path)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _find_marked(queue_path: str) -> set[tuple[int, int]]:
    """Pid and start time of each living process of this run."""
    mark = os.fsencode(f"{EVENTS_VARIABLE}={queue_path}")
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
