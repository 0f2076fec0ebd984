"""Any process of a program may be killed at any moment: the run ends, and the death is shown.

The moments come from a seed, which a failure shows; ``MPVIZ_KILL_SEED`` runs the same trials again.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from helpers.runs import run_to_end
from mpviz.trace.explain.report import document
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.processes.identity import exit_in_words, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal

SEED = int(os.environ.get("MPVIZ_KILL_SEED", random.randrange(1 << 30)))
TRIALS = 12
"""For each scenario under each start method: 108 in all."""

AT_ONCE = 3
PATIENCE = 60.0

MOMENTS = 0.7
"""Seconds after the start within which the signal comes."""

LINGER = 0.5
"""Seconds that the rest may go on without the victim, at most, before the person ends it."""

SCENARIOS = {
    "shared-counter": ["increments=100000", "work_ms=0.2"],
    "producer-consumer": ["items=100000", "produce_rate=2000", "consume_rate=3000"],
    "pool-map": ["items=100000", "size=3000", "workers=3", "chunksize=1"],
}
"""Each would go on for much longer than it is let."""


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]


@dataclass
class Shot:
    """A process that was alive for certain when it was sent a signal that ends it."""

    process: Process
    number: signal.Signals


def take_aim(session: Session, chance: random.Random) -> Process | None:
    """Stop a random process of the program, so that it cannot end by itself from now on."""
    processes = [
        process
        for process in session.state.processes.values()
        # A resource tracker, which nobody started as a Process, ignores SIGTERM.
        if process.alive and process.started_ticks and process.probed
    ]
    chance.shuffle(processes)
    for process in processes:
        if send_signal(process.pid, process.started_ticks, signal.SIGSTOP):
            while (reading := kernel.read_status(process.pid)) is not None:
                if reading.started != process.started_ticks or reading.status in "ZX":
                    break
                if reading.status == "T":
                    return process
    return None


def shoot(session: Session, chance: random.Random) -> Shot | None:
    """Send a signal that ends it to a random process; None where there is none any more."""
    process = take_aim(session, chance)
    if process is None:
        return None
    number = chance.choice([signal.SIGKILL, signal.SIGTERM])
    if chance.random() < 0.5:
        assert session.signal(process.key, number)
    else:
        assert send_signal(process.pid, process.started_ticks, number)
    # What is pending is delivered before it does anything else.
    send_signal(process.pid, process.started_ticks, signal.SIGCONT)
    return Shot(process, number)


def run_trial(scenario: str, start_method: str, trial: int) -> None:
    """Run a scenario, end one of its processes, and see what comes of it."""
    chance = random.Random(f"{SEED}/{scenario}/{start_method}/{trial}")
    arguments = ["-m", "mpviz.scenarios", scenario, *SCENARIOS[scenario]]
    session = start(
        Target(arguments, name=scenario, start_method=start_method, python=sys.executable),
        capture=True,
    )
    shots: list[Shot] = []

    def is_shot(state: RunState) -> bool:
        if time.monotonic() >= moment and (shot := shoot(session, chance)):
            shots.append(shot)
        return bool(shots)

    try:
        moment = time.monotonic() + chance.random() * MOMENTS
        run_to_end(session, is_shot)
        stop_at = time.monotonic() + chance.random() * LINGER
        run_to_end(session, lambda state: time.monotonic() >= stop_at)
        session.stop()
        run_to_end(session)
    finally:
        session.close()
    check_nothing_was_missed(session.state)
    (shot,) = shots
    check_the_death_is_shown(session.state, shot)


def check_nothing_was_missed(state: RunState) -> None:
    stream = document(state)["stream"]
    problems = (stream["lost"], stream["probe_errors"], stream["unreadable"])
    assert problems == (0, 0, 0), state.last_probe_error
    for process in state.processes.values():
        assert not process.alive
        assert process.records == process.highest_number, process.name


def check_the_death_is_shown(state: RunState, shot: Shot) -> None:
    victim = shot.process
    name = signal_name(shot.number)
    assert (victim.exit_code, exit_in_words(victim)) == (-shot.number, f"ended by {name}")
    (entry,) = [entry for entry in document(state)["processes"] if entry["id"] == victim.key]
    assert (entry["exit_code"], entry["signal"]) == (-shot.number, name)
    assert entry["ended"] is not None
    if victim.key == state.main:
        assert state.exit_code == -shot.number


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_process_may_die_at_any_moment(scenario: str, start_method: str) -> None:
    print(f"MPVIZ_KILL_SEED={SEED}")
    with ThreadPoolExecutor(AT_ONCE) as trials:
        futures = [
            trials.submit(run_trial, scenario, start_method, trial) for trial in range(TRIALS)
        ]
    for future in futures:
        future.result()
