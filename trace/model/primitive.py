"""What a primitive brings to the viewer: handlers, kinds of waits, its part of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from mpviz.trace.model.events import Event
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import TimingFields
from mpviz.trace.model.processes.process import Process, Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import PartHandler


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
    """Number of records that had been read when this was last told; -1 if it is always true."""


def main_threads(keys: Iterable[str]) -> tuple[Thread, ...]:
    """The main threads of the processes with these keys."""
    return tuple(Thread(key) for key in keys)


Handler = Callable[[RunState, Process, Any], None]
"""Folds one event of one class into the state; the process is the one that speaks."""


FoldRecord: TypeAlias = Callable[..., None]
"""Folds one ring record: called with its time, its thread and four values, whatever they mean."""


Bind: TypeAlias = "Callable[[RunState, Process, str], FoldRecord]"
"""Makes the function that folds the records of one process about the object with this id.

What it looks up holds for a run of ring records, since objects and processes come and go by events.
"""


@dataclass(frozen=True)
class RingHandler:
    """Folds ring records of one class without making events of them.

    For what programs do a million times. The event's own handler is made from it too.
    """

    bind: Bind
    fields: tuple[str, ...]
    """The event's other fields: at most four whole numbers, in the order of the ring."""


@dataclass(frozen=True)
class FormHandler:
    """The same for a class whose forms say more than the object, such as a function's name."""

    bind: Callable[[Any], Bind]
    """Is given an event of the form, for the fields that all its records share."""
    fields: tuple[str, ...]


def _nothing(state: RunState, wait: Wait, duration: int) -> None:
    """Most waits leave nothing to count when they end."""


@dataclass(frozen=True)
class WaitKind:
    """What a word of a :class:`Wait` means."""

    activity: Activity
    """Its colour on the timeline."""
    words: Callable[[RunState, Wait], str]
    """The wait in words: "lock counter, held by Process-2"."""
    unblockers: Callable[[RunState, Wait], Unblockers]
    """Who could end it."""
    ended: Callable[[RunState, Wait, int], None] = _nothing
    """Counts a wait that has ended, however it did, with its duration in nanoseconds."""


@dataclass(frozen=True)
class Summary:
    """How the report lists the objects of a primitive, a line each."""

    thing: str
    things: str
    """The singular and the plural, for "3 more locks and semaphores"."""
    objects: Callable[[RunState], Sequence[Any]]
    """All objects, oldest first."""
    weight: Callable[[Any], Any]
    """If there are too many, the report lists those with the largest weight."""
    line: Callable[[RunState, Any], str]


@dataclass(frozen=True)
class Primitive:
    """What a primitive brings to the viewer; see :mod:`mpviz.trace.model.primitives`."""

    handlers: dict[type[Event], Handler]
    ring_handlers: dict[type[Event], RingHandler] = field(default_factory=dict)
    form_handlers: dict[type[Event], FormHandler] = field(default_factory=dict)
    part_handlers: tuple[PartHandler, ...] = ()
    """For kinds that also have ring handlers."""
    in_rings: tuple[type[Event], ...] = ()
    """Other events that the probe sends by a form; nothing else is accepted from a ring."""
    waits: dict[str, WaitKind] = field(default_factory=dict)
    process_ended: Callable[[RunState, Process], None] | None = None
    """Is told of every death, for what the dead process can no longer do itself.

    What it waited for when it died is still in its ``waits``, and is counted already.
    """
    document: Callable[[RunState], dict[str, Any]] | None = None
    """Its sections of the ``--json`` document."""
    summary: Summary | None = None
    """A line for each of its objects, for the end of a run without a screen."""
    timings: Callable[[RunState], Iterator[TimingFields]] | None = None
    """How long its tasks, waits and holds took; also of what has not happened yet."""
