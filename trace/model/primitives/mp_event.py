"""The Event of multiprocessing: whether it is set, by whom, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Event, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, TimingFields
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import Primitive, Summary, Unblockers, WaitKind, main_threads
from mpviz.trace.model.processes.identity import described, ended_badly
from mpviz.trace.model.processes.process import Process, Wait, go_on
from mpviz.trace.model.state import RunState

NOTES = 200
"""So much of what happens to one object goes into the log: more would push all else out of it."""


class EventCreated(Event, tag="event.created", kw_only=True):
    """An Event came to be."""

    object: str
    site: Whole = 0


class EventSet(Event, tag="event.set", kw_only=True):
    """``set()``: told before anybody can see it, so that nobody goes on before."""

    object: str
    waiters: Whole
    """How many were waiting."""
    site: Whole = 0


class EventCleared(Event, tag="event.cleared", kw_only=True):
    """``clear()``: whoever waits from here on has to wait for the next ``set()``."""

    object: str
    site: Whole = 0


class EventWaited(Event, tag="event.waited", kw_only=True):
    """``wait()`` has returned, whether it had to wait or not."""

    object: str
    passed: Whole
    """1 where the event was set, 0 where the time was over."""
    site: Whole = 0


@dataclass(slots=True)
class SharedEvent:
    """An Event of the program."""

    id: str
    name: str
    is_set: bool = False
    set_by: str = ""
    """Key of the process that last turned it from not set to set."""
    set_at: int = -1
    """When that was, nanoseconds; -1 before the first time."""
    cleared_by: str = ""
    """Key of the process that cleared it last."""
    sets: int = 0
    clears: int = 0
    waits: int = 0
    """Calls of ``wait()`` that are over, also those that found it set."""
    timed_out: int = 0
    wait: Distribution = field(default_factory=Distribution)
    """Of those that had to wait."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of those that died while they waited; it still counts them among its waiters."""


def names_of(state: RunState, keys: Sequence[str]) -> str:
    """The processes with these keys, by name: "Process-2 and Process-3"."""
    return " and ".join(described(state.processes[key]) for key in keys if key in state.processes)


def wake_words(state: RunState, name: str, dead: Sequence[str]) -> str:
    """What a process waits for that lets others go on: for the dead it waits for ever."""
    fate = f", {names_of(state, dead)} died waiting" if dead else ""
    return f"the waiters of {name} to wake{fate}"


def wake_unblockers(dead: Sequence[str]) -> Unblockers:
    """Who would have to wake for that: the dead never will; of the living it is not told who."""
    return Unblockers(main_threads(dead), "has to wake", complete=bool(dead), all_needed=True)


def note_death(state: RunState, process: Process, name: str) -> None:
    """Tell of a process that died while it waited for something that counts its waiters."""
    text = f"died waiting for {name}, which still counts it as a waiter"
    state.note(process.ended, process.key, text, trouble=ended_badly(process))


def _created(state: RunState, process: Process, event: EventCreated) -> None:
    name = name_object(state, event.site, "Event")
    state.table(SharedEvent)[event.object] = SharedEvent(event.object, name)


# As with locks, an event that nobody announced is a part of something else and is not shown.


def _set(state: RunState, process: Process, event: EventSet) -> None:
    if event.site:
        process.site = event.site
    shared = state.table(SharedEvent).get(event.object)
    if shared is None:
        return
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


def _cleared(state: RunState, process: Process, event: EventCleared) -> None:
    if event.site:
        process.site = event.site
    shared = state.table(SharedEvent).get(event.object)
    if shared is not None:
        shared.clears += 1
        shared.used_by.add(process.key)
        shared.is_set = False
        shared.cleared_by = process.key


def _waited(state: RunState, process: Process, event: EventWaited) -> None:
    took = go_on(process, event.time, event.thread, event.site)
    shared = state.table(SharedEvent).get(event.object)
    if shared is None:
        return
    shared.waits += 1
    shared.used_by.add(process.key)
    shared.timed_out += not event.passed
    if took >= 0:
        shared.wait.add(took)


def _gave_up(state: RunState, wait: Wait, took: int) -> None:
    shared = state.table(SharedEvent).get(wait.object)
    if shared is not None:
        shared.waits += 1
        shared.wait.add(took)


def _process_ended(state: RunState, process: Process) -> None:
    for wait in process.waits.values():
        shared = state.table(SharedEvent).get(wait.object) if wait.what == "event" else None
        if shared is not None:
            shared.dead.append(process.key)
            note_death(state, process, f"event {shared.name}")


def _words(state: RunState, wait: Wait) -> str:
    shared = state.table(SharedEvent).get(wait.object)
    if shared is None:
        return "an internal event"
    if shared.is_set:
        return f"event {shared.name}"
    cleared = names_of(state, [shared.cleared_by])
    return f"event {shared.name}, {f'cleared by {cleared}' if cleared else 'not set yet'}"


def _wake_words(state: RunState, wait: Wait) -> str:
    shared = state.table(SharedEvent).get(wait.object)
    if shared is None:
        return "an internal event"
    return wake_words(state, f"event {shared.name}", shared.dead)


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    shared = state.table(SharedEvent).get(wait.object)
    setter = (shared.set_by,) if shared is not None and shared.set_by else ()
    return Unblockers(main_threads(setter), "has set it before")


def _wake_unblockers(state: RunState, wait: Wait) -> Unblockers:
    shared = state.table(SharedEvent).get(wait.object)
    return wake_unblockers(shared.dead if shared is not None else ())


def _document(state: RunState) -> dict[str, Any]:
    def pid_of(key: str) -> int | None:
        process = state.processes.get(key)
        return process.pid if process else None

    return {
        "events": [
            {
                "id": shared.id,
                "name": shared.name,
                "sets": shared.sets,
                "clears": shared.clears,
                "waits": shared.waits,
                "timed_out": shared.timed_out,
                "wait": shared.wait.total / 1e9,
                "is_set": shared.is_set,
                "set_by_pid": pid_of(shared.set_by),
            }
            for shared in state.table(SharedEvent).values()
        ]
    }


def _line(state: RunState, event: SharedEvent) -> str:
    return (
        f"event {event.name}: set {plural(event.sets, 'time')}, {plural(event.waits, 'wait')},"
        f" {duration(event.wait.total)} waited in all"
    )


def _timings(state: RunState) -> Iterator[TimingFields]:
    for event in state.table(SharedEvent).values():
        yield "wait", "event", event.name, event.id, event.wait


PRIMITIVE = Primitive(
    handlers={
        EventCreated: _created,
        EventSet: _set,
        EventCleared: _cleared,
        EventWaited: _waited,
    },
    in_rings=(EventSet, EventCleared, EventWaited),
    waits={
        "event": WaitKind(Activity.SIGNAL, _words, _unblockers, _gave_up),
        "wake-event": WaitKind(Activity.SIGNAL, _wake_words, _wake_unblockers),
    },
    process_ended=_process_ended,
    document=_document,
    summary=Summary(
        "event",
        "events",
        lambda state: list(state.table(SharedEvent).values()),
        lambda event: (event.wait.total, event.sets),
        _line,
    ),
    timings=_timings,
)
