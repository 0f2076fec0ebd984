"""Rule: a lock or a place of a semaphore that a dead process took along, and others wait for it."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.evidence import known
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.lock import Lock, waiters
from mpviz.trace.model.processes.identity import exit_in_words, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for lock in state.table(Lock).values():
        if lock.holders and not lock.passed_on:
            holders = known(state, [key for key, _ in lock.holders])
            dead = [each for each in holders if not each.alive and _is_fault(lock, each)]
            if dead:
                waiting = [process.key for process, _ in waiters(state, "lock", lock.id)]
                if waiting:
                    yield _finding(state, lock, dead, tuple(dict.fromkeys(waiting)))


def _is_fault(lock: Lock, holder: Process) -> bool:
    """A place of a semaphore may be given back by another than who took it, by design."""
    return lock.kind in ("Lock", "RLock") or holder.exit_code not in (0, None)


def _finding(state: RunState, lock: Lock, dead: list[Process], waiting: tuple[str, ...]) -> Finding:
    holders = tuple(dict.fromkeys(process.key for process in dead))
    name = f"{lock.kind.lower()} {lock.name}"
    if lock.maximum > 1:
        name = f"{len(dead)} of {lock.maximum} places of {name}"
    held = f"{name} {'is' if len(dead) == 1 else 'are'} held by {names_of(state, holders)}"
    held += f", which is dead ({exit_in_words(dead[0])})" if len(holders) == 1 else ", all dead"
    wait = "1 process waits" if len(waiting) == 1 else f"{len(waiting)} processes wait"
    return Finding(
        subject=lock.id,
        message=f"{held}, and {wait} for it: {names_of(state, waiting)}",
        cause="A lock is not given back when its holder dies, and no other process knows that it"
        " has to.",
        fix="Take it in a with block, so that it is given back when something raises, and do not"
        " kill or terminate a process that may hold it: ask it to end with an Event, or a"
        " sentinel in its queue.",
        processes=(*holders, *waiting),
        objects=(lock.id,),
        since=min(process.ended for process in dead),
    )


RULE = Rule(
    name="dead-holder",
    says="a lock or semaphore whose holder is dead, and somebody waits for it",
    threshold=f"it is waited for, for {briefly(limits.DEAD_HOLDER_NANOSECONDS)} after that death",
    exempt="what nobody waits for; what was ever given back by another than its holder; places of"
    " semaphores whose holders ended well, since others may give them back",
    find=_find,
    stays=Stays.OVER,
    holds=limits.DEAD_HOLDER_NANOSECONDS,
)
