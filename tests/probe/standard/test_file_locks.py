"""File locks of real programs: the kernel names who waits and who holds, and mpviz tells it."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from mpviz.trace.explain.report import document
from mpviz.trace.model.state import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunProgram, Watch

PATIENCE = 60.0

WAITERS = """
import fcntl, multiprocessing, os, sys, threading, time
from telling import tell

def hold(lock, held):
    with open("jobs.lock", "w") as file:
        lock(file, fcntl.LOCK_EX)
        held.set()
        time.sleep(3600)

def want(lock):
    with open("jobs.lock", "w") as file:
        lock(file, fcntl.LOCK_EX)

def want_in_thread(lock):
    thread = threading.Thread(target=want, args=(lock,))
    thread.start()
    thread.join()

def take_and_pass_on():
    # What flock locks is the open file, which its child inherits.
    file = open("jobs.lock", "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    if os.fork() == 0:
        tell(heir=os.getpid())
        time.sleep(3600)
    os._exit(0)

def start(function, name, *arguments):
    context = multiprocessing.get_context("fork" if function is take_and_pass_on else None)
    process = context.Process(target=function, args=arguments, name=name)
    process.start()
    return process

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    how = sys.argv[1]
    if how == "heir":
        start(take_and_pass_on, "taker").join()
        start(want, "waiter", fcntl.flock).join()
    held = multiprocessing.Event()
    lock = fcntl.lockf if how == "lockf" else fcntl.flock
    start(hold, "holder", lock, held)
    held.wait()
    start(want_in_thread if how == "thread" else want, "waiter", lock).join()
"""


def watched(
    watch: Watch, source: str, *arguments: str, until: Callable[[RunState], bool]
) -> dict[str, Any]:
    """What the document says when this is true, before anything ends."""
    run = watch(source, *arguments)
    deadline = time.monotonic() + PATIENCE
    while not until(run.session.state):
        assert time.monotonic() < deadline, document(run.session.state)
        assert not run.session.over
        run.session.step(0.05)
        run.session.wait(0.01)
    # A document adds empty tables to the state, which is compared with the replayed one.
    seen = document(deepcopy(run.session.state))
    run.end().assert_no_probe_error()
    return seen


def waits(name: str) -> Callable[[RunState], bool]:
    def is_true(state: RunState) -> bool:
        found = [each for each in state.processes.values() if each.name == name]
        return bool(found) and found[0].wait is not None and found[0].wait.what == "file lock"

    return is_true


@pytest.mark.parametrize("how", ["flock", "lockf", "thread"])
def test_a_wait_for_a_file_lock_names_the_file_and_the_holder(
    watch: Watch, how: str, start_method: str
) -> None:
    seen = watched(watch, WAITERS, how, start_method, until=waits("waiter"))
    pids = {each["name"]: each["pid"] for each in seen["processes"]}
    (waiter,) = (each for each in seen["processes"] if each["name"] == "waiter")
    assert waiter["wait"]["words"].startswith("file lock jobs.lock, held by holder")
    assert waiter["wait"]["chain"]["pids"] == [pids["waiter"], pids["holder"]]
    (lock,) = seen["file_locks"]
    assert lock["kind"] == ("lockf" if how == "lockf" else "flock")
    assert lock["path"].endswith("/jobs.lock")
    assert (lock["holder_pids"], lock["waiter_pids"]) == ([pids["holder"]], [pids["waiter"]])


def test_a_lock_that_a_fork_has_inherited_is_held_by_the_fork(watch: Watch) -> None:
    seen = watched(watch, WAITERS, "heir", "fork", until=waits("waiter"))
    (waiter,) = (each for each in seen["processes"] if each["name"] == "waiter")
    (lock,) = seen["file_locks"]
    (holder,) = lock["holder_pids"]
    living = [each["pid"] for each in seen["processes"] if each["ended"] is None]
    assert holder in living
    assert waiter["wait"]["chain"]["pids"] == [waiter["pid"], holder]


RING = """
import fcntl, multiprocessing, sys

def take(first, second, meeting):
    with open(first, "w") as one, open(second, "w") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        meeting.wait()
        fcntl.flock(other, fcntl.LOCK_EX)

if __name__ == "__main__":
    meeting = multiprocessing.Barrier(2)
    for number, pair in enumerate((("a.lock", "b.lock"), ("b.lock", "a.lock"))):
        name = "worker-%d" % number
        multiprocessing.Process(target=take, args=(*pair, meeting), name=name).start()
"""


def test_a_ring_through_file_locks_is_found_while_it_hangs(watch: Watch) -> None:
    seen = watched(watch, RING, until=lambda state: bool(state.findings))
    (finding,) = seen["findings"]
    assert finding["rule"] == "deadlock"
    assert "worker-0 holds file lock a.lock and waits for file lock b.lock" in finding["message"]


IN_TURN = """
import fcntl, multiprocessing, time

def take():
    for _ in range(3):
        with open("a.lock", "w") as one, open("b.lock", "w") as other:
            fcntl.flock(one, fcntl.LOCK_EX)
            fcntl.lockf(other, fcntl.LOCK_EX)
            time.sleep(0.3)

if __name__ == "__main__":
    workers = [multiprocessing.Process(target=take) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""


def test_locks_that_are_taken_in_turn_are_waits_and_no_finding(run_program: RunProgram) -> None:
    run = run_program(IN_TURN)
    run.assert_no_probe_error()
    assert run.document["findings"] == []
    assert sum(lock["waits"] for lock in run.document["file_locks"]) > 0
    assert all(lock["waiter_pids"] == [] for lock in run.document["file_locks"])
