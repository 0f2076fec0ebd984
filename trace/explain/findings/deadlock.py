"""Rule: a deadlock: threads that wait for each other in a ring, none with a time-out."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.chains import Asked, Link, chain_of
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.reasons import all_taken, why_nothing_comes
from mpviz.trace.explain.ring import ring_in_words
from mpviz.trace.explain.stalls import at_a_standstill, is_at_rest
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitive import Thread
from mpviz.trace.model.primitives.file_lock import WAITS_FOR_FILE_LOCK
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described, ended_badly
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import Finding, RunState

DEADLOCK_NANOSECONDS = 300_000_000
"""Minimum time for which the same threads wait for each other in the same ring, nanoseconds."""


LOOSE_NANOSECONDS = 3_000_000_000
"""The same for a ring of waits that others could have ended, nanoseconds, while none is at work."""

_EXPLAINED = ("get", "condition", "event")
"""Waits for what somebody may have done before, and in vain."""

MOST_CHAINS = 16
"""Number of processes, those that have waited longest, from which such a ring is searched."""


def _find(state: RunState) -> Iterator[Finding]:
    rings = list(_tight_rings(state)) or _loose_rings(state)
    for ring in rings:
        yield _finding(state, ring)


def _tight_rings(state: RunState) -> Iterator[list[Link]]:
    """Rings in which each wait can be ended by the next thread alone."""
    needs = _needs(state)
    settled: set[Thread] = set()
    for start in list(needs):
        ring = _ring_from(start, needs, settled)
        if ring and _is_certain(ring) and (len(ring) > 1 or _is_alone(state, ring[0])):
            yield ring


def _is_certain(ring: list[Link]) -> bool:
    """Whether each thread of a ring is the one that would end the wait of the one before it.

    The kernel names the process that has a file lock, and any thread of it may release that.
    """
    behind = zip(ring, ring[1:] + ring[:1], strict=True)
    return all(
        is_at_rest(holder.process)
        for link, holder in behind
        if link.wait is not None and link.wait.what == WAITS_FOR_FILE_LOCK
    )


def _is_alone(state: RunState, link: Link) -> bool:
    """Whether nobody else will end the wait of a thread that holds what it waits for.

    Any process may release a lock, whoever has taken it.
    """
    return _is_own(link.wait) or bool(at_a_standstill(state))


def _is_own(wait: Wait | None) -> bool:
    return wait is not None and wait.own


def _loose_rings(state: RunState) -> list[list[Link]]:
    """Rings of waits that others could have ended, if nobody is left who does.

    Whether a thread of one of them could is known when their stacks were looked at. If a process
    has failed, or an item was lost, it is to blame, and not the ring.
    """
    processes = at_a_standstill(state)
    if not processes or any(
        each.ended >= 0 and ended_badly(each) for each in state.processes.values()
    ):
        return []
    waiting = [each for each in processes if each.wait is not None]
    waiting.sort(key=lambda each: each.wait.since if each.wait is not None else 0)
    if not waiting or state.now - max(_begins(each.waits) for each in waiting) < LOOSE_NANOSECONDS:
        return []
    rings: dict[frozenset[str], list[Link]] = {}
    asked = Asked()
    for process in waiting[:MOST_CHAINS]:
        ring = list(chain_of(state, process, asked).cycle)
        is_seen = all(link.process.stacks is not None for link in ring)
        if len(ring) > 1 and is_seen and not _lost_something(state, ring):
            rings.setdefault(frozenset(link.process.key for link in ring), ring)
    return list(rings.values())


def _begins(waits: dict[int, Wait]) -> int:
    return max(wait.since for wait in waits.values())


def _lost_something(state: RunState, ring: list[Link]) -> bool:
    """Whether two of them wait for the same queue, of which an item has got lost."""
    objects = [link.wait.object for link in ring if link.wait is not None]
    queues = (state.table(Queue).get(each) for each in objects)
    is_lost = any(queue is not None and queue.unpicklable for queue in queues)
    return is_lost or len(set(objects)) < len(objects)


def _needs(state: RunState) -> dict[Thread, tuple[Link, list[Thread]]]:
    """For each thread that waits without a time-out, the threads that it cannot do without."""
    found = {}
    asked = Asked()
    for process in state.processes.values():
        if not process.alive:
            continue
        for number, wait in process.waits.items():
            if wait.until >= 0 or wait.what == "done":
                # Another thread may finish what this one has taken: that is a loose ring.
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
        message=f"{who}: {_in_words(state, ring)}",
        cause=_cause(ring),
        fix=_fix({wait.what for wait in waits}, len(keys)),
        processes=keys,
        objects=tuple(dict.fromkeys(wait.object for wait in waits if wait.what != "process")),
        since=since,
    )


def _in_words(state: RunState, ring: list[Link]) -> str:
    """The ring in words, and why what one of them waits for had not come before, if that is known.

    Who sends, receives or finishes an item has nothing before it that could explain its wait.
    """
    words = ring_in_words(state, ring)
    for link in reversed(ring):
        if link.wait is None or link.wait.what not in _EXPLAINED:
            continue
        why = why_nothing_comes(state, link.process, link.wait) or all_taken(state, link.wait)
        if why:
            begins = ":" if link is ring[-1] else f"; {described(link.process)} waits in vain:"
            return f"{words}{begins} {why}"
    return words


def _cause(ring: list[Link]) -> str:
    if _is_own(ring[0].wait):
        return (
            "A signal handler has interrupted its wait, and waits until all waiters have woken."
            " This one wakes only when the handler has returned."
        )
    if not all(link.unblockers is not None and link.unblockers.complete for link in ring):
        return "Each waits for what only another one of them could still do, and none is at work."
    if len(ring) == 1:
        return "It already holds what it waits for, and nobody else could release that."
    return "Each holds what the next one waits for, and releases it only after its own wait."


_FIXES = (
    (
        ("wake-event", "wake-condition"),
        "Let the handler only set a plain variable, and wait with a time-out in a loop that looks"
        " at it; or have another thread or process set the event.",
    ),
    (
        ("send", "receive"),
        "Let one of them receive before it sends, or send what the other waits for.",
    ),
    (
        ("condition",),
        "Look at a variable before the wait, as wait_for() does, and set it before notify(): then"
        " it does not matter which of the two comes first.",
    ),
    (
        ("event",),
        "Leave the event set until all that wait for it have gone on, or set it before the join.",
    ),
    (
        ("get", "put", "done"),
        "Let one of them put, take out or finish its items before it waits for the others.",
    ),
    (("process",), "Release what the others wait for before the join."),
)
"""What to do about a ring in which somebody waits for one of these, the first that applies."""


def _fix(whats: set[str], processes: int) -> str:
    if whats <= {"lock", WAITS_FOR_FILE_LOCK} and WAITS_FOR_FILE_LOCK in whats:
        return (
            "Take the locks in the same order everywhere, or ask for the file lock without a wait"
            " (LOCK_NB)."
            if processes > 1
            else "Take the file lock in one place only: a second open() is another owner for flock."
        )
    if whats == {"lock"} and processes == 1:
        return "Use an RLock, or take the lock in one place only."
    if whats <= {"lock", "answer"}:
        return "Take the locks in the same order everywhere, or give acquire a timeout."
    if whats == {"get", "process"}:
        return "Before the join, put one sentinel (None, say) for each process that takes items."
    fixes = (fix for kinds, fix in _FIXES if whats.intersection(kinds))
    return next(fixes, "Release what the others wait for before you wait for what they hold.")


RULE = Rule(
    name="deadlock",
    says="processes that wait for each other in a ring, and none can go on",
    threshold=f"the same ring for {briefly(DEADLOCK_NANOSECONDS)}, seen twice or more; for"
    f" {briefly(LOOSE_NANOSECONDS)} if others could have ended one of the waits, and none is at"
    " work",
    exempt="a ring with a time-out in it; a lock that its own holder waits for while others are at"
    " work or may wake, since they may release it; a file lock whose holder has a thread that may"
    " wake, or cannot be looked at; a ring in which an item got"
    " lost, or whose program has a process that failed: stalled names that",
    find=_find,
    stays=Stays.OVER,
    holds=DEADLOCK_NANOSECONDS,
    is_a_dead_end=True,
)
