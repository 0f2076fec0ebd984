"""The Barrier of multiprocessing: who is there already, and for whom all the others waited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Event, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, TimingFields
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import Primitive, Summary, Unblockers, WaitKind, main_threads
from mpviz.trace.model.primitives.mp_event import (
    NOTES,
    names_of,
    note_death,
    wake_unblockers,
    wake_words,
)
from mpviz.trace.model.processes.process import Process, Wait, begin_wait, go_on, settle
from mpviz.trace.model.state import RunState, note_thread


class BarrierCreated(Event, tag="barrier.created", kw_only=True):
    """A Barrier came to be."""

    object: str
    parties: Whole
    """How many have to be there before any goes on."""
    site: Whole = 0


class Arrived(Event, tag="barrier.arrived", kw_only=True):
    """A process has taken its place; all but the last to arrive wait from here on."""

    object: str
    waits: Whole = 0
    """1 if it is not the last one and waits for the others."""
    site: Whole = 0


class Released(Event, tag="barrier.released", kw_only=True):
    """The last to arrive lets all go on: a round is complete. Told before anybody does."""

    object: str
    site: Whole = 0


class Left(Event, tag="barrier.left", kw_only=True):
    """A process that had arrived goes on."""

    object: str
    passed: Whole
    """1 where all had come, 0 where the barrier broke, was reset, or an exception came."""
    site: Whole = 0


class Broken(Event, tag="barrier.broken", kw_only=True):
    """The barrier breaks: all that wait, and all that come, get a BrokenBarrierError."""

    object: str
    reason: str
    """abort, time-out or action (the barrier's action raised)."""
    site: Whole = 0


class BarrierReset(Event, tag="barrier.reset", kw_only=True):
    """``reset()``: whole again, and who was waiting gets a BrokenBarrierError."""

    object: str
    site: Whole = 0


@dataclass(slots=True)
class Barrier:
    """A Barrier of the program."""

    id: str
    name: str
    parties: int
    here: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread) of those that have arrived in this round: when, nanoseconds.

    Who dies there keeps the place, as the barrier itself has it.
    """
    rounds: int = 0
    """How often all were there and went on."""
    broken: bool = False
    reason: str = ""
    """Why it broke last."""
    broken_by: str = ""
    """Key of the process in which it broke last."""
    last_to_arrive: str = ""
    """Key of the process for which all the others waited in the last complete round."""
    last_by: dict[str, int] = field(default_factory=dict)
    """Process key: in how many rounds that was so."""
    wait: Distribution = field(default_factory=Distribution)
    """Of all but the last to arrive."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of those that died there."""


REASONS = {"abort": "abort()", "time-out": "a time-out", "action": "its action raised"}
"""Why a barrier broke, in words."""


def _created(state: RunState, process: Process, event: BarrierCreated) -> None:
    name = name_object(state, event.site, "Barrier")
    # Many Pythons accept a negative number, and a recording may contain any.
    state.table(Barrier)[event.object] = Barrier(event.object, name, max(0, event.parties))


# As with locks, a barrier that nobody announced is a part of something else and is not shown.


def _arrived(state: RunState, process: Process, event: Arrived) -> None:
    if event.site:
        process.site = event.site
    if event.waits:
        wait = Wait("barrier", event.object, event.time, Activity.SIGNAL, event.site)
        begin_wait(process, event.thread, wait)
        settle(process, event.time)
    barrier = state.table(Barrier).get(event.object)
    if barrier is not None:
        barrier.used_by.add(process.key)
        where = f"are at barrier {barrier.name}"
        note_thread(barrier.here, process, event.thread, event.time, where)


def _released(state: RunState, process: Process, event: Released) -> None:
    barrier = state.table(Barrier).get(event.object)
    if barrier is None:
        return
    barrier.rounds += 1
    barrier.last_to_arrive = process.key
    barrier.last_by[process.key] = barrier.last_by.get(process.key, 0) + 1
    _let_go(barrier)
    if barrier.rounds <= NOTES:
        text = f"is the last of {barrier.parties} at barrier {barrier.name}: all go on"
        state.note(event.time, process.key, text)


def _left(state: RunState, process: Process, event: Left) -> None:
    took = go_on(process, event.time, event.thread, event.site)
    barrier = state.table(Barrier).get(event.object)
    if barrier is None:
        return
    barrier.here.pop((process.key, event.thread), None)
    if took >= 0:
        barrier.wait.add(took)


def _broken(state: RunState, process: Process, event: Broken) -> None:
    if event.site:
        process.site = event.site
    barrier = state.table(Barrier).get(event.object)
    if barrier is None:
        return
    barrier.broken = True
    barrier.reason = event.reason
    barrier.broken_by = process.key
    _let_go(barrier)
    text = f"breaks barrier {barrier.name}: {REASONS.get(event.reason, event.reason)}"
    state.note(event.time, process.key, text, trouble=event.reason != "abort")


