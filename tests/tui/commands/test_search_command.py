"""``mpviz search``: it finds the order that fails, writes it down, and that order fails again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from helpers.command import CALL, mpviz
from helpers.runs import wait_until

pytestmark = pytest.mark.usefixtures("nothing_left")

BEGIN = """
import multiprocessing as mp, sys, time

def start(target, *arguments, name):
    process = mp.Process(target=target, args=arguments, name=name)
    process.start()
    return process
"""
END = """
if __name__ == "__main__":
    main()
"""

CHECKED_TOO_EARLY = """
def take(account, amount):
    if account.value >= amount:
        account.value -= amount
        assert account.value >= 0, "overdrawn"

def main():
    account = mp.Value("i", 100)
    for process in [start(take, account, 60, name=name) for name in ("one", "other")]:
        process.join()
"""

CHECKED_UNDER_A_LOCK = """
def take(account, amount):
    with account:
        if account.value >= amount:
            account.value -= amount

def main():
    account = mp.Value("i", 100)
    for process in [start(take, account, 60, name=name) for name in ("one", "other")]:
        process.join()
"""

WAITS_FOR_A_PERSON = """
def main():
    end, other = mp.Pipe()
    import os
    read, write = os.pipe()
    os.read(read, 1)
"""

ENDS_WITHOUT_A_WORD = """
def leave():
    import os
    os._exit(7)

def main():
    start(leave, name="leaver").join()
"""

BY_CHANCE = """
import random

def add(value, lock):
    for _ in range(random.randrange(1, 4)):
        with lock:
            value.value += 1

def main():
    value, lock = mp.Value("i", 0), mp.Lock()
    for process in [start(add, value, lock, name=name) for name in ("one", "other")]:
        process.join()
"""


def program(folder: Path, source: str) -> Path:
    file = folder / "program.py"
    file.write_text(BEGIN + source + END)
    return file


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.splitlines()[-1]


def test_a_race_is_found_and_its_order_fails_each_time(tmp_path: Path) -> None:
    done = mpviz("search", "--schedule", "failing.json", "race", directory=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "An update of counter is lost: adder-" in last_line(done)
    assert last_line(done).startswith("failed in run ")
    assert json.loads((tmp_path / "failing.json").read_text())["program"] == "race"
    for _ in range(2):
        again = mpviz("run", "--headless", "--schedule", "failing.json", directory=tmp_path)
        assert again.returncode == 0, again.stderr
        assert "1 lost" in again.stdout


@pytest.mark.thorough
def test_an_assert_of_a_child_is_a_failure_and_its_line_is_told(tmp_path: Path) -> None:
    file = program(tmp_path, CHECKED_TOO_EARLY)
    options = "--until", "exit", "--schedule", "failing.json", "--junit", "report.xml"
    done = mpviz("search", *options, file, directory=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "ends with exit code 1: AssertionError: overdrawn" in last_line(done)
    (case,) = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert case[0].tag == "failure"
    assert case[0].get("type") == "exit"
    again = mpviz("run", "--headless", "--schedule", "failing.json", directory=tmp_path)
    assert "AssertionError: overdrawn" in again.stderr


def test_a_mended_program_says_where_it_leaves_the_schedule(tmp_path: Path) -> None:
    file = program(tmp_path, CHECKED_TOO_EARLY)
    mpviz("search", "--until", "exit", "--schedule", "failing.json", file, directory=tmp_path)
    program(tmp_path, CHECKED_UNDER_A_LOCK)
    again = mpviz("run", "--headless", "--schedule", "failing.json", directory=tmp_path)
    assert again.returncode == 0
    assert "the program left the schedule at step " in again.stderr
    assert "is about to do something else: acquire account.get_lock()" in again.stderr
    assert "overdrawn" not in again.stderr


@pytest.mark.thorough
def test_a_deadlock_of_a_schedule_is_real_and_ends(tmp_path: Path) -> None:
    found = mpviz("search", "--schedule", "failing.json", "deadlock", directory=tmp_path)
    assert "Deadlock: nobody can go. worker-1 waits for locks[1], held by worker-2" in found.stdout
    options = "--headless", "--fail-on", "deadlock", "--schedule", "failing.json"
    again = mpviz("run", *options, directory=tmp_path)
    assert again.returncode == 3, again.stderr
    assert "2 processes wait for each other" in again.stderr


@pytest.mark.thorough
def test_all_orders_with_few_preemptions(tmp_path: Path) -> None:
    file = program(tmp_path, CHECKED_UNDER_A_LOCK)
    done = mpviz("search", "--preemptions", "0", "--junit", "report.xml", file, directory=tmp_path)
    assert done.returncode == 0, done.stdout
    assert last_line(done).startswith(
        "all orders of the gated operations with at most 0 preemptions were tried, in "
    )
    assert ElementTree.parse(tmp_path / "report.xml").getroot().get("failures") == "0"


@pytest.mark.thorough
def test_all_orders_of_a_mended_program(tmp_path: Path) -> None:
    file = program(tmp_path, CHECKED_UNDER_A_LOCK)
    done = mpviz("search", file, directory=tmp_path)
    assert done.returncode == 0, done.stdout
    assert last_line(done).startswith("all orders of the gated operations were tried, in ")


@pytest.mark.thorough
def test_who_waits_outside_never_hangs_the_search(tmp_path: Path) -> None:
    file = program(tmp_path, WAITS_FOR_A_PERSON)
    done = mpviz("search", "--seconds", "8", file, directory=tmp_path)
    assert done.returncode == 0
    assert "came to no end and had to be ended" in done.stdout
    assert "blocked outside of all gates" in done.stdout
    assert last_line(done).startswith("not all orders were tried: ")


@pytest.mark.thorough
def test_a_process_that_ends_without_a_word_is_no_proof(tmp_path: Path) -> None:
    file = program(tmp_path, ENDS_WITHOUT_A_WORD)
    done = mpviz("search", "--runs", "3", file, directory=tmp_path)
    assert "a process ended by a signal or os._exit" in done.stdout
    assert last_line(done).startswith("not all orders were tried: ")


@pytest.mark.thorough
def test_a_program_that_depends_on_chance_is_never_called_sure(tmp_path: Path) -> None:
    file = program(tmp_path, BY_CHANCE)
    options = "--runs", "12", "--until", "deadlock"
    done = mpviz("search", *options, file, directory=tmp_path)
    assert done.returncode == 0
    assert "did not repeat the beginning of an earlier run" in done.stdout
    assert last_line(done).startswith("not all orders were tried: 12 runs in ")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.thorough)]
)
def test_an_interrupted_search_leaves_nothing(tmp_path: Path, number: int) -> None:
    words = ["search", "--seconds", "60", "--preemptions", "3", "bank", "way=in-order"]
    output = tmp_path / "output"
    with output.open("wb") as out:
        search = subprocess.Popen(
            [sys.executable, "-c", CALL, *words], cwd=tmp_path, stdout=out, stderr=out
        )
        wait_until(lambda: _children(search.pid), 30)
        os.kill(search.pid, number)
        status = search.wait(30)
    if number == signal.SIGINT:
        assert status == 130, output.read_text()
        assert output.read_text().splitlines()[-1].startswith("interrupted: ")


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--until", "luck", "race"], "there is no failure 'luck'"),
        (["nothing"], "nothing"),
        (["--runs", "0", "race"], "--runs"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, words: list[str], says: str) -> None:
    done = mpviz("search", *words, directory=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
