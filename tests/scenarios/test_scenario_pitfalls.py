"""The pitfalls as plain programs: each hangs or fails as it says, and its cure makes it end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from helpers.runs import wait_until
from mpviz.scenarios import catalogue

Run = Callable[..., CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("nothing_left")


def lines(program: Run, start_method: str, name: str, *words: str) -> list[str]:
    """Run a scenario that hangs, but not with these parameters; return what it printed."""
    done = program(name, *words, "--start-method", start_method)

    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


NO_NAME = r"(AttributeError|PicklingError): Can't (pickle|get) local object .*main\.<locals>\.{}\W*"
NO_FILE = r"TypeError: cannot pickle '.*TextIOWrapper' (object|instances)"
CANNOT = [
    ("a lambda", NO_NAME.format("<lambda>")),
    ("an object of a local class", NO_NAME.format("LocalImage")),
    ("an open file", NO_FILE),
]


def test_what_cannot_be_pickled_is_refused_and_its_cure_works(
    program: Run, start_method: str
) -> None:
    """A pool pickles whatever the start method is; a Process only where it is not forked."""
    done = program("pickling", "pause=0", "--start-method", start_method)

    assert (done.returncode, done.stderr) == (0, "")
    length = len(catalogue.find("pickling").path.read_text().splitlines())
    cures = [
        "a function with a name, to a pool: works, 42",
        "an object of a module's class, to a pool: works, 60000",
        f"the path of a file, to a pool: works, {length}",
    ]
    works = "works, exit code 0"
    expected = [f"{what}, to a pool: {error}" for what, error in CANNOT] + [
        f"{what}, by {start_method}: {works if start_method == 'fork' else error}"
        for what, error in CANNOT
    ]
    printed = done.stdout.splitlines()
    assert printed[1:6:2] == cures
    for line, pattern in zip([*printed[0:6:2], *printed[6:]], expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_an_executor_breaks_when_a_worker_is_killed(program: Run, start_method: str) -> None:
    words = ("executor=futures", "workers=2", "items=7", "work=0", "pause=0")

    first, killed, broken = lines(program, start_method, "killed-worker", *words)

    assert first == "2 workers, 7 items"
    assert re.fullmatch(r"worker \d+ killed, item 5 lost", killed)
    assert broken.startswith("BrokenProcessPool: ")


def test_a_producer_that_is_not_terminated_does_no_harm(program: Run, start_method: str) -> None:
    words = ("terminate=no", "items=20", "pause=0")

    *said, last = lines(program, start_method, "queue-corruption", *words)

    assert said[:2] == [
        "producer-1 is in its put of 1000 KB",
        "producer-2 and the consumers have started",
    ]
    taken = dict(re.findall(r"(consumer-\d): (\d+) items", "\n".join(said[2:])))
    assert set(taken) == {"consumer-1", "consumer-2"}
    assert sum(map(int, taken.values())) == 21
    assert last == "all ended, 0 left in the queue"


@pytest.mark.parametrize("processes", [2, 5])
def test_in_the_same_order_everybody_gets_both_locks(
    program: Run, start_method: str, processes: int
) -> None:
    words = ("order=same", f"processes={processes}", "pause=0")

    first, *said, last = lines(program, start_method, "deadlock", *words)

    assert (first, last) == (f"{processes} processes, same order", "all ended")
    assert len(said) == 2 * processes
    for number in range(processes):
        name = f"worker-{number + 1}"
        low, high = sorted([number, (number + 1) % processes])
        assert [line for line in said if line.startswith(f"{name} ")] == [
            f"{name} holds locks[{low}], wants locks[{high}]",
            f"{name} has both",
        ]


@pytest.mark.parametrize(("first", "size"), [("get", 1000), ("join", 10), ("join", 60)])
def test_an_item_that_is_taken_first_or_fits_the_pipe_delays_no_join(
    program: Run, start_method: str, first: str, size: int
) -> None:
    words = (f"first={first}", f"size_kb={size}", "work=0")

    assert lines(program, start_method, "join-before-drain", *words) == [
        f"first {first}",
        f"put {size} KB, nothing left to do",
        f"{size} KB, exit code 0",
    ]


HANGS = {
    "killed-worker work=0 pause=0": [
        "3 workers, 12 items",
        "worker PID killed, item 5 lost",
    ],
    "queue-corruption pause=0": [
        "producer-1 is in its put of 1000 KB",
        "terminated: exit code -15",
        "producer-2 and the consumers have started",
    ],
    "deadlock processes=2 pause=0": [
        "2 processes, opposite order",
        "worker-1 holds locks[0], wants locks[1]",
        "worker-2 holds locks[1], wants locks[0]",
    ],
    "deadlock processes=5 pause=0": [
        "5 processes, opposite order",
        "worker-1 holds locks[0], wants locks[1]",
        "worker-2 holds locks[1], wants locks[2]",
        "worker-3 holds locks[2], wants locks[3]",
        "worker-4 holds locks[3], wants locks[4]",
        "worker-5 holds locks[4], wants locks[0]",
    ],
    "join-before-drain size_kb=64 work=0": [
        "first join",
        "put 64 KB, nothing left to do",
    ],
}
"""Each with all that it ever prints."""


@pytest.mark.parametrize("words", HANGS)
def test_it_hangs_and_an_interrupt_ends_it(tmp_path: Path, start_method: str, words: str) -> None:
    """Ctrl-C goes to all processes of the terminal's foreground, so it does here."""
    output = tmp_path / "output"
    name, *parameters = words.split()
    command = [sys.executable, "-m", "mpviz.scenarios", name, *parameters]
    with output.open("w") as file:
        program = subprocess.Popen(
            [*command, "--start-method", start_method],
            stdout=file,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def printed() -> list[str]:
        text = re.sub(r"worker \d+ killed", "worker PID killed", output.read_text())
        return sorted(text.splitlines())

    with program:
        try:
            wait_until(lambda: printed() == sorted(HANGS[words]))
            wait_until(lambda: nothing_moves(program.pid))
            assert program.poll() is None
            descendants = psutil.Process(program.pid).children(recursive=True)
            os.killpg(program.pid, signal.SIGINT)
            _, errors = program.communicate(timeout=30)
        finally:
            program.kill()

    assert program.returncode == 130
    assert errors.splitlines()[0] == f"{name} hangs on purpose; Ctrl-C ends it"
    assert printed() == sorted(HANGS[words])
    wait_until(lambda: not any(map(runs, descendants)))


def nothing_moves(pid: int) -> bool:
    """Whether all processes sleep, and none of them has used a core between two looks at all."""
    before, after = look(pid), look(pid)
    return before == after and {status for status, _ in after.values()} == {"sleeping"}


def look(pid: int) -> dict[int, tuple[str, float]]:
    """The status and the CPU seconds of a process and of all that it has started."""
    looks = {}
    main = psutil.Process(pid)
    for process in [main, *main.children(recursive=True)]:
        try:
            with process.oneshot():
                used = process.cpu_times()
                looks[process.pid] = (process.status(), used.user + used.system)
        except psutil.NoSuchProcess:
            looks[process.pid] = ("gone", 0.0)
    return looks


def runs(process: psutil.Process) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
