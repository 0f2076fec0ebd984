"""``mpviz why PID``: a look of two seconds at a running program, printed."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from mpviz.tui.endings import FOUND
from mpviz.tui.messages import say, write_json

if TYPE_CHECKING:
    from mpviz.trace.attach.session import AttachedSession

LOOK_SECONDS = 2.0
"""Seconds for which the program is looked at after the first look."""

MOST_SECONDS = 4.5
"""Seconds for which it is looked at if its waits are too young to be told from a pause."""

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
    until = began + FIRST_LOOK_SECONDS
    while time.monotonic() < until and not session.over:
        if session.looks and until > began + LOOK_SECONDS + FIRST_LOOK_SECONDS / 2:
            began = time.monotonic()
            until = began + LOOK_SECONDS
        if not session.step(_PAUSE):
            session.wait(_PAUSE)
        if session.state.troubles and not session.looks:
            return
        if time.monotonic() >= until and _is_young(session) and until < began + MOST_SECONDS:
            until = began + MOST_SECONDS


def _is_young(session: AttachedSession) -> bool:
    """Whether all wait, but not yet for so long that it could not be a pause."""
    from mpviz.trace.explain.stalls import stuck_since

    return not session.state.findings and stuck_since(session.state) >= 0
