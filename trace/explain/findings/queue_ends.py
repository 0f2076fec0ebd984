"""How those fare who put into a queue, and those who take out of it."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.primitives.queue import Queue, Turns
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState


@dataclass(frozen=True)
class End:
    """One end of a queue: the sums over all who use it."""

    processes: tuple[Process, ...]
    span: int
    """Nanoseconds from the first item to the last, or to now for who waits."""
    waited: int
    """Nanoseconds of these."""
    items: int
    waits: int
    """Items that had to be waited for."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its processes."""
        return tuple(process.key for process in self.processes)

    @property
    def wait_share(self) -> float:
        """Of the time, that they wait."""
        return self.waited / max(1, self.span)

    @property
    def waits_share(self) -> float:
        """Of the items, that they had to wait for."""
        return self.waits / max(1, self.items)

    @property
    def own_time(self) -> float:
        """What they do with an item themselves, to make or to use it, nanoseconds."""
        return (self.span - self.waited) / max(1, self.items)


def putting(state: RunState, queue: Queue) -> End:
    """Those who put."""
    return _end(state, queue.putters, "put", queue.id, state.now)


def taking(state: RunState, queue: Queue) -> End:
    """Those who take; a wait counts as long as anything is put, and not for the end of it all."""
    last_put = max((turns.last for turns in _regulars(queue.putters).values()), default=0)
    return _end(state, queue.takers, "get", queue.id, last_put)


def lifetime(queue: Queue) -> int:
    """Nanoseconds from the first item that was put to the last."""
    turns = _regulars(queue.putters).values()
    if not turns:
        return 0
    return max(each.last for each in turns) - min(each.first for each in turns)


def _regulars(turns: dict[str, Turns]) -> dict[str, Turns]:
    """Those who use it again and again, and not once, such as to tell the others of the end."""
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
