"""Processes: their start, their life, their signals and their end."""

from __future__ import annotations

import re
from typing import Any

from mpviz.trace.model.events import Count, Event, Pid, Seconds, Whole
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitive import Primitive, Unblockers, WaitKind, main_threads
from mpviz.trace.model.processes.commands import name_of_program
from mpviz.trace.model.processes.identity import (
    child_of,
    described,
    end_process,
    process_with_pid,
    renew,
    signal_name,
)
from mpviz.trace.model.processes.process import Process, note_signal, read_cpu, settle
from mpviz.trace.model.processes.programs import is_another_by_now, named, take_in_launch
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.processes.worker_groups import enlist, leave
from mpviz.trace.model.state import HELPERS, RunState

_DEEP_FORK = re.compile(r"fork of (?:fork of (.*)|(.*) \((\d{1,9}) deep\))$")


class Hello(Event, tag="process.hello", kw_only=True):
    """The probe starts in a process: when its interpreter starts, or right after a fork."""

    parent: Pid
    started: Count
    """Kernel start time in clock ticks since boot."""
    role: str
    """main, process, fork server."""
    forked: bool = False
    command: str = ""
    """Its words, joined by blanks; empty after a fork, which keeps the parent's."""
    executable: str = ""
    """The name of the file that it runs; empty after a fork."""
    python: str = ""


class ForkedBeside(Event, tag="process.beside", kw_only=True):
    """This process was forked while other threads of the program ran in its parent."""

    threads: Whole
    """The number of these threads."""
    names: str
    """Their names."""
    site: Whole = 0
    """Where it was forked."""


class Started(Event, tag="process.started", kw_only=True):
    """``Process.start()`` in the parent; its time is from before the start."""

    child: Pid
    name: str
    daemon: bool
    method: str
    function: str
    started: Count = 0
    """Kernel start time in clock ticks since boot; 0 if the child was gone already."""


class Launched(Event, tag="subprocess.started", kw_only=True):
    """The program has started another one by ``subprocess``; its time is from before the start."""

    child: Pid
    started: Count
    """Kernel start time in clock ticks since boot; 0 where the child was gone already."""
    command: str
    """Its words with blanks between them."""


class Began(Event, tag="process.began", kw_only=True):
    """The child begins to run its own code."""

    name: str
    daemon: bool
    parent: Pid
    """The logical parent, which under forkserver is not the parent in the kernel."""
    cpu: Seconds = 0.0
    """CPU seconds that its start took; 0 if not told."""


class Named(Event, tag="process.named", kw_only=True):
    """The name that a library gives to this process, which is no ``Process``."""

    name: str


class Exiting(Event, tag="process.exiting", kw_only=True):
    """Its own code has ended; now it ends its daemons, then joins its other children."""

    error: str = ""
    """The exception that its function raised, as Python prints it; empty if it raised none."""
    site: Whole = 0
    """The innermost line of the program in that exception's traceback."""


class Unguarded(Event, tag="process.unguarded", kw_only=True):
    """A process that had only begun to import the program's file was to start another one there."""

    site: Whole = 0
    """The line of the file's body that did that."""


class Finished(Event, tag="process.finished", kw_only=True):
    """The child has finished its work and is about to exit."""

    exit_code: Whole
    cpu: Seconds
    """CPU seconds that it used in all."""
    rss: Count
    """Peak memory, bytes."""


class Signalled(Event, tag="process.signalled", kw_only=True):
    """A process is about to signal one that it started: by terminate or kill, or at its exit."""

    child: Pid
    signal: Whole


SERVER_GONE = 255
"""The exit code that a parent gets for a child whose fork server was killed, dead or alive.

See ``poll`` in ``multiprocessing/popen_forkserver.py``, CPython 3.8 to 3.15: it cannot know better.
"""


class Joined(Event, tag="process.joined", kw_only=True):
    """The parent has collected the exit status of a child."""

    child: Pid
    exit_code: Whole


