"""The last look at a program: its processes and threads as the looker has told them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from signal import SIGTERM
from typing import Any

from mpviz.trace.attach.frames import Frame, frames_of

_TIMEOUT_AT = {"poll": 2, "epoll_wait": 3, "epoll_pwait": 3}
"""The argument that is a time-out in milliseconds, -1 for none (man 2 poll, man 2 epoll_wait)."""

LATELY = 2_000_000_000
"""Nanoseconds since when a thread without a stack must have slept, or it may be at work."""

_NO_TIMEOUT = (1 << 64) - 1, (1 << 32) - 1


@dataclass
class ThreadLook:
    """One thread, with its stack if that could be read."""

    pid: int
    told: dict[str, Any]

    @property
    def number(self) -> int:
        """The kernel's number."""
        return int(self.told["number"])

    @property
    def thread(self) -> int:
        """Its number in events: 0 for the main thread."""
        return 0 if self.number == self.pid else self.number

    @cached_property
    def frames(self) -> list[Frame]:
        """The innermost first; none if they could not be read."""
        return frames_of(self.told.get("frames") or [])

    @cached_property
    def latest_frames(self) -> list[Frame]:
        """The same; of a thread of multiprocessing's own that has run since, those before that."""
        return self.frames or frames_of(self.told.get("frames_before") or [])

    @property
    def since(self) -> int:
        """When it fell asleep, nanoseconds."""
        return int(self.told["since"])

    @property
    def asleep(self) -> bool:
        """Whether it slept, and did not run while it was looked at."""
        return self.told["status"] in ("S", "D", "I") and not self.told.get("moving")

    @property
    def timed(self) -> bool:
        """Whether its sleep ends by itself."""
        place = _TIMEOUT_AT.get(self.told["call"])
        if place is not None:
            return self.told["arguments"][place] not in _NO_TIMEOUT
        return bool(self.told["timed"]) or self.told["sleeps"] == "clock"

    @property
    def argument(self) -> int:
        """The first argument of the system call in which it sleeps; -1 if unknown."""
        arguments = self.told["arguments"]
        return int(arguments[0]) if arguments else -1


@dataclass
class ProcessLook:
    """One process."""

    told: dict[str, Any]
    threads: list[ThreadLook] = field(init=False)

    def __post_init__(self) -> None:
        self.threads = [ThreadLook(self.pid, each) for each in self.told["threads"]]

    @property
    def pid(self) -> int:
        """Its pid."""
        return int(self.told["pid"])

    @property
    def parent(self) -> int:
        """Pid of its parent in the kernel."""
        return int(self.told["parent"])

    @property
    def ended(self) -> bool:
        """Whether it is a zombie, of which only its end is known."""
        return self.told["status"] in ("Z", "X") and self.told["listed"] <= 1

    @property
    def exit_code(self) -> int | None:
        """How it has ended; None if it has not, or if that is not known."""
        status = self.told.get("exit_status")
        return None if status is None else os.waitstatus_to_exitcode(status)

    @property
    def handles_sigterm(self) -> bool:
        """Whether it has a handler for SIGTERM, which ends a process that has none."""
        return bool(self.told.get("handled", 0) >> (SIGTERM - 1) & 1)

    @property
    def command(self) -> str:
        """Its command line, words with blanks between them."""
        return " ".join(self.told.get("command") or ())

    @property
    def main(self) -> ThreadLook | None:
        """Its main thread."""
        return next((each for each in self.threads if not each.thread), None)

    @property
    def calls(self) -> set[str]:
        """All calls of multiprocessing in which its main thread is."""
        return {frame.call for frame in self.main.frames} if self.main is not None else set()

    def inode(self, descriptor: int) -> int:
        """The pipe or socket behind a descriptor; 0 if it is none."""
        file = (self.told.get("files") or {}).get(str(descriptor))
        return int(file[1]) if file else 0

    def described(self, address: int) -> dict[str, Any]:
        """What is known of the object at this address."""
        found = (self.told.get("objects") or {}).get(str(address))
        return found if isinstance(found, dict) else {}

    def itself(self, frame: Frame, name: str = "self") -> dict[str, Any]:
        """The object whose method a frame runs."""
        return self.described(frame.variables.get(name, (0, ""))[0])


@dataclass
class ProgramLook:
    """All processes, by pid, with what they share."""

    root: int
    time: int = 0
    processes: dict[int, ProcessLook] = field(default_factory=dict)
    values: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Value and sleepers of each semaphore."""
    sockets: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By inode: that of the other end, and the bytes to be read."""

    def take(self, told: dict[str, Any]) -> list[ProcessLook]:
        """Take in what the looker tells; return the processes that have changed."""
        self.time = told["time"]
        there = set(told["there"])
        for pid in [pid for pid in self.processes if pid not in there]:
            del self.processes[pid]
        changed = [ProcessLook(each) for each in told["processes"]]
        self.processes.update((each.pid, each) for each in changed)
        for thread in (thread for each in changed for thread in each.threads):
            if thread.told["since"] < 0:
                # The kernel does not say, but it was at work at the look before.
                thread.told["since"] = self.time
        self.values = {identity: tuple(each) for identity, each in told["semaphores"].items()}
        if told.get("sockets") is not None:
            self.sockets = {int(inode): tuple(each) for inode, each in told["sockets"].items()}
        return changed

    def asleep_at(self, semaphore: str) -> int:
        """How many threads sleep at a semaphore."""
        threads = (thread for each in self.processes.values() for thread in each.threads)
        return sum(thread.told.get("semaphore") == semaphore for thread in threads)

    def inside(self, pid: int) -> int:
        """The pid of a process by that which it has inside its container; the same for none."""
        found = (each.pid for each in self.processes.values() if each.told.get("inside") == pid)
        return pid if pid in self.processes else next(found, pid)

    def with_end(self, inode: int, *, writes: bool | None = None) -> list[int]:
        """Pids of the processes that have a pipe or socket open, for this direction."""
        return [
            each.pid
            for each in self.processes.values()
            if any(
                file[1] == inode and (writes is None or file[0] == "socket" or file[2] == writes)
                for file in (each.told.get("files") or {}).values()
            )
        ]
