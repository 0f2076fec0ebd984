"""The Condition of multiprocessing: who waits to be notified, and who notifies whom."""

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
from mpviz.trace.model.primitives.counted_waiters import after_wait, note_deaths, wake_wait
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState


class ConditionCreated(SitedEvent, tag="condition.created", kw_only=True):
    """A Condition was created."""

    lock: str
    """The id of its lock: its own, or the one that the program gave it."""


class Notified(SitedEvent, tag="condition.notified", kw_only=True):
    """``notify()`` or ``notify_all()`` is about to act."""

    asked: Whole
    """How many waiters to wake; -1 for all."""
    waiters: Whole
    """How many were waiting."""


class Woken(SitedEvent, tag="condition.woken", kw_only=True):
    """A wait is over; next the process takes the lock back."""

    notified: Whole
    """1 if it was notified, 0 if it timed out or an exception ended it."""


@dataclass(slots=True)
class Condition:
    """A Condition of the program."""

    id: str
    name: str
    lock: str
    notifies: int = 0
    unheard: int = 0
    """Notifies that found nobody waiting: a notify is not kept for later waiters."""
    wakes: int = 0
    """Waits that a notify ended."""
    last_notifier: str = ""
    """Process key."""
    notified_at: int = -1
    """Nanoseconds; -1 before the first time."""
    wait: Distribution = field(default_factory=Distribution)
    """Waits up to the notify, without the wait for the lock that follows."""
    used_by: set[str] = field(default_factory=set)
    """Keys of the processes that have used it."""
    dead: list[str] = field(default_factory=list)
    """Keys of processes that died while they waited; it still counts them as waiters."""


def _created(state: RunState, process: Process, event: ConditionCreated) -> None:
    name = name_object(state, event.site, "Condition")
    state.table(Condition)[event.object] = Condition(event.object, name, event.lock)
    locks = state.table(Lock)
    if event.lock not in locks:
        locks[event.lock] = Lock(event.lock, f"inside {name}", "Lock", 1, inside=True)


def _notified(state: RunState, process: Process, condition: Condition, event: Notified) -> None:
    condition.notifies += 1
    condition.used_by.add(process.key)
    condition.unheard += event.waiters <= 0
    condition.last_notifier = process.key
    condition.notified_at = event.time


def _woken(state: RunState, process: Process, condition: Condition, event: Woken) -> None:
    condition.wakes += bool(event.notified)
    condition.used_by.add(process.key)


def _words(state: RunState, condition: Condition) -> str:
    return f"{condition.name}.notify()"


def _unblockers(state: RunState, condition: Condition) -> Unblockers:
    return Unblockers(main_threads(filter(None, [condition.last_notifier])), "has notified before")


def _wait(state: RunState, condition: Condition) -> Distribution:
    """How long it was waited for, with the waits that go on."""
    return condition.wait.including(so_far(state, condition.id, "condition"))


def _entry(state: RunState, condition: Condition) -> dict[str, Any]:
    return {
        "id": condition.id,
        "name": condition.name,
        "notifies": condition.notifies,
        "unheard": condition.unheard,
        "wakes": condition.wakes,
        "waits": _wait(state, condition).count,
        "wait": _wait(state, condition).total / 1e9,
    }


def _line(state: RunState, condition: Condition) -> str:
    return (
        f"condition {condition.name}: {plural(condition.notifies, 'notify', 'notifies')},"
        f" {condition.unheard:,} of them to nobody,"
        f" {duration(_wait(state, condition).total)} waited in all"
    )


PRIMITIVE = Primitive(
    handlers={
        ConditionCreated: _created,
        Notified: known(Condition, _notified),
        Woken: after_wait(Condition, _woken),
    },
    in_rings=(Notified, Woken),
    waits={
        "condition": object_wait(
            Activity.SIGNAL,
            Condition,
            "an internal condition",
            _words,
            _unblockers,
            add_to(Condition),
        ),
        "wake-condition": wake_wait(Condition, "condition"),
    },
    process_ended=note_deaths(Condition, "condition"),
    report=ObjectReport(
        thing="condition",
        things="conditions",
        objects=all_of(Condition),
        weight=lambda condition: (condition.wait.total, condition.notifies),
        entry=_entry,
        line=_line,
    ),
    timings=timings_of(Condition, ("wait", "notify() of", "wait", "condition")),
)
