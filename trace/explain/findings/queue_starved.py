"""Rule: a queue that is empty, so that its consumers wait most of the time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from mpviz.trace.explain.findings.evidence import is_busy
from mpviz.trace.explain.findings.queue_ends import (
    QUEUE_ITEMS,
    QUEUE_NANOSECONDS,
    QUEUE_OTHER_END_SHARE,
    QUEUE_WAITS_SHARE,
    End,
    lifetime,
    putting,
    taking,
)
from mpviz.trace.explain.findings.rule import MARGIN, Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.state import Finding, RunState

QUEUE_STARVED_SHARE = 0.75
"""Minimum share (0 to 1) of consumer time blocked on an empty queue."""


def _find(state: RunState) -> Iterator[Finding]:
    for queue in state.table(Queue).values():
        if queue.gets.count < QUEUE_ITEMS or len(queue.takers) < 2:
            continue
        producers, consumers = putting(state, queue), taking(state, queue)
        if len(consumers.processes) >= 2 and _is_starved(state, queue, producers, consumers):
            yield _finding(queue, producers, consumers)


def _is_starved(state: RunState, queue: Queue, producers: End, consumers: End) -> bool:
    share = QUEUE_STARVED_SHARE
    return (
        consumers.wait_share >= share
        and consumers.waits_share >= QUEUE_WAITS_SHARE
        and producers.wait_share <= QUEUE_OTHER_END_SHARE
        and lifetime(queue) >= QUEUE_NANOSECONDS
        and all(is_busy(process) for process in producers.processes)
    )


def _nearly(state: RunState, queue_id: str) -> bool:
    queue = state.table(Queue).get(queue_id)
    return queue is not None and (taking(state, queue).wait_share >= QUEUE_STARVED_SHARE - MARGIN)


def _finding(queue: Queue, producers: End, consumers: End) -> Finding:
    makers, users = len(producers.processes), len(consumers.processes)
    enough = max(1, ceil(users * (1 - consumers.wait_share)))
    return Finding(
        subject=queue.id,
        message=f"{plural(users, 'consumer')} of {queue.name} wait for items"
        f" {consumers.wait_share:.0%} of their time: {plural(makers, 'producer')} cannot"
        " keep up",
        cause=f"Making an item takes {briefly(producers.own_time)} and using one"
        f" {briefly(consumers.own_time)}, so the queue is empty and the producers set the pace.",
        fix="Start more producers, or leave more of the work on an item to the consumers. At this"
        f" pace {plural(enough, 'consumer')} would do.",
        processes=producers.keys + consumers.keys,
        objects=(queue.id,),
        since=min(turns.first for turns in queue.takers.values()),
    )


RULE = Rule(
    name="queue-starved",
    says="an empty queue whose consumers wait for items most of the time",
    threshold=f"two consumers or more that wait {QUEUE_STARVED_SHARE:.0%} of their"
    f" time, over {briefly(QUEUE_NANOSECONDS)} and {QUEUE_ITEMS} items",
    exempt="queues with one consumer; waits for the first item and for the end; producers that"
    " sleep or wait themselves, for example for a person",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
