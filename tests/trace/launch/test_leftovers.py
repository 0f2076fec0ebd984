"""If viewer, supervisor and stand-in of a run are all killed, the next run clears what is left."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from helpers.runs import wait_until
from mpviz.trace.launch import leftovers
from mpviz.trace.system import kernel, run_folder

pytestmark = pytest.mark.usefixtures("nothing_left")

VIEWER = """
import os, sys, time
from mpviz.trace.launch.start import Target, start

session = start(Target([sys.argv[1]], name="x"), capture=True)
while not any("ready" in line.text for line in session.state.output):
    assert not session.over, session.state.output
    session.step(0.01)
    time.sleep(0.01)
print(session._transport.directory, session._program.stand_in.pid, session._program.supervisor_pid)
print(*[process.pid for process in session.state.processes.values()], flush=True)
time.sleep(600)
"""

PROGRAM = """
import multiprocessing, time

def work(semaphore):
    print("ready", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    semaphore = context.Semaphore()
    child = context.Process(target=work, args=(semaphore,))
    child.start()
    child.join()
"""


class Run:
    """A viewer in a separate process, with a program that runs until it is ended."""

    def __init__(self, folder: Path) -> None:
        program = folder / "program.py"
        program.write_text(PROGRAM)
        self.viewer = subprocess.Popen(
            [sys.executable, "-c", VIEWER, str(program)], stdout=subprocess.PIPE, text=True
        )
        assert self.viewer.stdout is not None
        place, stand_in, supervisor = self.viewer.stdout.readline().split()
        self.folder = Path(place)
        self.supervisors = [int(stand_in), int(supervisor)]
        self.family = [int(word) for word in self.viewer.stdout.readline().split()]
        self.viewer.stdout.close()

    def kill(self, *pids: int) -> None:
        """Kill the viewer and these so quickly that none can react to the end of another."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        self.viewer.kill()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.viewer.wait()

    def close(self) -> None:
        """End it, unless it has already ended."""
        self.viewer.kill()
        self.viewer.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run that goes on."""
    run = Run(tmp_path)
    yield run
    run.close()


def is_there(pid: int) -> bool:
    reading = kernel.read_status(pid)
    return reading is not None and reading.status not in "ZX"


def test_all_three_killed_the_next_run_clears_what_is_left(run: Run) -> None:
    # The stand-in first: while it lives, the supervisor cannot be stopped.
    run.kill(*run.supervisors)
    assert run.folder.exists()
    # The first process dies with the supervisor; nobody ends the processes that it has started.
    wait_until(lambda: not is_there(run.family[0]))
    assert any(map(is_there, run.family[1:]))
    leftovers.clear()
    assert not run.folder.exists()
    # Who was killed has no environment any more before the kernel calls it dead.
    wait_until(lambda: not any(map(is_there, run.family)))


@pytest.mark.parametrize("which", [0, 1])
def test_viewer_and_one_of_the_two_killed_nothing_is_left(run: Run, which: int) -> None:
    run.kill(run.supervisors[which])
    wait_until(lambda: not any(map(is_there, [*run.supervisors, *run.family])), 10)
    assert not run.folder.exists()


LATE_VIEWER = """
import os, sys, time
from mpviz.trace.launch.start import Target, start

session = start(Target(["-c", "pass"], name="x"), capture=True)
while not session._program.wait(1):
    pass
print(session._transport.directory, flush=True)
time.sleep(600)
"""


def test_a_viewer_killed_after_the_run_before_it_has_read_all_leaves_nothing() -> None:
    viewer = subprocess.Popen(
        [sys.executable, "-c", LATE_VIEWER], stdout=subprocess.PIPE, text=True
    )
    assert viewer.stdout is not None
    with viewer.stdout:
        folder = Path(viewer.stdout.readline().strip())
    assert folder.exists()
    viewer.kill()
    viewer.wait()
    wait_until(lambda: not folder.exists(), 10)


def test_a_run_that_goes_on_is_let_alone(run: Run) -> None:
    leftovers.clear()
    assert run.folder.exists()
    assert all(map(is_there, [*run.supervisors, *run.family]))


def test_a_run_of_which_only_the_supervisor_is_left_is_let_alone(run: Run) -> None:
    # Stopped, because a supervisor that sees that the viewer is gone ends the run itself.
    for pid in run.supervisors:
        os.kill(pid, signal.SIGSTOP)
    run.viewer.kill()
    run.viewer.wait()
    leftovers.clear()
    assert run.folder.exists()
    for pid in run.supervisors:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not any(map(is_there, [*run.supervisors, *run.family])), 10)
    assert not run.folder.exists()


def test_a_folder_that_nobody_holds_is_removed_unless_its_owner_lives() -> None:
    place = Path(tempfile.gettempdir())
    mine = run_folder.new_path()
    gone = place / "mpviz-1-1-00000000"
    other = place / "mpviz-by-hand"
    for folder in (mine, gone, other):
        folder.mkdir()
        (folder / "file").write_text("x")
    leftovers.clear()
    assert [folder.exists() for folder in (mine, gone, other)] == [True, False, True]
    for folder in (mine, other):
        (folder / "file").unlink()
        folder.rmdir()


def test_what_cannot_be_removed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Path(tempfile.gettempdir()) / "mpviz-1-1-00000000"
    gone.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", fail)
        assert leftovers.clear() == [f"{gone} is left: Operation not permitted"]
    assert leftovers.clear() == []
    assert not gone.exists()


def fail(*_: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_folder_that_is_held_is_let_alone_whoever_s_it_was() -> None:
    # A process of another container looks like this from here.
    gone = Path(tempfile.gettempdir()) / "mpviz-1-1-00000000"
    gone.mkdir()
    descriptor = run_folder.hold(gone)
    leftovers.clear()
    assert gone.exists()
    os.close(descriptor)
    leftovers.clear()
    assert not gone.exists()
