"""Ends mpviz in eleven ways, at rest and at work, with and without a terminal; counts failures.

``python -m tests.benchmarks.ends --tries N --seed S --at-once K``: all combinations of way, rest or
work, terminal or none, and start method are tried in random order, each ended at a random moment.
"At rest" means that the run is over (on a terminal) or sleeps (without). Root's trials have their
own /dev/shm. Possible failures:

- hung: mpviz does not end;
- alive: a process is still there after mpviz has ended;
- left: a file or shared memory is left, or a JSON document is missing or incomplete;
- terminal: its modes, its screen, its mouse or its cursor are not as they were.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal
from tests.benchmarks.kills import ALONE, MPVIZ, START_METHODS, marked, shared_files

MARK = "MPVIZ_ENDS"
MOMENTS = 1.5
"""Maximum seconds from the begin or the end of the program to the moment when we end mpviz."""
PATIENCE = 25.0
CLEARED = 3.0
"""Seconds within which nothing may be left."""
WRONGS = ("hung", "alive", "left", "terminal")

PROGRAM = """
import multiprocessing, sys, time

def work(lock, value, pause):
    while True:
        with lock:
            value.value += 1
        time.sleep(pause)

if __name__ == "__main__":
    pause, seconds = map(float, sys.argv[1:])
    lock, value = multiprocessing.Lock(), multiprocessing.Value("q", 0)
    children = [
        multiprocessing.Process(target=work, args=(lock, value, pause), daemon=True)
        for _ in range(3)
    ]
    for child in children:
        child.start()
    print("begun", flush=True)
    time.sleep(seconds)
