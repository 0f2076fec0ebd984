"""Follows what passes between processes: items, messages, locks, tasks and results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mpviz.trace.export.arrows import Channel, Moment, Places
from mpviz.trace.export.tracks import Tracks
from mpviz.trace.model.events import Event, ObjectEvent
from mpviz.trace.model.names import object_name
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.primitives.lock import Lock, LockAcquired, LockReleased, ReleaseRefused
from mpviz.trace.model.primitives.pipe import MessageReceived, MessageSent, Pipe, SendRefused
from mpviz.trace.model.primitives.pool_events import (
    FutureDone,
    JobDone,
    JobGrew,
    JobSubmitted,
    TaskEnded,
    TaskStarted,
)
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.queue import ItemGot, ItemLost, ItemPut, Queue
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

RESULTS = 1_000
"""Maximum number of tasks of a job with arrows from its tasks to their results."""

_ONE = (0, 0)
"""The one putter of a SimpleQueue, whose items are all in one order."""


class Point(NamedTuple):
    """Something that happened at one moment."""

    name: str
    kind: str
    at: Moment


class Arrow(NamedTuple):
    """A cause and its effect."""

    name: str
    start: Moment
    end: Moment


class Causes:
    """Gets every event after its fold, and collects points and arrows in its two lists."""

    def __init__(self, state: RunState, tracks: Tracks) -> None:
        self.points: list[Point] = []
        self.arrows: list[Arrow] = []
        self._state, self._tracks = state, tracks
        self._queues: dict[str, Channel] = {}
        self._channels: dict[int, Channel] = {}
        """By the id() of the direction, which lives as long as the state."""
        self._receivers: dict[int, tuple[int, int]] = {}
        self._locks: dict[str, Places] = {}
        self._contended: dict[str, int] = {}
        self._own_locks: dict[str, str] = {}
        """Id of a value: id of its lock."""
        self._submitted: dict[tuple[str, int], Moment] = {}
        self._ended: dict[tuple[str, int], list[tuple[Moment, str]]] = {}
        """By pool and job, or call of an executor: the ends of its tasks, and what they raised."""
        self._handlers: dict[type[Event], Callable[[Process, Any], None]] = {
            ItemPut: self._put,
            ItemGot: self._got,
            ItemLost: self._lost,
            MessageSent: self._sent,
            MessageReceived: self._received,
            SendRefused: self._send_refused,
            LockReleased: self._released,
            ReleaseRefused: self._release_refused,
            LockAcquired: self._acquired,
            ValueCreated: self._value_created,
            ValueRead: self._value_used,
            ValueWritten: self._value_used,
            JobSubmitted: self._job_submitted,
            JobGrew: self._job_grew,
            TaskStarted: self._task_started,
            TaskEnded: self._task_ended,
            JobDone: self._job_done,
            FutureDone: self._future_done,
        }
        self._without_arrows = {
            kind
            for primitive in PRIMITIVES
            if not self._handlers.keys() & primitive.kinds
            for kind in primitive.kinds
        }
        """Events of all other primitives."""

    def take(self, event: Event) -> None:
        """Add the points and arrows of an event to the lists."""
        handler = self._handlers.get(type(event))
        process = self._state.by_pid.get(event.pid)
        if process is None:
            return
        if handler is not None:
            handler(process, event)
        elif isinstance(event, ObjectEvent) and type(event) in self._without_arrows:
            self._happened(process, event)

    def _at(self, process: Process, event: Event) -> Moment:
        return self._tracks.moment(process, event.thread, event.time)

    def _point(self, name: str, kind: str, at: Moment) -> None:
        self.points.append(Point(name, kind, at))

    def _happened(self, process: Process, event: ObjectEvent) -> None:
        """A point for an event of a primitive whose events have no arrows."""
        name = object_name(self._state, event.object)
        if name:
            kind, _, what = str(event.__struct_config__.tag).partition(".")
            self._point(f"{what} {name}", kind, self._at(process, event))

    # Queues

    def _put(self, process: Process, event: ItemPut) -> None:
        queue = self._state.table(Queue).get(event.object)
        if queue is not None:
            at = self._at(process, event)
            who = _ONE if queue.kind == "SimpleQueue" else at[:2]
            self._queues.setdefault(queue.id, Channel()).put(who, at)
            self._point(f"put {queue.name}", "queue", at)

    def _got(self, process: Process, event: ItemGot) -> None:
        queue = self._state.table(Queue).get(event.object)
        if queue is not None:
            at = self._at(process, event)
            self._point(f"got {queue.name}", "queue", at)
            start = self._queues.setdefault(queue.id, Channel()).got()
            if start is not None:
                self.arrows.append(Arrow("item", start, at))

    def _lost(self, process: Process, event: ItemLost) -> None:
        channel = self._queues.get(event.object)
        if channel is not None:
            track = self._tracks.of(process)
            channel.lost([who for who in channel.waiting if who == _ONE or who[0] == track])

    # Pipes

    def _sent(self, process: Process, event: MessageSent) -> None:
        pipe = self._state.table(Pipe).get(event.object)
        if pipe is not None:
            at = self._tracks.moment(process, event.thread, event.time, event.size)
            channel = self._channels.setdefault(id(pipe.direction_from(event.object)), Channel())
            channel.put(at[:2], at)
            self._point(f"send {pipe.name}", "pipe", at)

    def _send_refused(self, process: Process, event: SendRefused) -> None:
        pipe = self._state.table(Pipe).get(event.object)
        if pipe is not None:
            channel = self._channels.get(id(pipe.direction_from(event.object)))
            if channel is not None:
                channel.taken_back(self._at(process, event)[:2])

    def _received(self, process: Process, event: MessageReceived) -> None:
        pipe = self._state.table(Pipe).get(event.object)
        if pipe is None:
            return
        at, direction = self._at(process, event), id(pipe.direction_to(event.object))
        self._point(f"receive {pipe.name}", "pipe", at)
        channel = self._channels.setdefault(direction, Channel())
        start = channel.got()
        # The records of two receivers may be in another order than their messages.
        if self._receivers.setdefault(direction, at[:2]) != at[:2]:
            channel.broken = True
        elif start is not None and start.size == event.size:
            self.arrows.append(Arrow("message", start, at))
        elif start is not None:
            channel.broken = True

    # Locks

    def _places(self, object_id: str) -> Places | None:
        """The places of a lock, if every acquire of it is told."""
        lock = self._state.table(Lock).get(object_id)
        if lock is None or lock.inside:
            return None
        places = self._locks.get(object_id)
        if places is None:
            places = self._locks[object_id] = Places(unknown=max(0, lock.maximum))
        return places

    def _released(self, process: Process, event: LockReleased) -> None:
        places = self._places(event.object)
        if places is not None:
            places.released(self._at(process, event))

    def _release_refused(self, process: Process, event: ReleaseRefused) -> None:
        places = self._places(event.object)
        if places is not None:
            places.refused()

    def _acquired(self, process: Process, event: LockAcquired) -> None:
        places = self._places(event.object)
        if places is None:
            return
        start = places.acquired()
        lock = self._state.table(Lock)[event.object]
        had_to_wait = lock.contended != self._contended.get(lock.id, 0)
        self._contended[lock.id] = lock.contended
        if start is not None and had_to_wait:
            at = self._at(process, event)
            self._point(f"release {lock.name}", "lock", start)
            self._point(f"acquire {lock.name}", "lock", at)
            self.arrows.append(Arrow("lock", start, at))

    def _value_created(self, process: Process, event: ValueCreated) -> None:
        self._own_locks[event.object] = event.lock

    def _value_used(self, process: Process, event: ValueRead | ValueWritten) -> None:
        # Its lock was held for that, by the program or for this use only.
        places = self._locks.get(self._own_locks.get(event.object, ""))
        if places is not None:
            places.used()

    # Pools

    def _job_submitted(self, process: Process, event: JobSubmitted) -> None:
        at = self._at(process, event)
        self._submitted[event.object, event.job] = at
        self._point(f"submit {event.call} {event.function}".rstrip(), "pool", at)

    def _job_grew(self, process: Process, event: JobGrew) -> None:
        if event.call >= 0:
            at = self._at(process, event)
            self._submitted[event.object, event.call] = at
            self._point("submit the next call", "pool", at)

    def _task_started(self, process: Process, event: TaskStarted) -> None:
        start = self._submitted.get((event.object, event.job))
        if start is not None:
            end = self._tracks.moment(process, 0, event.time)
            self.arrows.append(Arrow("task", start, end))

    def _task_ended(self, process: Process, event: TaskEnded) -> None:
        ends = self._ended.setdefault((event.object, event.job), [])
        if len(ends) <= RESULTS:
            at = self._tracks.moment(process, 0, event.time)
            ends.append((at, event.error))
            self._point("hand back the result", "pool", at)

    def _job_done(self, process: Process, event: JobDone) -> None:
        self._submitted.pop((event.object, event.job), None)
        ends = self._ended.pop((event.object, event.job), [])
        at = self._at(process, event)
        job = self._state.table(Pool)[event.object].jobs.get(event.job)
        call = f"{job.call} {job.function}".strip() if job is not None else "the job"
        self._point(f"all results of {call}", "pool", at)
        if len(ends) <= RESULTS:
            self.arrows += [Arrow("result", end, at) for end, _ in ends]

    def _future_done(self, process: Process, event: FutureDone) -> None:
        self._submitted.pop((event.object, event.job), None)
        ends = self._ended.pop((event.object, event.job), [])
        at = self._at(process, event)
        self._point("future is done", "pool", at)
        # A future that the executor failed was not completed by the result of its worker.
        if len(ends) == 1 and ends[0][1] == event.error and not event.cancelled:
            self.arrows.append(Arrow("result", ends[0][0], at))
