"""Looks at the stacks of a process, which its own Python writes into a file when it gets a signal.

The signal must reach only a process whose Python has the handler for it, see
:mod:`mpviz_probe.stacks`: any other would die of it. And it must not wake what waits for signals.
So each look asks the kernel first, and a process that does not fit is left alone.
"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.stacks import FILE, SIGNAL
from mpviz.trace.model.processes.looks import KernelThread, StacksRead, ThreadStack
from mpviz.trace.model.processes.stacks import AT_WORK
from mpviz.trace.model.text import clean
from mpviz.trace.system import kernel
from mpviz.trace.system.process_signals import (
    are_asleep,
    has_open,
    is_timed,
    list_ends,
    list_wakers,
    read_signal_masks,
)
from mpviz.trace.system.system_calls import call_in_words, meaning_of_sleep, read_system_call

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

_SILENT = "does not answer"

MOST_THREADS = 256
"""Threads of a process of which a look tells what the kernel knows."""

_OURS = "<mpviz_probe."

Send = Callable[[int, int, int], bool]
"""Sends a process, named by pid and start time in clock ticks, the signal with this number; False
if it is gone."""


@dataclass
class _Asked:
    """A process that was sent the signal, and has not been seen to answer."""

    pid: int
    begun: StacksRead
    """What was known before it was asked."""
    deadline: float
    size: int = -1
    """Bytes that it had written at the last look for them."""


class StackFile:
    """The file in a run's folder that all its processes write their stacks to, one at a time."""

    def __init__(self, folder: Path) -> None:
        # As the system shows it in /proc.
        self._path = folder.resolve() / FILE
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o600)
        self._asked: _Asked | None = None
        self._late: list[int] = []
        """Processes that have not answered in time, and may still do so."""

    def close(self) -> None:
        """Close it; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def is_waiting(self) -> bool:
        """Whether a process was asked and has not answered: no other can be asked meanwhile."""
        return self._asked is not None

    def ask(self, pid: int, started: int, send: Send) -> StacksRead | None:
        """Ask the process with this pid and start time in clock ticks where its threads stand.

        What is known, if it cannot be asked; None if :meth:`answer` will tell it.
        """
        os.ftruncate(self._descriptor, 0)
        self._late = [each for each in self._late if _awaits(each)]
        reason = _obstacle(pid, self._path)
        # While it sleeps, and before the signal, after which some calls go on under another name.
        seen = _kernels_view(pid)
        seen.reason = reason if reason or are_asleep(pid) else AT_WORK
        if not seen.reason and not send(pid, started, SIGNAL):
            seen.reason = _GONE
        if seen.reason:
            _join(seen)
            return seen
        seen.asked = seen.time
        self._asked = _Asked(pid, seen, time.monotonic() + ANSWER_SECONDS)
        return None

    def answer(self) -> StacksRead | None:
        """The answer of the process that was asked; None if it has still time, or none was asked.

        It has answered when it has handled the signal, has written and sleeps again.
        """
        asked = self._asked
        if asked is None:
            return None
        before, asked.size = asked.size, os.fstat(self._descriptor).st_size
        masks = read_signal_masks(asked.pid)
        is_pending = masks is not None and masks.awaits(SIGNAL)
        if masks is not None and (
            is_pending or not 0 < asked.size == before or not are_asleep(asked.pid)
        ):
            if time.monotonic() < asked.deadline:
                return None
            self._late += [asked.pid] * is_pending
        self._asked = None
        return self._taken(asked)

    def _taken(self, asked: _Asked) -> StacksRead:
        seen = asked.begun
        seen.time = time.monotonic_ns()
        written = os.pread(self._descriptor, _MOST_BYTES, 0).decode("utf-8", "backslashreplace")
        # If another one has answered late meanwhile, nobody knows whose stacks these are.
        if all(_awaits(each) for each in self._late if each != asked.pid):
            seen.threads = parse_stacks(written)
        seen.reason = "" if seen.threads else _SILENT
        _join(seen)
        return seen


def _awaits(pid: int) -> bool:
    """Whether a process has still to handle the signal."""
    masks = read_signal_masks(pid)
    return masks is not None and masks.awaits(SIGNAL)


def _kernels_view(pid: int) -> StacksRead:
    """What the kernel says of the threads of a process and of its open files."""
    listed = sorted(kernel.list_threads(pid), key=lambda thread: (thread != pid, thread))
    threads: list[KernelThread] = []
    sleeps: set[str] = set()
    for thread in listed:
        place = kernel.read_place_of_sleep(pid, thread)
        # Of one that has just fallen asleep on a busy core, the kernel does not say where.
        word = meaning_of_sleep(place) or "else"
        sleeps.add("clock" if word == "lock" and is_timed(pid, thread) else word)
        if len(threads) < MOST_THREADS:
            threads.append(_thread(pid, thread, place))
    return StacksRead(
        time=time.monotonic_ns(),
        pid=0,
        child=pid,
        listed=len(listed),
        sleeps=sorted(sleeps),
        ends=list_ends(pid),
        kernel=threads,
        wakers=list_wakers(pid),
    )


def _thread(pid: int, thread: int, place: str) -> KernelThread:
    call = read_system_call(pid, thread)
    times = kernel.read_core_times(pid, thread)
    return KernelThread(
        number=thread,
        # Where its stack is, until it is known which of Python's threads has it.
        thread=call.stack_pointer if call is not None else 0,
        name=clean(kernel.read_thread_name(pid, thread)),
        cpu_seconds=times[0] / 1e9 if times is not None else -1.0,
        place=clean(place),
        call=clean(call_in_words(pid, call)) if call is not None else "",
    )


def _join(seen: StacksRead) -> None:
    """Find which of Python's threads is which of the kernel's.

    Python numbers a thread by the address of its ``pthread``, which the C library puts at the upper
    end of the thread's stack (glibc nptl/allocatestack.c, musl src/thread/pthread_create.c). So the
    thread is the nearest above its stack pointer, and nearer to no other thread's.
    """
    numbers = sorted(each.thread for each in seen.threads[:-1])
    owners: dict[int, KernelThread] = {}
    for each in seen.kernel[1:]:
        place = bisect(numbers, each.thread) if each.thread else len(numbers)
        each_number = numbers[place] if place < len(numbers) else 0
        nearest = owners.get(each_number)
        if each_number and (nearest is None or nearest.thread < each.thread):
            owners[each_number] = each
    found = {owner.number: number for number, owner in owners.items()}
    for each in seen.kernel:
        each.thread = found.get(each.number, 0)
    if seen.kernel and seen.threads:
        # It stands last in Python's list; a fork by another thread has that one's stack.
        seen.kernel[0].thread = seen.threads[-1].thread


def _obstacle(pid: int, path: Path) -> str:
    """Why the signal must not be sent to a process, in words that follow its name; else empty.

    What may change last is asked last: nothing changes in a process that sleeps.
    """
    if not _falls_asleep(pid):
        return _GONE if read_signal_masks(pid) is None else AT_WORK
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
    return "" if are_asleep(pid) else AT_WORK


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