def _hello(state: RunState, process: Process, event: Hello) -> None:
    is_replaced = event.number == 1 and process.records > 1 and not event.forked
    process = renew(state, process, event)
    parent = state.by_pid.get(event.parent)
    forker = parent if event.forked else None
    if event.forked and is_another_by_now(parent, process):
        return
    is_named = process.probed and not is_replaced
    process.probed, process.unobserved, process.started_ticks = True, "", event.started
    _take_in_program(process, event, forker)
    _take_in_role(state, process, event)
    process.forked = event.forked
    if event.role != "process" or (event.forked and not _is_fork_server(parent)):
        # A child that was spawned, or forked by the fork server, has to load the program first.
        process.began = event.time
    if not process.parent and process.key != state.main:
        process.parent = child_of(state, event.parent)
    if not is_named:
        process.name = named(process, _first_name(state, process, forker, event.role))
    settle(process, event.time)


def _take_in_program(process: Process, event: Hello, forker: Process | None) -> None:
    """Note what it runs: after a fork the same as its parent, else what it tells."""
    if forker is not None:
        process.python, process.command = forker.python, forker.command
        process.executable = forker.executable
    else:
        process.python = event.python or process.python
        process.command = event.command or process.command
        process.executable = event.executable or process.executable


def _take_in_role(state: RunState, process: Process, event: Hello) -> None:
    if event.role == "main" and not state.main:
        state.main = process.key
    if event.role == "main" and state.main != process.key:
        process.role = "program"
    elif process.role != "worker":
        process.role = event.role


def _forked_beside(state: RunState, process: Process, event: ForkedBeside) -> None:
    state.forked_beside_threads[process.key] = None
    process.threads_at_fork, process.names_at_fork = event.threads, event.names
    process.forked_at = event.site


def _is_fork_server(process: Process | None) -> bool:
    return process is not None and process.role == "fork server"


def _first_name(state: RunState, process: Process, forker: Process | None, role: str) -> str:
    """The name of a process to which multiprocessing has not given one (yet)."""
    if process.key == state.main:
        return "MainProcess"
    if process.role == "program":
        return name_of_program(process.command) or "program"
    if forker is not None and forker.role not in HELPERS:
        return _fork_of(described(forker))
    return role


def _fork_of(name: str) -> str:
    """The name of a fork of the process with this name; a chain of forks becomes a number.

    >>> _fork_of("a"), _fork_of("fork of a"), _fork_of("fork of fork of a")
    ('fork of a', 'fork of fork of a', 'fork of a (3 deep)')
    >>> _fork_of("fork of a (3 deep)")
    'fork of a (4 deep)'
    """
    deep = _DEEP_FORK.match(name)
    if deep is None:
        return f"fork of {name}"
    return f"fork of {deep[1] or deep[2]} ({int(deep[3] or 2) + 1} deep)"


def _started(state: RunState, parent: Process, event: Started) -> None:
    child = process_with_pid(state, event.child, event.time, event.started)
    child.daemon = event.daemon
    child.start_method = event.method
    child.function = event.function
    child.parent = parent.key
    child.started_ticks = child.started_ticks or event.started
    if not is_another_by_now(parent, child):
        child.name = named(child, event.name)
        child.probed = True
        if event.method == "fork":
            child.executable = child.executable or parent.executable
    if child.lane.start < 0:
        settle(child, event.time)
    enlist(state, child)
    kind = "daemon " if event.daemon else ""
    state.note(
        event.time, parent.key, f"starts {kind}{described(child)} ({event.child}, {event.method})"
    )


def _launched(state: RunState, parent: Process, event: Launched) -> None:
    child = process_with_pid(state, event.child, event.time, event.started)
    child.parent = parent.key
    child.started_ticks = child.started_ticks or event.started
    take_in_launch(state, child, event.time, event.command)
    if child.lane.start < 0:
        settle(child, event.time)
    state.note(event.time, parent.key, f"starts {described(child)} ({event.child}, subprocess)")


