"""Rule: a bounded queue that is full, so that its producers wait most of the time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from mpviz.trace.explain.findings.queue_ends import (
    QUEUE_ITEMS,
    QUEUE_MAKING_NANOSECONDS,
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

QUEUE_FULL_SHARE = 0.8
"""Minimum share (0 to 1) of producer time blocked on a full queue."""


def _find(state: RunState) -> Iterator[Finding]:
    for queue in state.table(Queue).values():
        if not queue.maxsize or queue.gets.count < QUEUE_ITEMS or len(queue.putters) < 2:
            continue
        producers, consumers = putting(state, queue), taking(state, queue)
        if len(producers.processes) >= 2 and _is_full(state, queue, producers, consumers):
            yield _finding(queue, producers, consumers)


def _is_full(state: RunState, queue: Queue, producers: End, consumers: End) -> bool:
    share = QUEUE_FULL_SHARE
    return (
        producers.wait_share >= share
        and producers.waits_share >= QUEUE_WAITS_SHARE
        and producers.own_time >= QUEUE_MAKING_NANOSECONDS
        and consumers.wait_share <= QUEUE_OTHER_END_SHARE
        and lifetime(queue) >= QUEUE_NANOSECONDS
        and _more_would_help(state, consumers)
    )


def _nearly(state: RunState, queue_id: str) -> bool:
    queue = state.table(Queue).get(queue_id)
    return queue is not None and (putting(state, queue).wait_share >= QUEUE_FULL_SHARE - MARGIN)


def _more_would_help(state: RunState, consumers: End) -> bool:
    """Whether another consumer would find a free core, or would hardly need one."""
    cores = state.cores
    used = sum(total for index, total in enumerate(cores.percent_total) if cores.may_use(index))
    idle = 100 * cores.count - used / max(1, cores.samples)
    worked = sum(process.cpu_seconds for process in consumers.processes)
    return idle >= 100 or worked * 1e9 < 0.5 * consumers.span


def _finding(queue: Queue, producers: End, consumers: End) -> Finding:
    makers, users = len(producers.processes), len(consumers.processes)
    enough = ceil(consumers.own_time * makers / max(1.0, producers.own_time))
    return Finding(
        subject=queue.id,
        message=f"{plural(makers, 'producer')} of {queue.name} wait for room in it"
        f" {producers.wait_share:.0%} of their time: {plural(users, 'consumer')} cannot"
        " keep up",
        cause=f"Making an item takes {briefly(producers.own_time)} and using one"
        f" {briefly(consumers.own_time)}, so the queue is full and the consumers set the pace.",
        fix=f"Start more consumers ({enough} would keep up) or fewer producers, or speed up what a"
        " consumer does with an item. A larger queue would only fill up later.",
        processes=consumers.keys + producers.keys,
        objects=(queue.id,),
        since=min(turns.first for turns in queue.putters.values()),
    )


RULE = Rule(
    name="queue-full",
    says="a full queue whose producers wait for room most of the time",
    threshold=f"two producers or more that wait {QUEUE_FULL_SHARE:.0%} of their time,"
    f" over {briefly(QUEUE_NANOSECONDS)} and {QUEUE_ITEMS} items",
    exempt="queues with one producer; producers that need less than"
    f" {briefly(QUEUE_MAKING_NANOSECONDS)} for an item, since they only hand out work; consumers"
    " that wait as well, or that keep all cores busy",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
