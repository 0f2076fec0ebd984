"""What was seen of a program from outside: no probe told it, and it is so at the moment of a look.

A look replaces the one before: who waits, who holds a lock, how much is in a queue. Nothing is
counted, since what happened between two looks is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from mpviz.trace.model.events import Count, Event, Pid, Site, Time, Whole
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitive import Primitive, Thread, Unblockers, WaitKind
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.pipe import Direction, Pipe
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import end_process, process_with_pid
from mpviz.trace.model.processes.process import Process, begin_wait, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState

LOCK_KINDS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")
QUEUE_KINDS = ("Queue", "JoinableQueue", "SimpleQueue")


class ProcessSeen(msgspec.Struct, array_like=True, gc=False):
    """A process, as a look has found it."""

    pid: Pid
    started: Count
    """Kernel start time in clock ticks since boot."""
    parent: Pid
    name: str
    role: str
    method: str
    """fork or spawn, as its command and its memory say; empty if unknown."""
    function: str
    python: str
    """The version of its Python; empty if it runs none."""
    asleep: Whole
    """When the last of its threads fell asleep, nanoseconds; -1 while one is at work."""
    exiting: Whole
    """When it came to the end of its own code, as far as is known, nanoseconds; -1 if it has not.
    """
    problem: str = ""
    """Why its stacks cannot be read, in words that follow its name; empty if they can."""
    ended: bool = False
    """It has ended, and its parent has not joined it yet."""
    exit_code: int | None = None
    """How it has ended; None if that is not known."""
    handles_sigterm: bool = False
    """It has a handler for SIGTERM."""


class ObjectSeen(msgspec.Struct, array_like=True, gc=False):
    """An object that processes share, or that one of them waits for."""

    object: str
    kind: str
    """Lock, Queue, Pipe … or, for what a :class:`Thing` stands for, its activity as a word."""
    name: str
    other: str = ""
    """For a pipe, the id of the other end."""
    count: Whole = -1
    """Maximum of a semaphore, items in a queue, results that are missing; -1 if unknown."""
    limit: Whole = 0
    """Maximum number of items of a queue; 0 for none."""
    holders: tuple[tuple[Pid, Count], ...] = ()
    """Processes and threads that hold a lock, or could end the wait for a thing."""
    complete: bool = False
    """Nobody but these holders could release it, or end the wait."""
    lost: bool = False
    """It is taken, and no living process holds it."""
    fault: str = ""
    """Of a pool whose results are waited for: "lost" if nobody works on them, "deaf" if the thread
    that receives them is gone."""


class WaitSeen(msgspec.Struct, array_like=True, gc=False):
    """A thread that waits."""

    pid: Pid
    thread: Count
    """0 for the main thread, else the kernel's number."""
    what: str
    object: str
    """The id of what is waited for; for a process, its pid."""
    since: Time
    """When the thread fell asleep."""
    site: Whole = 0
    timed: bool = False
    """The wait ends by itself."""
    turn: bool = False
    begun: bool = False


class LookTaken(Event, tag="look.taken", kw_only=True):
    """A look at all processes of the program, with what has changed since the one before.

    No thread of the other processes has run since then, so what is known of these is still so.
    """

    processes: list[ProcessSeen]
    objects: list[ObjectSeen]
    waits: list[WaitSeen] | None = None
    """All waits; None if they are those of the look before."""
    gone: list[tuple[Pid, Count]]
    """Processes that have ended: pid, and start time in clock ticks."""
    sites: list[tuple[Whole, str, Count, str, Count]]
    """Places in the source that were not told before: number, file, line, function, checksum."""


@dataclass(slots=True)
class Thing:
    """Something that is waited for, and of which no more is known than how to say it."""

    id: str
    name: str
    """What is waited for, in words: "the results of a pool, of which 3 of 8 are there"."""
    could: tuple[Thread, ...] = ()
    """Who could end the wait."""
    complete: bool = False
    fault: str = ""
    """As in :attr:`ObjectSeen.fault`."""
    left: int = -1
    """How many results are missing; -1 if that is not known."""
    since: int = -1
    """Since when it has been so, as far as looks have found it, nanoseconds."""


