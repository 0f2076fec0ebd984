"""What a primitive brings to the viewer: handlers, kinds of waits, its part of the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

from mpviz.trace.model.events import Event
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, TimingFields
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import PartHandler

T = TypeVar("T")
R = TypeVar("R")


class Thread(NamedTuple):
    """A thread of an observed process."""

    process: str
    """Key."""
    thread: int = 0
    """0 for the main thread, as in events."""


@dataclass(frozen=True, slots=True)
class Unblockers:
    """The threads that could end a wait."""

    threads: tuple[Thread, ...]
    """Those that are known; a dead one can no longer end it."""
    role: str
    """What they have to do with the wait, in words that follow a name: "holds it"."""
    complete: bool = False
    """No other thread could end the wait."""
    all_needed: bool = False
    """The wait ends only when each of them has acted; otherwise one is enough."""
    as_of: int = -1
    """When this was last told, nanoseconds; -1 if it is always true."""
    held: str = ""
    """What they hold until they end the wait, as a sentence names it; empty if nothing."""
    taken_at: int = 0
    """Number of the :class:`Site` where the first of them took it; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that a process has, and that others may wait for."""

    words: str
    """What it is, with its kind: "lock counter"."""
    what: str
    """The word for a wait for it."""
    object: str
    """Its id."""
    since: int = -1
    """Nanoseconds; -1 if unknown."""
    site: int = 0
    """Number of the site where it was taken; 0 if unknown."""


def _nothing_held(state: RunState, process: Process) -> Iterable[Held]:
    """Most primitives are held by nobody."""
    return ()


def main_threads(keys: Iterable[str]) -> tuple[Thread, ...]:
    """The main threads of the processes with these keys."""
    return tuple(Thread(key) for key in keys)


Handler = Callable[[RunState, Process, Any], None]
"""Folds an event of one class, which this process has sent, into the state."""


FoldRecord: TypeAlias = Callable[..., None]
"""Folds one ring record: takes its time, its thread and four values."""


Bind: TypeAlias = "Callable[[RunState, Process, str], FoldRecord]"
"""Makes the function that folds the records of one process about the object with this id.

It may look up objects and processes once, because no ring record creates or removes any.
"""


@dataclass(frozen=True)
class RingHandler:
    """Folds ring records of one class, without making events of them.

    For what programs do a million times. It also serves as the handler of the event.
    """

    bind: Bind
    fields: tuple[str, ...]
    """The event's other fields, at most four whole numbers, in the order of the ring."""


@dataclass(frozen=True)
class FormHandler:
    """The same for a class whose forms say more than the object, such as the name of a function."""

    bind: Callable[[Any], Bind]
    """Takes an event of the form, which has the fields that all its records share."""
    fields: tuple[str, ...]


def known(kind: type[T], fold: Callable[[RunState, Process, T, Any], None]) -> Handler:
    """Make a handler for events about an object of this kind.

    An object that nobody announced is a part of something else (of an Event, say, that came to a
    child under spawn): it is not the program's own, and not shown.
    """

    def handle(state: RunState, process: Process, event: Any) -> None:
        process.site = getattr(event, "site", 0) or process.site
        found = state.table(kind).get(event.object)
        if found is not None:
            fold(state, process, found, event)

    return handle


def _nothing(state: RunState, wait: Wait, duration: int) -> None:
    """Most waits leave nothing to count when they end."""


@dataclass(frozen=True)
class WaitKind:
    """The meaning of the word for a :class:`Wait`."""

    activity: Activity
    """Its colour on the timeline."""
    words: Callable[[RunState, Wait], str]
    """The wait in words: "lock counter, held by Process-2"."""
    unblockers: Callable[[RunState, Wait], Unblockers]
    """Who could end it."""
    ended: Callable[[RunState, Wait, int], None] = _nothing
    """Counts a wait that has ended for whatever reason, with its duration in nanoseconds."""


def object_wait(
    activity: Activity,
    kind: type[T],
    unknown: str,
    words: Callable[[RunState, T], str],
    unblockers: Callable[[RunState, T], Unblockers],
    ended: Callable[[RunState, Wait, int], None] = _nothing,
) -> WaitKind:
    """A wait for one object of this kind; ``unknown`` is said of one that nobody announced."""

    def ask(describe: Callable[[RunState, T], R], otherwise: R) -> Callable[[RunState, Wait], R]:
        def described(state: RunState, wait: Wait) -> R:
            found = state.table(kind).get(wait.object)
            return otherwise if found is None else describe(state, found)

        return described

    return WaitKind(activity, ask(words, unknown), ask(unblockers, Unblockers((), "")), ended)


