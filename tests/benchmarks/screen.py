"""What the screen costs while it shows a run and at rest, and how it answers in a long one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil

SIZE = (120, 40)
"""Columns and rows."""
PATIENCE = 120.0

RUNS = (
    ("shared-counter", "increments=100"),
    ("producer-consumer", "items=120"),
    ("pool-map", "items=96"),
)
ROUNDS = 3
REST_SECONDS = 5.0

LONG_RUN = ("shared-counter", "work_ms=0", "increments=125000", "processes=4")
BETWEEN_SECONDS = 10.0
TRIES = 20

_ASKS, _HAS = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""The question whether the terminal takes a picture at once, and the answer that it does."""
_PICTURE = b"\x1b[?2026l"
"""The end of a picture."""

_ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|[\]P].*?(\x07|\x1b\\)|[=>])")

CROWD_SIZE = (200, 60)
CROWD_FPS = (30, 10)
CROWD_TRIES = 200
CROWD_SECONDS = 10.0
CROWD = """
import multiprocessing, time

def work(number, counter, until):
    while time.monotonic() < until:
        if number < 4:
            with counter:
                counter.value += 1
        else:
            time.sleep(0.02)

if __name__ == "__main__":
    counter, until = multiprocessing.Value("q"), time.monotonic() + 60
    workers = [multiprocessing.Process(target=work, args=(n, counter, until)) for n in range(64)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""
"""Sixty-four processes, of which four write at full speed."""


class Viewer:
    """mpviz on a terminal of its own; a thread reads what it draws and when."""

    def __init__(self, *words: str, size: tuple[int, int] = SIZE) -> None:
        columns, rows = size
        shape = struct.pack("HHHH", rows, columns, 0, 0)
        command = str(Path(sys.executable).with_name("mpviz"))
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, shape)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.execv(command, [command, *words])
        self.process = psutil.Process(self.pid)
        self.over = False
        """The header says how the run has ended."""
        self.pictures: list[float] = []
        """When each picture had come."""
        self._drawn = b""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def see(self, text: bytes) -> float:
        """Wait until this is drawn, counted from the last look on; the moment when it was."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while (at := self._drawn.find(text)) < 0:
                if not self._news.wait(deadline - time.monotonic()):
                    sys.exit(f"{text!r} was not drawn, but {self._drawn[-2000:]!r}")
            self._drawn = self._drawn[at + len(text) :]
            return self._drawn_at

    def press(self, key: bytes, answer: bytes) -> float:
        """Seconds from a key to the moment when the terminal is given the answer."""
        with self._news:
            self._drawn = b""
        pressed = time.monotonic()
        os.write(self._terminal, key)
        return self.see(answer) - pressed

    def next_drawn(self) -> bytes:
        """Wait until something is drawn after the last look, or for half a second; what it was."""
        with self._news:
            if not self._drawn:
                self._news.wait(0.5)
            drawn, self._drawn = self._drawn, b""
            return drawn

    def cpu_seconds(self) -> float:
        """What it has used of all cores, its program not counted."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Megabytes that it holds."""
        return self.process.memory_info().rss / 1e6

    def quit(self) -> None:
        """Leave it as a person does, who says yes if there is a question."""
        os.write(self._terminal, b"\x11y")
        os.waitpid(self.pid, 0)
        self._reader.join()
        os.close(self._terminal)

    def _read(self) -> None:
        rest = b""
        # The terminal ends with an error when the last process on it has gone.
        with suppress(OSError):
            while select.select([self._terminal], [], [])[0]:
                data = os.read(self._terminal, 1 << 16)
                if not data:
                    return
                now = time.monotonic()
                if _ASKS in data:
                    os.write(self._terminal, _HAS)
                self.pictures += [now] * (rest + data).count(_PICTURE)
                text = _ESCAPES.sub(b"", rest + data)
                # An escape sequence that is not whole yet waits for its other half.
                cut = text.rfind(b"\x1b")
                text, rest = (text, b"") if cut < 0 else (text[:cut], text[cut:])
                with self._news:
                    self._drawn = (self._drawn + text)[-(1 << 20) :]
                    self._drawn_at = now
                    self.over = self.over or b"ended, exit code" in text
                    self._news.notify_all()


def main() -> None:
    """Print the tables."""
    _print_cpu()
    _print_long_run()
    _print_crowd()


def _print_cpu() -> None:
    print(f"\n{'the screen, percent of a core':34} {'at work':>8}  (range)         {'at rest':>8}")
    for words in RUNS:
        at_work, at_rest = zip(*[_cpu_of_a_run(words) for _ in range(ROUNDS)], strict=True)
        print(
            f"{' '.join(words):34} {median(at_work):8.1f}  "
            f"({min(at_work):4.1f} to {max(at_work):4.1f})  {median(at_rest):8.2f}",
            flush=True,
        )
    print(f"{'the picker':34} {'':26} {_cpu_of_the_picker():8.2f}")
    print(f"{'goal':34} {'10':>8} {'':16} {'1':>8}")


