"""What a process runs: its name for a person, an exec, and a Python without a probe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from mpviz.trace.model.events import ProcessSample
from mpviz.trace.model.processes.commands import (
    is_python,
    is_supervisor,
    keeps_probe_out,
    name_of_program,
    program_of,
    words_of,
)
from mpviz.trace.model.processes.identity import described, forget_doings
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState

SILENT_NANOSECONDS = 1_000_000_000
"""A Python that has told nothing for this time is shown as not observed; a start takes 20 ms."""

_TRACKERS = (".resource_tracker", ".semaphore_tracker")
"""Mark the command line of a resource tracker, of multiprocessing or of a copy of it."""

_NUMBERED = re.compile(
    r"MainProcess|program|process|process of the fork server|fork of .*"
    r"|\w*(?:Process|PoolWorker)-[\d:]+",
    re.DOTALL,
)
"""Names that multiprocessing or mpviz has given, not the program."""

_FORK_SERVER = ".forkserver import main"
"""Marks the command line of a fork server, and of the processes that it has forked."""

NOT_INSIDE = "its processes, CPU and memory are shown, not its locks, queues, pools and pipes"


def take_in_command(state: RunState, process: Process, time: int, sample: ProcessSample) -> None:
    """Note what a process runs that is new, or that has replaced itself (exec)."""
    if not state.main or is_supervisor(sample.command):
        # The supervisor has forked it, and the sample is from before its exec, which may have been
        # told already.
        return
    is_told = process.command and not (
        process.probed or _is_its_parents(state, process, process.command)
    )
    if is_told and _is_its_parents(state, process, sample.command):
        # The sample is from before its exec, which its parent has told meanwhile.
        return
    file = sample.executable.rsplit("/", 1)[-1]
    is_same = process.executable == file if process.executable else is_python(file)
    is_replaced = process.probed and (
        bool(keeps_probe_out(sample.command)) or (file != "" and not is_same)
    )
    # A title overwrites the command line.
    command = process.command if sample.title and process.command else sample.command
    process.command, process.executable, process.command_since = command, file, time
    process.title = ""
    if _is_tracker(sample.command):
        # A resource tracker has no probe, so the records are of the child before its exec.
        process.probed = False
    if is_replaced:
        _leave_python(state, process, time)
    if process.seen or (state.run is not None and state.run.attached):
        # The next look says what it is.
        return
    if not process.probed:
        _name_by_command(state, process)
        _see_what_keeps_probe_out(state, process, time)
    elif process.role == "program":
        # The sample has all of it, the probe only a part.
        process.name = name_of_program(process.command)


def take_in_title(process: Process, title: str) -> None:
    """Note the title of a process, which becomes its name if that says little."""
    is_nameless = process.name in ("", process.title) or says_little(process)
    process.title = title
    if is_nameless:
        process.name = title


def named(process: Process, name: str) -> str:
    """The name of a process with this name in multiprocessing; its title if that says more."""
    return process.title if process.title and _NUMBERED.fullmatch(name) else name


def says_little(process: Process) -> bool:
    """Whether a process has only a default name."""
    return _NUMBERED.fullmatch(process.name) is not None or (
        process.role == "program" and process.name == name_of_program(process.command)
    )


def take_in_start(state: RunState, process: Process, time: int, arguments: Sequence[str]) -> None:
    """Note the command of the first process."""
    process.command, process.command_since = shlex.join(arguments), time
    _name_by_command(state, process)


def take_in_launch(state: RunState, process: Process, time: int, command: str) -> None:
    """Note the command that its parent has told, unless the child or a sample has told it."""
    was_seen = process.command and not _is_its_parents(state, process, process.command)
    if was_seen or (process.probed and process.role == "program"):
        return
    process.probed = False
    process.command, process.command_since = command, time
    _name_by_command(state, process)
    _see_what_keeps_probe_out(state, process, time)


def is_another_by_now(parent: Process | None, child: Process) -> bool:
    """Whether a sample saw a child as another program before the news of its fork came."""
    if parent is None or child.probed or is_python(child.executable):
        return False
    return child.executable not in ("", parent.executable)


def watch_silence(state: RunState, process: Process, time: int) -> None:
    """Note that a Python is not observed if it has told nothing for long enough."""
    has_spoken = process.seen or (process.probed and process.records > 0)
    if has_spoken or process.unobserved or process.role in HELPERS or process.stopped:
        return
    runs = process.executable or program_of(process.command)
    if time - process.command_since >= SILENT_NANOSECONDS and is_python(runs):
        process.unobserved = "not observed"
        if process.began < 0:
            # Its parent has told of its start, but nobody will tell that its own code begins.
            process.began = time
        state.note(time, process.key, f"has told nothing of itself: {NOT_INSIDE}")


def unobserved_run(state: RunState) -> str:
    """What is unknown of a run whose first process told nothing, in a sentence; else empty.

    If the program is no Python, the Pythons below it may still tell.
    """
    main = state.processes.get(state.main)
    if main is None or main.probed or main.ended < 0:
        return ""
    option = keeps_probe_out(main.command)
    if option:
        return f"python {option} takes no probe along: {NOT_INSIDE}"
    if any(process.probed for process in state.processes.values()):
        return ""
    is_native = not is_python(main.executable or program_of(main.command))
    who = "there was no Python in it that told anything" if is_native else "it told nothing"
    return f"{who}: {NOT_INSIDE}"


def _is_its_parents(state: RunState, process: Process, command: str) -> bool:
    """Whether a command is that of the parent, as it is for a child before its exec."""
    parent = state.processes.get(process.parent)
    if parent is None:
        return False
    # The probe tells the words without quotes.
    return " ".join(words_of(command)) == " ".join(words_of(parent.command))


def _leave_python(state: RunState, process: Process, time: int) -> None:
    """Note that it has become another program, which has no probe."""
    before = described(process)
    process.probed = False
    forget_doings(process)
    if process.key != state.main:
        process.role = "program"
    state.note(time, process.key, f"has taken the place of {before} (exec)")


def _is_tracker(command: str) -> bool:
    return any(tracker in command for tracker in _TRACKERS)


def _name_by_command(state: RunState, process: Process) -> None:
    if process.key == state.main:
        is_native = not is_python(process.executable or program_of(process.command))
        process.name = name_of_program(process.command) if is_native else "MainProcess"
    elif _is_tracker(process.command):
        process.role = process.name = "resource tracker"
    elif _FORK_SERVER in process.command:
        _name_at_fork_server(state, process)
    else:
        process.role = "program"
        process.name = name_of_program(process.command)


def _name_at_fork_server(state: RunState, process: Process) -> None:
    """Name a fork server, or a process forked by one, which has the same command line.

    A process of a fork server may start another fork server, whose command line has other
    descriptors. A process with the very same command line was forked by hand.
    """
    parent = state.processes.get(process.parent)
    if parent is None or _FORK_SERVER not in parent.command:
        process.role = process.name = "fork server"
    elif parent.role == "fork server":
        process.role, process.name = "process", "process of the fork server"
    elif process.command == parent.command:
        process.role, process.name = "process", f"fork of {described(parent)}"
    else:
        process.role = process.name = "fork server"


def _see_what_keeps_probe_out(state: RunState, process: Process, time: int) -> None:
    option = "" if process.role in HELPERS else keeps_probe_out(process.command)
    known = process.unobserved
    process.unobserved = f"python {option}, not observed" if option else ""
    parent = state.processes.get(process.parent)
    if option and process.unobserved not in (known, parent.unobserved if parent else ""):
        state.note(time, process.key, f"is a python {option}, without a probe: {NOT_INSIDE}")
