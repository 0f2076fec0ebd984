"""Threads: those of Python's ``threading`` tell that they start; the kernel says all else."""

from __future__ import annotations

from mpviz.trace.model.events import Event, Pid
from mpviz.trace.model.primitive import Primitive
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import RunState


class ThreadStarted(Event, tag="thread.started", kw_only=True):
    """This thread has started, and is about to run."""

    native: Pid
    """The kernel's number."""
    name: str
    daemon: bool
    own: bool
    """It runs code of the program or of a library, and serves no pool or queue."""


def _started(state: RunState, process: Process, event: ThreadStarted) -> None:
    process.threads.start(
        KnownThread(event.native, event.time, event.name, event.thread, event.daemon, event.own)
    )


def _process_ended(state: RunState, process: Process) -> None:
    process.threads.end_all(process.ended)


PRIMITIVE = Primitive(handlers={ThreadStarted: _started}, process_ended=_process_ended)
