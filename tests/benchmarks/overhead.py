"""The program under the probe, with a viewer that folds all it tells, against the bare program."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from mpviz.scenarios.pool_map import calculate_primes
from mpviz.trace.launch.start import Target, start
from tests.benchmarks.pairs import Measure, compare, print_head, print_row

ROUNDS = 5
TASK_SECONDS = 0.002


def main() -> None:
    """Print the table."""
    print_head("overhead of being watched", "watched", "bare")
    size = _size_of_a_task()
    for name, words, goal in (
        (
            "pool-map, tasks of 2 ms",
            ["pool-map", "workers=2", "items=1500", f"size={size}", "chunksize=1"],
            "at most 1.05",
        ),
        (
            "producer-consumer, trivial items",
            ["producer-consumer", "items=20000", "produce_rate=0", "consume_rate=0"],
            "at most 1.5",
        ),
        (
            "shared-counter with a lock",
            ["shared-counter", "increments=20000", "work_ms=0"],
            "at most 3",
        ),
    ):
        comparison = compare(_watched(words), _bare(words), ROUNDS)
        print_row(name, comparison, goal)


def _watched(words: list[str]) -> Measure:
    target = Target(arguments=["-m", "mpviz.scenarios", *words], name=words[0])
    return partial(_run_watched, target)


def _run_watched(target: Target) -> float:
    """Seconds from the start of the program's first process to its end, as the supervisor saw
    them."""
    session = start(target, capture=True)
    try:
        while not session.over:
            if not session.step(0.02):
                time.sleep(0.02)
    finally:
        session.close()
    state = session.state
    if state.lost or state.probe_errors or state.unreadable or state.exit_code:
        sys.exit(f"{target.name}: {state.lost} lost, {state.probe_errors} probe errors")
    main_process = state.processes[state.main]
    return (main_process.ended - main_process.first_seen) / 1e9


def _bare(words: list[str]) -> Measure:
    command = [sys.executable, "-m", "mpviz.scenarios", *words]

    def run() -> float:
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    return run


def _size_of_a_task() -> int:
    """The size at which a task of pool-map takes as long as it should, on this machine, now."""
    size = 100
    while _seconds(partial(calculate_primes, size)) < TASK_SECONDS:
        size = size * 5 // 4
    # The scenario's tasks are 1 to 1.6 times as large.
    return size * 3 // 4


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(5):
        work()
    return (time.process_time() - began) / 5
