"""Where the threads of a process stand: the last look at their stacks, and which line to show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mpviz.trace.model.events import Site
from mpviz.trace.model.processes.looks import KernelThread, StacksRead, ThreadStack

if TYPE_CHECKING:
    from mpviz.trace.model.processes.process import Process
    from mpviz.trace.model.state import RunState

_OF_PYTHON = re.compile(r"<frozen |.*/lib(64)?/python3\.\d+/(?!(site|dist)-packages/)")
"""Files of the standard library: the program's own line stands further out."""

AT_WORK = "is at work: its stacks change while they are read"
"""Why a process could not be asked that was not asleep, in words that follow its name."""

_OF_HELPERS = re.compile(r".*/lib(64)?/python3\.\d+/(multiprocessing|concurrent/futures)/")


@dataclass(frozen=True, slots=True)
class Stacks:
    """The last look at the stacks of a process."""

    time: int
    """When it was taken, nanoseconds: what is told here was so at this time or later."""
    threads: tuple[ThreadStack, ...]
    """The youngest first, so the main thread last; none if it could not be asked."""
    listed: int
    """How many threads it had for the kernel."""
    sleeps: frozenset[str]
    """What its threads slept in, in the words of samples."""
    ends: frozenset[tuple[int, bool]]
    """Inode of each end of a pipe or socket that it had open, and whether it may write there."""
    reason: str
    """Why it could not be asked, in words that follow its name; empty if it could."""

    tries: int
    """How many looks in a row before this one had found no stacks either, if this one has not."""
    kernel: tuple[KernelThread, ...]
    """Its threads as the kernel has them, the main thread first."""
    wakers: frozenset[int]
    """The signals that it handles, of those that may come from a timer or another program."""

    def of_kernel(self, stack: ThreadStack) -> KernelThread | None:
        """The same thread as the kernel has it; None if that is unknown."""
        return next((each for each in self.kernel if each.thread == stack.thread), None)

    def of_thread(self, thread: int) -> ThreadStack | None:
        """The stack of the thread with this number in events; None if it was not seen."""
        if thread == 0:
            return self.main
        return next((each for each in self.threads if each.thread == thread), None)

    @property
    def main(self) -> ThreadStack | None:
        """The stack of the main thread, or in a fork of the thread that forked it."""
        return self.threads[-1] if self.threads else None


def take_in_stacks(state: RunState, event: StacksRead) -> None:
    """Keep the last look at each process."""
    process = state.by_pid.get(event.child)
    if process is not None and process.alive:
        process.stacks = Stacks(
            event.asked or event.time,
            tuple(event.threads),
            event.listed,
            frozenset(event.sleeps),
            frozenset(event.ends),
            event.reason,
            _tries(process, event),
            tuple(event.kernel),
            frozenset(event.wakers),
        )
        _learn_places(state, process, process.stacks)


def _learn_places(state: RunState, process: Process, stacks: Stacks) -> None:
    """Take the lines at which its threads wait from the look, if their waits did not bring them.

    A wait that begins while the program holds a lock of Python's own brings only a number. The
    place itself comes with the next record of the process, and in a hang there is none.
    """
    for thread, wait in process.waits.items():
        if not wait.site or wait.site in state.sites or wait.since > stacks.time:
            continue
        stack = stacks.of_thread(thread)
        frame = own_frame(stack) if stack is not None else None
        if frame is not None:
            file, line, function = frame
            state.keep_site(
                Site(
                    time=stacks.time,
                    pid=process.pid,
                    site=wait.site,
                    file=file,
                    line=line,
                    function=function,
                )
            )


def _tries(process: Process, event: StacksRead) -> int:
    before = process.stacks
    is_again = before is not None and before.time >= process.since and bool(before.reason)
    return before.tries + 1 if before is not None and is_again and event.reason else 0


def is_of_python(frame: tuple[str, int, str]) -> bool:
    """Whether a frame is in the standard library, and not the program's own."""
    return _OF_PYTHON.match(frame[0]) is not None


def is_helper(stack: ThreadStack) -> bool:
    """Whether it is a thread that multiprocessing or concurrent.futures has for its own work."""
    files = [file for file, *_ in stack.frames]
    is_known = any(_OF_HELPERS.match(file) for file in files)
    return is_known and all(is_of_python(frame) for frame in stack.frames)


def own_frame(stack: ThreadStack) -> tuple[str, int, str] | None:
    """The innermost frame that is the program's own: file, line and function; None if none is."""
    return next((frame for frame in stack.frames if not is_of_python(frame)), None)


def place_in_words(frame: tuple[str, int, str]) -> str:
    """A frame as ``worker.py:12 in work``."""
    file, line, function = frame
    return f"{file.rsplit('/', 1)[-1]}:{line} in {function}"
