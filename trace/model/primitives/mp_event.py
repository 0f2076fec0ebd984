"""The Event of multiprocessing: whether it is set, by whom, and who waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import SitedEvent, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.names import name_object
from mpviz.trace.model.passes import Pass
from mpviz.trace.model.primitive import (
    ObjectReport,
    Primitive,
    Unblockers,
    all_of,
    known,
    main_threads,
    object_wait,
    so_far,
    timings_of,
)
from mpviz.trace.model.primitives.counted_waiters import (
    NOTES,
    after_wait,
    note_deaths,
    wake_wait,
)
from mpviz.trace.model.processes.identity import names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState


class EventCreated(SitedEvent, tag="event.created", kw_only=True):
    """An Event was created."""


class EventSet(SitedEvent, tag="event.set", kw_only=True):
    """``set()``; sent before it acts, so that no process goes on earlier."""

    waiters: Whole
    """How many were waiting."""


class EventCleared(SitedEvent, tag="event.cleared", kw_only=True):
    """``clear()``: all that wait from now on wait for the next ``set()``."""


class EventWaited(SitedEvent, tag="event.waited", kw_only=True):
    """``wait()`` has returned, whether it had to wait or not."""

    passed: Whole
    """1 if the event was set, 0 if the wait timed out."""


@dataclass(slots=True)
class SharedEvent:
    """An Event of the program."""

    id: str
    name: str
    is_set: bool = False
    set_by: str = ""
    """Key of the process that last set it when it was not set."""
    set_at: int = -1
    """When that was, nanoseconds; -1 before the first time."""
    cleared_by: str = ""
    """Key of the process that cleared it last."""
    cleared_at: int = -1
    """When that was, nanoseconds; -1 before the first time."""
    sets: int = 0
    clears: int = 0
    waits: int = 0
    """Calls of ``wait()`` that have returned, including those that found it set."""
    timed_out: int = 0
    wait: Distribution = field(default_factory=Distribution)
    """The waits of calls that had to wait."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of processes that died while they waited; it still counts them as waiters."""


def _created(state: RunState, process: Process, event: EventCreated) -> None:
    name = name_object(state, event.site, "Event")
    state.table(SharedEvent)[event.object] = SharedEvent(event.object, name)


def _set(state: RunState, process: Process, shared: SharedEvent, event: EventSet) -> None:
    shared.sets += 1
    shared.used_by.add(process.key)
    if shared.is_set:
        return
    shared.is_set = True
    shared.set_by = process.key
    shared.set_at = event.time
    if shared.sets <= NOTES:
        waiters = plural(event.waiters, "waiter")
        who = f"{waiters} can go on" if event.waiters > 0 else "nobody waits"
        state.note(event.time, process.key, f"sets event {shared.name}, {who}")


def _cleared(state: RunState, process: Process, shared: SharedEvent, event: EventCleared) -> None:
    shared.clears += 1
    shared.used_by.add(process.key)
    shared.is_set = False
    shared.cleared_by = process.key
    shared.cleared_at = event.time


def _waited(state: RunState, process: Process, shared: SharedEvent, event: EventWaited) -> None:
    shared.waits += 1
    shared.used_by.add(process.key)
    shared.timed_out += not event.passed
    if event.passed and shared.set_by not in ("", process.key):
        state.passes.append(Pass(event.time, process.key, shared.set_by, "set it"))


def _gave_up(state: RunState, wait: Wait, took: int) -> None:
    shared = state.table(SharedEvent).get(wait.object)
    if shared is not None:
        shared.waits += 1
        shared.wait.add(took)


def _words(state: RunState, shared: SharedEvent) -> str:
    if shared.is_set:
        return f"event {shared.name}"
    cleared = names_of(state, [shared.cleared_by])
    return f"event {shared.name}, {f'cleared by {cleared}' if cleared else 'not set yet'}"


def _unblockers(state: RunState, shared: SharedEvent) -> Unblockers:
    return Unblockers(main_threads(filter(None, [shared.set_by])), "has set it before")


def _waited_in_all(state: RunState, shared: SharedEvent) -> int:
    """Nanoseconds, with the waits that go on."""
    return shared.wait.total + sum(so_far(state, shared.id, "event"))


def _entry(state: RunState, shared: SharedEvent) -> dict[str, Any]:
    return {
        "id": shared.id,
        "name": shared.name,
        "sets": shared.sets,
        "clears": shared.clears,
        "waits": shared.waits + len(so_far(state, shared.id, "event")),
        "timed_out": shared.timed_out,
        "wait": _waited_in_all(state, shared) / 1e9,
        "is_set": shared.is_set,
        "set_by_pid": state.pid_of(shared.set_by),
    }


def _line(state: RunState, event: SharedEvent) -> str:
    waits = event.waits + len(so_far(state, event.id, "event"))
    return (
        f"event {event.name}: set {plural(event.sets, 'time')}, {plural(waits, 'wait')},"
        f" {duration(_waited_in_all(state, event))} waited in all"
    )


PRIMITIVE = Primitive(
    handlers={
        EventCreated: _created,
        EventSet: known(SharedEvent, _set),
        EventCleared: known(SharedEvent, _cleared),
        EventWaited: after_wait(SharedEvent, _waited),
    },
    in_rings=(EventSet, EventCleared, EventWaited),
    waits={
        "event": object_wait(
            Activity.SIGNAL, SharedEvent, "an internal event", _words, _unblockers, _gave_up
        ),
        "wake-event": wake_wait(SharedEvent, "event"),
    },
    process_ended=note_deaths(SharedEvent, "event"),
    report=ObjectReport(
        thing="event",
        things="events",
        objects=all_of(SharedEvent),
        weight=lambda event: (event.wait.total, event.sets),
        entry=_entry,
        line=_line,
    ),
    timings=timings_of(SharedEvent, ("wait", "event", "wait", "event")),
)
