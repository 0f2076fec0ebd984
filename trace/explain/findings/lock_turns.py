"""Contention of a lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpviz.trace.model.primitives.lock import Lock, locks_in_use
from mpviz.trace.model.state import RunState

LOCK_NANOSECONDS = 1_500_000_000
"""Minimum time for which a lock has been taken by turns, nanoseconds."""

LOCK_TURNS = 20
"""Minimum number of times that it was taken."""

LOCK_LONGEST_SHARE = 0.5
"""Maximum share (0 to 1) that one turn has of the time for which the lock was held. A single turn
proves nothing, and a person may freeze the program meanwhile."""


@dataclass(frozen=True)
class Turns:
    """The use of a lock from the first attempt to take it to the last success."""

    lock: Lock
    came: dict[str, int]
    """Process key: when it first tried to take the lock, nanoseconds."""
    processes: float
    """Average number of these processes that were there."""
    waiting: float
    """Average number of them that wait for the lock."""
    held_share: float
    """Share (0 to 1) of the time for which it is held."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of these processes, the last holder first."""
        return tuple(dict.fromkeys((self.lock.last_holder, *self.came)))

    @property
    def at_work(self) -> float:
        """Average number of them that do not wait for it."""
        return self.processes - self.waiting

    @property
    def wait_share(self) -> float:
        """Share (0 to 1) of their time for which they wait for it."""
        return self.waiting / max(1e-9, self.processes)


def turns_at_locks(state: RunState) -> Iterator[Turns]:
    """The turns at each lock that processes have taken by turns for long enough."""
    waits: dict[str, dict[str, int]] | None = None
    for lock in locks_in_use(state):
        if lock.maximum != 1 or lock.acquisitions < LOCK_TURNS:
            continue
        if lock.hold.longest > LOCK_LONGEST_SHARE * lock.hold.total:
            continue
        life = lock.taken - min(lock.takers.values())
        if life >= LOCK_NANOSECONDS:
            if waits is None:
                waits = _open_waits(state)
            yield _turns(state, lock, waits.get(lock.id, {}))


def _open_waits(state: RunState) -> dict[str, dict[str, int]]:
    """The waits that are not over: lock id, process key, and when the wait began, nanoseconds."""
    found: dict[str, dict[str, int]] = {}
    for process in state.processes.values():
        for wait in process.waits.values():
            if wait.what == "lock":
                found.setdefault(wait.object, {}).setdefault(process.key, wait.since)
    return found


def _turns(state: RunState, lock: Lock, waits: dict[str, int]) -> Turns:
    # Only up to the last acquisition: a lock that nobody gets any more is another matter.
    until = lock.taken
    came = waits | lock.takers
    life = until - min(lock.takers.values())
    there = 0
    for key, since in came.items():
        ended = state.processes[key].ended
        there += max(0, (until if ended < 0 else min(ended, until)) - since)
    waited = lock.wait.total + sum(max(0, until - since) for since in waits.values())
    # The last turn may have ended after that, so the time held can exceed the time observed.
    return Turns(lock, came, there / life, waited / life, min(1.0, lock.hold.total / life))
