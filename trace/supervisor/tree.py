"""The processes below the supervisor: how it finds them, holds them and sends them signals.

Only the supervisor's script imports this; like that script, it avoids modules that are slow to
import.
"""

import os
import select
from time import monotonic, process_time

from mpviz.trace.system import kernel

LOOK_SECONDS = 0.05
"""Seconds between two looks for new processes, unless they cost more than their share."""

LOOK_SECONDS_AT_MOST = 0.25
LOOK_SHARE = 0.003
"""Maximum share of a core for these looks; with very many processes, they are less frequent."""

LOOK_AT_ALL_SECONDS = 5.0
"""Seconds between two looks at every process, in case a pid was reused in between."""

LOOK_AT_ALL_SECONDS_ENDING = 0.1

ENDING_PAUSE = 0.01
"""Seconds between two looks while the tree is being ended."""


class Process:
    """A descendant, held by a pidfd so that a signal can reach no other."""

    __slots__ = ("asked", "beyond_us", "descriptor", "ended", "killed", "pid", "started", "told")

    def __init__(self, pid: int, started: int, descriptor: int) -> None:
        self.pid = pid
        self.started = started
        self.descriptor = descriptor
        """-1 if there were no descriptors left for it."""
        self.asked = False
        """Whether it was sent SIGTERM."""
        self.killed = False
        """Whether it was sent SIGKILL."""
        self.beyond_us = False
        """Whether it now belongs to another user and cannot be signalled."""
        self.ended = False
        """Whether it is a zombie, or gone."""
        self.told = False
        """Whether its exit code was reported."""


class Tree:
    """All descendants that the supervisor knows; ``poll`` tells of their ends."""

    def __init__(self, poll: select.epoll, descriptor_limit: int) -> None:
        self._poll = poll
        self._descriptor_limit = descriptor_limit
        """Maximum number of processes that are held by a pidfd."""
        self._descendants = kernel.Descendants(os.getpid())
        self._look_at_all_at = 0.0
        self.processes: dict[int, Process] = {}
        """By pid, parents before their children."""
        self.by_descriptor: dict[int, Process] = {}
        self.first = 0
        """The pid of the program's first process; 0 before its start and once it is reaped."""
        self.is_ending = False
        """Whether all processes are being ended, so that new ones have to be found at once."""
        self.look_at = 0.0
        """Time of the next look, in seconds of the monotonic clock."""

    def look(self) -> list[Process]:
        """Add the processes that are new since the last look."""
        began = process_time()
        at_all = monotonic() >= self._look_at_all_at
        if at_all:
            self._forget_the_gone()
            pause = LOOK_AT_ALL_SECONDS_ENDING if self.is_ending else LOOK_AT_ALL_SECONDS
            self._look_at_all_at = monotonic() + pause
        found = [self._take_in(new) for new in self._descendants.look(everything=at_all)]
        pause = min(max(LOOK_SECONDS, (process_time() - began) / LOOK_SHARE), LOOK_SECONDS_AT_MOST)
        self.look_at = monotonic() + (ENDING_PAUSE if self.is_ending else pause)
        return [process for process in found if process]

    def begin_ending(self) -> None:
        """Look at every process at once, and soon again."""
        self.is_ending = True
        self.look_at = self._look_at_all_at = 0.0

    def in_reach(self) -> list[Process]:
        """The processes to which a signal can still do something."""
        processes = self.processes.values()
        return [each for each in processes if not each.ended and not each.beyond_us]

    def send(self, process: Process, *numbers: int) -> None:
        """Send signals to a process; forget it if it is gone."""
        descriptor: int | None = process.descriptor
        # Read now, because forgetting the process closes its descriptor.
        opened_here = process.descriptor < 0
        if opened_here:
            descriptor = kernel.open_process(process.pid, process.started)
        try:
            if descriptor is None or not all(
                kernel.signal_process(descriptor, number) for number in numbers
            ):
                self.forget(process)
        except PermissionError:
            process.beyond_us = True
        finally:
            if descriptor is not None and opened_here:
                os.close(descriptor)

    def is_tracker(self, process: Process) -> bool:
        """Whether it is a resource tracker, by its command line."""
        # Asked each time, because a process that was just forked may still exec something else.
        return process.pid != self.first and kernel.is_tracker(process.pid)

    def forget(self, process: Process) -> None:
        """Let go of a process that is gone."""
        process.ended = True
        if self.processes.get(process.pid) is process:
            del self.processes[process.pid]
            self._descendants.forget(process.pid)
        self._close(process)

    def see_end(self, process: Process, happened: int) -> int | None:
        """Note that a process has ended; return its exit code if known and not yet reported."""
        process.ended = True
        exit_code = None
        if not process.told:
            exit_code = kernel.exit_code_of_ended(process.descriptor, process.pid)
            process.told = exit_code is not None
        if happened & select.EPOLLHUP:
            self.forget(process)
        else:
            # It is a zombie: only the hang-up is to come, when it is reaped.
            self._poll.modify(process.descriptor, 0)
        return exit_code

    def _take_in(self, found: kernel.ProcessStatus) -> Process | None:
        if found.pid in self.processes:
            # The pid was reused before we noticed the end of its former owner.
            known = self.processes.pop(found.pid)
            self._close(known)
        descriptor = -1
        if len(self.by_descriptor) < self._descriptor_limit:
            opened = kernel.open_process(found.pid, found.started)
            if opened is None:
                self._descendants.forget(found.pid)
                return None
            descriptor = opened
        process = Process(found.pid, found.started, descriptor)
        self.processes[found.pid] = process
        if descriptor >= 0:
            self.by_descriptor[descriptor] = process
            self._poll.register(descriptor, select.EPOLLIN)
        return process

    def _close(self, process: Process) -> None:
        if process.descriptor >= 0:
            self._poll.unregister(process.descriptor)
            del self.by_descriptor[process.descriptor]
            os.close(process.descriptor)
            process.descriptor = -1

    def _forget_the_gone(self) -> None:
        """Drop dead processes that no pidfd reported: before Linux 6.9, or without descriptors."""
        for process in list(self.processes.values()):
            if kernel.start_time(process.pid) != process.started:
                self.forget(process)
