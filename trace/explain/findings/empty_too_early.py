"""Rule: items that nobody has taken, because their consumers took empty() for the end."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import names_of
from mpviz.trace.model.state import Finding, RunState

ITEMS_LEFT = 1
"""Minimum number of items that are left at the end."""


def _find(state: RunState) -> Iterator[Finding]:
    if state.interrupted >= 0 or not _has_ended_well(state, state.main):
        return
    for queue in state.table(Queue).values():
        if queue.depth < ITEMS_LEFT:
            continue
        misled = tuple(key for key in state.processes if _is_misled(state, queue, key))
        if misled:
            yield _finding(state, queue, misled)


def _has_ended_well(state: RunState, key: str) -> bool:
    process = state.processes.get(key)
    return process is not None and process.exit_code == 0 and not process.ended_on_request


def _is_misled(state: RunState, queue: Queue, key: str) -> bool:
    """Whether a process was told "empty" while items were on the way, and took none after that."""
    look, turns = queue.found_empty.get(key), queue.takers.get(key)
    if look is None or look.on_the_way <= 0 or not _has_ended_well(state, key):
        return False
    # Who only puts asks whether there is need of more.
    return key not in queue.putters if turns is None else turns.last < look.time


def _finding(state: RunState, queue: Queue, misled: tuple[str, ...]) -> Finding:
    look = min((queue.found_empty[key] for key in misled), key=lambda each: each.time)
    place = state.place(look.site)
    where = f", at {place}" if place else ""
    was = "was" if queue.depth == 1 else "were"
    on_the_way = "1 was" if look.on_the_way == 1 else f"{look.on_the_way:,} were"
    return Finding(
        subject=queue.id,
        message=f"{plural(queue.depth, 'item')} of {queue.name} {was} never taken:"
        f" {names_of(state, misled)} found it empty{where}, when {on_the_way} still on the way, and"
        " took no more",
        cause="put() hands an item to a thread, which writes it into the pipe a little later. Until"
        " then empty() says True, although the item has been put.",
        fix="Do not ask empty(). Put one None for each consumer behind the last item, and let each"
        " get items until it gets None; or get as many items as were put.",
        processes=misled,
        objects=(queue.id,),
        since=look.time,
    )


RULE = Rule(
    name="empty-too-early",
    says="items that nobody has taken, because empty() was taken for the end of the queue",
    threshold=f"{ITEMS_LEFT} item that is left when the program has ended, after a process found"
    " the queue empty while items were on the way, and took none after that",
    exempt="queues that are empty at the end; processes that only put; a program that failed, was"
    " ended or got Ctrl-C",
    find=_find,
    stays=Stays.AS_IT_WAS,
    at_end=True,
)
