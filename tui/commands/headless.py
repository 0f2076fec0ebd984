"""A run without a screen: the program's own output, a report on stderr, and its exit status."""

from __future__ import annotations

import math
import os
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.tui.endings import NOT_STARTED, Signals, exit_status, final_status
from mpviz.tui.messages import record_problem, say, say_at_once, write_json
from mpviz.tui.sessions import Steps, start_of

if TYPE_CHECKING:
    from mpviz.trace.launch.session import Session
    from mpviz.trace.launch.start import Target
    from mpviz.trace.model.state import RunState

DEADLOCK_SECONDS = 5.0
"""Seconds that a deadlock to which a schedule leads may stand, so that it is found and told."""

PAUSE = 0.1
"""Seconds between two looks at a queue in which there was nothing."""


@dataclass(frozen=True)
class Observed:
    """A run without a screen, after its end."""

    state: RunState
    record_problem: str
    """Why it could not be recorded as it should have been; empty if it was."""
    signals: Signals
    """Those that were sent to mpviz meanwhile."""


def run_headless(
    target: Target,
    json_file: str | None,
    record: Path | None,
    rate: float,
    fail_on: frozenset[str],
    steps: Steps = (),
) -> int:
    """Run the target to its end, after the steps of a schedule; return the exit status."""
    signals = Signals(has_screen=False, announce=say_at_once, grace=target.grace)
    with signals.handled():
        observed = _observe(target, record, rate, signals, steps=steps)
        if observed is None:
            return NOT_STARTED
        signals.report_begins()
        written = _report(observed.state, json_file)
    if observed.record_problem:
        say(f"--record: {observed.record_problem}")
        written = False
    own = exit_status(observed.state) or (0 if written else 1)
    return final_status(observed.signals, observed.state, fail_on, own)


def observe(
    target: Target, record: Path | None, rate: float, *, capture: bool = False
) -> Observed | None:
    """Run the target to its end; None, after a message, if it could not be started.

    With ``capture`` its output is only in the state, and it has no input.
    """
    signals = Signals(has_screen=False, announce=say_at_once, grace=target.grace)
    with signals.handled():
        return _observe(target, record, rate, signals, capture=capture)


def _observe(
    target: Target,
    record: Path | None,
    rate: float,
    signals: Signals,
    *,
    capture: bool = False,
    steps: Steps = (),
) -> Observed | None:
    from mpviz.trace.launch.program import LaunchError

    stdin = subprocess.DEVNULL if capture else None
    try:
        session = start_of(steps, DEADLOCK_SECONDS)(
            target, capture=capture, rate=rate, stdin=stdin, record=record
        )
    except (LaunchError, OSError) as error:
        say(str(error))
        return None
    try:
        signals.session = session
        if target.limit:
            say_at_once(f"{target.name} hangs on purpose: mpviz ends it after {target.limit:g} s")
        _step_to_the_end(session, signals, target.limit, tells_findings=not capture)
    finally:
        session.close()
    return Observed(session.state, record_problem(session), signals)


def _step_to_the_end(
    session: Session, signals: Signals, limit: float, *, tells_findings: bool
) -> None:
    """Fold until the run is over; if there is a limit in seconds, end the run after it."""
    from mpviz.tui.commands.early_findings import EarlyFindings

    early = EarlyFindings(say_at_once)
    deadline = time.monotonic() + limit if limit else math.inf
    while not session.over:
        signals.act()
        if not session.step(PAUSE):
            session.wait(PAUSE)
        if tells_findings and session.state.ending < 0:
            early.look(session.state)
        if time.monotonic() > deadline:
            deadline = math.inf
            session.stop()


def check_writable(path: str) -> None:
    """Raise OSError if this file could not be written; it is as it was before, or not there."""
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
    """Say how it went; False if what was asked for could not be written."""
    from mpviz.trace.explain.report import document, summary

    try:
        print(summary(state), file=sys.stderr, flush=True)
        told = True
    except OSError:
        # There is nowhere to report this.
        told = False
    return (json_file is None or write_json(document(state), json_file)) and told
