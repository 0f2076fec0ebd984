"""The senders of records, and what becomes of records that are refused."""

from __future__ import annotations

from mpviz.trace.model import own_errors
from mpviz.trace.model.events import (
    Event,
    ProbeError,
    ProcessExited,
    ProgramFailed,
    ProgramStarted,
    Trouble,
    Unreadable,
)
from mpviz.trace.model.processes.identity import process_with_pid
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.sources import FROM_SUPERVISOR
from mpviz.trace.model.state import RunState, TableFullError

UNREADABLE_SHOWN = 10
"""Number of unreadable records that are shown; the others are only counted."""


def leave_out(state: RunState, kind: type[Event], error: Exception) -> None:
    """Note once for each reason that the state is incomplete."""
    if not isinstance(error, TableFullError):
        own_errors.report(state, f"the fold of {kind.__name__}", error)
        return
    text = str(error)
    if text not in state.left_out:
        state.left_out.add(text)
        trouble = Trouble(time=state.now, pid=0, text=text, hides_losses=error.hides_losses)
        note_trouble(state, trouble)


def speaker_of(state: RunState, event: Event) -> Process | None:
    """Resolve the sender of an event that is no observed process yet; None for an impossible one.

    The supervisor and the viewer do not belong to the program, and send no such records.
    """
    if state.supervisor is None and isinstance(event, ProgramStarted | ProgramFailed):
        state.supervisor = Process("supervisor", event.pid, 0, event.time, name="mpviz")
    if state.supervisor is not None and event.pid == state.supervisor.pid:
        return state.supervisor if isinstance(event, _BY_THE_SUPERVISOR) else None
    return process_with_pid(state, event.pid, event.time) if event.pid else None


def refuse(state: RunState, event: Event) -> None:
    """Count an event that its pid cannot have sent as unreadable."""
    kind = event.__struct_config__.tag
    note_unreadable(state, Unreadable(time=event.time, pid=0, text=f"{kind} by pid {event.pid}"))


def note_unreadable(state: RunState, event: Unreadable) -> None:
    """Count a record that could not be read, and show the first of them."""
    state.unreadable += 1
    if state.unreadable <= UNREADABLE_SHOWN:
        state.note(event.time, "", f"unreadable record: {event.text}", trouble=True)


def note_trouble(state: RunState, event: Trouble) -> None:
    """Note that the viewer failed, or that the system refused it something."""
    state.own_troubles += 1
    state.note(event.time, "", event.text, trouble=True)
    if event.hides_losses:
        state.hidden_losses.append(event.text)


_BY_THE_SUPERVISOR: tuple[type[Event], ...] = (*FROM_SUPERVISOR, ProcessExited, ProbeError)