def add_to(kind: type, distribution: str = "wait") -> Callable[[RunState, Wait, int], None]:
    """Count waits that have ended in this distribution of the objects that they were for."""

    def ended(state: RunState, wait: Wait, duration: int) -> None:
        found = state.table(kind).get(wait.object)
        if found is not None:
            getattr(found, distribution).add(duration)

    return ended


def all_of(kind: type[T]) -> Callable[[RunState], list[T]]:
    """All objects of this kind, oldest first."""
    return lambda state: list(state.table(kind).values())


WaitsSoFar: TypeAlias = "dict[tuple[str, str], list[int]]"
"""By the word for a wait and the object waited for: how long each such wait has lasted that goes
on, nanoseconds."""


def waits_so_far(state: RunState) -> WaitsSoFar:
    """All waits that go on: they count in every number about waits, like those that are over."""
    found: WaitsSoFar = defaultdict(list)
    for process in state.processes.values():
        for wait in process.waits.values():
            found[wait.what, wait.object].append(max(0, state.end - wait.since))
    return found


def so_far(state: RunState, object_id: str, word: str) -> list[int]:
    """How long each wait of this kind for one object has lasted that goes on, nanoseconds."""
    return [
        max(0, state.end - wait.since)
        for process in state.processes.values()
        if process.waits
        for wait in process.waits.values()
        if wait.what == word and wait.object == object_id
    ]


def timings_of(
    kind: type, *measures: tuple[str, ...]
) -> Callable[[RunState], Iterator[TimingFields]]:
    """Give the distributions of all objects of this kind as timings.

    Each measure is task, wait or hold; the words before the name; the attribute; and the words for
    the waits that count in it also while they go on.
    """

    def timings(state: RunState) -> Iterator[TimingFields]:
        going_on = waits_so_far(state)
        objects: dict[str, Any] = state.table(kind)
        for found in objects.values():
            for what, words, attribute, *waits in measures:
                times: Distribution = getattr(found, attribute)
                for wait in waits:
                    times = times.including(going_on.get((wait, found.id), []))
                yield what, words, found.name, found.id, times

    return timings


@dataclass(frozen=True)
class ObjectReport:
    """How reports list the objects of a primitive."""

    thing: str
    things: str
    """The singular and the plural, for "3 more locks and semaphores"."""
    objects: Callable[[RunState], Sequence[Any]]
    """All objects, oldest first."""
    weight: Callable[[Any], Any]
    """If there are too many for the summary, it lists those with the largest weight."""
    entry: Callable[[RunState, Any], dict[str, Any]]
    """One object in the ``--json`` document."""
    line: Callable[[RunState, Any], str]
    """One object in the summary at the end of a run without a screen."""
    section: str = ""
    """The name of their list in the ``--json`` document, if it is not :attr:`things`."""


@dataclass(frozen=True)
class Primitive:
    """What a primitive brings to the viewer; see :mod:`mpviz.trace.model.primitives`."""

    handlers: dict[type[Event], Handler]
    ring_handlers: dict[type[Event], RingHandler] = field(default_factory=dict)
    form_handlers: dict[type[Event], FormHandler] = field(default_factory=dict)
    part_handlers: tuple[PartHandler, ...] = ()
    """For kinds that also have ring handlers."""
    in_rings: tuple[type[Event], ...] = ()
    """Other events that the probe sends through rings, which accept no others."""
    waits: dict[str, WaitKind] = field(default_factory=dict)
    process_ended: Callable[[RunState, Process], None] | None = None
    """Is called when a process has ended, for what it can no longer tell itself.

    Its last waits are still in its ``waits``, and counted already.
    """
    document: Callable[[RunState], dict[str, Any]] | None = None
    """Sections of the ``--json`` document besides that of its objects."""
    report: ObjectReport | None = None
    held: Callable[[RunState, Process], Iterable[Held]] = _nothing_held
    """Its objects that a process has now."""
    timings: Callable[[RunState], Iterator[TimingFields]] | None = None
    """How long its tasks, waits and holds took, those included that never happened."""

    @property
    def kinds(self) -> set[type[Event]]:
        """The kinds of its events."""
        return {*self.handlers, *self.ring_handlers, *self.form_handlers}
