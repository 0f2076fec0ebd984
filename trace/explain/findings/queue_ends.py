"""Waits of producers and consumers."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.primitives.queue import Queue, Turns
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

QUEUE_ITEMS = 30
"""Minimum number of items that have gone through a queue before its pace is judged."""

QUEUE_NANOSECONDS = 2_000_000_000
"""Minimum time for which items have gone through it, nanoseconds."""

QUEUE_WAITS_SHARE = 0.75
"""Minimum share (0 to 1) of items that had to be waited for: one long wait is no lack of pace."""

QUEUE_OTHER_END_SHARE = 0.1
"""Maximum share (0 to 1) of time that those at the other end wait, since they set the pace."""

QUEUE_MAKING_NANOSECONDS = 1_000_000
"""Minimum time to make an item, nanoseconds. Faster producers only distribute existing items."""


@dataclass(frozen=True)
class End:
    """One end of a queue: sums over all processes that use it."""

    processes: tuple[Process, ...]
    span: int
    """Nanoseconds from the first item to the last, or to now if a process waits."""
    waited: int
    """Nanoseconds of :attr:`span` that they waited."""
    items: int
    waits: int
    """Items that had to be waited for."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its processes."""
        return tuple(process.key for process in self.processes)

    @property
    def wait_share(self) -> float:
        """Share (0 to 1) of the time for which they wait."""
        return self.waited / max(1, self.span)

    @property
    def waits_share(self) -> float:
        """Share (0 to 1) of the items that they had to wait for."""
        return self.waits / max(1, self.items)

    @property
    def own_time(self) -> float:
        """Average time to make or to use an item, nanoseconds."""
        return (self.span - self.waited) / max(1, self.items)


def putting(state: RunState, queue: Queue) -> End:
    """The producers."""
    return _end(state, queue.putters, "put", queue.id, state.now)


def taking(state: RunState, queue: Queue) -> End:
    """The consumers; a wait counts only until the last put, not for the end of all items."""
    last_put = max((turns.last for turns in _regulars(queue.putters).values()), default=0)
    return _end(state, queue.takers, "get", queue.id, last_put)


def lifetime(queue: Queue) -> int:
    """Nanoseconds from the first item that was put to the last."""
    turns = _regulars(queue.putters).values()
    if not turns:
        return 0
    return max(each.last for each in turns) - min(each.first for each in turns)


def _regulars(turns: dict[str, Turns]) -> dict[str, Turns]:
    """The processes that use it again and again, not just once to say that the end has come."""
    most = max((turn.items for turn in turns.values()), default=0)
    return {key: turn for key, turn in turns.items() if turn.items * 10 >= most}


def _end(state: RunState, ever: dict[str, Turns], what: str, queue: str, until: int) -> End:
    turns = _regulars(ever)
    span = waited = 0
    for key, turn in turns.items():
        span += turn.last - turn.first
        waited += turn.waited
        for wait in state.processes[key].waits.values():
            if wait.what == what and wait.object == queue and wait.since < until:
                waited += until - wait.since
                span += max(0, until - turn.last)
    return End(
        tuple(state.processes[key] for key in turns),
        span,
        waited,
        sum(turn.items for turn in turns.values()),
        sum(turn.waits for turn in turns.values()),
    )
