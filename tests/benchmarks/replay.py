"""A recording of two million events: how soon there is a picture, how soon another moment."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.screen import LONG_RUN, Viewer

ROUNDS = 3
JUMPS = 40
SETTLING = 0.2
KEYS = ((b"\x1b[D", b"1x"), (b".", b"event "), (b",", b"event "), (b"\x1b[C", b"1x"))
"""The keys that move the moment a little, and what is drawn anew then."""


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.jsonl.gz")
        command = str(Path(sys.executable).with_name("mpviz"))
        subprocess.run(
            [command, "run", "--headless", "--record", str(file), *LONG_RUN],
            check=True,
            capture_output=True,
        )
        print(f"\na recording of {' '.join(LONG_RUN)}: {file.stat().st_size / 1e6:.1f} MB")
        for _ in range(ROUNDS):
            _print_round(file)


def _print_round(file: Path) -> None:
    began = time.monotonic()
    viewer = Viewer("replay", str(file))
    first = viewer.see(b"event ") - began
    whole = time.monotonic()
    # A line can come in two pieces, so that one without the word proves nothing.
    while time.monotonic() < whole + 1:
        if b"reading" in viewer.next_drawn():
            whole = time.monotonic()
    # A step pauses, so that from here on nothing is drawn but what was asked for.
    viewer.press(b",", b"event ")
    numbers = random.Random(1)
    jumps = [_jump(viewer, numbers.uniform(1, 99)) for _ in range(JUMPS)]
    steps = [viewer.press(key, answer) for key, answer in KEYS * 5]
    print(
        f"first picture {first:5.2f} s (goal 3)   all read {whole - began:5.2f} s   "
        f"a jump {_milliseconds(jumps)}   a step {_milliseconds(steps)} (goal 100)   "
        f"memory {viewer.memory():4.0f} MB",
        flush=True,
    )
    viewer.quit()


def _jump(viewer: Viewer, percent: float) -> float:
    """Seconds from when a moment is typed, all at once, to the picture of it."""
    viewer.press(b"g", b"-0.5, 50%")
    # The whole screen is drawn once more after a line opens or closes: that is no answer yet.
    time.sleep(SETTLING)
    seconds = viewer.press(f"{percent:.3f}%\r".encode(), b"event ")
    time.sleep(SETTLING)
    return seconds


def _milliseconds(seconds: list[float]) -> str:
    return f"median {1000 * median(seconds):3.0f} ms, longest {1000 * max(seconds):3.0f} ms"
