"""Rule: processes that wait for a lock most of their time, though none holds it for long."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.lock_turns import LOCK_NANOSECONDS, Turns, turns_at_locks
from mpviz.trace.explain.findings.rule import MARGIN, Rule, Stays
from mpviz.trace.explain.findings.serial_by_lock import is_serial
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.state import Finding, RunState

LOCK_WAIT_SHARE = 0.5
"""Minimum share (0 to 1) of their time that the processes wait for the lock."""

LOCK_PROCESSES = 3
"""Minimum number of processes that take it by turns, for their waits to be called a convoy."""


def _find(state: RunState) -> Iterator[Finding]:
    for turns in turns_at_locks(state):
        was_serial = ("serial-by-lock", turns.lock.id) in state.findings
        if _is_convoy(turns) and not is_serial(turns, MARGIN if was_serial else 0.0):
            yield _finding(turns)


def _is_convoy(turns: Turns, margin: float = 0.0) -> bool:
    return len(turns.came) >= LOCK_PROCESSES and turns.wait_share >= LOCK_WAIT_SHARE - margin


def _nearly(state: RunState, lock_id: str) -> bool:
    return any(
        _is_convoy(turns, MARGIN) and not is_serial(turns)
        for turns in turns_at_locks(state)
        if turns.lock.id == lock_id
    )


def _finding(turns: Turns) -> Finding:
    lock = turns.lock
    return Finding(
        subject=lock.id,
        message=f"{len(turns.came)} processes wait for {with_kind(lock.kind, lock.name)}"
        f" {turns.wait_share:.0%} of their time, {briefly(lock.wait.mean)} each time",
        cause=f"They take it so often ({lock.acquisitions} times in all) that they queue up, though"
        f" each holds it for only {briefly(lock.hold.mean)}.",
        fix="Take it less often: add up in each process, and hand in the sum once in a while.",
        processes=turns.keys,
        objects=(lock.id,),
        since=min(turns.came.values()),
    )


RULE = Rule(
    name="lock-convoy",
    says="processes that wait for a lock most of their time",
    threshold=f"{LOCK_PROCESSES} processes or more that wait"
    f" {LOCK_WAIT_SHARE:.0%} of their time, over {briefly(LOCK_NANOSECONDS)}",
    exempt="semaphores, a condition's lock, and locks that serial-by-lock names",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
