"""Rule: a deadlock: threads that wait for each other in a ring, none with a time-out."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.chains import Asked, Link, links_in_words
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.stalls import stuck_since
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitive import Thread
from mpviz.trace.model.primitives.file_lock import WAITS_FOR_FILE_LOCK
from mpviz.trace.model.state import Finding, RunState

DEADLOCK_NANOSECONDS = 300_000_000
"""Minimum time for which the same threads wait for each other in the same ring, nanoseconds."""


def _find(state: RunState) -> Iterator[Finding]:
    needs = _needs(state)
    settled: set[Thread] = set()
    for start in list(needs):
        ring = _ring_from(start, needs, settled)
        if ring and (len(ring) > 1 or stuck_since(state) >= 0):
            yield _finding(state, ring)


def _needs(state: RunState) -> dict[Thread, tuple[Link, list[Thread]]]:
    """For each thread that waits without a time-out, the threads that it cannot do without."""
    found = {}
    asked = Asked()
    for process in state.processes.values():
        if not process.alive:
            continue
        for number, wait in process.waits.items():
            if wait.until >= 0:
                continue
            unblockers = asked.sorted(state, wait).unblockers
            if unblockers.complete and (unblockers.all_needed or len(unblockers.threads) == 1):
                link = Link(process, number, wait, unblockers)
                found[Thread(process.key, number)] = link, list(unblockers.threads)
    return found


def _ring_from(
    start: Thread, needs: dict[Thread, tuple[Link, list[Thread]]], settled: set[Thread]
) -> list[Link]:
    """A ring that this thread leads to and that was not found before, by depth-first search."""
    # In the order in which they were reached.
    path: dict[Thread, None] = {}
    left = [[start]]
    while left:
        if not left[-1]:
            left.pop()
            if path:
                settled.add(path.popitem()[0])
            continue
        thread = left[-1].pop()
        if thread in path:
            ring = list(path)
            settled.update(ring)
            return [needs[each][0] for each in ring[ring.index(thread) :]]
        if thread in settled or thread not in needs:
            continue
        path[thread] = None
        left.append(list(needs[thread][1]))
    return []


def _finding(state: RunState, ring: list[Link]) -> Finding:
    first = min(range(len(ring)), key=lambda index: ring[index].process.number)
    ring = ring[first:] + ring[:first]
    waits = [link.wait for link in ring if link.wait is not None]
    keys = tuple(dict.fromkeys(link.process.key for link in ring))
    who = (
        f"{len(keys)} processes wait for each other"
        if len(keys) > 1
        else "a process waits for itself"
    )
    since = max(wait.since for wait in waits)
    return Finding(
        # A different start means a different deadlock.
        subject=" ".join(f"{link.process.key}/{link.thread}" for link in ring) + f" {since}",
        message=f"{who}: " + "; ".join(links_in_words(state, ring)),
        cause=_cause(ring),
        fix=_fix({wait.what for wait in waits}, len(keys)),
        processes=keys,
        objects=tuple(dict.fromkeys(wait.object for wait in waits if wait.what != "process")),
        since=since,
    )


def _cause(ring: list[Link]) -> str:
    if len(ring) == 1:
        return "It already holds what it waits for, and nobody else could release that."
    return "Each holds what the next one waits for, and releases it only after its own wait."


def _fix(whats: set[str], processes: int) -> str:
    if whats <= {"lock", WAITS_FOR_FILE_LOCK} and WAITS_FOR_FILE_LOCK in whats:
        return (
            "Take the locks in the same order everywhere, or ask for the file lock without a wait"
            " (LOCK_NB)."
            if processes > 1
            else "Take the file lock in one place only: a second open() is another owner for flock."
        )
    if whats == {"lock"}:
        if processes == 1:
            return "Use an RLock, or take the lock in one place only."
        return "Take the locks in the same order everywhere, or give acquire a timeout."
    if "process" in whats:
        return "Release what the others wait for before the join."
    return "Release what the others wait for before you wait for what they hold."


RULE = Rule(
    name="deadlock",
    says="processes that wait for each other in a ring, and none can go on",
    threshold=f"the same ring for {briefly(DEADLOCK_NANOSECONDS)}, seen twice or more",
    exempt="a ring with a time-out in it; a lock that its own holder waits for while others are at"
    " work, since they may release it",
    find=_find,
    stays=Stays.OVER,
    holds=DEADLOCK_NANOSECONDS,
    is_a_dead_end=True,
)
