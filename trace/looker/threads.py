"""One thread of a process, as the kernel has it: where it sleeps, for what, and since when."""

from __future__ import annotations

import os
import re
import time

from mpviz.trace.system import kernel
from mpviz.trace.system.system_calls import (
    call_in_words,
    meaning_of_sleep,
    read_system_call,
)

# ruff: noqa: PTH123

_ASLEEP_SINCE = re.compile(r"^se\.exec_start\s*:\s*([\d.]+)", re.M)
_FUTEX_WITH_TIMEOUT = 3
"""The argument of ``futex`` that is its time-out, and 0 for none (man 2 futex)."""


def changes_of(pid: int, thread: int) -> tuple[int, int, int] | None:
    """What changes whenever a thread has run: its CPU time, its waits, how often it got a core.

    None if it is gone, or if the kernel does not count (Documentation/scheduler/sched-stats.rst).
    """
    try:
        with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:
            fields = file.read().split()
        return int(fields[0]), int(fields[1]), int(fields[2])
    except (OSError, ValueError, IndexError):
        return None


class SleepClock:
    """Since when threads sleep, in nanoseconds of the monotonic clock."""

    def __init__(self) -> None:
        own = _exec_start(os.getpid(), os.getpid())
        self._ahead = None if own is None else time.monotonic_ns() - own

    def asleep_since(self, pid: int, thread: int) -> int:
        """When it last left a core; -1 if the kernel does not say (CONFIG_SCHED_DEBUG)."""
        start = _exec_start(pid, thread)
        if start is None or self._ahead is None:
            return -1
        return min(start + self._ahead, time.monotonic_ns())


def _exec_start(pid: int, thread: int) -> int | None:
    try:
        with open(f"/proc/{pid}/task/{thread}/sched", encoding="ascii", errors="replace") as file:
            found = _ASLEEP_SINCE.search(file.read(4096))
    except OSError:
        return None
    return round(float(found[1]) * 1e6) if found is not None else None


def look_at_thread(pid: int, thread: int, clock: SleepClock) -> dict[str, object]:
    """What is known of it without its stack."""
    call = read_system_call(pid, thread)
    place = kernel.read_place_of_sleep(pid, thread)
    times = kernel.read_core_times(pid, thread)
    word = meaning_of_sleep(place)
    timed = call is not None and call.name == "futex" and call.arguments[_FUTEX_WITH_TIMEOUT] != 0
    return {
        "number": thread,
        "status": kernel.read_thread_status(pid, thread),
        "name": kernel.read_thread_name(pid, thread),
        "cpu": times[0] / 1e9 if times is not None else -1.0,
        "place": place,
        "sleeps": "clock" if word == "lock" and (timed or call is None) else word,
        "call": call.name if call is not None else "",
        "arguments": list(call.arguments) if call is not None else [],
        "stack_pointer": call.stack_pointer if call is not None else 0,
        "words": call_in_words(pid, call) if call is not None else "",
        "timed": timed,
        "since": clock.asleep_since(pid, thread),
    }
