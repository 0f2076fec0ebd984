"""What Event, Condition and Barrier have in common: they count their waiters, the dead included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.primitive import (
    Handler,
    Thread,
    Unblockers,
    WaitKind,
    main_threads,
    object_wait,
)
from mpviz.trace.model.processes.identity import ended_badly, names_of
from mpviz.trace.model.processes.process import Process, go_on
from mpviz.trace.model.state import RunState

NOTES = 200
"""Maximum number of log entries about one object: more would push all others out of the log."""


class _CountsWaiters(Protocol):
    id: str
    name: str
    wait: Distribution
    dead: list[str]
    """Keys of the processes that died while they waited; the object still counts them."""


C = TypeVar("C", bound=_CountsWaiters)


def after_wait(kind: type[C], fold: Callable[[RunState, Process, C, Any], None]) -> Handler:
    """Make a handler for events that say that a thread goes on, whether it had to wait or not."""

    def handle(state: RunState, process: Process, event: Any) -> None:
        waited = go_on(process, event.time, event.thread, event.site)
        found = state.table(kind).get(event.object)
        if found is not None:
            fold(state, process, found, event)
            if waited >= 0:
                found.wait.add(waited)

    return handle


def wake_wait(kind: type[C], noun: str) -> WaitKind:
    """A wait for all waiters of an object to wake, which two of them never do: one that is dead,
    and one whose wait was interrupted by the signal handler that waits for this.
    """

    def words(state: RunState, found: C) -> str:
        died = f", {names_of(state, found.dead)} died waiting" if found.dead else ""
        own = ", of which it is one itself" if _interrupted(state, found) else ""
        return f"the waiters of {noun} {found.name} to wake{own or died}"

    def unblockers(state: RunState, found: C) -> Unblockers:
        """Of the living, nobody tells which of the others wait."""
        threads = (*_interrupted(state, found), *main_threads(found.dead))
        return Unblockers(threads, "has to wake", bool(threads), True)

    def _interrupted(state: RunState, found: C) -> tuple[Thread, ...]:
        return tuple(
            Thread(process.key, thread)
            for process in state.processes.values()
            for thread, wait in process.waits.items()
            if wait.own and wait.object == found.id
        )

    return object_wait(Activity.SIGNAL, kind, f"an internal {noun}", words, unblockers)


def note_deaths(kind: type[C], noun: str) -> Callable[[RunState, Process], None]:
    """Note each process that dies while it waits for such an object."""

    def process_ended(state: RunState, process: Process) -> None:
        for wait in process.waits.values():
            found = state.table(kind).get(wait.object) if wait.what == noun else None
            if found is not None:
                found.dead.append(process.key)
                text = f"died waiting for {noun} {found.name}, which still counts it as a waiter"
                state.note(process.ended, process.key, text, trouble=ended_badly(process))

    return process_ended
