"""Why what a process waits for does not come, from what became of the object before."""

from __future__ import annotations

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.condition import Condition
from mpviz.trace.model.primitives.mp_event import SharedEvent
from mpviz.trace.model.primitives.pipe import Pipe, holders_of_other_end
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState

MOST_LISTED = 4
"""Processes that are told by name."""


def why_nothing_comes(state: RunState, waiter: Process, wait: Wait) -> str:
    """Why what this process waits for does not come; empty if the object's past does not say."""
    return (
        _why_in_queue(state, wait)
        or _why_at_pipe(state, waiter, wait)
        or _why_at_condition(state, wait)
        or _why_at_event(state, wait)
    )


def _why_in_queue(state: RunState, wait: Wait) -> str:
    queue = state.table(Queue).get(wait.object)
    if queue is None:
        return ""
    if wait.what == "get" and queue.unpicklable:
        key, count = next(iter(queue.unpicklable.items()))
        items = "an item" if count == 1 else f"{count} items"
        return f"{names_of(state, [key])} could not pickle {items} for it, which never got into it"
    if wait.what == "done" and queue.takers:
        took = [f"{names_of(state, [key])} took {each.count}" for key, each in queue.takers.items()]
        more = (
            [f"{len(took) - MOST_LISTED} more took the others"] if len(took) > MOST_LISTED else []
        )
        counts = f"{queue.puts.count} put, {queue.gets.count} taken, {queue.done} done"
        return f"{counts}: {', '.join([*took[:MOST_LISTED], *more])}"
    return ""


def all_taken(state: RunState, wait: Wait) -> str:
    """That all items of a queue were taken, and who had put them; empty if some may be left."""
    queue = state.table(Queue).get(wait.object)
    if queue is None or wait.what != "get" or not queue.putters or queue.depth > 0 or queue.seen:
        return ""
    who = names_of(state, list(queue.putters)[:MOST_LISTED])
    count = queue.puts.count
    all_of_them = f"all {count} were" if count > 1 else "it was"
    return f"{who} put {plural(count, 'item')} into {queue.name}, and {all_of_them} taken"


def _why_at_pipe(state: RunState, waiter: Process, wait: Wait) -> str:
    """Which processes have the other end of a pipe; empty if that was not seen."""
    pipe = state.table(Pipe).get(wait.object)
    holders = holders_of_other_end(state, wait)
    if pipe is None or holders is None:
        return ""
    living = names_of(state, [each.key for each in holders if each is not waiter])
    itself = "itself" if waiter in holders else ""
    who = " and ".join(filter(None, (living, itself)))
    if wait.what == "receive":
        senders = pipe.direction_to(wait.object).sent_by
        dead = names_of(state, [key for key in senders if not state.processes[key].alive])
        ended = f"{dead}, which sent on it, has ended; " if dead else ""
        return f"{ended}the sending end is still open in {who}" if who else ""
    return f"the other end is open in {living}, which waits too" if living else ""


def _why_at_condition(state: RunState, wait: Wait) -> str:
    """Who has notified before the wait, when nobody listened; empty if nobody has."""
    condition = state.table(Condition).get(wait.object)
    if condition is None or not condition.unheard or condition.notified_at > wait.since:
        return ""
    who = names_of(state, [condition.last_notifier])
    return f"{who} called notify() while nobody waited, and a notify is not kept for later"


def _why_at_event(state: RunState, wait: Wait) -> str:
    """Who had set an event before the wait, and who had cleared it again; empty if nobody had."""
    event = state.table(SharedEvent).get(wait.object)
    if event is None or event.is_set or event.set_at < 0 or event.cleared_at > wait.since:
        return ""
    who, by = names_of(state, [event.set_by]), names_of(state, [event.cleared_by])
    whom = "" if by == who else f"{by} "
    return f"{who} set it and {whom}cleared it again before the wait began"