"""

MODES = {
    "the other screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "the mouse": (b"\x1b[?1003h", b"\x1b[?1003l"),
    "pasting": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "the focus": (b"\x1b[?1004h", b"\x1b[?1004l"),
    "the cursor": (b"\x1b[?25l", b"\x1b[?25h"),
}


@dataclass
class Trial:
    """One run, how it is ended, and what was wrong."""

    way: str
    at_rest: bool
    on_screen: bool
    start_method: str
    folder: Path
    problems: list[str] = field(default_factory=list)

    @property
    def mark(self) -> bytes:
        """The variable that every process of this trial has in its environment."""
        return os.fsencode(f"{MARK}={self.folder}")

    def __str__(self) -> str:
        where = "on screen" if self.on_screen else "headless"
        return f"{self.way}, at {'rest' if self.at_rest else 'work'}, {where}, {self.start_method}"


class Viewer:
    """mpviz as a command on its own terminal, with a second terminal for its input alone."""

    def __init__(self, trial: Trial) -> None:
        (trial.folder / "program.py").write_text(PROGRAM)
        (trial.folder / "t").mkdir()
        over = trial.at_rest and trial.on_screen
        words = ["60" if trial.at_rest else "0.0005", "0.3" if over else "600"]
        options = ["--json", "run.json", "--start-method", trial.start_method]
        options += [] if trial.on_screen else ["--headless"]
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.modes = termios.tcgetattr(self.theirs)
        self.input, read = pty.openpty()
        apart = trial.way == "stdin closed"
        self.process = subprocess.Popen(
            ["setsid", "-c", *MPVIZ, "run", *options, "program.py", *words],
            stdin=read if apart else self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            cwd=trial.folder,
            env=os.environ
            | {
                MARK: str(trial.folder),
                "TMPDIR": str(trial.folder / "t"),
                "TERM": "xterm-256color",
            },
        )
        os.close(read)
        self.drawn = bytearray()
        self.is_hung_up = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        with suppress(OSError):
            while not self.is_hung_up:
                # A blocking read would keep the terminal open.
                if select.select([self.ours], [], [], 0.05)[0]:
                    self.drawn += os.read(self.ours, 1 << 16)
        os.close(self.ours)

    def wait_for(self, *texts: bytes) -> None:
        """Wait until one of these texts has been drawn, or mpviz has ended."""
        deadline = time.monotonic() + PATIENCE
        while not any(text in self.drawn for text in texts) and self.runs():
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)

    def runs(self) -> bool:
        """Whether mpviz is still running."""
        return self.process.poll() is None

    def signal(self, number: int, times: int = 1, pause: float = 0.0) -> None:
        """Send it a signal, this many times."""
        for _ in range(times):
            self.process.send_signal(number)
            time.sleep(pause)

    def type(self, keys: bytes, times: int = 1, pause: float = 0.0) -> None:
        """Press keys, this many times."""
        for _ in range(times):
            with suppress(OSError):
                os.write(self.ours, keys)
            time.sleep(pause)

    def quit(self, on_screen: bool) -> None:
        """End it as a person does."""
        if on_screen:
            self.type(b"qy")
        else:
            self.type(b"\x03")

    def quit_until_it_ends(self, on_screen: bool) -> None:
        """The same, repeatedly: mpviz drops keys that are pressed while it takes the screen."""
        deadline = time.monotonic() + PATIENCE
        while self.runs() and time.monotonic() < deadline:
            self.quit(on_screen)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)

    def hang_up(self) -> None:
        """Close the window."""
        self.is_hung_up = True
        self.reader.join()

    def close_input(self) -> None:
        """Close the terminal that is only its stdin."""
        if self.input >= 0:
            os.close(self.input)
            self.input = -1

    def close(self) -> None:
        """Let go of the terminals."""
        if self.runs():
            self.process.kill()
            self.process.wait()
        self.hang_up()
        self.close_input()
        os.close(self.theirs)


def end(trial: Trial, viewer: Viewer) -> None:
    """End it in the way of the trial."""
    way = trial.way
    if way == "STOP and CONT":
        viewer.signal(signal.SIGSTOP, pause=0.3)
        if trial.on_screen:
            # Like the shell that has the terminal meanwhile.
            termios.tcsetattr(viewer.theirs, termios.TCSANOW, viewer.modes)
        viewer.signal(signal.SIGCONT, pause=0.8)
        viewer.quit_until_it_ends(trial.on_screen)
    elif way == "TSTP":
        viewer.signal(signal.SIGTSTP, pause=0.5)
        viewer.signal(signal.SIGCONT, pause=0.8)
        viewer.quit_until_it_ends(trial.on_screen)
    elif way == "WINCH storm":
        viewer.signal(signal.SIGWINCH, 100, 0.005)
        viewer.quit(trial.on_screen)
    elif way == "terminal closed":
        viewer.hang_up()
    elif way == "stdin closed":
        viewer.close_input()
        if not trial.on_screen:
            viewer.signal(signal.SIGINT)
    elif way == "Ctrl-C mashed":
        viewer.type(b"\x03", 40, 0.03)
    elif way == "quit":
        viewer.quit(trial.on_screen)
    elif way == "TERM storm":
        viewer.signal(signal.SIGTERM, 40, 0.01)
    else:
        viewer.signal(signal.Signals[f"SIG{way}"])


WAYS = (
    *("KILL", "TERM", "HUP", "STOP and CONT", "TSTP", "WINCH storm", "terminal closed"),
    *("stdin closed", "Ctrl-C mashed", "quit", "TERM storm"),
)


def run(trial: Trial, chance: random.Random) -> Trial:
    """Start mpviz, end it, and check what is left."""
    viewer = Viewer(trial)
    try:
        over = trial.at_rest and trial.on_screen
        viewer.wait_for(b"exit code" if over else b"begun")
        time.sleep(chance.random() * MOMENTS)
        if not viewer.runs():
            trial.problems.append(f"left: it ended too soon: {bytes(viewer.drawn[-300:])!r}")
            return trial
        end(trial, viewer)
        with suppress(subprocess.TimeoutExpired):
            viewer.process.wait(PATIENCE)
        if viewer.runs():
            trial.problems.append("hung: it did not end")
            return trial
        check(trial, viewer)
    finally:
        viewer.close()
        for pid in marked(trial.mark):
            send_signal(pid, kernel.start_time(pid) or 0, signal.SIGKILL)
        shutil.rmtree(trial.folder)
    return trial


def check(trial: Trial, viewer: Viewer) -> None:
    """Check that nothing is left, and that the terminal is as before."""
    deadline = time.monotonic() + CLEARED
    while (living := marked(trial.mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in living:
        trial.problems.append(f"alive: {' '.join(kernel.read_command(pid))[:100]}")
    for path in (trial.folder / "t").rglob("*"):
        trial.problems.append(f"left: {path.relative_to(trial.folder)}")
    if trial.way != "KILL":
        check_document(trial)
        check_terminal(trial, viewer)


def check_document(trial: Trial) -> None:
    """Check that the JSON document exists and is complete, with no other file beside it."""
    try:
        document = json.loads((trial.folder / "run.json").read_text())
        if document["run"]["target"] != "program.py":
            trial.problems.append("left: a JSON document of nothing")
    except (OSError, ValueError) as error:
        trial.problems.append(f"left: no JSON: {error}")
    for path in trial.folder.glob(".*part"):
        trial.problems.append(f"left: {path.name}")


def check_terminal(trial: Trial, viewer: Viewer) -> None:
    """Check that the terminal is as before, if it still exists."""
    if trial.way == "terminal closed":
        return
    if termios.tcgetattr(viewer.theirs)[:4] != viewer.modes[:4]:
        trial.problems.append("terminal: its modes")
    # The last output may still be on its way.
    time.sleep(0.2)
    for name, (on, off) in MODES.items():
        if viewer.drawn.rfind(on) > viewer.drawn.rfind(off):
            trial.problems.append(f"terminal: {name}")


def main() -> None:
    """Run the trials and print the failures."""
    # A shell has its background jobs ignore Ctrl-C, and the programs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tries", type=int, default=88)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options.add_argument("--at-once", type=int, default=2)
    options.add_argument("--alone", action="store_true", help="others leave no shared memory here")
    chosen = options.parse_args()
    if not chosen.alone and os.geteuid() == 0:
        command = [sys.executable, "-m", "tests.benchmarks.ends", *sys.argv[1:]]
        os.execvp("unshare", ["unshare", "--mount", "sh", "-c", ALONE, "sh", *command])
    print(f"seed {chosen.seed}", flush=True)
    combinations = [*product(WAYS, (True, False), (True, False))]
    random.Random(chosen.seed).shuffle(combinations)
    shared_before = shared_files()

    def try_once(number: int) -> Trial:
        way, at_rest, on_screen = combinations[number % len(combinations)]
        method = START_METHODS[number // len(combinations) % len(START_METHODS)]
        folder = Path(tempfile.mkdtemp(prefix="e"))
        return run(
            Trial(way, at_rest, on_screen, method, folder), random.Random(f"{chosen.seed}/{number}")
        )

    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(chosen.at_once) as pool:
        for number, trial in enumerate(pool.map(try_once, range(chosen.tries))):
            for wrong in {problem.partition(":")[0] for problem in trial.problems}:
                counts[wrong] += 1
            for problem in trial.problems:
                print(f"{number} {trial}: {problem}", flush=True)
    shared = shared_files() - shared_before
    if shared:
        counts["left"] += 1
        print(f"left: shared memory {sorted(shared)}")
    print(f"{chosen.tries} ends:", ", ".join(f"{counts[wrong]} {wrong}" for wrong in WRONGS))
    sys.exit(bool(counts))


if __name__ == "__main__":
    main()
