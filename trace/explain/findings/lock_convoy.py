"""Rule: processes that queue up for a lock most of their time, though none holds it for long."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.lock_turns import Turns, turns_at_locks
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.findings.serial_by_lock import is_serial
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for turns in turns_at_locks(state):
        was_serial = ("serial-by-lock", turns.lock.id) in state.findings
        if _is_convoy(turns) and not is_serial(turns, limits.MARGIN if was_serial else 0.0):
            yield _finding(turns)


def _is_convoy(turns: Turns, margin: float = 0.0) -> bool:
    return (
        len(turns.came) >= limits.LOCK_PROCESSES
        and turns.wait_share >= limits.LOCK_WAIT_SHARE - margin
    )


def _nearly(state: RunState, lock_id: str) -> bool:
    return any(
        _is_convoy(turns, limits.MARGIN) and not is_serial(turns)
        for turns in turns_at_locks(state)
        if turns.lock.id == lock_id
    )


def _finding(turns: Turns) -> Finding:
    lock = turns.lock
    return Finding(
        subject=lock.id,
        message=f"{len(turns.came)} processes wait for {lock.kind.lower()} {lock.name}"
        f" {turns.wait_share:.0%} of their time, {briefly(lock.wait.mean)} each time",
        cause=f"They take it so often, {lock.acquisitions} times in all, that one waits behind the"
        f" other, though each holds it for {briefly(lock.hold.mean)} only.",
        fix="Take it less often: add up in each process, and put in the sum once in a while.",
        processes=turns.keys,
        objects=(lock.id,),
        since=min(turns.came.values()),
    )


RULE = Rule(
    name="lock-convoy",
    says="processes that wait for a lock most of their time",
    threshold=f"{limits.LOCK_PROCESSES} processes or more that wait"
    f" {limits.LOCK_WAIT_SHARE:.0%} of their time, over {briefly(limits.LOCK_NANOSECONDS)}",
    exempt="semaphores, a condition's lock, and what serial-by-lock names",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
