"""A run without a screen: the program's own output, a report on stderr, and its exit status."""

from __future__ import annotations

import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mpviz.trace.text import clean

if TYPE_CHECKING:
    from mpviz.trace.session import Session
    from mpviz.trace.start import Target
    from mpviz.trace.state import RunState
    from mpviz.tui import sessions

PAUSE = 0.1
"""Seconds between two looks at a queue in which there was nothing."""

NOT_STARTED = 127
"""The exit status where there was no program to have one; as a shell's."""


FOUND = 3
"""The exit status where a finding was made that is to fail."""


@dataclass(frozen=True)
class Observed:
    """A run without a screen, after its end."""

    state: RunState
    record_problem: str
    """Why it could not be recorded as it should have been; empty where it was."""
    signals: list[int]
    """That were sent to mpviz meanwhile."""


def run_headless(
    target: Target, json_file: str | None, record: Path | None, rate: float, fail_on: frozenset[str]
) -> int:
    """Run the target to its end and return the exit status."""
    observed = observe(target, record, rate)
    if observed is None:
        return NOT_STARTED
    written = _report(observed.state, json_file)
    if observed.record_problem:
        say(f"--record: {observed.record_problem}")
        written = False
    ending = [number for number in observed.signals if number != signal.SIGINT]
    if ending and ending != [signal.SIGTERM]:
        return 128 + ending[0]
    if has_found(observed.state, fail_on):
        return FOUND
    return exit_status(observed.state) or (0 if written else 1)


def observe(
    target: Target, record: Path | None, rate: float, *, capture: bool = False
) -> Observed | None:
    """Run the target to its end; None where it could not be started, which is said.

    With ``capture`` its output is only in the state, and it has no input.
    """
    from mpviz.trace.launch import LaunchError  # noqa: PLC0415 - a usage error needs no msgspec
    from mpviz.trace.start import start  # noqa: PLC0415

    sessions: list[Session] = []
    stdin = subprocess.DEVNULL if capture else None
    with _signals(sessions) as signals:
        try:
            session = start(target, capture=capture, rate=rate, stdin=stdin, record=record)
        except (LaunchError, OSError) as error:
            say(str(error))
            return None
        try:
            sessions.append(session)
            signals.pass_on()
            _step_to_the_end(session, target.limit)
        finally:
            session.close()
    return Observed(session.state, record_problem(session), signals.received)


def record_problem(session: sessions.Session) -> str:
    """Why the run could not be recorded although requested; empty if there was no problem."""
    if session.recorded is None or not session.record_problem:
        return ""
    return f"{session.recorded}: {session.record_problem}"


def _step_to_the_end(session: Session, limit: float) -> None:
    """Fold until all is over; where there is a limit in seconds, end what is not over by then."""
    deadline = time.monotonic() + limit if limit else math.inf
    while not session.over:
        if not session.step(PAUSE):
            session.wait(PAUSE)
        if time.monotonic() > deadline:
            deadline = math.inf
            session.stop()


def exit_status(state: RunState) -> int:
    """The program's own exit status, as a shell would give it."""
    if state.exit_code is None:
        return NOT_STARTED
    return 128 - state.exit_code if state.exit_code < 0 else state.exit_code


def has_found(state: RunState, rules: frozenset[str]) -> bool:
    """Whether one of these rules has made a finding, be it over by now or not."""
    return any(finding.rule in rules for finding in state.findings.values())


def write_json(document: object, path: str) -> bool:
    """Write a document to the place that ``--json`` names; if that fails, say so and give False."""
    from mpviz.trace.destination import destination  # noqa: PLC0415

    try:
        with destination(path) as file:
            file.write(json.dumps(document) + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        place = "stdout" if path == "-" else path
        say(f"--json: cannot write {place}: {error.strerror}")
        return False
    return True


def say(words: str) -> None:
    """Print a message on stderr, if there is one.

    Names of files and programs may contain terminal escape sequences.
    """
    with suppress(OSError):
        print(f"mpviz: {clean(words)}", file=sys.stderr, flush=True)


def check_writable(path: str) -> None:
    """Raise OSError where this file could not be written; it is as it was before, or not there."""
    try:
        kind = Path(path).stat().st_mode
    except FileNotFoundError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        Path(path).unlink()
        return
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind):
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    elif not os.access(path, os.W_OK):
        # A pipe would wait for its reader if it were opened.
        raise PermissionError(13, os.strerror(13), path)


def _report(state: RunState, json_file: str | None) -> bool:
    """Say how it went; False where what was asked for could not be written."""
    from mpviz.trace.report import document, summary  # noqa: PLC0415

    try:
        print(summary(state), file=sys.stderr, flush=True)
        told = True
    except OSError:
        # There is nowhere to report this.
        told = False
    return (json_file is None or write_json(document(state), json_file)) and told


class _Signals:
    """Passes the first Ctrl-C and the first SIGTERM on to the program; other signals end it all.

    The program begins before there is a session: what comes by then waits until there is one.
    """

    def __init__(self, sessions: list[Session]) -> None:
        self.received: list[int] = []
        self._sessions = sessions
        self._waiting: list[int] = []

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal, and act on it if there is a session."""
        self._waiting.append(number)
        self.pass_on()

    def pass_on(self) -> None:
        """Act on what has come and was not acted on yet."""
        while self._sessions and self._waiting:
            number = self._waiting.pop(0)
            self.received.append(number)
            if number == signal.SIGINT and self.received.count(number) == 1:
                self._sessions[0].interrupt()
            elif number == signal.SIGTERM and not self._is_being_ended():
                self._sessions[0].terminate()
            else:
                self._sessions[0].stop()

    def _is_being_ended(self) -> bool:
        """Whether an earlier signal was already meant to end the program."""
        return any(number != signal.SIGINT for number in self.received[:-1])


@contextmanager
def _signals(sessions: list[Session]) -> Iterator[_Signals]:
    """Handle the signals that end a program, for the session that will be in the list.

    Signals that were ignored when we were started stay ignored, for the program too (nohup).
    """
    signals = _Signals(sessions)
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, signals.handle) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            # Once we have been asked to end, further signals must not prevent the report.
            signal.signal(number, signal.SIG_IGN if signals.received else handler)
