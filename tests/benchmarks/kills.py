"""Kills one process of a run at a random moment, many times, and counts what went wrong then.

``python -m tests.benchmarks.kills --tries N --seed S``: nine scenarios under three start methods,
every second run in a terminal. Root's trials have their own /dev/shm. The victim is a random one of
all processes: the program's, multiprocessing's helpers, and mpviz's own supervisor. Possible
failures:

- hung: mpviz does not end when it is asked to;
- lost: a record is missing, or unreadable, or the probe made an error;
- wrong: the end of the killed process is wrong, or a living process is shown as ended;
- left: a process, a file or shared memory is left, or the modes of the terminal are changed.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path

from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal
from mpviz.tui.endings import NOT_STARTED

SCENARIOS = {
    "shared-counter": ["increments=1000000", "work_ms=0.2"],
    "producer-consumer": ["items=1000000", "produce_rate=2000", "consume_rate=3000"],
    "pool-map": ["items=100000", "size=3000", "workers=3", "chunksize=1"],
    "pool-imap": ["items=100000"],
    "manager-dict": ["images=100000"],
    "pipe-ping-pong": ["rounds=10000"],
    "event-gate": ["open_after_s=60"],
    "barrier": ["rounds=1000"],
    "condition": ["orders=10000"],
}
"""Scenarios and parameters with which each runs longer than a trial."""

START_METHODS = ("fork", "spawn", "forkserver")
MARK = "MPVIZ_KILLS"
MOMENTS, LINGER = 1.2, 0.5
"""Maximum seconds before the kill, and after it for the other processes."""
PATIENCE = 30.0
"""Seconds after a request to end, beyond which mpviz counts as hung."""
CLEARED = 3.0
"""Seconds within which nothing may be left."""
MPVIZ = [sys.executable, "-c", "import sys; from mpviz.tui.entry import main; sys.exit(main())"]
LEAVES_SCREEN, ENTERS_SCREEN = b"\x1b[?1049l", b"\x1b[?1049h"


@dataclass
class Trial:
    """One run, and what went wrong with it."""

    scenario: str
    start_method: str
    in_terminal: bool
    folder: Path
    victim: str = "nobody"
    problems: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """The variable that every process of this trial has in its environment."""
        return f"{MARK}={self.folder}"


ALONE = """mount -t tmpfs none /dev/shm && exec "$@" --alone"""


def main() -> None:
    """Run the trials and print the failures."""
    # A shell has its background jobs ignore Ctrl-C, and the programs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tries", type=int, default=100)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options.add_argument("--alone", action="store_true", help="others leave no shared memory here")
    chosen = options.parse_args()
    if not chosen.alone and os.geteuid() == 0:
        command = [sys.executable, "-m", "tests.benchmarks.kills", *sys.argv[1:]]
        os.execvp("unshare", ["unshare", "--mount", "sh", "-c", ALONE, "sh", *command])
    print(f"seed {chosen.seed}")
    combinations = [*product(SCENARIOS, START_METHODS)]
    counts: Counter[str] = Counter()
    victims: Counter[str] = Counter()
    for number in range(chosen.tries):
        scenario, start_method = combinations[number % len(combinations)]
        folder = Path(tempfile.mkdtemp(prefix="k"))
        trial = Trial(scenario, start_method, number % 2 == 1, folder)
        try:
            run(trial, random.Random(f"{chosen.seed}/{number}"))
        finally:
            end_all(trial)
            shutil.rmtree(folder)
        victims[trial.victim] += 1
        for problem in trial.problems:
            counts[problem.partition(":")[0]] += 1
            where = "terminal" if trial.in_terminal else "headless"
            print(f"{number} {scenario} {start_method} {where} {trial.victim}: {problem}")
    print(f"\n{chosen.tries} kills:", ", ".join(f"{victims[each]} {each}" for each in victims))
    print(", ".join(f"{counts[kind]} {kind}" for kind in ("hung", "lost", "wrong", "left")))


def run(trial: Trial, chance: random.Random) -> None:
    """Start mpviz, kill a process, end mpviz, and check what is left."""
    shared_before = shared_files()
    document = trial.folder / "run.json"
    (trial.folder / "t").mkdir()
    viewer = Viewer(trial, document)
    while not has_begun(trial, viewer) and viewer.runs():
        time.sleep(0.005)
    first_seen = time.monotonic()
    time.sleep(chance.random() * MOMENTS)
    killed = kill_one(trial, viewer, chance)
    time.sleep(chance.random() * LINGER)
    seen = time.monotonic() - first_seen
    living = [pid for pid, role in program_of(trial, viewer) if role == "process"]
    if not viewer.end():
        trial.problems.append("hung: mpviz did not end")
        return
    check_left(trial, viewer, shared_before)
    if killed is None:
        return
    if not document.exists():
        status = viewer.process.returncode
        # Where the supervisor was killed before it could start the program, there is nothing to
        # tell.
        if status != NOT_STARTED or trial.victim != "supervisor":
            trial.problems.append(f"wrong: there is no JSON, status {status}")
        return
    check_document(trial, json.loads(document.read_text()), killed, living, seen)


class Viewer:
    """mpviz as a command, on a terminal of its own or without."""

    def __init__(self, trial: Trial, document: Path) -> None:
        words = [trial.scenario, *SCENARIOS[trial.scenario]]
        options = ["--json", str(document), "--start-method", trial.start_method]
        self.in_terminal = trial.in_terminal
        self.shown = bytearray()
        environment = os.environ | {
            MARK: str(trial.folder),
            "TMPDIR": str(trial.folder / "t"),
            "TERM": "xterm-256color",
        }
        if not self.in_terminal:
            self.process = subprocess.Popen(
                [*MPVIZ, "run", "--headless", *options, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            return
        self.ours, theirs = pty.openpty()
        self.modes = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen(
            [*MPVIZ, "run", *options, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self.ours, 1 << 16)
            except OSError:
                return
            if not piece:
                return
            self.shown += piece

    def runs(self) -> bool:
        """Whether mpviz is still running."""
        return self.process.poll() is None

    def end(self) -> bool:
        """End it as a person would; False if that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while self.runs() and time.monotonic() < deadline:
            if self.in_terminal:
                os.write(self.ours, b"\x03")
            else:
                self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(0.4)
            except subprocess.TimeoutExpired:
                continue
        return not self.runs()

    def terminal_problem(self) -> str:
        """What is wrong with the terminal; empty if nothing is, or if there is no terminal."""
        if not self.in_terminal:
            return ""
        after = termios.tcgetattr(self.theirs)
        os.close(self.theirs)
        self.reader.join(5)
        os.close(self.ours)
        if after != self.modes:
            return "the modes of the terminal"
        entered, left = self.shown.rfind(ENTERS_SCREEN), self.shown.rfind(LEAVES_SCREEN)
        return "the other screen of the terminal" if entered > left else ""


