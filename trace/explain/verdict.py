"""How a run goes, said once for the header, for ``!`` and for what follows from them."""

from __future__ import annotations

from enum import Enum

from mpviz.trace.explain.stalls import stuck_since
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.state import RunState


class Going(Enum):
    """How a run goes."""

    ON = "goes on"
    """A process is at work, or will be."""
    ALL_WAIT = "everyone is waiting"
    """No process is at work, and nothing says that this will not end by itself."""
    MAIN_STUCK = "the main process is stuck"
    """A finding says why the program can never end; until then, other processes are at work."""
    STUCK = "stuck"
    """A finding says why the program can never end, and no process is at work."""


def verdict(state: RunState) -> tuple[Going, int]:
    """How the run goes now, and since when, nanoseconds."""
    waiting_since = stuck_since(state)
    found = [each for each in state.dead_ends if waiting_since >= 0 or state.main in each.processes]
    if found:
        is_all = waiting_since >= 0
        going = Going.STUCK if is_all else Going.MAIN_STUCK
        return going, min(each.since for each in found)
    if waiting_since >= 0:
        return Going.ALL_WAIT, waiting_since
    return Going.ON, state.now


def nothing_found(state: RunState) -> str:
    """What to say if there is no finding: it must not sound as if all were well."""
    going, since = verdict(state)
    if going is not Going.ALL_WAIT:
        return "nothing was found wrong so far"
    return (
        f"all processes have waited for {duration(state.now - since)}; no finding says yet that"
        " this cannot end by itself"
    )
