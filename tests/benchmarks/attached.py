"""What it costs a program to be looked at from outside, and whether it outlives all who look.

``python -m tests.benchmarks attached cost`` runs programs in turn with and without a looker that
reads them four times a second; ``sizes`` times the looks at programs of many sleeping processes;
``kills`` attaches to a busy pool and quits, or is killed (SIGKILL), ``--times`` each, at a random
moment, and holds that the pool computes what it should, ends as it should, and leaves no looker.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from mpviz.trace.looker import LOOKER
from mpviz.trace.looker.stacks import find_py_spy
from tests.benchmarks.pairs import compare, print_head, print_row

LOOKS_A_SECOND = 4
ROUNDS = 7
SIZES = (20, 200, 500)
LOOKS = 5
PATIENCE = 30.0
MPVIZ = str(Path(sys.executable).with_name("mpviz"))

BUSY = """
import os, sys
from multiprocessing import Pool

def square(number):
    return sum(number * number for _ in range(200)) // 200

if __name__ == "__main__":
    rounds = 0
    with Pool(2) as pool:
        while not os.path.exists(sys.argv[1]):
            assert sum(pool.imap(square, range(100))) == 328350
            rounds += 1
    print(rounds)
    sys.exit(7)
"""

WORK = {
    "a loop in one process": """
import sys
n = 0
for i in range(int(sys.argv[1]) * 6_000_000):
    n += i
""",
    "a pool, tasks of 1 ms": """
import sys, time
from multiprocessing import Pool

def busy(_):
    sum(range(40_000))

if __name__ == "__main__":
    with Pool(2) as pool:
        for _ in pool.imap_unordered(busy, range(int(sys.argv[1]) * 1_200)):
            pass
""",
    "two that hand over by queues": """
import sys
from multiprocessing import Process, SimpleQueue

def answer(asked, answers):
    for item in iter(asked.get, None):
        answers.put(item)

if __name__ == "__main__":
    asked, answers = SimpleQueue(), SimpleQueue()
    other = Process(target=answer, args=(asked, answers))
    other.start()
    for i in range(int(sys.argv[1]) * 20_000):
        asked.put(i)
        answers.get()
    asked.put(None)
    other.join()
""",
}
"""Programs that are given about how many seconds they are to work."""

SLEEPERS = """
import signal, sys
from multiprocessing import Process

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        Process(target=signal.pause).start()
    print("there", flush=True)
    signal.pause()
