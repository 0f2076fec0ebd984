"""Rule: work that is done while a lock is held, so that only one process at a time works."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.lock_turns import LOCK_NANOSECONDS, Turns, turns_at_locks
from mpviz.trace.explain.findings.rule import MARGIN, Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.state import Finding, RunState

LOCK_HELD_SHARE = 0.8
"""Minimum share (0 to 1) of the window in which the lock is held: the work is done under it."""

LOCK_AT_WORK = 1.5
"""Maximum average number of processes that do not wait: the holder, and hardly another."""

LOCK_BESIDE_SHARE = 0.3
"""Maximum share (0 to 1) of the others that do not wait. Of two processes, 1.3 may be at work."""


def is_serial(turns: Turns, margin: float = 0.0) -> bool:
    """Whether all processes but the holder wait nearly all of the time."""
    if len(turns.came) < 2:
        return False
    most = 1 + LOCK_BESIDE_SHARE * (len(turns.came) - 1)
    return (
        turns.held_share >= LOCK_HELD_SHARE - margin
        and turns.at_work <= min(LOCK_AT_WORK, most) + margin
    )


def _find(state: RunState) -> Iterator[Finding]:
    for turns in turns_at_locks(state):
        if is_serial(turns):
            yield _finding(turns)


def _nearly(state: RunState, lock_id: str) -> bool:
    return any(
        is_serial(turns, MARGIN) for turns in turns_at_locks(state) if turns.lock.id == lock_id
    )


def _finding(turns: Turns) -> Finding:
    lock = turns.lock
    return Finding(
        subject=lock.id,
        message=f"{with_kind(lock.kind, lock.name)} is held {turns.held_share:.0%} of the time, so"
        f" that on average only {turns.at_work:.1f} of {len(turns.came)} processes make progress",
        cause="Nearly all of the work is done while the lock is held, for"
        f" {briefly(lock.hold.mean)} each time, while the others wait for it.",
        fix="Do the work before you take the lock, and hold it only to store the result.",
        processes=turns.keys,
        objects=(lock.id,),
        since=min(turns.came.values()),
    )


RULE = Rule(
    name="serial-by-lock",
    says="work made serial by a lock",
    threshold=f"a lock that is held {LOCK_HELD_SHARE:.0%} of"
    f" {briefly(LOCK_NANOSECONDS)} or more, while {LOCK_AT_WORK:g} processes at most"
    " do not wait for it, on average",
    exempt="semaphores, a condition's lock, and locks that hardly anybody waits for",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
