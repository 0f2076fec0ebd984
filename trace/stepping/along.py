"""A run along a schedule, watched as any other: its steps come in that order, and then it is free.

When the schedule is at its end, or the program does something else, all gates are opened. So a
deadlock to which the steps have led becomes a real one, in which processes block in their locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path
from time import monotonic

from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.stepping.gates import Gates
from mpviz.trace.stepping.naming import learn_names
from mpviz.trace.stepping.schedule import differs
from mpviz.trace.stepping.steps import Choice, ModelFault

SPELL = 0.02
"""Seconds that the steps may take until the session goes on with what it has to do."""

NAME_SECONDS = 3.0
"""Seconds that the names of objects have to come, for what is said of a step."""

PAUSE = 0.002
"""Seconds that one waits for a task to come to its next gate."""


def start_along(
    steps: Sequence[Sequence[str]],
    target: Target,
    *,
    capture: bool,
    rate: float = 10.0,
    stdin: int | None = None,
    record: Path | None = None,
    standing: float = inf,
) -> Session:
    """Start a target whose steps come in the order of this schedule; the rest as for ``start``.

    ``standing``: seconds after which a deadlock to which they lead is ended.
    """
    gates = Gates()
    try:
        session = start(
            target,
            capture=capture,
            rate=rate,
            stdin=stdin,
            record=record,
            variables=gates.variables,
        )
    except BaseException:
        gates.close()
        raise
    session.beside = _Way(gates, steps, session, standing).go_on
    return session


class _Way:
    """How far the program has come along its schedule."""

    def __init__(
        self, gates: Gates, steps: Sequence[Sequence[str]], session: Session, standing: float
    ) -> None:
        self._gates = gates
        self._left = list(steps)
        self._session = session
        self._is_open = False
        self._standing = standing
        self._ends_at = inf
        self._named_by = inf

    def go_on(self) -> None:
        """Let go who is next, and the next, as long as they come to their gates soon."""
        deadline = monotonic() + SPELL
        while not self._is_open and monotonic() < deadline:
            if self._session.over:
                self._leave("the program has ended")
            elif self._gates.stand():
                if not self._take_step():
                    break
            elif not self._gates.hear(PAUSE):
                self._look_outside()
        if monotonic() > self._ends_at:
            self._ends_at = inf
            self._session.stop()

    def _take_step(self) -> bool:
        """Let go who is next, or open all gates; False if names have to be folded before that."""
        moment = self._gates.moment()
        if not self._left:
            if moment.is_deadlock:
                self._ends_at = monotonic() + self._standing
            self._open()
            return True
        words = self._left[0]
        if differs(moment, words):
            self._named_by = min(self._named_by, monotonic() + NAME_SECONDS)
            learn_names(self._gates, self._session.state)
            if self._gates.observed and monotonic() < self._named_by:
                return False
            self._leave(differs(self._gates.moment(), words))
            return True
        self._gates.let_go(Choice(words[0], words[3] if len(words) > 3 else "go"))
        del self._left[0]
        return True

    def _look_outside(self) -> None:
        try:
            self._gates.look_outside()
        except ModelFault as fault:
            self._leave(str(fault))

    def _leave(self, why: str) -> None:
        if self._left:
            number = len(self._gates.steps) + 1
            self._session.say(
                f"the program left the schedule at step {number}: {why}; it goes on by itself"
            )
        self._open()

    def _open(self) -> None:
        self._is_open = True
        self._gates.close()
