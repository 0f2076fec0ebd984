"""How those fare who take a lock by turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpviz.trace.explain.findings import limits
from mpviz.trace.model.primitives.lock import Lock, locks_in_use
from mpviz.trace.model.state import RunState


@dataclass(frozen=True)
class Turns:
    """What the turns at a lock come to, from when somebody first came to it to now."""

    lock: Lock
    came: dict[str, int]
    """Process key: since when it takes the lock, or waits for its first turn, nanoseconds."""
    processes: float
    """How many these are on average over that time."""
    waiting: float
    """How many of them wait for it, on average."""
    held_share: float
    """Of the time, that it is held."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of these processes, who had it last first."""
        return tuple(dict.fromkeys((self.lock.last_holder, *self.came)))

    @property
    def at_work(self) -> float:
        """How many do not wait for it, on average."""
        return self.processes - self.waiting

    @property
    def wait_share(self) -> float:
        """Of the time of these processes, that they wait for it."""
        return self.waiting / max(1e-9, self.processes)


def turns_at_locks(state: RunState) -> Iterator[Turns]:
    """Of each lock that several processes have taken by turns for a while, and take now."""
    waits: dict[str, dict[str, int]] | None = None
    for lock in locks_in_use(state):
        if lock.maximum != 1 or lock.acquisitions < limits.LOCK_TURNS:
            continue
        if lock.hold.longest > limits.LOCK_LONGEST_SHARE * lock.hold.total:
            continue
        life = lock.taken - min(lock.takers.values())
        if life >= limits.LOCK_NANOSECONDS:
            if waits is None:
                waits = _open_waits(state)
            yield _turns(state, lock, waits.get(lock.id, {}))


def _open_waits(state: RunState) -> dict[str, dict[str, int]]:
    """Who waits for which lock now: lock id, process key, since when."""
    found: dict[str, dict[str, int]] = {}
    for process in state.processes.values():
        for wait in process.waits.values():
            if wait.what == "lock":
                found.setdefault(wait.object, {}).setdefault(process.key, wait.since)
    return found


def _turns(state: RunState, lock: Lock, waits: dict[str, int]) -> Turns:
    # Up to the last time that it was taken: a lock that nobody gets any more is another matter.
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
