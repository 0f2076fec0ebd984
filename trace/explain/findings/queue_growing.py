"""Rule: an unbounded queue that keeps growing, because its consumers are slower."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.queue_ends import (
    QUEUE_ITEMS,
    QUEUE_MAKING_NANOSECONDS,
    QUEUE_NANOSECONDS,
    End,
    lifetime,
    putting,
    taking,
)
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.state import Finding, RunState

QUEUE_GROWN = 500
"""Minimum number of items in an unbounded queue, a tenth of them from each quarter of its life."""


def _find(state: RunState) -> Iterator[Finding]:
    for queue in state.table(Queue).values():
        if queue.maxsize or queue.depth < QUEUE_GROWN or not queue.putters:
            continue
        if queue.gets.count < QUEUE_ITEMS or lifetime(queue) < QUEUE_NANOSECONDS:
            continue
        producers = putting(state, queue)
        if _grows(state, queue, producers):
            yield _finding(queue, producers, taking(state, queue))


def _grows(state: RunState, queue: Queue, producers: End) -> bool:
    return (
        producers.own_time >= QUEUE_MAKING_NANOSECONDS
        and queue.depth * 4 >= queue.puts.count
        and _has_grown_each_quarter(state, queue)
    )


def _has_grown_each_quarter(state: RunState, queue: Queue) -> bool:
    first = min(turns.first for turns in queue.putters.values())
    moments = [first + (state.now - first) * quarter // 4 for quarter in (1, 2, 3, 4)]
    depths = [queue.depths.peak(moment, moment + 1) or 0 for moment in moments]
    steps = [later - before for before, later in zip([0, *depths], depths, strict=False)]
    return min(steps) >= queue.depth * 0.1


def _finding(queue: Queue, producers: End, consumers: End) -> Finding:
    seconds = lifetime(queue) / 1e9
    put, taken = queue.puts.count / seconds, queue.gets.count / seconds
    makers, users = len(producers.processes), len(consumers.processes)
    return Finding(
        subject=queue.id,
        message=f"{queue.name} has grown to {queue.depth} items: {put:.0f} a second are put,"
        f" and {taken:.0f} taken",
        cause=f"{plural(makers, 'producer')} put more than {plural(users, 'consumer')} can use,"
        " and nothing holds them back. The items that wait take memory and get old.",
        fix="Give the queue a maxsize, so that put waits while it is full, or start more"
        " consumers.",
        processes=consumers.keys + producers.keys,
        objects=(queue.id,),
        since=min(turns.first for turns in queue.putters.values()),
    )


RULE = Rule(
    name="queue-growing",
    says="an unbounded queue that keeps growing",
    threshold=f"{QUEUE_GROWN} items in it, more in each quarter of"
    f" {briefly(QUEUE_NANOSECONDS)} or longer",
    exempt="bounded queues; a queue that is filled with work that exists already, in less than"
    f" {briefly(QUEUE_MAKING_NANOSECONDS)} an item",
    find=_find,
    stays=Stays.OVER,
)