"""


def main(words: Sequence[str]) -> None:
    """Print what was asked for."""
    options = argparse.ArgumentParser(prog="attached", description=__doc__)
    options.add_argument("what", choices=("cost", "sizes", "kills"))
    options.add_argument("--times", type=int, default=100, help="of kills, and of quits")
    options.add_argument("--seconds", type=int, default=4, help="that a run of cost takes, about")
    options.add_argument("--python", default=sys.executable)
    chosen = options.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.what == "cost":
            _cost(Path(folder), chosen.python, chosen.seconds)
        elif chosen.what == "sizes":
            _sizes(Path(folder), chosen.python)
        else:
            _kills(Path(folder), chosen.python, chosen.times)


@contextmanager
def _looking(pid: int) -> Iterator[subprocess.Popen[bytes]]:
    """A looker that reads the program of this process; what it says is read by nobody here."""
    command = [sys.executable, "-I", "-S", str(LOOKER)]
    with subprocess.Popen(
        [*command, str(pid), str(1 / LOOKS_A_SECOND), find_py_spy()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as looker:
        try:
            yield looker
        finally:
            assert looker.stdin is not None and looker.stdout is not None
            looker.stdin.close()
            looker.stdout.read()


def _cost(folder: Path, python: str, seconds: int) -> None:
    print_head(f"{LOOKS_A_SECOND} looks a second", "looked at", "alone")
    for name, source in WORK.items():
        file = folder / "work.py"
        file.write_text(source)

        def run(watched: bool, file: Path = file) -> float:
            began = time.monotonic()
            with subprocess.Popen([python, str(file), str(seconds)]) as program:
                if watched:
                    with _looking(program.pid) as looker:
                        _drain_until_its_end(program, looker)
                program.wait()
                return time.monotonic() - began

        print_row(name, compare(lambda: run(True), lambda: run(False), ROUNDS), "at most 1.01")


def _drain_until_its_end(program: subprocess.Popen[bytes], looker: subprocess.Popen[bytes]) -> None:
    """Read what the looker says, so that it never waits."""
    assert looker.stdout is not None
    while program.poll() is None:
        if select.select([looker.stdout], [], [], 0.02)[0]:
            os.read(looker.stdout.fileno(), 1 << 20)


def _sizes(folder: Path, python: str) -> None:
    print(f"{'processes asleep':18} {'first look':>11} {'later, median':>14}  CPU of the looker")
    file = folder / "sleepers.py"
    file.write_text(SLEEPERS)
    for count in SIZES:
        with subprocess.Popen(
            [python, str(file), str(count)], stdout=subprocess.PIPE, start_new_session=True
        ) as program:
            try:
                assert program.stdout is not None
                program.stdout.readline()
                _print_size(count, program.pid)
            finally:
                os.killpg(program.pid, signal.SIGKILL)


def _print_size(count: int, pid: int) -> None:
    with _looking(pid) as looker:
        assert looker.stdout is not None
        looks = [json.loads(looker.stdout.readline()) for _ in range(LOOKS)]
        took = [(each["time"] - each["began"]) / 1e9 for each in looks]
        # Once no thread has run since the look before.
        process = psutil.Process(looker.pid)
        before, began = process.cpu_times(), time.monotonic()
        for _ in range(LOOKS):
            looker.stdout.readline()
        after, seconds = process.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    share = f"{100 * used / seconds:.1f} % of a core at rest"
    print(f"{count:<18} {took[0]:9.2f} s {median(took[1:]):12.3f} s  {share}", flush=True)


def _kills(folder: Path, python: str, times: int) -> None:
    file, stop, output = folder / "busy.py", folder / "stop", folder / "output"
    file.write_text(BUSY)
    with (
        output.open("wb") as written,
        subprocess.Popen([python, str(file), str(stop)], stdout=written, stderr=written) as program,
    ):
        for ending in ("quits", "is killed"):
            done = sum(_attach(program.pid, ending == "is killed") for _ in range(times))
            state = "runs" if program.poll() is None else f"ended: {program.returncode}"
            print(f"{done} of {times}: mpviz attach {ending}; the pool {state}", flush=True)
        stop.touch()
        status = program.wait(PATIENCE)
    print(
        f"it ended with {status} (right: 7), after {output.read_text().strip()} rounds that agree"
    )
    print(f"lookers that are left: {len(_lookers_of(program.pid))}")


def _attach(pid: int, is_killed: bool) -> bool:
    """Attach on a terminal, wait until it shows the pool, and leave; whether it was so."""
    viewer, terminal = pty.fork()
    if viewer == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        os.execv(MPVIZ, [MPVIZ, "attach", str(pid)])
    shown = _read(terminal, b"MainProcess", PATIENCE)
    _read(terminal, b"\0", random.random() / 2)
    lookers = _lookers_of(pid)
    if is_killed:
        os.kill(viewer, signal.SIGKILL)
    else:
        os.write(terminal, b"q")
        _read(terminal, b"\x1b[?1049l", PATIENCE)
    _, status = os.waitpid(viewer, 0)
    os.close(terminal)
    right = -signal.SIGKILL if is_killed else 0
    _, left = psutil.wait_procs(lookers, PATIENCE)
    return shown and bool(lookers) and not left and os.waitstatus_to_exitcode(status) == right


def _read(terminal: int, text: bytes, seconds: float) -> bool:
    """Read what is drawn until this was, or so many seconds are over."""
    deadline, drawn = time.monotonic() + seconds, b""
    while text not in drawn and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                drawn += os.read(terminal, 1 << 16)
            except OSError:
                # Nobody has the terminal open any more.
                break
    return text in drawn


def _lookers_of(pid: int) -> list[psutil.Process]:
    words = [str(LOOKER), str(pid)]
    found = psutil.process_iter(["cmdline"])
    return [each for each in found if set(words) <= set(each.info["cmdline"] or ())]
