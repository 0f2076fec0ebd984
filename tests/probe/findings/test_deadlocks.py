"""Deadlocks and wait chains of real programs: seen while they hang, in the right order, by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import run_to_end
from mpviz.trace.explain.chains import Chain, End, chain_in_words, chain_of
from mpviz.trace.explain.report import document
from mpviz.trace.explain.stalls import stuck
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.state import RunState

Hang = Callable[..., tuple[RunState, Any]]


@pytest.fixture
def hang(tmp_path: Path, nothing_left: None) -> Hang:
    """Run a program until something is true of its state; look at it then, and end it."""

    def run(
        source: str,
        until: Callable[[RunState], bool],
        look: Callable[[RunState], Any] = lambda state: None,
        **options: Any,
    ) -> tuple[RunState, Any]:
        (tmp_path / "program.py").write_text(source)
        options.setdefault("python", sys.executable)
        target = Target(["program.py"], "program", directory=tmp_path, **options)
        session = start(target, capture=True)
        try:
            run_to_end(session, until)
            assert not session.over, "it should have been hanging"
            seen = look(session.state)
            session.stop()
            run_to_end(session)
        finally:
            session.close()
        return session.state, seen

    return run


RING = """
from multiprocessing import Barrier, Lock, Process

def take_both(first, second, meeting):
    with first:
        meeting.wait()
        with second:
            raise SystemExit("nobody can have both")

