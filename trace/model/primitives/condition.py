"""The Condition of multiprocessing: who waits to be notified, and who notifies whom."""

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
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.mp_event import note_death, wake_unblockers, wake_words
from mpviz.trace.model.processes.process import Process, Wait, go_on
from mpviz.trace.model.state import RunState


class ConditionCreated(Event, tag="condition.created", kw_only=True):
    """A Condition came to be."""

    object: str
    lock: str
    """The id of its lock: its own, or the one that the program gave it."""
    site: Whole = 0


class Notified(Event, tag="condition.notified", kw_only=True):
    """``notify()`` or ``notify_all()`` is about to act."""

    object: str
    asked: Whole
    """How many are to be woken; -1 for all."""
    waiters: Whole
    """How many were waiting."""
    site: Whole = 0


class Woken(Event, tag="condition.woken", kw_only=True):
    """A wait is over, and the next thing is to get the lock back."""

    object: str
    notified: Whole
    """1 where it was notified, 0 where the time was over or an exception ended it."""
    site: Whole = 0


@dataclass(slots=True)
class Condition:
    """A Condition of the program."""

    id: str
    name: str
    lock: str
    notifies: int = 0
    unheard: int = 0
    """How many of these found nobody waiting: a notify is not kept for who comes later."""
    wakes: int = 0
    """How many waits ended by a notify."""
    last_notifier: str = ""
    """Process key."""
    notified_at: int = -1
    """Nanoseconds; -1 before the first time."""
    wait: Distribution = field(default_factory=Distribution)
    """Up to the notify, without the wait for the lock that follows."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of those that died while they waited; it still counts them among its waiters."""


def _created(state: RunState, process: Process, event: ConditionCreated) -> None:
    name = name_object(state, event.site, "Condition")
    state.table(Condition)[event.object] = Condition(event.object, name, event.lock)
    locks = state.table(Lock)
    if event.lock not in locks:
        locks[event.lock] = Lock(event.lock, f"inside {name}", "Lock", 1, inside=True)


# As with locks, a condition that nobody announced is a part of something else and is not shown.


def _notified(state: RunState, process: Process, event: Notified) -> None:
    if event.site:
        process.site = event.site
    condition = state.table(Condition).get(event.object)
    if condition is not None:
        condition.notifies += 1
        condition.used_by.add(process.key)
        condition.unheard += event.waiters <= 0
        condition.last_notifier = process.key
        condition.notified_at = event.time


def _woken(state: RunState, process: Process, event: Woken) -> None:
    took = go_on(process, event.time, event.thread, event.site)
    condition = state.table(Condition).get(event.object)
    if condition is None:
        return
    condition.wakes += bool(event.notified)
    condition.used_by.add(process.key)
    if took >= 0:
        condition.wait.add(took)


def _gave_up(state: RunState, wait: Wait, took: int) -> None:
    condition = state.table(Condition).get(wait.object)
    if condition is not None:
        condition.wait.add(took)


def _process_ended(state: RunState, process: Process) -> None:
    for wait in process.waits.values():
        found = state.table(Condition).get(wait.object) if wait.what == "condition" else None
        if found is not None:
            found.dead.append(process.key)
            note_death(state, process, f"condition {found.name}")


def _words(state: RunState, wait: Wait) -> str:
    condition = state.table(Condition).get(wait.object)
    return f"a notify of condition {condition.name}" if condition else "an internal condition"


def _wake_words(state: RunState, wait: Wait) -> str:
    condition = state.table(Condition).get(wait.object)
    if condition is None:
        return "an internal condition"
    return wake_words(state, f"condition {condition.name}", condition.dead)


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    condition = state.table(Condition).get(wait.object)
    notifier = (condition.last_notifier,) if condition is not None else ()
    return Unblockers(main_threads(filter(None, notifier)), "has notified before")


def _wake_unblockers(state: RunState, wait: Wait) -> Unblockers:
    condition = state.table(Condition).get(wait.object)
    return wake_unblockers(condition.dead if condition is not None else ())


def _document(state: RunState) -> dict[str, Any]:
    return {
        "conditions": [
            {
                "id": condition.id,
                "name": condition.name,
                "notifies": condition.notifies,
                "unheard": condition.unheard,
                "wakes": condition.wakes,
                "waits": condition.wait.count,
                "wait": condition.wait.total / 1e9,
            }
            for condition in state.table(Condition).values()
        ]
    }


def _line(state: RunState, condition: Condition) -> str:
    return (
        f"condition {condition.name}: {plural(condition.notifies, 'notify', 'notifies')},"
        f" {condition.unheard:,} of them to nobody,"
        f" {duration(condition.wait.total)} waited in all"
    )


def _timings(state: RunState) -> Iterator[TimingFields]:
    for condition in state.table(Condition).values():
        yield "wait", "a notify of", condition.name, condition.id, condition.wait


PRIMITIVE = Primitive(
    handlers={ConditionCreated: _created, Notified: _notified, Woken: _woken},
    in_rings=(Notified, Woken),
    waits={
        "condition": WaitKind(Activity.SIGNAL, _words, _unblockers, _gave_up),
        "wake-condition": WaitKind(Activity.SIGNAL, _wake_words, _wake_unblockers),
    },
    process_ended=_process_ended,
    document=_document,
    summary=Summary(
        "condition",
        "conditions",
        lambda state: list(state.table(Condition).values()),
        lambda condition: (condition.wait.total, condition.notifies),
        _line,
    ),
    timings=_timings,
)
