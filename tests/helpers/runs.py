"""Runs programs under mpviz, and says what came of them and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from helpers.recordings import replay_of
from mpviz.trace.explain.report import document
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal

PATIENCE = 60.0
"""Seconds after which a condition that has not come true is a failure, never an outcome."""

MARK = "MPVIZ_TEST_RUN"
"""Every process that a test starts inherits this variable, and is found by it."""

CALLS_MAIN = """
if __name__ == "__main__":
    main()
"""

TELLING = '''
"""For observed programs: say what is true, past everything that mpviz looks at."""
import json, os, sys
def tell(**facts):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "told")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, json.dumps(facts).encode() + b"\\n")
    os.close(descriptor)
'''

INTERRUPTING = """
import signal

def raise_interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, raise_interrupt)

def interrupted(call, *args, **kwargs):
    # The alarm comes again and again, in case the first came before the wait.
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        call(*args, **kwargs)
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return False
"""
"""For observed programs: whether an alarm interrupts a call that waits."""

_numbers = count(1)


@dataclass
class Observed:
    """A program that was observed from its start to its end."""

    state: RunState
    document: dict[str, Any]
    told: list[dict[str, Any]]
    """What the program itself said with ``tell``, in order."""
    stdout: str
    stderr: str
    exit_code: int | None

    def facts(self, name: str) -> Any:
        """What the program told once under this name."""
        (value,) = [facts[name] for facts in self.told if name in facts]
        return value

    def process(self, name: str) -> dict[str, Any]:
        """The one process of this name in the document."""
        return self.one("processes", name)

    def one(self, section: str, name: str) -> dict[str, Any]:
        """The one entry of a section of the document with this name."""
        named = [entry for entry in self.document[section] if entry["name"] == name]
        assert len(named) == 1, (name, [entry["name"] for entry in self.document[section]])
        entry: dict[str, Any] = named[0]
        return entry

    @property
    def log(self) -> list[str]:
        """The lines of the event log."""
        return [entry.text for entry in self.state.log]

    def assert_no_probe_error(self) -> None:
        """The probe made no error, whatever became of the processes."""
        assert self.state.probe_errors == 0, self.state.last_probe_error

    def assert_nothing_was_missed(self) -> None:
        """No record was lost, none was unreadable, and the probe made no error."""
        stream = dict(self.document["stream"])
        assert stream.pop("records") > 0
        assert not any(stream.values()), (stream, self.state.last_probe_error, self.log)
        for process in self.state.processes.values():
            assert process.records == process.highest_number, process.name


def whole(source: str) -> str:
    """A program that ends in a call of its ``main``, if it has one that it does not call itself."""
    return source if "__main__" in source or "def main():" not in source else source + CALLS_MAIN


RunProgram = Callable[..., Observed]
RunTogether = Callable[..., dict[str, Observed]]


def step_together(running: list[tuple[Session, Callable[[RunState], bool]]]) -> None:
    """Fold all of these runs to their ends; stop each when its condition is true."""
    deadline = time.monotonic() + PATIENCE
    stopped: set[int] = set()
    while lasting := [(session, until) for session, until in running if not session.over]:
        for session, until in lasting:
            assert time.monotonic() < deadline, describe(session.state)
            session.step(0.005)
            if id(session) not in stopped and until(session.state):
                stopped.add(id(session))
                session.stop()
        time.sleep(0.002)


def begin(
    folder: Path,
    source: str,
    arguments: tuple[str, ...],
    python: str,
    start_method: str | None,
) -> Session:
    """Start a program in a folder of its own, and record it there."""
    program = folder / "program.py"
    program.write_text(whole(source))
    (folder / "telling.py").write_text(TELLING)
    target = Target(
        arguments=[str(program), *arguments],
        name="program",
        start_method=start_method,
        python=python,
        directory=folder,
    )
    return start(target, capture=True, record=folder / "run.jsonl.gz")


def run_bare(source: str, folder: Path, python: str, start_method: str) -> list[dict[str, Any]]:
    """What a program tells without mpviz."""
    begins = f'    mp.set_start_method("{start_method}")\n    main()'
    (folder / "program.py").write_text(whole(source).replace("    main()", begins))
    (folder / "telling.py").write_text(TELLING)
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [python, folder / "program.py"]
    subprocess.run(command, capture_output=True, check=True, env=environment, timeout=60)
    return [json.loads(line) for line in (folder / "told").read_text().splitlines()]


def observe(folder: Path, session: Session) -> Observed:
    """What came of a run that is over; its recording must say the same."""
    assert_replay_ends_as(folder / "run.jsonl.gz", session.state)
    told = folder / "told"
    lines = told.read_text().splitlines() if told.exists() else []
    return Observed(
        session.state,
        document(session.state),
        [json.loads(line) for line in lines],
        output(session.state, "stdout"),
        output(session.state, "stderr"),
        session.state.exit_code,
    )


def assert_replay_ends_as(file: Path, state: RunState) -> None:
    """What was recorded of a run, whatever it was, makes the same state again."""
    replay = replay_of(file)
    replay.go_to_event(replay.known)
    assert replay.trouble == ""
    assert replay.state == state
    replay.close()


@contextmanager
def leaving_nothing(folder: Path) -> Iterator[None]:
    """See to it that nothing that is started in here outlives it, and no temporary file does.

    The folder's path should be short: the sockets of a fork server lie in it.
    """
    mark = f"{os.getpid()}-{next(_numbers)}"
    folder.mkdir(exist_ok=True)
    shared_before = _shared_files()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, mark)
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        try:
            yield
        finally:
            alive = wait_for_the_end_of(mark)
    assert not alive, f"left alive: {alive}"
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert not [name for name in left if name.startswith("mpviz-")], f"left behind: {left}"
    shared = _shared_files() - shared_before
    assert not shared, f"left in shared memory: {shared}"


def wait_for_the_end_of(mark: str, seconds: float = 10.0) -> list[str]:
    """The command lines of the marked processes that are alive after so long; they are killed."""
    deadline = time.monotonic() + seconds
    while marked := marked_processes(mark):
        if time.monotonic() > deadline:
            commands = [" ".join(kernel.read_command(pid)) for pid, _ in marked]
            for pid, started in marked:
                send_signal(pid, started, signal.SIGKILL)
            return commands
        time.sleep(0.01)
    return []


def marked_processes(mark: str) -> list[tuple[int, int]]:
    """Pid and start time of each living process with this mark in its environment."""
    words = f"{MARK}={mark}".encode()
    found = []
    for pid in kernel.list_pids():
        if words in kernel.read_environment(pid):
            reading = kernel.read_status(pid)
            if reading is not None and reading.status not in "ZX":
                found.append((pid, reading.started))
    return found


def _shared_files() -> set[str]:
    memory = Path("/dev/shm")
    return {path.name for path in memory.glob("*mpviz*")} if memory.is_dir() else set()


def run_to_end(session: Session, until: Callable[[RunState], bool] = lambda state: False) -> None:
    """Fold until the run is over, or until something is true of the state."""
    deadline = time.monotonic() + PATIENCE
    while not session.over and not until(session.state):
        assert time.monotonic() < deadline, describe(session.state)
        if not session.step(0.02):
            time.sleep(0.002)


def describe(state: RunState) -> str:
    """Where a run stands, for the person who reads of its failure."""

    def line(process: Process) -> str:
        wait = process.wait
        return f"{process.key} {process.name}: {process.state} {wait or ''} {process.exit_code}"

    lines = ["still running:", *map(line, state.processes.values())]
    lines += [entry.text for entry in list(state.log)[-20:]]
    return "\n".join([*lines, output(state, "stderr")])


def output(state: RunState, stream: str) -> str:
    """All that was written to a stream, line by line in the order in which it came."""
    return "".join(line.text + "\n" * line.ended for line in state.output if line.stream == stream)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for a condition to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
