"""A stepped run that is watched: the program under gates, and a session that follows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock as ThreadLock

from mpviz.trace.launch.start import Target, start
from mpviz.trace.stepping.gates import Gates
from mpviz.trace.stepping.naming import learn_names
from mpviz.trace.stepping.steps import Choice, Closed, End, Moment

PAUSE = 0.02
"""Seconds between two looks at what is not told: the end of the program, its output."""

NAME_SECONDS = 3.0
NAME_PAUSE = 0.002
"""Seconds that a moment waits for the names of its new objects, and between two looks for them."""

OUTPUT_LINES = 200


class SteppedRun:
    """A program that stands after each step; one thread may use it, but for :meth:`close`."""

    def __init__(self, target: Target) -> None:
        """Start it. :class:`mpviz.trace.launch.program.LaunchError` if that is not possible."""
        self._closed = False
        self._lock = ThreadLock()
        self._gates = Gates()
        try:
            self._session = start(target, capture=True, variables=self._gates.variables)
        except BaseException:
            self._gates.close()
            raise

    @property
    def output(self) -> Sequence[str]:
        """The last lines that the program has printed."""
        return [line.text for line in list(self._session.state.output)[-OUTPUT_LINES:]]

    def wait(self) -> Moment:
        """Until all tasks stand, or the program has ended.

        :class:`ModelFault` if a step does not come back, :class:`Closed` after :meth:`close`.
        """
        while True:
            with self._lock:
                if self._closed:
                    raise Closed
                if self._session.over or self._gates.stand():
                    self._learn_names()
                    return self._moment()
                if not self._gates.hear(PAUSE):
                    self._session.step(PAUSE)
                    self._gates.look_outside()

    def look(self) -> Moment | None:
        """The moment, if something has happened since although nobody was let go; else None.

        What the program prints arrives a little later, and who was outside may come back.
        """
        with self._lock:
            if self._closed or self._session.over:
                return None
            ready = self._gates.hear(0)
            changed = self._session.step(0)
            is_new = (ready or changed) and (self._session.over or self._gates.stand())
            return self._moment() if is_new else None

    def let_go(self, choice: Choice) -> None:
        """Let a task do its operation, or its time-out happen."""
        with self._lock:
            self._gates.let_go(choice)

    def close(self) -> None:
        """End what is left of the program; from any thread, and more than once."""
        self._closed = True
        self._session.close()
        with self._lock:
            self._gates.close()

    def _moment(self) -> Moment:
        return self._gates.moment(self._end() if self._session.over else None)

    def _learn_names(self) -> None:
        """Fold what is told of the objects that are new, which gives them their names."""
        deadline = time.monotonic() + NAME_SECONDS
        self._session.step(0)
        while self._gates.observed and time.monotonic() < deadline:
            learn_names(self._gates, self._session.state)
            if self._gates.observed and not self._session.step(0):
                time.sleep(NAME_PAUSE)
        # What has no name by now is called by its id.
        self._gates.observed.clear()

    def _end(self) -> End:
        state = self._session.state
        status = state.exit_code if state.exit_code is not None else 0
        said = [line.text for line in state.output if line.stream == "stderr" and line.text.strip()]
        failed = self._gates.failed
        return End(status, said[-1] if said and (status or failed) else "", failed)