def _began(state: RunState, process: Process, event: Began) -> None:
    process.daemon = event.daemon
    if not is_another_by_now(state.by_pid.get(event.parent), process):
        process.name = named(process, event.name)
        process.role = "process"
    read_cpu(process, event.time, event.cpu)
    process.began = event.time
    process.parent = child_of(state, event.parent) or process.parent
    settle(process, event.time)


def _named(state: RunState, process: Process, event: Named) -> None:
    process.name = event.name
    if process.role == "program":
        # Its command line would only say that it is a Python.
        process.role = "process"


def _exiting(state: RunState, process: Process, event: Exiting) -> None:
    process.failure, process.failed_at = event.error, event.site
    if process.exiting < 0:
        process.exiting = event.time
        settle(process, event.time)


def _unguarded(state: RunState, process: Process, event: Unguarded) -> None:
    process.unguarded, process.unguarded_at = event.time, event.site


def _finished(state: RunState, process: Process, event: Finished) -> None:
    read_cpu(process, event.time, event.cpu)
    process.finished = event.time
    if process.exiting < 0:
        process.exiting = event.time
    process.peak_rss = max(process.peak_rss, event.rss)
    settle(process, event.time)


def _signalled(state: RunState, sender: Process, event: Signalled) -> None:
    child = state.by_pid.get(event.child)
    name = described(child) if child else str(event.child)
    if child is not None:
        note_signal(child, event.time, sender.key, event.signal)
    why = ", a daemon, before it exits" if sender.exiting >= 0 and child and child.daemon else ""
    state.note(event.time, sender.key, f"sends {signal_name(event.signal)} to {name}{why}")


def _joined(state: RunState, parent: Process, event: Joined) -> None:
    child = state.by_pid.get(event.child)
    if child is None:
        if event.exit_code >= 0:
            return
        # It was killed before its parent could tell that it had started it.
        child = process_with_pid(state, event.child, event.time)
        child.parent = parent.key
    child.joined = True
    if event.exit_code == SERVER_GONE and child.start_method == "forkserver":
        # The supervisor will report its end.
        return
    end_process(state, child, event.time, event.exit_code)


def _join_words(state: RunState, wait: Wait) -> str:
    child = state.processes.get(wait.object)
    if child is None:
        return f"join {wait.object}"
    parent = state.processes.get(child.parent)
    exiting = parent is not None and 0 <= parent.exiting <= wait.since
    return f"join {described(child)}" + (", before it exits" if exiting else "")


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    child = (wait.object,) if wait.object in state.processes else ()
    return Unblockers(main_threads(child), "has to end", complete=bool(child))


def _document(state: RunState) -> dict[str, Any]:
    return {"processes": [_entry(state, process) for process in state.processes.values()]}


def _entry(state: RunState, process: Process) -> dict[str, Any]:
    code = process.exit_code
    return {
        "id": process.key,
        "pid": process.pid,
        "parent_pid": state.pid_of(process.parent),
        "name": process.name,
        "role": process.role,
        "command": process.command,
        "python": process.python,
        "observed": process.probed and process.records > 0,
        "seen": process.seen,
        "daemon": process.daemon,
        "start_method": process.start_method,
        "started": state.seconds(process.first_seen),
        "ended": state.seconds(process.ended),
        "exit_code": code,
        "joined": process.joined,
        "signal": signal_name(-code) if code is not None and code < 0 else None,
        "cpu_seconds": process.cpu_seconds,
        "peak_rss": process.peak_rss,
    }


PRIMITIVE = Primitive(
    handlers={
        Hello: _hello,
        ForkedBeside: _forked_beside,
        Started: _started,
        Launched: _launched,
        Began: _began,
        Named: _named,
        Exiting: _exiting,
        Unguarded: _unguarded,
        Finished: _finished,
        Signalled: _signalled,
        Joined: _joined,
    },
    in_rings=(Signalled,),
    waits={"process": WaitKind(Activity.PROCESS, _join_words, _unblockers)},
    process_ended=leave,
    document=_document,
)
