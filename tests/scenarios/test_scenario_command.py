"""python -m mpviz.scenarios: the list, one line for a mistake, a clean end of an interrupt."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from mpviz.scenarios import catalogue

Run = Callable[..., CompletedProcess[str]]


def test_it_lists_one_line_for_each_scenario(program: Run) -> None:
    """The name, the chapter, and what to watch for."""
    done = program()

    assert (done.returncode, done.stderr) == (0, "")
    listed = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(listed) == list(catalogue.scenarios())
    assert listed["pool-map"] == (
        "pool-map             pools      "
        "Watch the workers drift apart, since the items differ in size."
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pol-map",), "there is no scenario 'pol-map'; the nearest is 'pool-map'"),
        (
            ("pool-map", "workers=0"),
            "workers must be a whole number from 1 to 64, not '0'",
        ),
        (
            ("pool-map", "--start-method", "spoon"),
            "argument --start-method: invalid choice: ",
        ),
        (("pool-map", "--stop\nnow"), "unrecognized arguments: --stop now"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_status_2(
    program: Run, words: tuple[str, ...], complaint: str
) -> None:
    """Nothing is run, and nothing is printed as a result."""
    done = program(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"python -m mpviz.scenarios: {complaint}")
    assert done.stderr.count("\n") == 1


def test_options_and_parameters_come_in_any_order(program: Run) -> None:
    """As hands type them."""
    done = program("pool-map", "items=1", "--start-method", "fork", "workers=1", "size=10")

    assert done.stdout.splitlines()[0] == "1 workers, 1 items"


def runs(process: psutil.Process) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that takes its time, but not for ever."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.mark.parametrize(("method", "helpers"), [("fork", 0), ("spawn", 1), ("forkserver", 2)])
def test_an_interrupt_ends_all_processes(tmp_path: Path, method: str, helpers: int) -> None:
    """Without a traceback, and with the exit status of an interrupted program."""
    words = ["pool-map", "workers=2", "size=1000", "items=100000", "chunksize=1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mpviz.scenarios", *words, "--start-method", method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    descendants: list[psutil.Process] = []

    def is_in_map() -> bool:
        descendants[:] = psutil.Process(process.pid).children(recursive=True)
        worked = sum(each.cpu_times().user for each in descendants)
        return len(descendants) == 2 + helpers and worked >= 0.5

    with process:
        try:
            wait_until(is_in_map)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (process.returncode, errors) == (130, "")
    wait_until(lambda: not any(map(runs, descendants)))
