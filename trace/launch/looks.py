"""Looks at the stacks of processes, one after the other, without waiting long for any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from mpviz.trace.collect.stacks import Send, StackFile
from mpviz.trace.model.processes.looks import StacksRead
from mpviz.trace.model.processes.process import Process

_PAUSE_SECONDS = 0.001
"""An idle machine takes one to three thousandths of a second for an answer."""


class Looks:
    """Who is to be asked for its stacks next, and who was asked and has still to answer."""

    def __init__(self, stacks: StackFile, send: Send, tell: Callable[[StacksRead], None]) -> None:
        self._stacks = stacks
        self._send = send
        self._tell = tell
        self._wanted: list[Process] = []

    def want(self, process: Process) -> None:
        """Have this process asked before all others."""
        if process not in self._wanted:
            self._wanted.append(process)

    def go_on(self, processes: Iterable[Process], budget: float, patience: float = 0.0) -> None:
        """Ask those that are wanted, then these, for about so many seconds.

        Each has at least ``patience`` seconds for its answer. If it takes longer, the next call
        takes it.
        """
        deadline = time.monotonic() + budget
        if not self._has_answered(deadline):
            return
        wanted, self._wanted = self._wanted, []
        for place, process in enumerate([*wanted, *processes]):
            if time.monotonic() >= deadline:
                self._wanted = wanted[place:]
                return
            if not process.alive or not process.started_ticks:
                continue
            told = self._stacks.ask(process.pid, process.started_ticks, self._send)
            if told is not None:
                self._tell(told)
            elif not self._has_answered(max(deadline, time.monotonic() + patience)):
                self._wanted = wanted[place + 1 :]
                return

    def _has_answered(self, deadline: float) -> bool:
        """Whether nobody has to answer any more; waits until then, or until the deadline."""
        while self._stacks.is_waiting:
            told = self._stacks.answer()
            if told is not None:
                self._tell(told)
                break
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True