if __name__ == "__main__":
    left, middle, right = Lock(), Lock(), Lock()
    meeting = Barrier(3)
    pairs = [(left, middle), (middle, right), (right, left)]
    workers = [
        Process(target=take_both, args=(*pair, meeting), name="worker-%d" % number)
        for number, pair in enumerate(pairs, 1)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""


def found(state: RunState) -> bool:
    return bool(state.findings)


def test_a_deadlock_of_three_over_three_locks_is_found_while_it_hangs(
    hang: Hang, start_method: str
) -> None:
    state, _ = hang(RING, found, start_method=start_method)
    (finding,) = state.findings.values()
    assert finding.rule == "deadlock"
    assert finding.message == (
        "3 processes wait for each other: "
        "worker-1 holds lock left (program.py:5) and waits for lock middle (:7); "
        "worker-2 holds lock middle (:5) and waits for lock right (:7); "
        "worker-3 holds lock right (:5) and waits for lock left (:7)"
    )
    names = [state.processes[key].name for key in finding.processes]
    assert names == ["worker-1", "worker-2", "worker-3"]
    assert len(finding.objects) == 3
    assert finding.since < finding.found < state.ending
    (entry,) = document(state)["findings"]
    assert entry["pids"] == [state.processes[key].pid for key in finding.processes]
    assert entry["over"] is None


def test_the_first_process_is_led_to_the_ring(hang: Hang) -> None:
    def look(state: RunState) -> Chain:
        return chain_of(state, state.processes[state.main])

    state, chain = hang(RING, lambda state: bool(stuck(state)), look)
    names = [link.process.name for link in chain.links]
    assert names == ["MainProcess", "worker-1", "worker-2", "worker-3"]
    assert (chain.end, chain.back_to) == (End.CYCLE, 1)
    hanging = {entry["name"]: entry["chain"] for entry in document(state)["run"]["hang"]}
    assert hanging["MainProcess"]["pids"] == [link.process.pid for link in chain.links]
    assert hanging["MainProcess"]["words"].endswith("none of them can go on")


SAME_ORDER = (
    RING.replace(
        "[(left, middle), (middle, right), (right, left)]",
        "[(left, middle), (middle, right), (left, right)]",
    )
    .replace("Barrier(3)", "Barrier(1)")
    .replace('raise SystemExit("nobody can have both")', "pass")
)


def test_locks_taken_in_one_order_make_no_deadlock(run_program: Any, fork_at_least: str) -> None:
    assert run_program(SAME_ORDER, start_method=fork_at_least).document["findings"] == []


PATIENT = """
from multiprocessing import Barrier, Lock, Process

def take_both(first, second, meeting):
    with first:
        meeting.wait()
        if second.acquire(timeout=1.5):
            second.release()
        meeting.wait()

if __name__ == "__main__":
    left, right = Lock(), Lock()
    meeting = Barrier(2)
    workers = [
        Process(target=take_both, args=(*pair, meeting))
        for pair in ((left, right), (right, left))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""


def test_a_ring_with_a_time_out_ends_by_itself_and_is_no_deadlock(
    run_program: Any, fork_at_least: str
) -> None:
    run = run_program(PATIENT, start_method=fork_at_least)
    waited = [lock.wait.longest for lock in run.state.table(Lock).values()]
    assert max(waited) > 1_000_000_000
    assert run.document["findings"] == []


JOINED = """
from multiprocessing import Lock, Process

def use(lock):
    with lock:
        pass

if __name__ == "__main__":
    lock = Lock()
    worker = Process(target=use, args=(lock,), name="worker")
    with lock:
        worker.start()
        worker.join()
"""


def test_joining_a_child_that_wants_a_lock_of_ours_is_a_deadlock(
    hang: Hang, start_method: str
) -> None:
    state, _ = hang(JOINED, found, start_method=start_method)
    (finding,) = state.findings.values()
    assert finding.message == (
        "2 processes wait for each other: "
        "MainProcess holds lock (program.py:11) and waits to join worker (:13); "
        "worker waits for lock (:5)"
    )
    assert "before the join" in finding.fix


TWICE = """
from multiprocessing import Lock

if __name__ == "__main__":
    lock = Lock()
    with lock:
        with lock:
            pass
"""


def test_a_lock_that_is_taken_twice_by_one_process(hang: Hang) -> None:
    state, _ = hang(TWICE, found)
    (finding,) = state.findings.values()
    assert finding.message == (
        "a process waits for itself: MainProcess holds lock (program.py:6) and waits for it (:7)"
    )
    assert "RLock" in finding.fix


HANDED_OVER = """
import time
from multiprocessing import Lock, Process

def release(lock, gate):
    gate.acquire()
    lock.release()

if __name__ == "__main__":
    lock, gate = Lock(), Lock()
    with gate:
        lock.acquire()
        worker = Process(target=release, args=(lock, gate))
        worker.start()
        time.sleep(1)
    lock.acquire()
    worker.join()
"""


def test_a_lock_that_another_gives_back_is_none(run_program: Any) -> None:
    assert run_program(HANDED_OVER).document["findings"] == []


QUEUE_OF_FOUR = """
import time
from multiprocessing import Lock, Process, Semaphore

def hold(own, wanted, ready):
    with own:
        ready.release()
        if wanted is None:
            time.sleep(600)
        with wanted:
            pass

if __name__ == "__main__":
    locks = [Lock() for _ in range(5)]
    ready = Semaphore(0)
    workers = [
        Process(target=hold, args=(own, wanted, ready), name="worker-%d" % number)
        for number, (own, wanted) in enumerate(zip(locks, [*locks[1:], None]), 1)
    ]
    for worker in reversed(workers):
        worker.start()
        ready.acquire()
    workers[0].join()
"""


def test_a_chain_of_four_waiters_is_in_order_and_ends_with_the_process_at_work(
    hang: Hang, fork_at_least: str
) -> None:
    def four_wait(state: RunState) -> bool:
        workers = {p.name: p for p in state.processes.values() if p.name.startswith("worker-")}
        waiting = [p for p in workers.values() if p.wait and p.wait.what == "lock"]
        return len(waiting) == 4 and workers["worker-5"].state == "sleeping"

    def look(state: RunState) -> tuple[list[str], End, str, list[int]]:
        first = next(p for p in state.processes.values() if p.name == "worker-1")
        chain = chain_of(state, first)
        heard = [link.unblockers.as_of for link in chain.links if link.unblockers is not None]
        names = [link.process.name for link in chain.links]
        return names, chain.end, chain_in_words(state, chain), heard

    state, (names, end, words, heard) = hang(
        QUEUE_OF_FOUR, four_wait, look, start_method=fork_at_least
    )
    assert names == ["worker-1", "worker-2", "worker-3", "worker-4", "worker-5"]
    assert end is End.AT_WORK
    assert words == (
        "worker-1 waits for locks[1], held by worker-2; "
        "worker-2 waits for locks[2], held by worker-3; "
        "worker-3 waits for locks[3], held by worker-4; "
        "worker-4 waits for locks[4], held by worker-5; "
        "worker-5 is sleeping"
    )
    # Who was started last took its lock last: worker-1.
    assert heard == sorted(heard, reverse=True)
    assert all(0 < number <= state.now for number in heard)
