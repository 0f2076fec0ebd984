"""Process: start two workers, run them, join them.

Watch three processes live side by side: two work, and their parent waits.

A Process object is a plan: a function and its arguments. start() makes the
process that runs it, and returns at once; from then on both run side by
side. join() waits until the other has ended; then its exit code is known,
0 if all went well. Worker A gets its arguments by position, B by name.
"""

import os
import time
from multiprocessing import Process, current_process, parent_process
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "processes"
ORDER = 1


def worker(name: str, iterations: int) -> None:
    """Say who we are, then add up squares; this runs in a new process."""
    parent = parent_process()
    assert parent is not None  # Only the main process has none.
    say(f"worker {name}: I am {os.getpid()}, my parent is {parent.pid}")
    total = sum(number * number for number in range(iterations))
    say(f"worker {name}: the total is {total}")


def show(process: Process, moment: str) -> None:
    """Say what the parent knows of a process."""
    pid, code = process.pid, process.exitcode
    say(f"{process.name} {moment}: pid {pid}, exit code {code}")


def say(line: str) -> None:
    """Print a line in one piece: all processes write to one terminal."""
    print(f"{line}\n", end="", flush=True)


def main(
    *,
    iterations: Annotated[
        int,
        Range(0, 1_000_000_000, "squares that A adds up; B twice as many"),
    ] = 50_000_000,
    pause: Annotated[
        float, Range(0, 60, "seconds of rest before each start")
    ] = 1,
) -> None:
    """Start two workers, and wait until both have ended."""
    say(f"{current_process().name}: I am {os.getpid()}")
    processes = [
        Process(target=worker, args=("A", iterations), name="worker-A"),
        Process(
            target=worker,
            kwargs={"name": "B", "iterations": 2 * iterations},
            name="worker-B",
        ),
    ]
    for process in processes:
        show(process, "planned")  # No process yet: it has no pid.
        time.sleep(pause)
        process.start()
        show(process, "started")  # No exit code yet: it runs.
    for process in processes:
        process.join()
        show(process, "joined")
