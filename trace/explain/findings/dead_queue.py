"""Rule: a queue that stands still since a process died in the middle of a put or a get.

A queue has a lock for its readers and one for its writers. What is known for sure is a death in a
wait in one's turn, and that an item has begun to come and does not end. That the thread of a Queue
that writes its items was at it is told by nobody: it follows where a reader waits at an empty pipe
for what a living process has put.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.evidence import known, waits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described, exit_in_words, names_of
from mpviz.trace.model.processes.process import Process, Wait
from mpviz.trace.model.state import Finding, RunState

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
    """A process died in its turn to get: nobody can take anything any more."""
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
    """The rest of an item does not come, and one who may have been at it is dead."""
    waiting = [process for process, wait in at_queue if wait.begun >= 0]
    dead = _dead_writers(state, queue)
    if not (waiting and dead) or _is_any_stopped(state, queue):
        return None
    what = f"the rest of an item never comes out of {queue.name}: its writer {_one_of(state, dead)}"
    others = [process for process, wait in at_queue if wait.begun < 0]
    return _finding(state, queue, what, dead, waiting + others)


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
    """The living who have put what nobody has taken, though a reader waits for it.

    A thread of the queue writes it as soon as it can, unless its process is at work on it. What was
    put before something else was taken may be that; only at its exit a process tells that it has
    more.
    """
    draining = [process.key for process, wait in at_queue if wait.what == "drain"]
    writers = known(state, sorted({*queue.put_since, *draining}))
    living = [writer for writer in writers if writer.alive]
    if any(each.stopped or not (each.resting or each.waits) for each in living) or state.lost:
        return ()
    return tuple(writer.key for writer in living)


def _dead_writers(state: RunState, queue: Queue) -> list[Process]:
    """Those that may have been in the middle of a put, the last to die first.

    Who ended well has waited for its items to be written, unless it asked not to; so where
    another was killed, that one is meant.
    """
    dead = [process for process in known(state, queue.putters) if not process.alive]
    dead.sort(key=lambda process: -process.ended)
    return [process for process in dead if process.exit_code != 0] or dead


def _is_any_stopped(state: RunState, queue: Queue) -> bool:
    return any(process.stopped for process in known(state, queue.putters))


def _one_of(state: RunState, dead: list[Process]) -> str:
    if len(dead) == 1:
        return f"{described(dead[0])} is dead ({exit_in_words(dead[0])})"
    return f"is dead: one of {names_of(state, tuple(process.key for process in dead))}"


def _finding(
    state: RunState,
    queue: Queue,
    what: str,
    dead: list[Process],
    waiting: list[Process],
) -> Finding:
    keys = tuple(dict.fromkeys(process.key for process in waiting))
    wait = "1 process waits" if len(keys) == 1 else f"{len(keys)} processes wait"
    return Finding(
        subject=queue.id,
        message=f"{what}, and {wait} for that: {names_of(state, keys)}",
        cause="A queue is a pipe with a lock at each end. A process that dies in the middle of a"
        " put or a get gives its lock back to nobody, and may leave half an item in the pipe.",
        fix="Do not kill or terminate a process that may be using a queue: ask it to end with a"
        " sentinel or an Event, and join it. What must survive a kill needs a queue of its own for"
        " each process.",
        processes=(*(process.key for process in dead), *keys),
        objects=(queue.id,),
        since=max(process.ended for process in dead),
    )


RULE = Rule(
    name="dead-queue",
    says="a queue that stands still since a process died in a put or a get",
    threshold=f"somebody waits for it for {briefly(limits.DEAD_QUEUE_NANOSECONDS)} after that",
    exempt="a queue that nobody waits for; a death outside of put and get; writers that are"
    " stopped, or at work on an item",
    find=_find,
    stays=Stays.OVER,
    holds=limits.DEAD_QUEUE_NANOSECONDS,
)
