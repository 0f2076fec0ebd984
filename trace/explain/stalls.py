"""Stall detection: whether no process of a program is at work, and some wait."""

from __future__ import annotations

from mpviz.trace.explain.chains import chain_in_words, chain_of
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.process import Process, Stuck
from mpviz.trace.model.state import HELPERS, RunState
from mpviz.trace.model.wait_kinds import wait_in_words

STUCK_NANOSECONDS = 1_000_000_000
"""Minimum age of a wait: a younger one may be about to end."""


def stuck(state: RunState) -> list[Stuck]:
    """All waits, the longest first, if no process is at work; else an empty list.

    Waits with a time-out count, too, because that is not always known.
    """
    found: list[Stuck] = []
    for process in state.processes.values():
        if not process.alive or process.role in (*HELPERS, "manager"):
            continue
        if not _is_held_up(state, process):
            return []
        waits = as_it_waits(state, process)
        if waits is not None:
            found.append(waits)
    return sorted(found, key=lambda each: each.since)


def as_it_waits(state: RunState, process: Process) -> Stuck | None:
    """What a process waits for now, also in words; None if it does not wait."""
    wait = process.wait
    if wait is None:
        return None
    words = wait_in_words(state, wait)
    chain = chain_of(state, process)
    return Stuck(
        process.key,
        wait.what,
        wait.object,
        wait.since,
        words,
        wait.site,
        tuple(link.process.key for link in chain.links),
        chain_in_words(state, chain),
    )


def _is_held_up(state: RunState, process: Process) -> bool:
    """Whether a living process does nothing that could end the wait of another one."""
    wait = process.wait
    if wait is not None and process.activity is wait.activity:
        return state.now - wait.since >= STUCK_NANOSECONDS
    if process.activity is Activity.ENDING:
        # If it sleeps while it ends, something keeps it from ending.
        return process.resting and 0 <= process.exiting <= state.now - STUCK_NANOSECONDS
    return process.activity in (Activity.IDLE, Activity.ZOMBIE)
