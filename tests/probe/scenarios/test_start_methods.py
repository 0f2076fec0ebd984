"""The scenarios, run by the real command: their numbers are exact under every start method."""

from __future__ import annotations

import re

import pytest

from helpers.scenario_runs import run

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def start_method(request: pytest.FixtureRequest) -> str:
    """Each start method in turn, also without ``--all``."""
    method: str = request.param
    return method


def test_with_the_lock_every_addition_and_every_lock_is_counted(start_method: str) -> None:
    finished = run(
        start_method, "shared-counter", "processes=4", "increments=400", "work_ms=0", "lock=yes"
    )
    value, lock = finished.only("values"), finished.only("locks")
    assert (lock["acquisitions"], lock["releases"]) == (1600, 1600)
    assert (value["last"], value["writes"], value["lost_updates"]) == (1600, 1600, 0)
    assert "final 1600" in finished.printed


def test_without_the_lock_what_is_missing_is_what_was_lost(start_method: str) -> None:
    finished = run(
        start_method, "shared-counter", "processes=4", "increments=1000", "work_ms=0", "lock=no"
    )
    value = finished.only("values")
    expected, final = map(int, re.findall(r"expected (\d+), final (\d+)", finished.printed)[0])
    assert (expected, value["last"], value["writes"]) == (4000, final, 4000)
    assert value["lost_updates"] == expected - final
    assert finished.document["locks"] == []


def test_on_a_common_beat_updates_are_lost_and_counted(start_method: str) -> None:
    finished = run(
        start_method, "shared-counter", "processes=4", "increments=60", "work_ms=3", "lock=no"
    )
    value = finished.only("values")
    final = int(re.findall(r"final (\d+)", finished.printed)[0])
    assert value["lost_updates"] == 240 - final
    assert value["lost_updates"] > 0
    assert value["stale_writes"] > 0


def test_every_item_goes_in_once_and_comes_out_once(start_method: str) -> None:
    finished = run(
        start_method,
        *("producer-consumer", "items=100", "producers=3", "consumers=2", "capacity=4"),
        *("produce_rate=0", "consume_rate=0"),
    )
    queue = finished.only("queues")
    # Each consumer gets one sentinel.
    assert (queue["puts"], queue["gets"], queue["depth"]) == (102, 102, 0)
    assert (queue["maxsize"], queue["kind"], queue["name"]) == (4, "Queue", "queue")
    assert queue["max_depth"] <= 4
    used = dict(re.findall(r"(consumer-\d): (\d+) items", finished.printed))
    assert sum(map(int, used.values())) == 100
    names = {process["name"] for process in finished.document["processes"]}
    assert {"producer-1", "producer-2", "producer-3", "consumer-1", "consumer-2"} <= names


def test_every_task_is_started_once_and_ended_once(start_method: str) -> None:
    finished = run(start_method, "pool-map", "workers=3", "items=40", "size=500", "chunksize=3")
    pool = finished.only("pools")
    tasks = finished.document["tasks"]
    assert sorted(task["index"] for task in tasks) == list(range(14))
    assert {(task["outcome"], task["function"]) for task in tasks} == {("done", "calculate_primes")}
    assert sum(task["items"] for task in tasks) == 40
    (job,) = pool["jobs"]
    counts = [job[name] for name in ("tasks", "started", "done", "raised", "lost", "items")]
    assert counts == [14, 14, 14, 0, 0, 40]
    assert (job["call"], job["chunksize"]) == ("map", 3)
    workers = {worker["pid"]: worker for worker in pool["workers"]}
    # A worker that was not up before all was done has never been one.
    assert 1 <= len(workers) <= pool["size"] == 3
    for pid, worker in workers.items():
        own = [task for task in tasks if task["worker_pid"] == pid]
        assert (worker["tasks"], worker["items"]) == (len(own), sum(t["items"] for t in own))
    assert sum(worker["tasks"] for worker in workers.values()) == 14
    assert "40 items done" in finished.printed
