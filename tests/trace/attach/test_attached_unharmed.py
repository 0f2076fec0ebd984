"""A program that was looked at is as it was, and ends as one that nobody has looked at."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from helpers.running import HOLDS_AND_WAITS, attached, running, see
from helpers.runs import wait_until
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.state import RunState
from mpviz.trace.system import kernel

WORKS = """
def square(number):
    time.sleep(0.01)
    return number * number

def main():
    with mp.Pool(2) as pool:
        print(sum(pool.imap(square, range(300))), flush=True)
    sys.exit(7)
"""

QUIET = """
def every(seconds, stop):
    while not stop.wait(seconds):
        pass

def serve(jobs):
    for job in iter(jobs.get, None):
        pass

def main():
    stop, jobs = mp.Event(), mp.Queue()
    workers = [mp.Process(target=every, args=(each, stop)) for each in (0.5, 60)]
    workers += [mp.Process(target=serve, args=(jobs,))]
    for each in workers:
        each.start()
    time.sleep(1000)
"""


_SHOWN = r"Sig(?:Pnd|Blk|Ign|Cgt)|ShdPnd|Threads|TracerPid|voluntary\w+"


def surface(pid: int) -> dict[str, object]:
    """What a process shows of itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = re.findall(
        r"^(Sig(?:Pnd|Blk|Ign|Cgt)|ShdPnd|Threads|TracerPid|voluntary\w+):\s*(\w+)", status, re.M
    )
    maps = [line.split()[:5] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    folder = Path(f"/proc/{pid}/fd")
    files = sorted((each.name, str(each.readlink())) for each in folder.iterdir())
    return {"fields": fields, "maps": maps, "files": files}


def waits_for_lock(state: RunState) -> bool:
    return any(
        wait.what == "lock" for each in state.processes.values() for wait in each.waits.values()
    )


def test_a_look_changes_nothing_in_a_process_that_sleeps(
    tmp_path: Path, python_and_method: tuple[str, str]
) -> None:
    with running(tmp_path, HOLDS_AND_WAITS, *python_and_method) as program:
        with attached(program) as session:
            state = see(session, waits_for_lock)
            pids = [each.pid for each in state.processes.values() if each.alive and each.seen]
        # It takes a moment until the last process has fallen asleep where it stays.
        before: dict[int, object] = {}

        def is_quiet() -> bool:
            now = {pid: surface(pid) for pid in pids}
            same = now == before
            before.clear()
            before.update(now)
            return same

        wait_until(is_quiet)
        with attached(program) as session:
            see(session, lambda state: waits_for_lock(state) and session.looks >= 4)
        assert {pid: surface(pid) for pid in pids} == before


def test_a_program_prints_and_ends_as_if_nobody_had_looked(
    tmp_path: Path, python_and_method: tuple[str, str]
) -> None:
    with running(tmp_path, WORKS, *python_and_method) as program:
        with attached(program) as session:
            state = see(session, lambda _: session.over)
            assert not state.findings
        assert program.process.wait(60) == 7
        assert program.output.read_text() == f"{sum(n * n for n in range(300))}\n"


def test_a_quiet_service_gives_no_finding(tmp_path: Path, python: str) -> None:
    with running(tmp_path, QUIET, python, "fork") as program, attached(program) as session:
        # More than any rule holds a finding back.
        state = see(session, lambda state: state.now - state.origin > 6e9)
        assert not state.findings, [each.message for each in state.findings.values()]
        assert len(state.processes) == 4


WAITS_FOR_A_THREAD = """
def poll():
    while True:
        time.sleep(0.05)

def main():
    threading.Thread(target=poll).start()
"""

HAS_A_FEEDER = """
def work(jobs):
    for job in iter(jobs.get, None):
        pass

def listen(jobs):
    while True:
        time.sleep(30)
        jobs.put("job")

def main():
    jobs, stop = mp.Queue(), mp.Event()
    mp.Process(target=work, args=(jobs,)).start()
    threading.Thread(target=listen, args=(jobs,)).start()
    stop.wait()
"""


@pytest.mark.parametrize("source", [WAITS_FOR_A_THREAD, HAS_A_FEEDER], ids=["polls", "feeds"])
def test_a_thread_that_will_go_on_keeps_a_wait_from_being_a_fault(
    source: str, tmp_path: Path, python: str
) -> None:
    with running(tmp_path, source, python, "fork") as program, attached(program) as session:
        state = see(session, lambda state: state.now - state.origin > 6e9)
        assert not state.findings, [each.message for each in state.findings.values()]


@pytest.mark.thorough
def test_a_program_outlives_many_that_look_at_it(tmp_path: Path, python: str) -> None:
    with running(tmp_path, HOLDS_AND_WAITS, python, "fork") as program:
        for _ in range(30):
            with attached(program) as session:
                see(session, lambda _: session.looks)
        assert program.process.poll() is None


def test_a_program_that_may_get_no_signal_is_not_called_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, started: int, number: int) -> bool:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("mpviz.trace.attach.session.send_signal", refuse)
    with (
        running(tmp_path, HOLDS_AND_WAITS, sys.executable, "fork") as program,
        attached(program) as session,
    ):
        see(session, waits_for_lock)
        session.freeze()
        assert not session.state.frozen
        state = see(session, lambda state: state.troubles)
        assert "SIGSTOP is not allowed, as another user's: pid " in state.troubles[0].text
        assert str(program.pid) in state.troubles[0].text


RELATIVE = """
def main():
    jobs = mp.Queue()
    jobs.get()
"""


def test_the_source_of_a_script_that_was_called_by_a_relative_path_is_found(
    tmp_path: Path, python: str
) -> None:
    """As Python 3.8 and older keep it."""

    def has_source(state: RunState) -> bool:
        return any(each.file == str(tmp_path / "program.py") for each in state.sites.values())

    with (
        running(tmp_path, RELATIVE, python, "fork", relative=True) as program,
        attached(program) as session,
    ):
        state = see(session, lambda state: has_source(state) and state.table(Queue))
        assert {each.name for each in state.table(Queue).values()} == {"jobs"}


NO_PYTHON = """
def main():
    os.execlp("sleep", "sleep", "1000")
"""


def test_a_program_that_is_no_python_is_said_to_be_none(tmp_path: Path) -> None:
    with running(tmp_path, NO_PYTHON, sys.executable, "fork") as program:
        wait_until(lambda: kernel.read_name(program.pid) == "sleep")
        with attached(program) as session:
            state = see(session, lambda state: state.main)
            assert state.processes[state.main].name == "sleep"
            assert "is no Python" in state.processes[state.main].unobserved
