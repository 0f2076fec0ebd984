"""Queue, JoinableQueue and SimpleQueue: how full, how fast, and who waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mpviz.trace.model.events import Count, ObjectEvent, SitedEvent, Whole
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, Rate, Series
from mpviz.trace.model.names import name_object
from mpviz.trace.model.passes import new_pass
from mpviz.trace.model.primitive import (
    FoldRecord,
    ObjectReport,
    Primitive,
    RingHandler,
    Unblockers,
    WaitKind,
    add_to,
    all_of,
    known,
    main_threads,
    object_wait,
    so_far,
    timings_of,
)
from mpviz.trace.model.processes.process import Process, go_on
from mpviz.trace.model.state import RunState


class QueueCreated(SitedEvent, tag="queue.created", kw_only=True):
    """A queue was created."""

    kind: str
    maxsize: Whole
    """Items; 0 for no bound."""
    adopted: bool = False
    """Whether it was there before mpviz came; several processes may tell it then."""
    depth: Count = 0
    """Items that were in it then."""


class ItemPut(SitedEvent, tag="queue.put", kw_only=True):
    """An item is about to be put, for which there is room."""


class ItemGot(SitedEvent, tag="queue.got", kw_only=True):
    """An item has been taken out."""

    size: Count
    """Bytes, pickled."""


class ItemLost(ObjectEvent, tag="queue.lost", kw_only=True):
    """An item that was put never reached the queue, because its pickling failed."""

    given_up: Whole = 0
    """1 if instead the put itself failed: it was interrupted, or the read end was closed."""
    others: Count = 0
    """Further items that are lost with it, because the feeder thread ends."""


class ItemDone(ObjectEvent, tag="queue.done", kw_only=True):
    """``task_done()`` was called."""


class FoundEmpty(SitedEvent, tag="queue.empty", kw_only=True):
    """``empty()`` has said True; of one that asks all the time, not each answer is told."""


@dataclass(slots=True)
class EmptyLook:
    """The last time at which a process was told that a queue is empty."""

    time: int
    """Nanoseconds."""
    site: int
    on_the_way: int
    """Items that had been put and not taken: threads had not written them into the pipe yet."""


@dataclass(slots=True)
class Turns:
    """What one process did at one end of a queue, since its first item."""

    first: int
    """When it put or took its first item, nanoseconds."""
    last: int
    items: int = 0
    """Items after the first."""
    waits: int = 0
    """Items after the first for which it had to wait."""
    waited: int = 0
    """How long it waited for those, nanoseconds."""

    @property
    def count(self) -> int:
        """Items in all."""
        return self.items + 1


@dataclass(slots=True)
class Queue:
    """A queue of the program."""

    id: str
    name: str
    kind: str
    maxsize: int
    """Items; 0 for no bound."""
    seen: bool = False
    """Whether it was only seen from outside: then nothing about it is counted."""
    depth: int = 0
    """Items put and not yet taken out; -1 if it was only seen, and that is unknown."""
    max_depth: int = 0
    puts: Rate = field(default_factory=Rate)
    gets: Rate = field(default_factory=Rate)
    done: int = 0
    done_by: dict[str, int] = field(default_factory=dict)
    """Process key: how often it has called ``task_done()``."""
    size: int = 0
    """Bytes taken out so far."""
    put_wait: Distribution = field(default_factory=Distribution)
    get_wait: Distribution = field(default_factory=Distribution)
    depths: Series = field(default_factory=Series)
    putters: dict[str, Turns] = field(default_factory=dict)
    """The producers, by process key."""
    takers: dict[str, Turns] = field(default_factory=dict)
    """The consumers, by process key."""
    read_aside: set[str] = field(default_factory=set)
    """Keys of processes in which another thread than the main thread has taken items out."""
    put_since: set[str] = field(default_factory=set)
    """Keys of processes that have put an item since the last get."""
    unpicklable: dict[str, int] = field(default_factory=dict)
    """Process key: items that it put, and that could not be pickled: the queue never got them."""
    found_empty: dict[str, EmptyLook] = field(default_factory=dict)
    """By process key."""
    dead_turns: dict[str, str] = field(default_factory=dict)
    """get or put: key of a process that died in its turn, which therefore never ends."""


def _created(state: RunState, process: Process, event: QueueCreated) -> None:
    known = state.table(Queue).get(event.object) if event.adopted else None
    if known is not None:
        # What a process did that mpviz had not reached yet is in it, too.
        known.depth = event.depth
        return
    name = name_object(state, event.site, event.kind)
    queue = Queue(event.object, name, event.kind, event.maxsize)
    queue.depth = queue.max_depth = event.depth
    queue.depths.add(event.time, event.depth)
    state.table(Queue)[event.object] = queue


def _putting(state: RunState, process: Process, queue_id: str) -> FoldRecord:
    queue = state.table(Queue).get(queue_id)
    if queue is None:
        return partial(_go_on, process)
    key, waits, putters, put_since = process.key, process.waits, queue.putters, queue.put_since
    puts, depths = queue.puts, queue.depths

    # Here and in `got`, turns are counted, and the open steps of a Rate and a Series filled,
    # without a function: calls for each item would double the cost.
    def put(time: int, thread: int, site: int, *_: int) -> None:
        waited = go_on(process, time, thread, site) if waits else -1
        if site:
            process.site = site
        if puts.begins <= time < puts.ends:
            puts.in_step += 1
        else:
            puts.add(time)
        queue.depth = depth = queue.depth + 1
        if depth > queue.max_depth:
            queue.max_depth = depth
        if depths.until <= time < depths.ends and depth <= depths.highest:
            depths.until = time
            depths.last = depth
        else:
            depths.add(time, depth)
        if key in putters:
            turns = putters[key]
            turns.last = time
            turns.items += 1
        else:
            turns = putters[key] = Turns(time, time)
        if waited >= 0:
            queue.put_wait.add(waited)
            if turns.items:
                turns.waits += 1
                turns.waited += waited
        put_since.add(key)

    return put


def _getting(state: RunState, process: Process, queue_id: str) -> FoldRecord:
    queue = state.table(Queue).get(queue_id)
    if queue is None:
        return partial(_go_on, process)
    key, waits, takers, put_since = process.key, process.waits, queue.takers, queue.put_since
    gets, depths = queue.gets, queue.depths

    def got(time: int, thread: int, site: int, size: int, *_: int) -> None:
        waited = go_on(process, time, thread, site) if waits else -1
        if site:
            process.site = site
        if gets.begins <= time < gets.ends:
            gets.in_step += 1
        else:
            gets.add(time)
        queue.depth = depth = queue.depth - 1
        queue.size += size
        if queue.dead_turns:
            # Another process has had a turn since.
            queue.dead_turns.pop("get", None)
        if depths.until <= time < depths.ends and depth <= depths.highest:
            depths.until = time
            depths.last = depth
        else:
            depths.add(time, depth)
        if key in takers:
            turns = takers[key]
            turns.last = time
            turns.items += 1
        else:
            turns = takers[key] = Turns(time, time)
        if waited >= 0:
            queue.get_wait.add(waited)
            if not depth and len(put_since) == 1 and key not in put_since:
                # The only item that was put since the last get.
                state.passes.append(new_pass((time, key, *put_since, "put an item")))
            if turns.items:
                turns.waits += 1
                turns.waited += waited
        put_since.clear()
        if thread:
            queue.read_aside.add(key)

    return got


def _go_on(process: Process, time: int, thread: int, site: int, *_: int) -> None:
    """Fold a put or get of a queue that nobody announced."""
    go_on(process, time, thread, site)


def _lost(state: RunState, process: Process, queue: Queue, event: ItemLost) -> None:
    queue.depth -= 1 + event.others
    queue.put_since.discard(process.key)
    queue.depths.add(event.time, queue.depth)
    if not event.given_up:
        queue.unpicklable[process.key] = queue.unpicklable.get(process.key, 0) + 1
    failed = "gave up putting" if event.given_up else "could not pickle"
    text = f"{failed} an item {'into' if event.given_up else 'for'} {queue.name}"
    if event.others:
        text += f", and loses {plural(event.others, 'other item')} that waited behind it"
    state.note(event.time, process.key, text, trouble=not event.given_up)


def _found_empty(state: RunState, process: Process, queue: Queue, event: FoundEmpty) -> None:
    queue.found_empty[process.key] = EmptyLook(event.time, event.site, queue.depth)


def _done(state: RunState, process: Process, queue: Queue, event: ItemDone) -> None:
    queue.done += 1
    queue.done_by[process.key] = queue.done_by.get(process.key, 0) + 1


def _process_ended(state: RunState, process: Process) -> None:
    """A process that dies in its turn never releases the lock for it."""
    for wait in process.waits.values():
        if wait.turn:
            queue = state.table(Queue).get(wait.object)
            if queue is not None:
                queue.dead_turns[wait.what] = process.key


def _wait_at(
    what: str, unblockers: Callable[[RunState, Queue], Unblockers], distribution: str = ""
) -> WaitKind:
    """A wait for something of a queue: ``{}`` in ``what`` is for the name of the queue."""
    unknown = what.format("an internal queue")
    ended = (add_to(Queue, distribution),) if distribution else ()

    def words(state: RunState, queue: Queue) -> str:
        return what.format(queue.name)

    return object_wait(Activity.QUEUE, Queue, unknown, words, unblockers, *ended)


def _to_be_done(state: RunState, queue: Queue) -> str:
    return f"{plural(queue.puts.count - queue.done, 'item')} of {queue.name} to be done"


def _putters(state: RunState, queue: Queue) -> Unblockers:
    return Unblockers(main_threads(queue.putters), "puts items in")


def _takers(state: RunState, queue: Queue) -> Unblockers:
    return Unblockers(main_threads(queue.takers), "takes items out")


def _who_has_items(state: RunState, queue: Queue) -> Unblockers:
    """Who took items that are not done; nobody else finishes them, as far as is known.

    A process may finish what another one has taken, or hand items to threads of its own.
    """
    left = {key: turns.count - queue.done_by.get(key, 0) for key, turns in queue.takers.items()}
    owing = [key for key, count in left.items() if count > 0]
    is_known = queue.depth <= 0 and min(left.values(), default=-1) >= 0
    if not is_known or queue.read_aside.intersection(owing):
        return _takers(state, queue)
    return Unblockers(main_threads(owing), "has taken items of it", bool(owing), True)


def _entry(state: RunState, queue: Queue) -> dict[str, Any]:
    return {
        "id": queue.id,
        "name": queue.name,
        "kind": queue.kind,
        "maxsize": queue.maxsize,
        "puts": queue.puts.count,
        "gets": queue.gets.count,
        "depth": queue.depth,
        "max_depth": queue.max_depth,
        "seen": queue.seen,
        "put_wait": (queue.put_wait.total + sum(so_far(state, queue.id, "put"))) / 1e9,
        "get_wait": (queue.get_wait.total + sum(so_far(state, queue.id, "get"))) / 1e9,
    }


def _line(state: RunState, queue: Queue) -> str:
    return (
        f"queue {queue.name}: {queue.puts.count:,} put, {queue.gets.count:,} taken,"
        f" at most {queue.max_depth:,} in it"
    )


PRIMITIVE = Primitive(
    handlers={
        QueueCreated: _created,
        ItemLost: known(Queue, _lost),
        ItemDone: known(Queue, _done),
        FoundEmpty: known(Queue, _found_empty),
    },
    ring_handlers={
        ItemPut: RingHandler(_putting, ("site",)),
        ItemGot: RingHandler(_getting, ("site", "size")),
    },
    waits={
        "put": _wait_at("room in {}", _takers, "put_wait"),
        "get": _wait_at("an item from {}", _putters, "get_wait"),
        "drain": _wait_at("{} to be drained", _takers),
        "done": object_wait(
            Activity.QUEUE,
            Queue,
            "the items of an internal queue to be done",
            _to_be_done,
            _who_has_items,
        ),
    },
    process_ended=_process_ended,
    report=ObjectReport(
        thing="queue",
        things="queues",
        objects=all_of(Queue),
        weight=lambda queue: (queue.put_wait.total + queue.get_wait.total, queue.puts.count),
        entry=_entry,
        line=_line,
    ),
    timings=timings_of(
        Queue,
        ("wait", "room in", "put_wait", "put"),
        ("wait", "an item from", "get_wait", "get"),
    ),
)