@dataclass(slots=True)
class Looks:
    """The looks of a run that was attached to."""

    taken: int = 0
    last: int = -1
    """Time of the last look that told something new, nanoseconds."""
    places: set[tuple[str, int]] = field(default_factory=set)
    """(process key, thread) of the waits that the last look has found."""


def looks_of(state: RunState) -> Looks | None:
    """What looks there were; None for a run that told what it did itself."""
    return state.table(Looks).get("")


def take_in_look(state: RunState, event: LookTaken) -> None:
    """Bring the state up to date with what was seen."""
    looks = state.table(Looks).setdefault("", Looks())
    looks.taken += 1
    looks.last = event.time
    for number, file, line, function, checksum in event.sites:
        state.sites[number] = Site(
            time=event.time,
            pid=0,
            site=number,
            file=file,
            line=line,
            function=function,
            checksum=checksum,
        )
    for pid, started in event.gone:
        gone = state.by_pid.get(pid)
        if gone is not None and gone.seen and gone.alive and gone.started_ticks == started:
            end_process(state, gone, event.time, None)
    for seen in event.processes:
        _take_in_process(state, event.time, seen)
        if seen.ended:
            end_process(state, state.by_pid[seen.pid], event.time, seen.exit_code)
    for each in event.objects:
        _take_in_object(state, event.time, each)
    if event.waits is not None:
        _take_in_waits(state, looks, event, event.waits)
    changed = {each.pid for each in event.processes}
    for process in state.processes.values():
        if process.alive and process.stacks is not None and process.pid not in changed:
            process.stacks = replace(process.stacks, time=event.time)
    for seen in event.processes:
        process = state.by_pid[seen.pid]
        if process.alive:
            settle(process, _settled_since(process, event.time))


def _settled_since(process: Process, time: int) -> int:
    """When it began to do what it does: the past is known as far as a thread has slept since."""
    wait = process.wait
    if wait is not None and wait.since >= process.lane.start:
        return wait.since
    if process.lane.start < 0:
        return (
            wait.since
            if wait is not None
            else process.asleep_since
            if process.asleep_since >= 0
            else time
        )
    return time


def _take_in_process(state: RunState, time: int, seen: ProcessSeen) -> None:
    process = process_with_pid(state, seen.pid, time, seen.started)
    is_new = not process.seen
    process.seen, process.started_ticks = True, seen.started
    process.name, process.role = seen.name, seen.role
    process.start_method = process.start_method or seen.method
    process.function, process.python = seen.function, seen.python
    process.asleep_since = seen.asleep
    if process.sampled < 0:
        process.resting = seen.asleep >= 0
    process.exiting = seen.exiting
    process.unobserved = seen.problem
    process.handles_sigterm = seen.handles_sigterm
    if process.began < 0:
        process.began = time
    if seen.role == "main":
        state.main = process.key
    elif not process.parent:
        parent = state.by_pid.get(seen.parent)
        process.parent = parent.key if parent is not None else state.main
    process.forked = seen.method == "fork"
    if is_new and state.now > state.origin and len(state.cores.history) > 1:
        state.note(time, process.key, f"is new, as pid {seen.pid}")


def _take_in_object(state: RunState, time: int, seen: ObjectSeen) -> None:
    if seen.kind in LOCK_KINDS:
        _take_in_lock(state, time, seen)
    elif seen.kind in QUEUE_KINDS:
        _take_in_queue(state, time, seen)
    elif seen.kind == "Pipe":
        _take_in_pipe(state, seen)
    else:
        could = tuple(
            Thread(state.by_pid[pid].key, thread)
            for pid, thread in seen.holders
            if pid in state.by_pid
        )
        before = state.table(Thing).get(seen.object)
        is_as_before = before is not None and before.left == seen.count
        since = before.since if before is not None and is_as_before else time
        state.table(Thing)[seen.object] = Thing(
            seen.object, seen.name, could, seen.complete, seen.fault, seen.count, since
        )


