"""What a process is and is called, and what keeps mpviz from looking into it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mpviz.trace.attach.pools import is_pool_worker
from mpviz.trace.attach.program import ProcessLook, ProgramLook
from mpviz.trace.model.processes.commands import name_of_program
from mpviz.trace.model.text import clean

_TRACKERS = (".resource_tracker", ".semaphore_tracker")
_FORK_SERVER = ".forkserver import main"
_MANAGERS = {"managers.serve_forever", "managers._run_server"}

_NAMED_BY = {
    "process._bootstrap": "self",
    "process.run": "self",
    "popen_fork._launch": "process_obj",
    "popen_spawn_posix._launch": "process_obj",
}


@dataclass
class Names:
    """The names that processes were given; they stay as they are."""

    _given: dict[tuple[int, int], str] = field(default_factory=dict)
    """By pid and start."""

    def of(self, process: ProcessLook, role: str, function: str) -> str:
        """Its name; without one, a word for what it does, and its pid."""
        key = process.pid, process.told["started"]
        if role == "main":
            return "MainProcess" if process.told.get("python") else name_of_program(process.command)
        if role in ("resource tracker", "fork server"):
            return role
        given = _given_name(process)
        if given:
            self._given[key] = given
        if key in self._given:
            return self._given[key]
        if process.ended and not process.command:
            return f"pid {process.pid}"
        if role == "program":
            return name_of_program(process.command) or clean(str(process.told.get("name", "")))
        return f"{function if function not in ('', '<module>') else role} {process.pid}"


def role_of(process: ProcessLook, program: ProgramLook) -> str:
    """Its part in the program: the main process, a worker, another program …"""
    if process.pid == program.root:
        return "main"
    command = process.command
    if any(each in command for each in _TRACKERS):
        return "resource tracker"
    parent = program.processes.get(process.parent)
    if _FORK_SERVER in command and (parent is None or _FORK_SERVER not in parent.command):
        return "fork server"
    calls = process.calls
    if is_pool_worker(calls):
        return "worker"
    if calls & _MANAGERS:
        return "manager"
    is_fork = parent is not None and parent.told.get("image") == process.told.get("image")
    return "process" if process.told.get("python") or process.ended or is_fork else "program"


def method_of(process: ProcessLook, program: ProgramLook) -> str:
    """How it was started: spawn, forkserver or fork; empty for another program."""
    parent = program.processes.get(process.parent)
    if "--multiprocessing-fork" in process.command:
        return "spawn"
    if parent is None or parent.told.get("image") != process.told.get("image"):
        return ""
    return "forkserver" if _FORK_SERVER in parent.command else "fork"


def _given_name(process: ProcessLook) -> str:
    """The name of its ``Process`` object, to which the frames in which it began lead."""
    main = process.main
    for frame in reversed(main.frames if main is not None else []):
        for call, variable in _NAMED_BY.items():
            if frame.call == call:
                name = process.itself(frame, variable).get("_name")
                if isinstance(name, str):
                    return clean(name)
    return ""


def problem_with(process: ProcessLook, root: int) -> str:
    """Why its stacks cannot be read, in words that follow its name."""
    told = process.told
    if any(each.frames for each in process.threads) or told["status"] == "Z":
        return ""
    if not told.get("python"):
        return "is no Python"
    if told["python"] == "PyPy" or told["python"].endswith("t"):
        return f"is a Python {told['python']}, into which mpviz cannot look"
    if told.get("refused"):
        return (
            f"cannot be looked into: {told['refused']}; mpviz why --sudo {root} reads it as root,"
            " and nothing else of mpviz runs as root"
        )
    return f"cannot be looked into: {told['problem']}" if told.get("problem") else ""