def has_begun(trial: Trial, viewer: Viewer) -> bool:
    """Whether a process of the program is there; the program's clock began before it."""
    return any(role == "process" for _, role in program_of(trial, viewer))


def program_of(trial: Trial, viewer: Viewer) -> list[tuple[int, str]]:
    """Pid and role of the living processes of a run, without the viewer and its new children."""
    viewers = kernel.read_command(viewer.process.pid)
    return [
        (pid, role_of(pid))
        for pid in marked(trial.mark.encode())
        if pid != viewer.process.pid and kernel.read_command(pid) != viewers
    ]


def role_of(pid: int) -> str:
    """The role of a process, by its command line."""
    command = " ".join(kernel.read_command(pid))
    for words, role in (
        ("supervisor", "supervisor"),
        ("resource_tracker import", "resource tracker"),
        ("forkserver import", "fork server"),
    ):
        if words in command:
            return role
    return "process"


def marked(mark: bytes) -> list[int]:
    """Pids of the living processes that have this in their environment."""
    found = []
    for pid in kernel.list_pids():
        if mark in kernel.read_environment(pid):
            reading = kernel.read_status(pid)
            if reading is not None and reading.status not in "ZX":
                found.append(pid)
    return found


def kill_one(trial: Trial, viewer: Viewer, chance: random.Random) -> int | None:
    """Kill a process that was certainly alive; None if there was none left."""
    candidates = program_of(trial, viewer)
    chance.shuffle(candidates)
    for pid, role in candidates:
        started = kernel.start_time(pid)
        if started is None:
            continue
        if role == "supervisor":
            # It cannot be stopped first, and ends before the program only if it is killed.
            if send_signal(pid, started, signal.SIGKILL):
                trial.victim = role
                return pid
            continue
        if not send_signal(pid, started, signal.SIGSTOP):
            continue
        while (reading := kernel.read_status(pid)) is not None and reading.status not in "TZX":
            time.sleep(0.0005)
        if reading is not None and reading.status == "T" and send_signal(pid, started, 9):
            trial.victim = role
            return pid
    return None


def check_left(trial: Trial, viewer: Viewer, shared_before: set[str]) -> None:
    """Check that nothing is left behind."""
    deadline = time.monotonic() + CLEARED
    while (living := marked(trial.mark.encode())) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in living:
        trial.problems.append(f"left: {' '.join(kernel.read_command(pid))[:100]}")
    files = [str(path.relative_to(trial.folder)) for path in (trial.folder / "t").rglob("mpviz*")]
    for file in islice(files, 3):
        trial.problems.append(f"left: {file}")
    for name in shared_files() - shared_before:
        trial.problems.append(f"left: shared memory {name}")
    problem = viewer.terminal_problem()
    if problem:
        trial.problems.append(f"left: {problem}")


def shared_files() -> set[str]:
    """Names of the blocks in shared memory."""
    return {path.name for path in Path("/dev/shm").iterdir()}


def check_document(
    trial: Trial, document: dict, killed: int, living: list[int], seen: float
) -> None:
    """Check that nothing was lost, and that every end is shown correctly."""
    stream = document["stream"]
    if stream["lost"] or stream["probe_errors"] or stream["unreadable"]:
        trial.problems.append(f"lost: {stream}")
    by_pid = {process["pid"]: process for process in document["processes"]}
    victim = by_pid.get(killed)
    if trial.victim not in ("supervisor", "resource tracker"):
        shown = victim and (victim["exit_code"], victim["signal"])
        if shown != (-9, "SIGKILL"):
            trial.problems.append(f"wrong: the killed one is shown as {shown}")
    for pid in living:
        # The clock began before the first process was seen, so the real end was even earlier.
        shown = by_pid.get(pid, {})
        ended = shown.get("ended")
        if ended is not None and pid != killed and ended < seen:
            trial.problems.append(
                f"wrong: {pid} was alive at {seen:.2f} s, after its end at {ended:.2f} s"
                f" with exit code {shown['exit_code']}"
            )


def end_all(trial: Trial) -> None:
    """Kill what is left of a failed trial."""
    for pid in marked(trial.mark.encode()):
        started = kernel.start_time(pid)
        if started is not None:
            send_signal(pid, started, signal.SIGKILL)


if __name__ == "__main__":
    main()
