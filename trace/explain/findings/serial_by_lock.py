"""Rule: work that is done under a lock, so that one process at a time gets on."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.lock_turns import Turns, turns_at_locks
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.state import Finding, RunState


def is_serial(turns: Turns, margin: float = 0.0) -> bool:
    """Whether all but its holder wait, nearly all of the time."""
    if len(turns.came) < 2:
        return False
    most = 1 + limits.LOCK_BESIDE_SHARE * (len(turns.came) - 1)
    return (
        turns.held_share >= limits.LOCK_HELD_SHARE - margin
        and turns.at_work <= min(limits.LOCK_AT_WORK, most) + margin
    )


def _find(state: RunState) -> Iterator[Finding]:
    for turns in turns_at_locks(state):
        if is_serial(turns):
            yield _finding(turns)


def _nearly(state: RunState, lock_id: str) -> bool:
    return any(
        is_serial(turns, limits.MARGIN)
        for turns in turns_at_locks(state)
        if turns.lock.id == lock_id
    )


def _finding(turns: Turns) -> Finding:
    lock = turns.lock
    return Finding(
        subject=lock.id,
        message=f"{lock.kind.lower()} {lock.name} is held {turns.held_share:.0%} of the time:"
        f" of {len(turns.came)} processes {turns.at_work:.1f} can work at a time",
        cause=f"Nearly all of the work is done while the lock is held, {briefly(lock.hold.mean)}"
        " each time; the others wait for it.",
        fix="Work before you take the lock, and hold it only to put in what came of it.",
        processes=turns.keys,
        objects=(lock.id,),
        since=min(turns.came.values()),
    )


RULE = Rule(
    name="serial-by-lock",
    says="work made serial by a lock",
    threshold=f"a lock that is held {limits.LOCK_HELD_SHARE:.0%} of"
    f" {briefly(limits.LOCK_NANOSECONDS)} or more, while {limits.LOCK_AT_WORK:g} processes at most"
    " do not wait for it, on average",
    exempt="semaphores, a condition's lock, and a lock that hardly anybody waits for",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
