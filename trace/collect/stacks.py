"""Looks at the stacks of a process, which its own Python writes into a file when it gets a signal.

The signal must reach only a process whose Python has the handler for it, see
:mod:`mpviz_probe.stacks`: any other would die of it. And it must not wake what waits for signals.
So each look asks the kernel first, and a process that does not fit is left alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.stacks import FILE, SIGNAL
from mpviz.trace.model.events import StacksRead, ThreadStack
from mpviz.trace.model.text import clean
from mpviz.trace.system import kernel
from mpviz.trace.system.process_signals import (
    are_asleep,
    has_open,
    is_timed,
    list_ends,
    read_signal_masks,
)
from mpviz.trace.system.system_calls import meaning_of_sleep

ANSWER_SECONDS = 0.5
"""Seconds that a process gets to write its stacks; an idle machine takes one to three thousandths.
"""

_PAUSE_SECONDS = 0.001

_LOOKS = 20
"""How often a process is looked at that is not asleep: a thread of a Pool wakes ten times a second.
"""

_MOST_BYTES = 1 << 20
"""Bytes that one look reads at most: 100 stacks of 100 frames with short paths."""

_ENDED_BY_SIGNALS = ("pause", "sigsuspend", "semtimedop", "msgrcv", "msgsnd")
"""Parts of the names of kernel functions that a handled signal ends for good (man 7 signal)."""

_PAUSES_IN_POLL = os.uname().machine != "x86_64"
"""Elsewhere the C library's ``pause`` is a ``ppoll`` without files."""

_THREAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-f]{1,16}) (?:\[(.*)\] )?\(most recent ")
_FRAME = re.compile(r'  File "(.*)", line (\d{1,9}) in (.*)')

_GONE = "has ended"

_AT_WORK = "is at work: its stacks change while they are read"

_OURS = "<mpviz_probe."

Send = Callable[[int, int, int], bool]
"""Sends a process, named by pid and start time in clock ticks, the signal with this number; False
if it is gone."""


class StackFile:
    """The file in a run's folder that all its processes write their stacks to, one at a time."""

    def __init__(self, folder: Path) -> None:
        # As the system shows it in /proc.
        self._path = folder.resolve() / FILE
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o600)

    def close(self) -> None:
        """Close it; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def look(self, pid: int, started: int, send: Send) -> StacksRead:
        """Look at the stacks of the process with this pid and start time in clock ticks.

        It takes some milliseconds, at most :data:`ANSWER_SECONDS`.
        """
        os.ftruncate(self._descriptor, 0)
        reason = _obstacle(pid, self._path)
        threads: list[ThreadStack] = []
        listed = kernel.list_threads(pid)
        sleeps = {
            "clock" if word == "lock" and is_timed(pid, thread) else word
            for thread in listed
            for word in [meaning_of_sleep(kernel.read_place_of_sleep(pid, thread))]
        }
        if not reason:
            if send(pid, started, SIGNAL):
                threads = parse_stacks(self._answer(pid))
                reason = "" if threads else "does not answer"
            else:
                reason = _GONE
        return StacksRead(
            time=time.monotonic_ns(),
            pid=0,
            child=pid,
            threads=threads,
            listed=len(listed),
            sleeps=sorted(sleeps - {""}),
            ends=list_ends(pid),
            reason=reason,
        )

    def _answer(self, pid: int) -> str:
        """What the process has written when it has handled the signal and sleeps again."""
        deadline = time.monotonic() + ANSWER_SECONDS
        size = -1
        while time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            before, size = size, os.fstat(self._descriptor).st_size
            masks = read_signal_masks(pid)
            if masks is None or (
                0 < size == before and not masks.awaits(SIGNAL) and are_asleep(pid)
            ):
                break
        return os.pread(self._descriptor, _MOST_BYTES, 0).decode("utf-8", "backslashreplace")


def _obstacle(pid: int, path: Path) -> str:
    """Why the signal must not be sent to a process, in words that follow its name; else empty.

    What may change last is asked last: nothing changes in a process that sleeps.
    """
    if not _falls_asleep(pid):
        return _GONE if read_signal_masks(pid) is None else _AT_WORK
    place = kernel.read_place_of_sleep(pid)
    ends = _ENDED_BY_SIGNALS + ("poll",) * _PAUSES_IN_POLL
    if any(word in place for word in ends):
        return "waits for signals: a look would wake it"
    masks = read_signal_masks(pid)
    if masks is None:
        return _GONE
    if not masks.handles(SIGNAL) or not has_open(pid, path):
        return "has no Python that mpviz could ask"
    if not place:
        return "sleeps, and the kernel does not say in what"
    return "" if are_asleep(pid) else _AT_WORK


def _falls_asleep(pid: int) -> bool:
    """Whether all threads of a process are asleep at one of several moments."""
    for _ in range(_LOOKS):
        if are_asleep(pid):
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def parse_stacks(text: str) -> list[ThreadStack]:
    """Turn what ``faulthandler`` writes into stacks; lines that say something else are left out.

    It writes the same lines from Python 3.8 to 3.15, with the names of threads from 3.14 on.
    """
    threads: list[ThreadStack] = []
    for line in text.splitlines():
        begins = _THREAD.match(line)
        if begins is not None:
            threads.append(ThreadStack(int(begins[1], 16), clean(begins[2] or ""), []))
            continue
        frame = _FRAME.fullmatch(line)
        if frame is not None and threads:
            file, number, function = frame.groups()
            if file.startswith(_OURS):
                continue
            threads[-1].frames.append((clean(file), int(number), clean(function)))
    return threads
