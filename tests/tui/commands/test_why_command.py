"""``mpviz why`` and ``mpviz attach`` without a terminal: what they print, and the exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from helpers.command import mpviz
from helpers.running import Running, running
from helpers.runs import wait_until
from mpviz.trace.attach.roots import RunningProgram, first_process, list_programs
from mpviz.trace.system import kernel
from mpviz.tui.programs.rows import in_one_line

DEADLOCK = """
def worker(first, second, gate):
    with first:
        gate.wait()
        with second:
            pass

def main():
    accounts, ledger, gate = mp.Lock(), mp.Lock(), mp.Barrier(2)
    workers = [
        mp.Process(target=worker, args=(accounts, ledger, gate), name="transfer"),
        mp.Process(target=worker, args=(ledger, accounts, gate), name="audit"),
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
"""


def children(program: Running) -> list[int]:
    """The workers that sleep."""
    readings = [kernel.read_status(pid) for pid in kernel.list_pids()]
    found = [each for each in readings if each is not None and each.parent == program.pid]
    return [each.pid for each in found if kernel.read_place_of_sleep(each.pid).startswith("futex")]


def test_it_prints_the_cause_into_a_pipe_and_the_document_into_a_file(
    tmp_path: Path, python: str
) -> None:
    with running(tmp_path, DEADLOCK, python, "fork") as program:
        wait_until(lambda: len(children(program)) == 2)
        worker = children(program)[0]
        assert first_process(worker) == program.pid
        words = "why", worker, "--json", tmp_path / "seen.json", "--fail-on", "deadlock"
        done = mpviz(*words)
        assert done.returncode == 3, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0].startswith(f"program.py, pid {program.pid}, Python 3.")
        assert any(line.startswith("deadlock: 2 processes wait for each other") for line in lines)
        assert len(lines) <= 24
        assert max(map(len, lines)) < 80
        document = json.loads((tmp_path / "seen.json").read_text())
        assert document["run"]["attached"] == program.pid
        (finding,) = [each for each in document["findings"] if each["rule"] == "deadlock"]
        assert sorted(finding["pids"]) == sorted(children(program))
        assert all(each["seen"] for each in document["processes"])
        holders = {each["name"]: each["holder_pid"] for each in document["locks"]}
        assert sorted(filter(None, holders.values())) == sorted(children(program))
        assert mpviz("why", program.pid, "--silence", "deadlock").returncode == 0
        assert program.process.poll() is None


def test_a_list_of_programs_has_it_with_its_processes(tmp_path: Path, python: str) -> None:
    with running(tmp_path, DEADLOCK, python, "fork") as program:
        wait_until(lambda: len(children(program)) == 2)
        (found,) = [each for each in list_programs() if each.pid == program.pid]
        assert found.processes == 3
        assert found.user == os.getuid()
        done = mpviz("attach")
        assert f"program.py (pid {program.pid}): 3 processes" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("why", 1 << 22), "there is no process"),
        (("why", "-1"), "No such option"),
        (("why",), "PID"),
        (("attach", 1), "needs no terminal"),
    ],
)
def test_what_cannot_be_attached_to_gets_one_line(words: tuple[object, ...], said: str) -> None:
    done = mpviz(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("width", [40, 60, 79, 120])
def test_a_line_of_the_list_says_how_long_all_slept_and_cuts_the_name_first(width: int) -> None:
    program = RunningProgram(
        pid=12345,
        command=["python3", "/home/anna/" + "nightly_report_of_all_customers.py"],
        user=os.getuid(),
        processes=3,
        age=300.0,
        cpu_seconds=1.5,
        asleep=200.0,
    )
    line = in_one_line(1, program, width)
    assert len(line) <= width
    assert " (pid 12345): 3 processes" in line
    assert ("all asleep for 3:20" in line) is (width >= 79)
    assert ("nightly_report_of_all_customers.py" in line) is (width == 120)
