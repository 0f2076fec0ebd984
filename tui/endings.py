"""How a run ends by a signal, and with which exit status: the same with a screen and without."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from types import FrameType

    from mpviz.trace.model.state import RunState
    from mpviz.tui.sessions import Session

FOUND = 3
"""The exit status if a finding was made that ``--fail-on`` names."""

UNKNOWN = 125
"""The exit status if nobody knows the program's own, because the supervisor was killed."""

NOT_STARTED = 127
"""The exit status if the program could not be started; as a shell's."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a program unless it handles them."""


_ENDS_ALL = "all processes of the program get a SIGTERM now, and a SIGKILL in a second"
_TERMINATES = (
    "SIGTERM goes to the program's main process; all of its processes are ended"
    " by a second one, or after {:g} s"
)

_Handler: TypeAlias = "Callable[[int, FrameType | None], Any] | int | None"


class Signals:
    """The signals that ask mpviz to end, and what follows from them for the program.

    The first SIGTERM goes to the program's main process alone, which gets its grace period. A
    second one ends all of its processes, as does SIGHUP. Without a screen, the first SIGINT is the
    program's too, like a Ctrl-C in its own terminal.

    A handler may interrupt any line of ours, so it only notes the signal and calls ``wake``. The
    loop then calls :meth:`act`. While a program is being started there is no session yet; what
    comes by then waits until there is one.
    """

    def __init__(
        self,
        *,
        has_screen: bool,
        wake: Callable[[int], None] = lambda _: None,
        announce: Callable[[str], None] = lambda _: None,
        grace: float = 0.0,
    ) -> None:
        """``announce`` is given a sentence on what happens now, and what the next signal would do.

        ``grace`` is the program's grace period in seconds.
        """
        self.received: list[int] = []
        self.session: Session | None = None
        """The run that goes on, if there is one."""
        self.is_programs = False
        """Whether the program was sent a SIGTERM and is to end in its own way."""
        self._has_screen = has_screen
        self._wake = wake
        self._announce = announce
        self._grace = grace
        self._announced: set[str] = set()
        self._acted = 0
        """How many of the signals have been acted on."""
        self._before: dict[int, _Handler] = {}
        """The handlers outside of :meth:`handled`."""
        self._has_quit = False
        """Whether a person has quit by a key."""

    def act(self) -> None:
        """Do what is asked by the signals that have come since the last call."""
        while self.session is not None and self._acted < len(self.received):
            number, earlier = self.received[self._acted], self.received[: self._acted]
            self._acted += 1
            if not self._ends(number):
                if number in earlier:
                    self._say_once(_ENDS_ALL)
                    self.session.stop()
                else:
                    self._say_once("Ctrl-C goes to the program; a second one ends it")
                    self.session.interrupt()
            elif number == signal.SIGTERM and not any(map(self._ends, earlier)):
                self.is_programs = not self.session.over
                self._say_once(_TERMINATES.format(self._grace) if self._grace else _ENDS_ALL)
                self.session.terminate()
            else:
                self._say_once(_ENDS_ALL)
                self.session.stop()

    def _say_once(self, words: str) -> None:
        """Announce it if it is new, before it is done, and the program is still there."""
        if words not in self._announced and self.session is not None and not self.session.over:
            self._announced.add(words)
            self._announce(words)

    @property
    def status(self) -> int:
        """128 + N if signal N has ended mpviz, and not the program alone; else 0."""
        ending = list(filter(self._ends, self.received))
        if not ending or (self.is_programs and len(ending) == 1):
            return 0
        return 128 + ending[0]

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take these signals in here.

        Those that were ignored when we were started stay ignored, for the program too (nohup).
        """
        numbers = [each for each in _ENDING if signal.getsignal(each) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            # Once we have been asked to end, a late signal must not change how we do.
            self._restore(signal.SIG_IGN if self.received or self._has_quit else None)

    def is_quit(self) -> None:
        """Note that a person has quit: Ctrl-C typed once too often changes nothing from then on."""
        if self.received:
            return
        self._has_quit = True
        for number in self._before.keys() & {signal.SIGINT, signal.SIGHUP}:
            signal.signal(number, signal.SIG_IGN)

    def report_begins(self) -> None:
        """Let a signal change nothing any more, so that a run that has just ended is reported.

        Where none has come before, the second one acts as outside: a report into a pipe that
        nobody reads is never written.
        """
        self._restore(signal.SIG_IGN if self.received else self._let_pass)

    def _let_pass(self, number: int, frame: object) -> None:
        self._restore(None)

    def _restore(self, other: _Handler) -> None:
        """Set the handlers from outside again, or this other one."""
        for number, handler in self._before.items():
            signal.signal(number, handler if other is None else other)

    def _note(self, number: int, frame: object) -> None:
        self.received.append(number)
        self._wake(number)

    def _ends(self, number: int) -> bool:
        """Whether such a signal is meant to end mpviz, and not only to interrupt the program."""
        return self._has_screen or number != signal.SIGINT


def final_status(
    signals: Signals, state: RunState | None, fail_on: frozenset[str], otherwise: int
) -> int:
    """The exit status of a run: by a signal, by its findings, or else ``otherwise``."""
    if signals.status:
        return signals.status
    return FOUND if state is not None and has_found(state, fail_on) else otherwise


def exit_status(state: RunState) -> int:
    """The program's own exit status, as a shell would give it."""
    if state.exit_code is None:
        return NOT_STARTED if state.failure else UNKNOWN
    return 128 - state.exit_code if state.exit_code < 0 else state.exit_code


def has_found(state: RunState, rules: frozenset[str]) -> bool:
    """Whether one of these rules has made a finding, be it over by now or not."""
    return any(finding.rule in rules for finding in state.findings.values())
