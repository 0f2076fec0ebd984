"""The Barrier of multiprocessing: who is there already, and for whom the others waited."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import SitedEvent, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import (
    ObjectReport,
    Primitive,
    Unblockers,
    add_to,
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
from mpviz.trace.model.processes.process import Process, begin_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState, note_thread


class BarrierCreated(SitedEvent, tag="barrier.created", kw_only=True):
    """A Barrier was created."""

    parties: Whole
    """How many have to be there before all go on."""


class Arrived(SitedEvent, tag="barrier.arrived", kw_only=True):
    """A process has arrived; all but the last to arrive wait from now on."""

    waits: Whole = 0
    """1 if it waits for the others, since it is not the last one."""


class Released(SitedEvent, tag="barrier.released", kw_only=True):
    """A round is complete: the last to arrive lets all go on. Sent before any of them does."""


class Left(SitedEvent, tag="barrier.left", kw_only=True):
    """A process that had arrived goes on."""

    passed: Whole
    """1 if all had come, 0 if the barrier broke, was reset, or an exception came."""


class Broken(SitedEvent, tag="barrier.broken", kw_only=True):
    """The barrier breaks: all that wait, and all that come later, get a BrokenBarrierError."""

    reason: str
    """abort, time-out or action (the barrier's action raised)."""


class BarrierReset(SitedEvent, tag="barrier.reset", kw_only=True):
    """``reset()``: it is whole again, and all that were waiting get a BrokenBarrierError."""


@dataclass(slots=True)
class Barrier:
    """A Barrier of the program."""

    id: str
    name: str
    parties: int
    here: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread) of those that have arrived in this round: when, nanoseconds.

    A process that dies there keeps its place, as it does in the barrier itself.
    """
    rounds: int = 0
    """Number of complete rounds."""
    broken: bool = False
    reason: str = ""
    """Why it broke last."""
    broken_by: str = ""
    """Key of the process in which it broke last."""
    last_to_arrive: str = ""
    """Key of the process for which the others waited in the last complete round."""
    last_by: dict[str, int] = field(default_factory=dict)
    """Process key: number of rounds in which it was the last to arrive."""
    wait: Distribution = field(default_factory=Distribution)
    """Waits of all but the last to arrive."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of the processes that died there."""


REASONS = {"abort": "abort()", "time-out": "a time-out", "action": "its action raised"}
"""Why a barrier broke, in words."""


def _created(state: RunState, process: Process, event: BarrierCreated) -> None:
    name = name_object(state, event.site, "Barrier")
    # Many Pythons accept a negative number, and a recording may contain any.
    state.table(Barrier)[event.object] = Barrier(event.object, name, max(0, event.parties))


def _arrived(state: RunState, process: Process, event: Arrived) -> None:
    process.site = event.site or process.site
    if event.waits:
        wait = Wait("barrier", event.object, event.time, Activity.SIGNAL, event.site)
        begin_wait(process, event.thread, wait)
        settle(process, event.time)
    barrier = state.table(Barrier).get(event.object)
    if barrier is not None:
        barrier.used_by.add(process.key)
        where = f"are at barrier {barrier.name}"
        note_thread(barrier.here, process, event.thread, event.time, where)


def _released(state: RunState, process: Process, barrier: Barrier, event: Released) -> None:
    barrier.rounds += 1
    barrier.last_to_arrive = process.key
    barrier.last_by[process.key] = barrier.last_by.get(process.key, 0) + 1
    _let_go(barrier)
    if barrier.rounds <= NOTES:
        text = f"is the last of {barrier.parties} at barrier {barrier.name}: all go on"
        state.note(event.time, process.key, text)


def _left(state: RunState, process: Process, barrier: Barrier, event: Left) -> None:
    barrier.here.pop((process.key, event.thread), None)


def _broken(state: RunState, process: Process, barrier: Barrier, event: Broken) -> None:
    barrier.broken = True
    barrier.reason = event.reason
    barrier.broken_by = process.key
    _let_go(barrier)
    text = f"breaks barrier {barrier.name}: {REASONS.get(event.reason, event.reason)}"
    if event.reason == "abort":
        state.note(event.time, process.key, text)
    else:
        state.note_failure(event.time, process.key, text)


def _reset(state: RunState, process: Process, barrier: Barrier, event: BarrierReset) -> None:
    barrier.broken = False
    _let_go(barrier)


def _let_go(barrier: Barrier) -> None:
    """Empty all places but those of the dead, who cannot leave."""
    barrier.here = {place: at for place, at in barrier.here.items() if place[0] in barrier.dead}


def _words(state: RunState, barrier: Barrier) -> str:
    if barrier.broken:
        return f"barrier {barrier.name}, which is broken"
    return f"barrier {barrier.name}, {len(barrier.here)} of {barrier.parties} there"


def _drain_words(state: RunState, barrier: Barrier) -> str:
    died = f", {names_of(state, barrier.dead)} died in it" if barrier.dead else ""
    return f"barrier {barrier.name} to empty{died}"


def _unblockers(state: RunState, barrier: Barrier) -> Unblockers:
    """Former last ones that are not there yet; who will come now nobody can know."""
    here = {key for key, _ in barrier.here}
    missing = [key for key in barrier.last_by if key not in here]
    return Unblockers(main_threads(missing), "was there before")


def _drain_unblockers(state: RunState, barrier: Barrier) -> Unblockers:
    dead = main_threads(barrier.dead)
    return Unblockers(dead, "has to leave it", complete=bool(dead), all_needed=True)


def _wait(state: RunState, barrier: Barrier) -> Distribution:
    """How long it was waited for, with the waits that go on."""
    return barrier.wait.including(so_far(state, barrier.id, "barrier"))


def _entry(state: RunState, barrier: Barrier) -> dict[str, Any]:
    return {
        "id": barrier.id,
        "name": barrier.name,
        "parties": barrier.parties,
        "rounds": barrier.rounds,
        "broken": barrier.broken,
        "waits": _wait(state, barrier).count,
        "wait": _wait(state, barrier).total / 1e9,
    }


def _line(state: RunState, barrier: Barrier) -> str:
    broken = ", broken" if barrier.broken else ""
    return (
        f"barrier {barrier.name}: {plural(barrier.rounds, 'round')} of {barrier.parties:,},"
        f" {duration(_wait(state, barrier).total)} waited in all{broken}"
    )


_INTERNAL = "an internal barrier"

PRIMITIVE = Primitive(
    handlers={
        BarrierCreated: _created,
        Arrived: _arrived,
        Released: known(Barrier, _released),
        Left: after_wait(Barrier, _left),
        Broken: known(Barrier, _broken),
        BarrierReset: known(Barrier, _reset),
    },
    in_rings=(Arrived, Released, Left),
    waits={
        "barrier": object_wait(
            Activity.SIGNAL,
            Barrier,
            _INTERNAL,
            _words,
            _unblockers,
            add_to(Barrier),
        ),
        "drain-barrier": object_wait(
            Activity.SIGNAL, Barrier, _INTERNAL, _drain_words, _drain_unblockers
        ),
        "wake-barrier": wake_wait(Barrier, "barrier"),
    },
    process_ended=note_deaths(Barrier, "barrier"),
    report=ObjectReport(
        thing="barrier",
        things="barriers",
        objects=all_of(Barrier),
        weight=lambda barrier: (barrier.broken, barrier.wait.total, barrier.rounds),
        entry=_entry,
        line=_line,
    ),
    timings=timings_of(Barrier, ("wait", "barrier", "wait", "barrier")),
)
