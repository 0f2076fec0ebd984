"""Rule: a queue that stands still since a process died in the middle of a put or a get.

A queue has a lock for its readers and one for its writers. Two things are observed: a process that
dies while it has one of these locks, and an item whose rest does not come. That a process died in
the thread that writes its items is not observed. It follows if a reader waits at an empty pipe for
what a living process has put.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import known, waits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described, exit_in_words, fate, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import HELPERS, Finding, RunState

DEAD_QUEUE_NANOSECONDS = 1_000_000_000
"""Minimum time for which somebody waits for a queue that a process died in, nanoseconds."""

_Waits = list[tuple[Process, Wait]]


def _find(state: RunState) -> Iterator[Finding]:
    if state.frozen or not state.table(Queue):
        return
    waiting: dict[str, _Waits] = {}
    for process, wait in waits(state):
        if wait.what in ("get", "put", "drain"):
            waiting.setdefault(wait.object, []).append((process, wait))
    for queue in state.table(Queue).values():
        at_queue = waiting.get(queue.id)
        if at_queue:
            finding = (
                _reader_died(state, queue, at_queue)
                or _half_an_item(state, queue, at_queue)
                or _writer_died(state, queue, at_queue)
            )
            if finding is not None:
                yield finding


def _reader_died(state: RunState, queue: Queue, at_queue: _Waits) -> Finding | None:
    """A process died in its turn to get: nobody can take an item any more."""
    dead = state.processes.get(queue.dead_turns.get("get", ""))
    waiting = [process for process, wait in at_queue if not wait.turn]
    if dead is None or not waiting:
        return None
    what = (
        f"no other can take an item from {queue.name} since {described(dead)} died in a get"
        f" ({exit_in_words(dead)})"
    )
    return _finding(state, queue, what, [dead], waiting)


def _half_an_item(state: RunState, queue: Queue, at_queue: _Waits) -> Finding | None:
    """The rest of an item does not come, and a process that may have been writing it is dead."""
    waiting = [process for process, wait in at_queue if wait.begun >= 0]
    if queue.seen and waiting and _is_nobody_at_work(state, waiting):
        what = f"the rest of an item never comes out of {queue.name}: its writer has ended"
        others = [process for process, wait in at_queue if wait.begun < 0]
        return _finding(state, queue, what, [], waiting + others)
    dead = _dead_writers(state, queue)
    if not (waiting and dead) or _is_any_stopped(state, queue):
        return None
    what = f"the rest of an item never comes out of {queue.name}: its writer {_one_of(state, dead)}"
    others = [process for process, wait in at_queue if wait.begun < 0]
    return _finding(state, queue, what, dead, waiting + others)


def _is_nobody_at_work(state: RunState, but: list[Process]) -> bool:
    """Whether no other process could be writing, of a program that is looked at from outside."""
    others = [each for each in state.processes.values() if each.alive and each not in but]
    return all(
        each.zombie or (each.asleep_since >= 0 and not _puts(each))
        for each in others
        if each.role not in HELPERS
    )


def _puts(process: Process) -> bool:
    return any(wait.what in ("put", "drain") for wait in process.waits.values())


def _writer_died(state: RunState, queue: Queue, at_queue: _Waits) -> Finding | None:
    """A process died in its turn to put: what others put never gets into the queue."""
    in_turn = state.processes.get(queue.dead_turns.get("put", ""))
    if in_turn is not None:
        waiting = [process for process, wait in at_queue if wait.what == "get" or not wait.turn]
        if not waiting:
            return None
        what = (
            f"no other can put an item into {queue.name} since {described(in_turn)} died in a put"
            f" ({exit_in_words(in_turn)})"
        )
        return _finding(state, queue, what, [in_turn], waiting)
    readers = [process for process, wait in at_queue if wait.what == "get" and wait.turn]
    dead = [writer for writer in _dead_writers(state, queue) if writer.exit_code != 0]
    writers = _writers_held_up(state, queue, at_queue) if readers and dead else ()
    if not writers:
        return None
    what = (
        f"what {names_of(state, writers)} put in {queue.name} never comes out of it: another writer"
        f" {_one_of(state, dead)}"
    )
    return _finding(state, queue, what, dead, readers)


def _writers_held_up(state: RunState, queue: Queue, at_queue: _Waits) -> tuple[str, ...]:
    """The living processes whose items nobody has taken, though a reader waits for items.

    A thread of the queue writes an item as soon as it can, unless its process is busy pickling it.
    An item that was put before the last get may be the one that was taken; that there are more of
    them a process tells only at its exit.
    """
    draining = [process.key for process, wait in at_queue if wait.what == "drain"]
    writers = known(state, sorted({*queue.put_since, *draining}))
    living = [writer for writer in writers if writer.alive]
    if any(each.stopped or not (each.resting or each.waits) for each in living) or state.lost:
        return ()
    return tuple(writer.key for writer in living)


def _dead_writers(state: RunState, queue: Queue) -> list[Process]:
    """The processes that may have died in the middle of a put, the last to die first.

    A process that ends well waits until its items are written, unless it asks not to. So if any of
    them was killed, it is one of those.
    """
    dead = [process for process in known(state, queue.putters) if not process.alive]
    dead.sort(key=lambda process: -process.ended)
    return [process for process in dead if process.exit_code != 0] or dead


def _is_any_stopped(state: RunState, queue: Queue) -> bool:
    return any(process.stopped for process in known(state, queue.putters))


def _one_of(state: RunState, dead: list[Process]) -> str:
    if len(dead) == 1:
        return f"{described(dead[0])} {fate(dead[0])} ({exit_in_words(dead[0])})"
    return f"is dead: one of {names_of(state, tuple(process.key for process in dead))}"


def _finding(
    state: RunState,
    queue: Queue,
    what: str,
    dead: list[Process],
    waiting: list[Process],
) -> Finding:
    keys = tuple(dict.fromkeys(process.key for process in waiting))
    wait = plural(len(keys), "process waits", "processes wait")
    return Finding(
        subject=queue.id,
        message=f"{what}, and {wait} for that: {names_of(state, keys)}",
        cause="A queue is a pipe with a lock at each end. A process that dies in the middle of a"
        " put or a get never releases its lock, and may leave half an item in the pipe.",
        fix="Do not kill or terminate a process that may be using a queue: ask it to end with a"
        " sentinel or an Event, and join it. A program that must survive kills needs a queue for"
        " each process.",
        processes=(*(process.key for process in dead), *keys),
        objects=(queue.id,),
        since=max((process.ended for process in dead), default=-1),
    )


RULE = Rule(
    name="dead-queue",
    says="a queue that stands still since a process died in a put or a get",
    threshold=f"somebody waits for it for {briefly(DEAD_QUEUE_NANOSECONDS)} after that",
    exempt="queues that nobody waits for; deaths outside of put and get; writers that are stopped,"
    " or still pickle an item",
    find=_find,
    stays=Stays.OVER,
    holds=DEAD_QUEUE_NANOSECONDS,
    is_a_dead_end=True,
)
