"""The handlers of all primitives and of waits, for events and for ring records."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

from mpviz.trace.model.events import Event, Waiting, WaitOver
from mpviz.trace.model.fold.waiting import (
    beginning_of_wait,
    beginning_of_wait_for_job,
    ending_of_wait,
    wait_begins,
    wait_ends,
)
from mpviz.trace.model.primitive import Bind, FoldRecord, FormHandler, Handler, RingHandler
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import PartHandler

_FIELDS_OF_WAITS = ("site",), ("site", "limit")

_FIELDS_OF_WAITS_FOR_JOBS = "site", "job", "limit"


def ring_handler(kind: type[Event], fields: tuple[str, ...], copy: Callable[[], Event]) -> Bind:
    """Make the handler for ring records that stand for events of this kind.

    ``fields`` are the event's names for the values of a record; ``copy`` makes an event with zeros.
    """
    quick = RING_HANDLERS.get(kind)
    if quick is not None and quick.fields == fields:
        return quick.bind
    of_form = FORM_HANDLERS.get(kind)
    if of_form is not None and of_form.fields == fields:
        return of_form.bind(copy())
    if kind is Waiting:
        wait = cast("Waiting", copy())
        if fields == _FIELDS_OF_WAITS_FOR_JOBS:
            return beginning_of_wait_for_job(wait)
        if fields in _FIELDS_OF_WAITS and wait.job < 0 and not wait.limit:
            return beginning_of_wait(wait)
    if kind is WaitOver:
        return ending_of_wait
    handler = HANDLERS[kind]

    def bind(state: RunState, process: Process, _: str) -> FoldRecord:
        def fold_record(time: int, thread: int, *values: int) -> None:
            event = copy()
            event.time, event.thread = time, thread
            for field, value in zip(fields, values, strict=False):
                setattr(event, field, value)
            handler(state, process, event)

        return fold_record

    return bind


def _of_event(quick: RingHandler) -> Handler:
    """Make the handler of an event from the handler of a ring record."""
    bind = quick.bind
    values = attrgetter("time", "thread", *quick.fields)

    def handle(state: RunState, process: Process, event: Any) -> None:
        bind(state, process, event.object)(*values(event))

    return handle


def _of_event_and_form(quick: FormHandler) -> Handler:
    """Make the handler of an event from the handler of a ring record whose form says more."""
    values = attrgetter("time", "thread", *quick.fields)

    def handle(state: RunState, process: Process, event: Any) -> None:
        quick.bind(event)(state, process, event.object)(*values(event))

    return handle


HANDLERS: dict[type[Event], Handler] = {Waiting: wait_begins, WaitOver: wait_ends}
"""For events that processes send about themselves and their objects."""
RING_HANDLERS: dict[type[Event], RingHandler] = {}
FORM_HANDLERS: dict[type[Event], FormHandler] = {}
PART_HANDLERS: dict[type[Event], PartHandler] = {}
for _primitive in PRIMITIVES:
    HANDLERS.update(_primitive.handlers)
    RING_HANDLERS.update(_primitive.ring_handlers)
    FORM_HANDLERS.update(_primitive.form_handlers)
    PART_HANDLERS.update(
        {_kind: _part for _part in _primitive.part_handlers for _kind in _part.kinds}
    )
HANDLERS.update({_kind: _of_event(_each) for _kind, _each in RING_HANDLERS.items()})
HANDLERS.update({_kind: _of_event_and_form(_each) for _kind, _each in FORM_HANDLERS.items()})

IN_RINGS: tuple[type[Event], ...] = (
    Waiting,
    WaitOver,
    *RING_HANDLERS,
    *FORM_HANDLERS,
    *(kind for primitive in PRIMITIVES for kind in primitive.in_rings),
)
"""Every kind of event that the probe sends by a form."""
