"""Locks and semaphores: who holds them, who waits, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import lt, sub
from typing import Any

from mpviz.trace.model.events import ObjectEvent, SitedEvent, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, TimingFields
from mpviz.trace.model.names import name_object, with_kind
from mpviz.trace.model.passes import APART, new_pass
from mpviz.trace.model.primitive import (
    FoldRecord,
    Held,
    ObjectReport,
    Primitive,
    RingHandler,
    Thread,
    Unblockers,
    add_to,
    known,
    object_wait,
    so_far,
    waits_so_far,
)
from mpviz.trace.model.processes.identity import described, fate
from mpviz.trace.model.processes.process import Process, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState, note_thread
from mpviz.trace.model.stretches import Part, PartHandler, Places


class LockCreated(SitedEvent, tag="lock.created", kw_only=True):
    """A Lock, RLock, Semaphore or BoundedSemaphore was created."""

    kind: str
    maximum: Whole
    """How many may hold it at once: 1 for the locks, the start value for semaphores."""
    adopted: bool = False
    """Whether it was there before mpviz came; several processes may tell it then."""


class LockHeld(ObjectEvent, tag="lock.held", kw_only=True):
    """A process had taken it before mpviz came."""


class LockAcquired(SitedEvent, tag="lock.acquired", kw_only=True):
    """A process has taken it; for an RLock only the outermost acquire."""


class LockReleased(ObjectEvent, tag="lock.released", kw_only=True):
    """A process is about to release it; for an RLock only the outermost release."""


class ReleaseRefused(ObjectEvent, tag="lock.refused", kw_only=True):
    """The release just announced has failed, since the lock was not held."""


@dataclass(slots=True)
class Lock:
    """A lock or semaphore of the program."""

    id: str
    name: str
    kind: str
    maximum: int
    owned: bool = False
    """Whether it belongs to a Value; then it is shown only if the program takes it."""
    seen: bool = False
    """Whether it was only seen from outside: then nothing about it is counted."""
    lost_since: int = -1
    """Since when it was seen to be taken though no living process holds it, nanoseconds, or -1."""
    inside: bool = False
    """Whether it belongs to a Condition; then it is named only in waits."""
    holders: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread): since when, nanoseconds. A dead holder stays."""
    taken_at: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread): number of the site where that thread took it last."""
    last_holder: str = ""
    heard: int = -1
    """When it was last told to be taken or released, nanoseconds; -1 if it never was."""
    takers: dict[str, int] = field(default_factory=dict)
    """Process key: when it first tried to take the lock, nanoseconds."""
    taken: int = -1
    """When it was last taken, nanoseconds; -1 before."""
    acquisitions: int = 0
    releases: int = 0
    passed_on: int = 0
    """Releases by another thread than the one that had taken it."""
    contended: int = 0
    """Acquisitions that had to wait."""
    next_pass: int = 0
    """From when on the next wait that ends is kept with who ended it, nanoseconds."""
    cut_off: int = 0
    """Waits that ended because their process did."""
    wait: Distribution = field(default_factory=Distribution)
    hold: Distribution = field(default_factory=Distribution)

    @property
    def given_up(self) -> int:
        """Waits that ended without the lock, by a time-out or an exception.

        Unknown (0) for the lock of a Value, since its reads and writes wait for it, too.
        """
        return 0 if self.owned else self.wait.count - self.contended - self.cut_off

    @property
    def holder(self) -> str:
        """The key of the process that has held it longest; empty while it is free."""
        return next(iter(self.holders), ("", 0))[0]

    @property
    def held_since(self) -> int:
        """When that process took it, nanoseconds; -1 while it is free."""
        return next(iter(self.holders.values()), -1)


def waiters(state: RunState, what: str, object_id: str) -> list[tuple[Process, Wait]]:
    """The waits for this object, longest first."""
    found = [
        (process, wait)
        for process in state.processes.values()
        if process.waits
        for wait in process.waits.values()
        if wait.what == what and wait.object == object_id
    ]
    return sorted(found, key=lambda item: item[1].since)


def contention(state: RunState, lock: Lock) -> float:
    """The share (0 to 1) of attempts to take it that had to wait, failed ones included."""
    in_vain = 0
    if not lock.owned:
        # Some waits may not be over yet.
        in_vain = lock.given_up + lock.cut_off + len(waiters(state, "lock", lock.id))
    attempts = lock.acquisitions + in_vain
    return (lock.contended + in_vain) / attempts if attempts else 0.0


def hold_times(state: RunState, lock: Lock) -> Distribution:
    """How long it was held, including the present holders."""
    return lock.hold.including([max(0, state.end - since) for since in lock.holders.values()])


def wait_times(state: RunState, lock: Lock) -> Distribution:
    """How long processes have waited for it, including the present waits."""
    return lock.wait.including(so_far(state, lock.id, "lock"))


def locks_in_use(state: RunState) -> list[Lock]:
    """The locks that the program itself made or took."""
    return [
        lock
        for lock in state.table(Lock).values()
        if not lock.inside and (lock.acquisitions or not lock.owned)
    ]


def _created(state: RunState, process: Process, event: LockCreated) -> None:
    if event.adopted and event.object in state.table(Lock):
        return
    name = name_object(state, event.site, event.kind)
    state.table(Lock)[event.object] = Lock(event.object, name, event.kind, event.maximum)


def _was_held(state: RunState, process: Process, event: LockHeld) -> None:
    lock = state.table(Lock).get(event.object)
    if lock is not None:
        if event.thread:
            note_thread(lock.holders, process, event.thread, event.time, f"hold {lock.name}")
        else:
            lock.holders[process.key, 0] = event.time
        lock.last_holder = process.key


def _acquiring(state: RunState, process: Process, lock_id: str) -> FoldRecord:
    lock = state.table(Lock).get(lock_id)
    key, waits = process.key, process.waits
    main_thread = key, 0
    # A semaphore that began with 0 is a signal: nobody holds it.
    holders = lock.holders if lock is not None and lock.maximum else None
    hold = f"hold {lock.name}" if lock is not None else ""
    taken_at = lock.taken_at if lock is not None else {}
    passes = state.passes

    def acquired(time: int, thread: int, site: int, *_: int) -> None:
        wait = waits.get(thread) if waits else None
        if wait is not None:
            # A signal handler may take it while the thread waits for something else.
            wait = end_wait(process, thread) if wait.what == "lock" else None
        if lock is not None:
            lock.acquisitions += 1
            lock.heard = time
            last, lock.last_holder = lock.last_holder, key
            lock.taken = time
            if key not in lock.takers:
                lock.takers[key] = time if wait is None else wait.since
            if holders is not None and not thread:
                holders[main_thread] = time
            if wait is not None:
                lock.contended += 1
                lock.wait.add(time - wait.since)
                if time >= lock.next_pass and lock.maximum == 1 and not lock.passed_on:
                    lock.next_pass = time + APART
                    passes.append(new_pass((time, key, last, "released it")))
        if site:
            process.site = site
            if not thread:
                taken_at[main_thread] = site
        if wait is not None:
            settle(process, time)
        if thread and holders is not None:
            note_thread(holders, process, thread, time, hold)
            if site and (key, thread) in holders:
                taken_at[key, thread] = site

    return acquired


def _releasing(state: RunState, process: Process, lock_id: str) -> FoldRecord:
    lock = state.table(Lock).get(lock_id)
    if lock is None:
        return _nothing
    key, holders = process.key, lock.holders
    main_thread = key, 0
    add_hold = lock.hold.add

    def released(time: int, thread: int, *_: int) -> None:
        lock.releases += 1
        lock.heard = time
        since = holders.pop((key, thread) if thread else main_thread, None)
        if thread:
            lock.taken_at.pop((key, thread), None)
        if since is None and holders:
            # A Lock may be released by another thread: then the oldest holder has it no longer.
            lock.passed_on += 1
            since = holders.pop(next(iter(holders)))
        if since is not None:
            add_hold(time - since)

    return released


def _taking_turns(
    state: RunState, process: Process, lock_id: str, part: Part
) -> Callable[[], None] | None:
    """Fold that a process takes and releases a lock repeatedly, without a wait."""
    lock = state.table(Lock).get(lock_id)
    taken, given = part.at(LockAcquired), part.at(LockReleased)
    if lock is None:
        return _nothing
    main_thread = process.key, 0
    held = lock.holders.get(main_thread)
    gives_first = bool(given) and (not taken or given[0] < taken[0])
    if not lock.maximum or gives_first is (held is None) or not _take_turns(taken, given):
        return None

    def fold_turns() -> None:
        since, until = part.times(taken), part.times(given)
        if held is not None:
            since.insert(0, held)
        lock.acquisitions += len(taken)
        lock.releases += len(given)
        lock.heard = max([*since[-1:], *until[-1:]])
        lock.hold.add_all(list(map(sub, until, since)))
        if taken:
            lock.last_holder = process.key
            lock.taken = since[-1]
            lock.takers.setdefault(process.key, since[-len(taken)])
            site = next(filter(None, map(part.site, reversed(taken))), 0)
            if site:
                lock.taken_at[main_thread] = site
        if given:
            lock.holders.pop(main_thread, None)
        if len(since) > len(until):
            lock.holders[main_thread] = since[-1]

    return fold_turns


def _take_turns(taken: Places, given: Places) -> bool:
    """Whether places of the two lists alternate."""
    if not taken or not given:
        return len(taken) + len(given) < 2
    first, second = (taken, given) if taken[0] < given[0] else (given, taken)
    return (
        0 <= len(first) - len(second) <= 1
        and all(map(lt, first, second))
        and all(map(lt, second, first[1:]))
    )


def _nothing(*_: int) -> None:
    """Fold a record about a lock that nobody announced."""


def _refused(state: RunState, process: Process, lock: Lock, event: ReleaseRefused) -> None:
    lock.releases -= 1


def _process_ended(state: RunState, process: Process) -> None:
    for wait in process.waits.values():
        lock = state.table(Lock).get(wait.object) if wait.what == "lock" else None
        if lock is not None:
            lock.cut_off += 1


def _words(state: RunState, lock: Lock) -> str:
    holder = state.processes.get(lock.holder)
    if lock.lost_since >= 0:
        return f"{with_kind(lock.kind, lock.name)}, held by a process that is gone"
    if holder is None:
        return with_kind(lock.kind, lock.name)
    dead = "" if holder.alive else f", which {fate(holder)}"
    return f"{with_kind(lock.kind, lock.name)}, held by {described(holder)}{dead}"


def _unblockers(state: RunState, lock: Lock) -> Unblockers:
    """Its holders; a semaphore may also be released by one that has not taken it."""
    holders = tuple(Thread(*holder) for holder in lock.holders)
    is_lock = lock.kind in ("Lock", "RLock") and bool(holders)
    return Unblockers(
        holders,
        "holds it",
        complete=is_lock,
        as_of=lock.heard,
        held=with_kind(lock.kind, lock.name),
        taken_at=lock.taken_at.get(next(iter(lock.holders), ("", 0)), 0),
    )


def _held(state: RunState, process: Process) -> Iterator[Held]:
    for lock in state.table(Lock).values():
        for holder, since in lock.holders.items() if not lock.inside else ():
            if holder[0] == process.key:
                site = lock.taken_at.get(holder, 0)
                yield Held(f"{lock.kind.lower()} {lock.name}", "lock", lock.id, since, site)


def _entry(state: RunState, lock: Lock) -> dict[str, Any]:
    return {
        "id": lock.id,
        "name": lock.name,
        "kind": lock.kind,
        "acquisitions": lock.acquisitions,
        "releases": lock.releases,
        "contended": lock.contended,
        "wait": wait_times(state, lock).total / 1e9,
        "hold": hold_times(state, lock).total / 1e9,
        "holder_pid": state.pid_of(lock.holder),
        "seen": lock.seen,
    }


def _line(state: RunState, lock: Lock) -> str:
    waiting = 0 if lock.owned else len(waiters(state, "lock", lock.id))
    cut_off = 0 if lock.owned else lock.cut_off
    return (
        f"{with_kind(lock.kind, lock.name)}: taken {plural(lock.acquisitions, 'time')},"
        f" {lock.contended:,} after a wait"
        + f", {plural(lock.given_up, 'wait')} given up" * bool(lock.given_up)
        + f", {plural(cut_off, 'wait')} cut off by the end of the process" * bool(cut_off)
        + f", {plural(waiting, 'wait')} not over" * bool(waiting)
        + f", {duration(wait_times(state, lock).total)} waited in all"
    )


def _timings(state: RunState) -> Iterator[TimingFields]:
    going_on = waits_so_far(state)
    for lock in locks_in_use(state):
        kind = lock.kind.lower()
        wait = lock.wait.including(going_on.get(("lock", lock.id), []))
        if wait.count:
            yield "wait", kind, lock.name, lock.id, wait
        if lock.hold.count:
            yield "hold", kind, lock.name, lock.id, lock.hold


PRIMITIVE = Primitive(
    handlers={
        LockCreated: _created,
        LockHeld: _was_held,
        ReleaseRefused: known(Lock, _refused),
    },
    ring_handlers={
        LockAcquired: RingHandler(_acquiring, ("site",)),
        LockReleased: RingHandler(_releasing, ()),
    },
    part_handlers=(PartHandler((LockAcquired, LockReleased), _taking_turns),),
    in_rings=(ReleaseRefused,),
    waits={
        "lock": object_wait(
            Activity.LOCK, Lock, "an internal lock", _words, _unblockers, add_to(Lock)
        )
    },
    process_ended=_process_ended,
    report=ObjectReport(
        section="locks",
        thing="lock or semaphore",
        things="locks and semaphores",
        objects=locks_in_use,
        weight=lambda lock: (lock.wait.total, lock.acquisitions),
        entry=_entry,
        line=_line,
    ),
    held=_held,
    timings=_timings,
)
