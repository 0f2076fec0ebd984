"""The pitfalls under mpviz: the state shows what hangs and why, and the end takes all with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from helpers.command import watch_headless
from helpers.runs import run_to_end
from helpers.scenario_runs import counts
from mpviz.trace.explain.report import document
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

PATIENCE = 60
pytestmark = pytest.mark.usefixtures("nothing_left")


@contextmanager
def hanging(words: str, start_method: str, hangs: Callable[[RunState], bool]) -> Iterator[RunState]:
    """Run a scenario until it hangs, hand out its state then, and end it; all is exact."""
    name, *parameters = words.split()
    arguments = ["-m", "mpviz.scenarios", name, *parameters]
    session = start(Target(arguments, name=name, start_method=start_method), capture=True)
    try:
        run_to_end(session, hangs)
        assert not session.over, document(session.state)
        yield session.state
        session.stop()
        run_to_end(session)
    finally:
        session.close()
    state = session.state
    assert_exact_stream(document(state))
    assert all(process.records == process.highest_number for process in state.processes.values())
    assert state.exit_code == -15


def assert_exact_stream(document: dict[str, Any]) -> None:
    stream = document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)


def named(state: RunState, name: str) -> Process | None:
    """The process of this name, once it is known."""
    return next((each for each in state.processes.values() if each.name == name), None)


def waits_for(process: Process | None, what: str) -> str:
    """The id of what a process waits for, if it is of this kind; else nothing."""
    wait = process.wait if process else None
    return wait.object if wait and wait.what == what else ""


def exit_codes(state: RunState) -> dict[str, int | None]:
    """How each process ended, without the helpers of the start methods.

    One that was seen, and gone before it could say what it is, is such a helper, too.
    """
    helpers = ("resource tracker", "fork server")
    return {
        process.name: process.exit_code
        for process in state.processes.values()
        if process.role not in helpers and process.name
    }


def printed(state: RunState) -> list[str]:
    """What the program itself said."""
    return [line.text for line in state.output if line.stream == "stdout"]


def test_a_pool_waits_for_the_task_of_a_killed_worker(start_method: str) -> None:
    def hangs(state: RunState) -> bool:
        """All is done but the lost task, and a new worker is there to do nothing."""
        counts = [
            (job.done, job.lost, len(pool.workers))
            for pool in state.table(Pool).values()
            for job in pool.jobs.values()
        ]
        return counts == [(11, 1, 4)] and waits_for(named(state, "MainProcess"), "results") != ""

    with hanging("killed-worker work=0 pause=0", start_method, hangs) as state:
        (lost,) = [task for task in state.table(Task).values() if task.outcome == "lost"]
        victim = state.processes[lost.worker]
        assert (lost.index, lost.function, lost.items) == (5, "process_item", 1)
        assert (victim.exit_code, victim.alive) == (-9, False)
        (pool,) = state.table(Pool).values()
        assert waits_for(named(state, "MainProcess"), "results") == f"{pool.id}/{lost.job}"
        assert [state.processes[key].alive for key in pool.workers].count(True) == 3
        assert printed(state)[-1] == f"worker {victim.pid} killed, item 5 lost"
    codes = exit_codes(state)
    assert (codes.pop(victim.name), codes.pop("MainProcess")) == (-9, -15)
    # A worker whose SIGTERM comes late sees its pipe end with the parent, and has done its duty.
    assert len(codes) == 3
    assert set(codes.values()) <= {-15, 0}


def test_a_terminated_producer_takes_the_queue_with_it(start_method: str) -> None:
    def hangs(state: RunState) -> bool:
        """One consumer has half an item, so it is the other one that waits for its turn."""
        consumers = [named(state, f"consumer-{number}") for number in (1, 2)]
        waiting = [waits_for(consumer, "get") for consumer in consumers]
        second = named(state, "producer-2")
        return (
            any(waiting)
            and second is not None
            and waits_for(named(state, "MainProcess"), "process") == second.key
            and sum(queue.depth for queue in state.table(Queue).values()) == 6
        )

    with hanging("queue-corruption pause=0", start_method, hangs) as state:
        (queue,) = state.table(Queue).values()
        first, second = named(state, "producer-1"), named(state, "producer-2")
        assert first is not None
        assert second is not None
        assert (first.exit_code, second.alive) == (-15, True)
        assert [number for _, _, number in first.signals] == [15]
        assert counts(queue.putters) == {first.key: 1, second.key: 5}
        assert queue.takers == {}
        waiting = [waits_for(process, "get") for process in state.processes.values()]
        assert queue.id in waiting
    assert set(exit_codes(state).values()) == {-15}
    assert printed(state) == [
        "producer-1 is in its put of 1000 KB",
        "terminated: exit code -15",
        "producer-2 and the consumers have started",
    ]


@pytest.mark.parametrize("processes", [2, 3])
def test_in_a_deadlock_everybody_waits_for_what_the_next_one_holds(
    start_method: str, processes: int
) -> None:
    names = [f"worker-{number + 1}" for number in range(processes)]

    def hangs(state: RunState) -> bool:
        return all(waits_for(named(state, name), "lock") for name in names)

    words = f"deadlock processes={processes} pause=0"
    with hanging(words, start_method, hangs) as state:
        locks = state.table(Lock)
        ring = [process for name in names if (process := named(state, name))]
        wanted = [locks[waits_for(process, "lock")] for process in ring]
        assert [lock.holder for lock in wanted] == [each.key for each in [*ring[1:], ring[0]]]
        assert {lock.name for lock in wanted} == {f"locks[{n}]" for n in range(processes)}
        assert all(process.alive for process in ring)
    assert exit_codes(state) == dict.fromkeys(["MainProcess", *names], -15)


def test_join_waits_for_a_process_that_still_has_its_item(start_method: str) -> None:
    def hangs(state: RunState) -> bool:
        worker = named(state, "Process-1")
        return (
            worker is not None
            and waits_for(named(state, "MainProcess"), "process") == worker.key
            and len(printed(state)) == 2
            and worker.resting
        )

    with hanging("join-before-drain work=0", start_method, hangs) as state:
        worker = named(state, "Process-1")
        assert worker is not None
        assert (worker.alive, worker.finished) == (True, -1)
        (queue,) = state.table(Queue).values()
        assert (queue.depth, counts(queue.putters), queue.takers) == (1, {worker.key: 1}, {})
        assert printed(state) == ["first join", "put 1000 KB, nothing left to do"]
    assert exit_codes(state) == {"MainProcess": -15, "Process-1": -15}


def run(start_method: str, *words: str) -> tuple[list[str], dict[str, Any]]:
    """Run a scenario that ends by itself without a screen: what it printed, and the document."""
    found, lines, status = watch_headless("--start-method", start_method, *words)
    assert status == 0
    assert_exact_stream(found)
    assert found["run"]["exit_code"] == 0
    return lines, found


def test_what_cannot_be_pickled_never_reaches_a_worker(start_method: str) -> None:
    lines, found = run(start_method, "pickling", "pause=0")
    (pool,) = found["pools"]
    assert [(job["started"], job["done"]) for job in pool["jobs"]] == 3 * [(0, 0), (1, 1)]
    functions = [task["function"] for task in found["tasks"]]
    assert functions == ["double", "count_pixels", "count_lines_at"]
    # By their names, since a worker may be ended before it has asked for a first task.
    others = [
        process["exit_code"]
        for process in found["processes"]
        if re.fullmatch(r"Process-\d+", process["name"])
    ]
    # Where they are pickled, these processes have never been.
    assert others == ([0, 0, 0] if start_method == "fork" else [])
    assert len(lines) == 9


def test_an_executor_does_not_wait_for_a_killed_worker(start_method: str) -> None:
    words = ("executor=futures", "workers=2", "work=0", "pause=0")
    lines, found = run(start_method, "killed-worker", *words)
    (killed,) = re.findall(r"worker (\d+) killed", "\n".join(lines))
    codes = {process["pid"]: process["exit_code"] for process in found["processes"]}
    assert codes[int(killed)] == -9
    assert lines[-1].startswith("BrokenProcessPool: ")


def test_a_producer_that_may_end_leaves_the_queue_empty(start_method: str) -> None:
    lines, found = run(start_method, "queue-corruption", "terminate=no", "pause=0")
    (queue,) = found["queues"]
    # Each consumer gets one sentinel.
    assert (queue["puts"], queue["gets"], queue["depth"]) == (8, 8, 0)
    assert lines[-1] == "all ended, 0 left in the queue"


def test_in_the_same_order_all_locks_are_given_back(start_method: str) -> None:
    lines, found = run(start_method, "deadlock", "order=same", "processes=3", "pause=0")
    locks = found["locks"]
    assert [lock["name"] for lock in locks] == ["locks[0]", "locks[1]", "locks[2]"]
    counts = [(lock["acquisitions"], lock["releases"], lock["holder_pid"]) for lock in locks]
    assert counts == 3 * [(2, 2, None)]
    assert lines[-1] == "all ended"


def test_the_item_is_taken_before_the_join(start_method: str) -> None:
    lines, found = run(start_method, "join-before-drain", "first=get", "work=0")
    (queue,) = found["queues"]
    assert (queue["puts"], queue["gets"], queue["depth"]) == (1, 1, 0)
    assert lines[-1] == "1000 KB, exit code 0"
