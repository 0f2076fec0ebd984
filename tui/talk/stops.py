"""When a step of a talk stops by itself."""

from __future__ import annotations

from mpviz.trace.model.state import RunState
from mpviz.tui.talk.plan import FINDING, Stop


def reached(stop: Stop, state: RunState) -> bool:
    """Whether a run has come to where its step stops; its end is not asked for here."""
    if stop.seconds:
        return state.run is not None and state.now - state.origin >= stop.seconds * 1e9
    return found_at(stop, state) >= 0


def found_at(stop: Stop, state: RunState) -> int:
    """When the finding was found with which its step stops, nanoseconds; -1 if none was."""
    return next(
        (
            finding.found
            for finding in state.findings.values()
            if stop.finding in (FINDING, finding.rule)
        ),
        -1,
    )


def has_ended(state: RunState) -> bool:
    """Whether nothing is left of the program."""
    return state.ended >= 0