def _reset(state: RunState, process: Process, event: BarrierReset) -> None:
    if event.site:
        process.site = event.site
    barrier = state.table(Barrier).get(event.object)
    if barrier is not None:
        barrier.broken = False
        _let_go(barrier)


def _let_go(barrier: Barrier) -> None:
    """Empty all places but those of the dead, who cannot leave."""
    barrier.here = {place: at for place, at in barrier.here.items() if place[0] in barrier.dead}


def _gave_up(state: RunState, wait: Wait, took: int) -> None:
    barrier = state.table(Barrier).get(wait.object)
    if barrier is not None:
        barrier.wait.add(took)


def _process_ended(state: RunState, process: Process) -> None:
    for wait in process.waits.values():
        barrier = state.table(Barrier).get(wait.object) if wait.what == "barrier" else None
        if barrier is not None:
            barrier.dead.append(process.key)
            note_death(state, process, f"barrier {barrier.name}")


def _words(state: RunState, wait: Wait) -> str:
    barrier = state.table(Barrier).get(wait.object)
    if barrier is None:
        return "an internal barrier"
    if barrier.broken:
        return f"barrier {barrier.name}, which is broken"
    return f"barrier {barrier.name}, {len(barrier.here)} of {barrier.parties} there"


def _drain_words(state: RunState, wait: Wait) -> str:
    barrier = state.table(Barrier).get(wait.object)
    if barrier is None:
        return "an internal barrier"
    fate = f", {names_of(state, barrier.dead)} died in it" if barrier.dead else ""
    return f"barrier {barrier.name} to empty{fate}"


def _wake_words(state: RunState, wait: Wait) -> str:
    barrier = state.table(Barrier).get(wait.object)
    if barrier is None:
        return "an internal barrier"
    return wake_words(state, f"barrier {barrier.name}", barrier.dead)


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    """Whoever is not there yet, of whom nobody can say who that will be."""
    barrier = state.table(Barrier).get(wait.object)
    here = {key for key, _ in barrier.here} if barrier is not None else set()
    missing = [key for key in barrier.last_by if key not in here] if barrier is not None else []
    return Unblockers(main_threads(missing), "was there before")


def _drain_unblockers(state: RunState, wait: Wait) -> Unblockers:
    barrier = state.table(Barrier).get(wait.object)
    dead = barrier.dead if barrier is not None else []
    return Unblockers(main_threads(dead), "has to leave it", complete=bool(dead), all_needed=True)


def _wake_unblockers(state: RunState, wait: Wait) -> Unblockers:
    barrier = state.table(Barrier).get(wait.object)
    return wake_unblockers(barrier.dead if barrier is not None else ())


def _document(state: RunState) -> dict[str, Any]:
    return {
        "barriers": [
            {
                "id": barrier.id,
                "name": barrier.name,
                "parties": barrier.parties,
                "rounds": barrier.rounds,
                "broken": barrier.broken,
                "waits": barrier.wait.count,
                "wait": barrier.wait.total / 1e9,
            }
            for barrier in state.table(Barrier).values()
        ]
    }


def _line(state: RunState, barrier: Barrier) -> str:
    broken = ", broken" if barrier.broken else ""
    return (
        f"barrier {barrier.name}: {plural(barrier.rounds, 'round')} of {barrier.parties:,},"
        f" {duration(barrier.wait.total)} waited in all{broken}"
    )


def _timings(state: RunState) -> Iterator[TimingFields]:
    for barrier in state.table(Barrier).values():
        yield "wait", "barrier", barrier.name, barrier.id, barrier.wait


PRIMITIVE = Primitive(
    handlers={
        BarrierCreated: _created,
        Arrived: _arrived,
        Released: _released,
        Left: _left,
        Broken: _broken,
        BarrierReset: _reset,
    },
    in_rings=(Arrived, Released, Left),
    waits={
        "barrier": WaitKind(Activity.SIGNAL, _words, _unblockers, _gave_up),
        "drain-barrier": WaitKind(Activity.SIGNAL, _drain_words, _drain_unblockers),
        "wake-barrier": WaitKind(Activity.SIGNAL, _wake_words, _wake_unblockers),
    },
    process_ended=_process_ended,
    document=_document,
    summary=Summary(
        "barrier",
        "barriers",
        lambda state: list(state.table(Barrier).values()),
        lambda barrier: (barrier.broken, barrier.wait.total, barrier.rounds),
        _line,
    ),
    timings=_timings,
)
