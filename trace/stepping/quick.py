"""A stepped run of which nobody sees more than its steps and its end: there may be thousands."""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic

from mpviz.trace.launch.program import LaunchError, launch
from mpviz.trace.launch.start import Target
from mpviz.trace.model.text import clean
from mpviz.trace.stepping.gates import Gates
from mpviz.trace.stepping.steps import Choice, End, Moment

PAUSE = 0.02
"""Seconds between two looks at whether a task blocks outside."""

NO_QUEUE = "/dev/null/mpviz"
"""What can be no FIFO: the probe finds nobody who reads its records, and writes none."""

LINES = 40
"""How many of the last lines on stderr are kept."""


class QuickRun:
    """A program that stands after each step, without a session; for one thread."""

    def __init__(self, target: Target) -> None:
        """Start it. :class:`LaunchError` if that is not possible."""
        self._gates = Gates()
        self._said: deque[str] = deque(maxlen=LINES)
        self._status: int | None = None
        self._failure = ""
        try:
            with launch(
                [target.python, *target.arguments] if target.python else target.arguments,
                fifo=NO_QUEUE,
                keep_folder=True,
                start_method=target.start_method,
                stdin=subprocess.DEVNULL,
                capture=True,
                directory=target.directory,
                variables=self._gates.variables,
            ) as self._program:
                # The supervisor says its pid first, in a line of its own.
                assert self._program.supervisor_pid
        except BaseException:
            self._gates.close()
            raise
        self._hear(self._program.control, self._take_told)
        self._hear(self._program.stdout, lambda line: None)
        self._hear(self._program.stderr, self._said.append)

    def wait(self, until: float) -> Moment | None:
        """The moment when all tasks stand, or the program has ended; None if that takes too long.

        ``until``: in seconds of the monotonic clock. :class:`ModelFault` if a step does not come
        back.
        """
        while self._status is None and not self._gates.stand():
            if monotonic() > until:
                return None
            if not self._gates.hear(PAUSE):
                self._gates.look_outside()
        if self._failure:
            raise LaunchError(self._failure)
        return self._gates.moment(self._end())

    def wait_outside(self, until: float) -> Moment | None:
        """The next moment after who is outside has come back, or something has ended; or None."""
        is_news = self._gates.hear(max(0.0, until - monotonic()))
        return self.wait(until) if is_news else None

    def let_go(self, choice: Choice) -> None:
        """Let a task do its operation, or its time-out happen."""
        self._gates.let_go(choice)

    def close(self) -> None:
        """End what is left of the program, and wait for that."""
        # A task that waits at its gate goes on when that is open, so all are ended first.
        self._program.end()
        self._program.wait()
        self._gates.close()
        self._program.close()

    def _end(self) -> End | None:
        if self._status is None:
            return None
        said = [line for line in self._said if line.strip()]
        failed, killed = self._gates.failed, tuple(sorted(self._gates.killed))
        return End(
            self._status, said[-1] if said and (self._status or failed) else "", failed, killed
        )

    def _hear(self, end: socket.socket | None, take: Callable[[str], object]) -> None:
        assert end is not None
        end.setblocking(False)
        read = partial(self._read, end, bytearray(), take)
        self._gates.selector.register(end, selectors.EVENT_READ, read)

    def _read(self, end: socket.socket, rest: bytearray, take: Callable[[str], object]) -> None:
        """Take in whole lines."""
        got = b""
        with suppress(ConnectionResetError):
            got = os.read(end.fileno(), 1 << 16)
        rest += got
        *lines, left = rest.split(b"\n")
        if not got:
            self._gates.selector.unregister(end)
            lines, left = [*lines, left], bytearray()
        rest[:] = left
        for line in lines:
            take(clean(line.decode("utf-8", "replace")))

    def _take_told(self, line: str) -> None:
        """Take in a record of the supervisor."""
        told = json.loads(line) if line else {}
        if told.get("k") == "program.ended":
            self._status = int(told["exit_code"])
        elif told.get("k") == "program.failed":
            self._status, self._failure = 1, str(told["error"])
