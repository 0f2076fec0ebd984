"""Where the time of a real program went, against what its processes themselves measured."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.runs import Observed, RunProgram

PROGRAM = """
import multiprocessing as mp, os, time
from telling import tell

def burn(seconds):
    begun = time.process_time()
    while time.process_time() < begun + seconds:
        pass

def prepare():
    burn(0.1)

def task(number):
    begun = time.process_time()
    burn(0.1)
    time.sleep(0.2)
    tell(task=[os.getpid(), time.process_time() - begun])

if __name__ == "__main__":
    with mp.Pool(2, prepare) as pool:
        pool.map(task, range(6), 1)
"""


@pytest.fixture(scope="module")
def run(run_program: RunProgram, start_method: str) -> Observed:
    return run_program(PROGRAM, start_method=start_method)


def phases_of(run: Observed) -> dict[int, dict[str, Any]]:
    """By pid the phases of each worker, in seconds."""
    processes = run.document["phases"]["processes"]
    return {each["pid"]: each["phases"] for each in processes if each["counted_as"] == "worker"}


def test_a_worker_was_on_a_cpu_for_as_long_as_its_tasks_say(run: Observed) -> None:
    burnt = dict.fromkeys(phases_of(run), 0.0)
    for facts in run.told:
        pid, seconds = facts["task"]
        burnt[pid] += seconds
    assert sum(burnt.values()) >= 0.6
    for pid, phases in phases_of(run).items():
        # Each task is a little more than its function: it is received, and its result is sent.
        assert phases["working_on_cpu"] == pytest.approx(burnt[pid], abs=0.02)
        # No task had a reading of the CPU too few: the last is at its very end.
        assert phases["working_unmeasured"] < 0.02


def test_sleep_in_a_task_is_work_off_the_cpu_and_the_initializer_is_no_work(
    run: Observed,
) -> None:
    tasks = [facts["task"][0] for facts in run.told]
    for pid, phases in phases_of(run).items():
        # Samples tell how long it lacked a core between two of them, but not for which step.
        off_cpu = phases["working_off_cpu"] + phases["waiting_for_core"]
        assert off_cpu >= 0.2 * tasks.count(pid) - 0.01
        assert phases["initializing"] >= 0.1
        assert sum(phases.values()) == pytest.approx(run.document["run"]["duration"])


def test_the_tasks_are_timed_and_those_that_sleep_get_no_speed_up(run: Observed) -> None:
    (tasks,) = [each for each in run.document["timings"] if each["what"] == "task"]
    assert tasks["count"] == 6
    assert 0.3 <= tasks["p50"] <= tasks["p99"] <= tasks["longest"] * 1.001
    found = run.document["phases"]
    assert found["workers"] == found["workers_at_once"] == 2
    assert found["work_cpu"] == pytest.approx(0.6, abs=0.06)
    # By CPU time the sleep does not matter: on a busy machine the estimate goes by that.
    assert found["serial_estimate"] == (
        found["work_cpu"] if found["estimated_by"] == "cpu" else None
    )


HELPER = """
import multiprocessing as mp, threading, time
from telling import tell

def listen(commands):
    while commands.get() is not None:
        pass

def child(commands, name):
    threading.Thread(target=listen, args=(commands,), daemon=True).start()
    begun = time.process_time()
    while time.process_time() < begun + 1:
        pass
    tell(burnt=time.process_time() - begun)

if __name__ == "__main__":
    commands = mp.Queue()
    children = [mp.Process(target=child, args=(commands, name)) for name in "ab"]
    for each in children:
        each.start()
    for each in children:
        each.join()
"""

JOINING = """
import multiprocessing as mp, threading, time

def wait(commands, begun):
    begun.release()
    commands.get()

def child(commands, begun):
    thread = threading.Thread(target=wait, args=(commands, begun))
    thread.start()
    thread.join()

if __name__ == "__main__":
    commands, begun = mp.Queue(), mp.Semaphore(0)
    children = [mp.Process(target=child, args=(commands, begun)) for _ in "ab"]
    for each in children:
        each.start()
    for each in children:
        begun.acquire()
    time.sleep(1.5)
    for each in children:
        commands.put(None)
    for each in children:
        each.join()
"""


def test_a_child_that_computes_while_a_thread_of_it_waits_is_at_work(
    run_program: RunProgram, fork_at_least: str
) -> None:
    run = run_program(HELPER, start_method=fork_at_least)
    burnt = [facts["burnt"] for facts in run.told]
    for phases in phases_of(run).values():
        assert phases["working_on_cpu"] >= min(burnt) - 0.02
        assert phases["waiting_for_queue"] == 0


def test_a_child_that_joins_its_thread_waits_for_the_same_thing_as_the_thread(
    run_program: RunProgram, fork_at_least: str
) -> None:
    run = run_program(JOINING, start_method=fork_at_least)
    for phases in phases_of(run).values():
        # It may take two samples to see that.
        assert phases["waiting_for_queue"] > 0.5
        # Until the thread begins its wait, the sleep of the main thread is unexplained.
        assert phases["sleeping"] < phases["waiting_for_queue"] / 2


SLOW_TO_IMPORT = """
import os
MODULE = '''
import time
begun = time.process_time()
while time.process_time() < begun + 0.3:
    pass
time.sleep(1)

def work(number):
    return number
'''

def write_module():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slow_to_import.py")
    with open(path, "w") as file:
        file.write(MODULE)
"""

IMPORTING = {
    "Pool": """
import multiprocessing as mp

if __name__ == "__main__":
    with mp.Pool(2) as pool:
        write_module()
        import slow_to_import
        pool.map(slow_to_import.work, range(4), 1)
        pool.close()
        pool.join()
""",
    "ProcessPoolExecutor": """
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=mp.get_context()) as executor:
        list(executor.map(abs, range(2)))
        write_module()
        import slow_to_import
        list(executor.map(slow_to_import.work, range(8)))
""",
}


@pytest.mark.parametrize("kind", IMPORTING)
def test_a_worker_that_imports_the_module_of_its_task_does_not_wait_for_one(
    run_program: RunProgram, fork_at_least: str, kind: str
) -> None:
    run = run_program(SLOW_TO_IMPORT + IMPORTING[kind], start_method=fork_at_least)
    imported = [each for each in phases_of(run).values() if each["working_on_cpu"] >= 0.25]
    assert imported
    for phases in imported:
        off_cpu = phases["working_off_cpu"] + phases["waiting_for_core"]
        assert off_cpu >= 1.0 - 0.02
    assert run.document["stream"]["lost"] == run.document["stream"]["probe_errors"] == 0
