"""Rule: a lock or a place of a semaphore that a dead process still holds, while others wait."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import known, waits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.primitives.lock import Lock, waiters
from mpviz.trace.model.primitives.manager import Managed
from mpviz.trace.model.processes.identity import exit_in_words, fate, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import Finding, RunState

DEAD_HOLDER_NANOSECONDS = 1_000_000_000
"""Minimum time for which somebody waits for a lock whose holder is dead, nanoseconds."""

_CAUSE = (
    "A lock is not released when its holder dies, and no other process knows that it should"
    " release it."
)
_FIX = (
    "Take the lock in a with block, so that an exception releases it. Do not kill or terminate a"
    " process that may hold it: ask it to end with an Event, or a sentinel in its queue."
)


def _find(state: RunState) -> Iterator[Finding]:
    for lock in state.table(Lock).values():
        if lock.lost_since >= 0:
            yield from _without_holder(state, lock)
        if lock.holders and not lock.passed_on:
            holders = known(state, [key for key, _ in lock.holders])
            dead = [each for each in holders if not each.alive and _is_fault(lock, each)]
            if dead:
                waiting = waiters(state, "lock", lock.id)
                if waiting:
                    places = f"{len(dead)} of {lock.maximum} places of " * (lock.maximum > 1)
                    named = f"{places}{with_kind(lock.kind, lock.name)}"
                    yield _finding(state, lock, named, dead, waiting)
    for managed in state.table(Managed).values():
        dead = [
            each for each in known(state, [key for key, _ in managed.holders]) if not each.alive
        ]
        waiting = list(_callers_of_acquire(state, managed)) if dead else []
        if waiting:
            named = f"{with_kind(managed.kind, managed.name)} of a manager"
            yield _finding(state, managed, named, dead, waiting)


def _without_holder(state: RunState, lock: Lock) -> Iterator[Finding]:
    """A lock that is taken though no living process holds it, as was seen from outside."""
    waiting = [process for process, _ in waiters(state, "lock", lock.id)]
    if not waiting:
        return
    keys = tuple(dict.fromkeys(process.key for process in waiting))
    wait = plural(len(keys), "process waits", "processes wait")
    yield Finding(
        subject=lock.id,
        message=f"{with_kind(lock.kind, lock.name)} is taken, and no process that is there holds"
        f" it: its holder has ended; {wait} for it: {names_of(state, keys)}",
        cause=_CAUSE,
        fix=_FIX,
        processes=keys,
        objects=(lock.id,),
        since=max(min(wait.since for _, wait in waiters(state, "lock", lock.id)), 0),
    )


def _callers_of_acquire(state: RunState, managed: Managed) -> Iterator[tuple[Process, Wait]]:
    """The waits for a lock in a manager."""
    acquire = managed.methods.get("acquire")
    for process, wait in waits(state):
        if acquire is not None and (wait.what, wait.object) == ("answer", acquire.id):
            yield process, wait


def _is_fault(lock: Lock, holder: Process) -> bool:
    """A place of a semaphore may be given back by another process than took it, by design."""
    return lock.kind in ("Lock", "RLock") or holder.exit_code not in (0, None)


def _finding(
    state: RunState,
    lock: Lock | Managed,
    name: str,
    dead: list[Process],
    waits_for_it: list[tuple[Process, Wait]],
) -> Finding:
    holders = tuple(dict.fromkeys(process.key for process in dead))
    waiting = tuple(dict.fromkeys(process.key for process, _ in waits_for_it))
    held = f"{name} {'is' if len(dead) == 1 else 'are'} held by {names_of(state, holders)}"
    is_dead = {process.key for process in dead}
    holds = (each for each in lock.holders if each[0] in is_dead)
    taken = state.place(lock.taken_at.get(next(holds), 0))
    if len(holders) == 1:
        held += f", which {fate(dead[0])} ({exit_in_words(dead[0])})"
        held += f" and took it at {taken}" if taken else ""
    else:
        held += ", all dead"
    wait = plural(len(waiting), "process waits", "processes wait")
    places = dict.fromkeys(state.place(each.site) for _, each in waits_for_it)
    at = f", at {places.popitem()[0]}" if len(places) == 1 and all(places) else ""
    return Finding(
        subject=lock.id,
        message=f"{held}, and {wait} for it: {names_of(state, waiting)}{at}",
        cause=_CAUSE,
        fix=_FIX,
        processes=(*holders, *waiting),
        objects=(lock.id,),
        since=min(process.ended for process in dead),
    )


RULE = Rule(
    name="dead-holder",
    says="a lock or semaphore whose holder is dead while others wait for it",
    threshold=f"somebody waits for it for {briefly(DEAD_HOLDER_NANOSECONDS)} after that death",
    exempt="locks that nobody waits for, or that another process than the holder has ever released;"
    " semaphores whose holders ended well, since others may release those",
    find=_find,
    stays=Stays.OVER,
    holds=DEAD_HOLDER_NANOSECONDS,
    is_a_dead_end=True,
)