def _cpu_of_a_run(words: Sequence[str]) -> tuple[float, float]:
    """Percent of a core while it runs, from a second after its first picture to a second before
    its end, and percent at rest after it.
    """
    viewer = Viewer("run", *words)
    viewer.see(b"live")
    began = time.monotonic()
    looks: list[tuple[float, float]] = []
    while not viewer.over:
        looks.append((time.monotonic(), viewer.cpu_seconds()))
        time.sleep(0.05)
    within = [look for look in looks if began + 1 <= look[0] <= looks[-1][0] - 1]
    (start, before), (end, after) = within[0], within[-1]
    time.sleep(1)
    at_rest = _percent_for(viewer, REST_SECONDS)
    viewer.quit()
    return 100 * (after - before) / (end - start), at_rest


def _cpu_of_the_picker() -> float:
    viewer = Viewer()
    viewer.see(b"choose a scenario")
    time.sleep(1)
    percent = _percent_for(viewer, REST_SECONDS)
    viewer.quit()
    return percent


def _percent_for(viewer: Viewer, seconds: float) -> float:
    before, began = viewer.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return 100 * (viewer.cpu_seconds() - before) / (time.monotonic() - began)


def _print_long_run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.json")
        print(f"\na long run: {' '.join(LONG_RUN)}")
        viewer = Viewer("run", "--json", str(file), *LONG_RUN)
        viewer.see(b"live")
        during = _watch_to_the_end(viewer)
        # The picture may be behind the program; it has caught up when it says how that ended.
        print(f"{'at its end':>31}: {viewer.memory():6.1f} MB   goal: at most 150")
        after = _answers(viewer, TRIES)
        print(f"{'and after the keys':>31}: {viewer.memory():6.1f} MB")
        viewer.quit()
        _print_answers("while it runs", during)
        _print_answers("after it", after)
        stream = json.loads(file.read_text())["stream"]
        print("  ".join(f"{name} {number:,}" for name, number in stream.items()), flush=True)


def _watch_to_the_end(viewer: Viewer) -> list[float]:
    """Press keys while it runs, and print what it holds in memory on the way."""
    answers: list[float] = []
    began = told = time.monotonic()
    while not viewer.over:
        answers += _answers(viewer, 2)
        if time.monotonic() - told >= BETWEEN_SECONDS:
            told = time.monotonic()
            print(f"{told - began:29.0f} s: {viewer.memory():6.1f} MB", flush=True)
        time.sleep(0.2)
    return answers


def _answers(viewer: Viewer, tries: int) -> list[float]:
    """Open the help and close it again, half as many times; how long each took."""
    answers = []
    for _ in range(tries // 2):
        answers.append(viewer.press(b"?", b"esc close"))
        answers.append(viewer.press(b"q", b"start method"))
    return answers


def _print_crowd() -> None:
    """The cost of a large and busy picture, and how soon a key answers; then at rest."""
    print("\n64 processes, four of them write at full speed, 200x60")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "crowd.py")
        program.write_text(CROWD)
        for fps in CROWD_FPS:
            viewer = Viewer("run", "--fps", str(fps), str(program), size=CROWD_SIZE)
            viewer.see(b"65 processes")
            time.sleep(2)
            print(f"at {fps} pictures a second")
            _print_pictures(viewer)
            _print_answers("while it runs", _answers(viewer, CROWD_TRIES))
            while not viewer.over:
                time.sleep(0.2)
            time.sleep(1)
            at_rest = _percent_for(viewer, REST_SECONDS)
            print(f"{at_rest:6.2f} percent of a core at rest, after its end   goal: 1", flush=True)
            viewer.quit()


def _print_pictures(viewer: Viewer) -> None:
    """What the pictures of the next seconds cost, and the longest time from one to the next."""
    first = len(viewer.pictures)
    percent = _percent_for(viewer, CROWD_SECONDS)
    drawn = viewer.pictures[first:]
    between = [1000 * (after - before) for before, after in pairwise(drawn)]
    print(
        f"{percent:6.0f} percent of a core, {len(drawn) / CROWD_SECONDS:.0f} pictures a second, "
        f"{median(between):.0f} ms from one to the next, at most {max(between):.0f} ms",
        flush=True,
    )


def _print_answers(when: str, answers: Sequence[float]) -> None:
    milliseconds = sorted(1000 * answer for answer in answers)
    print(
        f"a key {when}, {len(answers)} tries: median {median(milliseconds):.0f} ms, "
        f"99 of 100 within {milliseconds[len(answers) * 99 // 100 - 1]:.0f} ms, "
        f"longest {milliseconds[-1]:.0f} ms   goal: 50 of 99 in 100",
        flush=True,
    )
