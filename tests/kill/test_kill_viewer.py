"""The viewer itself may be killed at any moment: two seconds later nothing of the run is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.runs import wait_until
from mpviz.trace.system import kernel

SEED = int(os.environ.get("MPVIZ_KILL_SEED", random.randrange(1 << 30)))
TRIALS = 6
"""Under each start method: 18 in all, over the three scenarios in turn."""

AT_ONCE = 2
MOMENTS = 1.2
SECONDS = 2.0
SCENARIOS = (
    ["shared-counter", "increments=100000", "work_ms=0.2"],
    ["producer-consumer", "items=100000"],
    ["pool-map", "items=100000", "size=3000", "chunksize=1"],
)


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]


def run_trial(start_method: str, trial: int) -> None:
    """Run a scenario without a screen, kill the viewer, and see what is left of it."""
    chance = random.Random(f"{SEED}/{start_method}/{trial}")
    folder = Path(tempfile.gettempdir()) / f"{trial}"
    folder.mkdir()
    mark = f"{folder}"
    viewer = subprocess.Popen(
        [
            Path(sys.executable).with_name("mpviz"),
            *("run", "--headless", "--start-method", start_method),
            *SCENARIOS[trial % len(SCENARIOS)],
        ],
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(chance.random() * MOMENTS)
        assert viewer.poll() is None
    finally:
        viewer.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        viewer.wait()
    wait_until(lambda: not running_in(mark), killed + SECONDS - time.monotonic())
    wait_until(lambda: not list(folder.glob("mpviz-*")), killed + SECONDS - time.monotonic())


def running_in(folder: str) -> list[str]:
    """The command lines of all living processes with this folder for temporary files."""
    words = f"TMPDIR={folder}".encode()
    found = []
    for pid in kernel.list_pids():
        if words in kernel.read_environment(pid):
            reading = kernel.read_status(pid)
            if reading is not None and reading.status not in "ZX":
                found.append(" ".join(kernel.read_command(pid)))
    return found


def test_two_seconds_after_the_viewer_was_killed_nothing_is_left(start_method: str) -> None:
    print(f"MPVIZ_KILL_SEED={SEED}")
    with ThreadPoolExecutor(AT_ONCE) as trials:
        futures = [trials.submit(run_trial, start_method, trial) for trial in range(TRIALS)]
    for future in futures:
        future.result()
