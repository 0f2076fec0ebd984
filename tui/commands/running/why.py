"""``mpviz why PID``: a look of two to six seconds at a running program, printed."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from mpviz.tui.endings import FOUND
from mpviz.tui.messages import say, write_json

if TYPE_CHECKING:
    from mpviz.trace.attach.session import AttachedSession
    from mpviz.trace.model.processes.process import Process

LOOK_SECONDS = 2.0
"""Seconds for which the program is looked at after the first look."""

MOST_SECONDS = 6.0
"""Seconds for which it is looked at if nothing is found in it, and it waits or has processes that
end: its waits may be too young to be told from a pause.
"""

LEAST_LOOKS, BUSY_SECONDS = 6, 20.0
"""Looks that it takes to find nothing; and how long these, and the stacks of hundreds of processes,
may take, seconds.
"""

FIRST_LOOK_SECONDS = 30.0
"""Seconds until the first look has to be there; 200 processes take some two."""

_WIDTH = 80
_PAUSE = 0.05


def explain(session: AttachedSession, json_file: str | None, fail_on: frozenset[str]) -> int:
    """Look at the program, print why it does not go on, and leave it as it is."""
    from mpviz.trace.explain.report import document
    from mpviz.trace.explain.why import why

    try:
        _look(session)
        state = session.state
        if not session.looks:
            troubles = state.troubles
            say(troubles[0].text if troubles else "the program could not be looked at")
            return 1
        if json_file != "-":
            width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
            print("\n".join(why(state, width)))
            sys.stdout.flush()
        found = {each.rule for each in state.findings.values() if each.over < 0}
        written = json_file is None or write_json(document(state), json_file)
        if found & fail_on:
            return FOUND
        return 0 if written else 1
    finally:
        session.close()


def _look(session: AttachedSession) -> None:
    """Fold what is seen until it can be judged."""
    began = time.monotonic()
    while not session.looks:
        if session.state.troubles or time.monotonic() >= began + FIRST_LOOK_SECONDS:
            return
        _follow(session)
    began = time.monotonic()
    while not session.over and not _is_enough(session, time.monotonic() - began):
        _follow(session)


def _is_unread(process: Process) -> bool:
    """Whether it sleeps, and its stacks are still to be read."""
    stacks = process.stacks
    is_asleep = process.alive and process.asleep_since >= 0 and not process.unobserved
    return is_asleep and stacks is not None and not stacks.threads


def _follow(session: AttachedSession) -> None:
    if not session.step(_PAUSE):
        session.wait(_PAUSE)


def _is_enough(session: AttachedSession, seconds: float) -> bool:
    """Whether the program was looked at for long enough to say what is wrong with it, or nothing
    is.
    """
    state = session.state
    if seconds < LOOK_SECONDS or state.findings:
        return seconds >= LOOK_SECONDS
    if session.looks < LEAST_LOOKS:
        return seconds >= BUSY_SECONDS
    if any(map(_is_unread, state.processes.values())):
        return seconds >= BUSY_SECONDS
    in_doubt = any(each.ended >= 0 or each.waits for each in state.processes.values())
    return seconds >= (MOST_SECONDS if in_doubt else LOOK_SECONDS)