def _take_in_lock(state: RunState, time: int, seen: ObjectSeen) -> None:
    table = state.table(Lock)
    lock = table.get(seen.object)
    if lock is None:
        lock = table[seen.object] = Lock(seen.object, seen.name, seen.kind, max(1, seen.count))
    lock.name, lock.kind, lock.seen = seen.name, seen.kind, True
    before = lock.holders
    lock.holders = {}
    for pid, thread in seen.holders:
        holder = state.by_pid.get(pid)
        if holder is not None:
            place = holder.key, thread
            since = holder.asleep_since if holder.asleep_since >= 0 else time
            lock.holders[place] = before.get(place, since)
            lock.last_holder = holder.key
    lock.lost_since = (lock.lost_since if lock.lost_since >= 0 else time) if seen.lost else -1


def _take_in_queue(state: RunState, time: int, seen: ObjectSeen) -> None:
    table = state.table(Queue)
    queue = table.get(seen.object)
    if queue is None:
        queue = table[seen.object] = Queue(seen.object, seen.name, seen.kind, seen.limit)
    queue.name, queue.kind, queue.maxsize, queue.seen = seen.name, seen.kind, seen.limit, True
    queue.depth = seen.count
    if seen.count >= 0:
        queue.max_depth = max(queue.max_depth, seen.count)
        queue.depths.add(time, seen.count)


def _take_in_pipe(state: RunState, seen: ObjectSeen) -> None:
    table = state.table(Pipe)
    if seen.object in table or seen.other in table:
        table[seen.object].name = seen.name
        return
    duplex = seen.object.startswith("s-")
    back = Direction("", "")
    directions = (Direction("", ""), back) if duplex else (back,)
    pipe = Pipe(seen.object, seen.name, duplex, directions, seen=True)
    table[seen.object] = table[seen.other] = pipe


def _take_in_waits(state: RunState, looks: Looks, event: LookTaken, waits: list[WaitSeen]) -> None:
    now: set[tuple[str, int]] = set()
    for seen in waits:
        process = state.by_pid.get(seen.pid)
        if process is None or not process.alive:
            continue
        target = seen.object
        if seen.what == "process":
            child = state.by_pid.get(int(target)) if target.isdecimal() else None
            target = child.key if child is not None else target
        now.add((process.key, seen.thread))
        before = process.waits.get(seen.thread)
        until = event.time + _SOON if seen.timed else -1
        if seen.site:
            process.site = seen.site
        if before is not None and (before.what, before.object, before.since) == (
            seen.what,
            target,
            seen.since,
        ):
            before.until, before.turn, before.site = until, seen.turn, seen.site
            continue
        wait = Wait(seen.what, target, seen.since, _activity(seen.what), seen.site, until)
        wait.turn, wait.begun = seen.turn, seen.since if seen.begun else -1
        begin_wait(process, seen.thread, wait)
    for key, thread in looks.places - now:
        process = state.processes[key]
        if process.alive and end_wait(process, thread) is not None:
            settle(process, event.time)
    looks.places = now


_SOON = 3_600_000_000_000
"""Nanoseconds; how long a wait with a time-out still takes is not known."""

_ACTIVITIES = {
    "seen-task": Activity.IDLE,
    "seen-result": Activity.RESULT,
    "seen-signal": Activity.SIGNAL,
    "seen-lock": Activity.LOCK,
    "seen-process": Activity.PROCESS,
    "seen-pipe": Activity.QUEUE,
}
"""Kinds of waits for a :class:`Thing`."""

_OF_OTHERS = {
    "lock": Activity.LOCK,
    "process": Activity.PROCESS,
    **dict.fromkeys(("get", "put", "drain", "done", "send", "receive"), Activity.QUEUE),
}


def _activity(what: str) -> Activity:
    return _ACTIVITIES.get(what) or _OF_OTHERS.get(what, Activity.SIGNAL)


def _words(state: RunState, wait: Wait) -> str:
    thing = state.table(Thing).get(wait.object)
    return thing.name if thing is not None else "something that was not seen"


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    thing = state.table(Thing).get(wait.object)
    if thing is None:
        return Unblockers((), "")
    return Unblockers(thing.could, "could end that", complete=thing.complete)


PRIMITIVE = Primitive(
    handlers={},
    waits={what: WaitKind(activity, _words, _unblockers) for what, activity in _ACTIVITIES.items()},
)
