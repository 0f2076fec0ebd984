"""Programs that run for three seconds or more, watched by ``mpviz run --headless`` and bare.

The records of a short run fit into the memory that it shares with the viewer; here the viewer has
to keep up. The two runs of a pair follow each other directly, so that other load slows both.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SECONDS = 3.0
ROUNDS = 5
PROGRAMS = Path(__file__).with_name("programs.py")
MPVIZ = [str(Path(sys.executable).with_name("mpviz"))]
"""By its path, so that it runs programs by the interpreter beside it, which runs them bare, too."""
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""Lets the first run compile the modules of mpviz, as an installation does."""


@dataclass(frozen=True)
class Case:
    """A program that does one thing many times."""

    name: str
    target: Callable[[int], list[str]]
    """The arguments of ``mpviz run``: a scenario with its parameters, or a program."""
    goal: str
    times: int
    """How often it does that thing in about a second."""


@dataclass(frozen=True)
class Cost:
    """Times of one run, in seconds."""

    wall: float
    """Wall time from the start of the program's first process to its end."""
    cpu: float
    """CPU time of the program's processes."""
    viewer: float = 0.0
    """CPU time of mpviz itself, its start and its supervisor included."""
    records: int = 0


def _program(name: str) -> Callable[[int], list[str]]:
    return lambda times: [str(PROGRAMS), name, str(times)]


CASES = (
    Case(
        "locked counter",
        lambda times: ["shared-counter", f"increments={times}", "work_ms=0"],
        "wall at most 2.5",
        100_000,
    ),
    Case(
        "queue, trivial items",
        lambda times: [
            "producer-consumer",
            f"items={times}",
            "produce_rate=0",
            "consume_rate=0",
        ],
        "wall at most 1.5",
        30_000,
    ),
    Case("pool, tasks of 1 ms", _program("pool"), "wall at most 1.05", 2_000),
    Case(
        "executor, calls that do nothing",
        _program("executor"),
        "wall at most 1.5, CPU at most 1.4",
        8_000,
    ),
    Case("barrier of 5, rounds", _program("barrier"), "CPU at most 3", 2_000),
    Case("condition, turns of 2", _program("condition"), "CPU at most 3", 10_000),
    Case("event, turns of 2", _program("event"), "CPU at most 3", 10_000),
)


def main() -> None:
    """Print the table."""
    print(
        f"\nruns of {SECONDS:.0f} s or more       bare      wall ratio          CPU ratio"
        "           viewer's CPU a million records"
    )
    for case in CASES:
        _measure(case)


def _measure(case: Case) -> None:
    target = case.target(_times(case))
    pairs = [(run_bare(target), run_watched(target)) for _ in range(ROUNDS)]
    wall = sorted(watched.wall / bare.wall for bare, watched in pairs)
    cpu = sorted(watched.cpu / bare.cpu for bare, watched in pairs)
    viewer = median(watched.viewer / watched.records * 1e6 for _, watched in pairs)
    print(
        f"{case.name:32} {median(bare.wall for bare, _ in pairs):5.1f} s"
        f"   {median(wall):5.2f} ({wall[0]:.2f} to {wall[-1]:.2f})"
        f"   {median(cpu):5.2f} ({cpu[0]:.2f} to {cpu[-1]:.2f})"
        f"   {viewer:5.2f} s of {pairs[0][1].records:,}   {case.goal}",
        flush=True,
    )


def _times(case: Case) -> int:
    """How often the program has to do its thing to run long enough without mpviz."""
    times = case.times
    while (took := run_bare(case.target(times)).wall) < SECONDS:
        times = int(times * max(1.2, 1.1 * SECONDS / took))
    return times


def run_bare(target: list[str]) -> Cost:
    """Run it without mpviz."""
    scenario = [] if target[0].endswith(".py") else ["-m", "mpviz.scenarios"]
    before = _children_cpu()
    began = time.monotonic()
    command = [sys.executable, *scenario, *target]
    subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    return Cost(time.monotonic() - began, _children_cpu() - before)


def run_watched(target: list[str]) -> Cost:
    """Run it under mpviz; a lost record ends the benchmark."""
    before = _children_cpu()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        subprocess.run(
            [*MPVIZ, "run", "--headless", "--json", str(file), *target],
            check=True,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        document = json.loads(file.read_text())
    stream = document["stream"]
    if stream["lost"] or stream["probe_errors"] or stream["unreadable"]:
        sys.exit(f"{target}: {stream}")
    first = document["processes"][0]
    program = sum(process["cpu_seconds"] for process in document["processes"])
    return Cost(
        first["ended"] - first["started"],
        program,
        _children_cpu() - before - program,
        stream["records"],
    )


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
