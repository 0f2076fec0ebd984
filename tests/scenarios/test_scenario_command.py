"""python -m mpviz.scenarios: the list, one line for a mistake, and a quiet end on Ctrl-C."""

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

Run = Callable[..., CompletedProcess[str]]


def test_it_lists_one_line_for_each_scenario(program: Run) -> None:
    """The name, the chapter, and what to watch for."""
    done = program()

    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["pool-map", "producer-consumer", "shared-counter"]
    assert done.stdout.splitlines()[0] == (
        "pool-map             pools      "
        "Watch the workers drift apart, since the tasks differ in size."
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

    assert done.stdout.splitlines()[0] == "1 workers, 1 tasks"


def ignores_interrupts(process: psutil.Process) -> bool:
    """Tell whether Ctrl-C can do nothing to a process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    return bool(ignored & 1 << (signal.SIGINT - 1))


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


@pytest.mark.parametrize("whom", ["the terminal", "the main process"])
@pytest.mark.parametrize(("method", "helpers"), [("fork", 0), ("spawn", 1), ("forkserver", 2)])
@pytest.mark.parametrize(
    ("words", "seconds_of_work"),
    [
        (("pool-map", "workers=2", "size=1000", "items=100000", "chunksize=1"), 0.5),
        (("producer-consumer", "producers=1", "consumers=1", "produce_rate=0.01"), 0.0),
    ],
)
def test_ctrl_c_ends_all_processes_quietly(
    *,
    tmp_path: Path,
    words: tuple[str, ...],
    seconds_of_work: float,
    method: str,
    helpers: int,
    whom: str,
) -> None:
    """A terminal interrupts every process of a program; kill may interrupt the main one alone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mpviz.scenarios", *words, "--start-method", method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        start_new_session=True,
        text=True,
    )
    descendants: list[psutil.Process] = []

    def ready() -> bool:
        descendants[:] = psutil.Process(process.pid).children(recursive=True)
        worked = sum(each.cpu_times().user for each in descendants)
        return (
            len(descendants) == 2 + helpers
            and all(map(ignores_interrupts, descendants))
            and worked >= seconds_of_work
        )

    with process:
        try:
            wait_until(ready)
            interrupt = os.killpg if whom == "the terminal" else os.kill
            interrupt(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (process.returncode, errors) == (130, "")
    wait_until(lambda: not any(map(runs, descendants)))
