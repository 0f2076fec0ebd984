"""Pools of mpire, and multiprocess, which is observed as multiprocessing is."""

from __future__ import annotations

import pytest

from helpers.libraries import (
    COMMON,
    assert_workers_add_up,
    pool_of,
    sums_of,
    tasks_of,
)
from helpers.runs import Observed, RunProgram

SPAWN_PICKLE, SPAWN_DILL = (
    pytest.param(words, marks=pytest.mark.thorough) for words in ("spawn pickle", "spawn dill")
)

MPIRE = """
from mpire import WorkerPool

def main():
    options = {"n_jobs": 2, "start_method": sys.argv[1], "use_dill": sys.argv[2] == "dill"}
    with WorkerPool(**options) as pool:
        tell(map=pool.map(who, range(20), chunk_size=3))
        tell(apply=pool.apply(who, 7), raised=error_of(pool.apply, fail, 3))
    with WorkerPool(keep_alive=True, **options) as kept:
        tell(kept=[kept.map(each, range(4), chunk_size=2) for each in (who, other)])
    with WorkerPool(**options) as short:
        tell(short=short.map(who, range(6), chunk_size=1, worker_lifespan=2))
    with WorkerPool(**options) as failing:
        tell(failed=error_of(failing.map, fail, range(8), chunk_size=1))
    with WorkerPool(n_jobs=2, start_method="threading") as threads:
        tell(threads=threads.map(abs, [-1, -2], chunk_size=1))
"""


@pytest.fixture(scope="module", params=["fork pickle", SPAWN_PICKLE, SPAWN_DILL])
def mpire(request: pytest.FixtureRequest, run_program: RunProgram) -> Observed:
    return run_program(COMMON + MPIRE, *request.param.split())


def test_mpire_loses_nothing_and_adds_up(mpire: Observed) -> None:
    stream = mpire.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(mpire)
    # That of the progress bars that come with it, whether there are any or not.
    assert [lock["name"] for lock in mpire.document["locks"]] == ["TqdmDefaultWriteLock.mp_lock"]
    for section in ("queues", "values", "pipes", "events", "conditions"):
        assert mpire.document[section] == [], section


def test_mpire_s_pools_are_shown_and_its_threads_are_not(mpire: Observed) -> None:
    pools = [(pool["name"], pool["kind"], pool["size"]) for pool in mpire.document["pools"]]
    names = ("pool", "kept", "short", "failing")
    assert pools == [(name, "WorkerPool", 2) for name in names]
    assert mpire.facts("threads") == [1, 2]


def test_the_chunks_of_mpire_are_tasks_of_whoever_ran_them(mpire: Observed) -> None:
    pool = pool_of(mpire, "pool")
    chunks, single, failed = (job["job"] for job in pool["jobs"])
    tasks = [task for task in tasks_of(mpire, pool) if task["job"] == chunks]
    assert sorted(task["items"] for task in tasks) == [2, 3, 3, 3, 3, 3, 3]
    assert [task["index"] for task in tasks] == list(range(7))
    calls = mpire.facts("map")
    assert [number for number, _ in calls] == list(range(20))
    for pid in {pid for _, pid in calls}:
        own = sum(task["items"] for task in tasks if task["worker_pid"] == pid)
        assert own == sum(each == pid for _, each in calls)
    by_job = {task["job"]: task for task in tasks_of(mpire, pool)}
    assert by_job[single]["worker_pid"] == mpire.facts("apply")[1]
    assert (by_job[failed]["outcome"], by_job[failed]["error"]) == ("raised", "KeyError")
    assert sums_of(pool) == {"tasks": 9, "started": 9, "done": 8, "raised": 1}
    assert all(job["ended"] is not None for job in pool["jobs"])


def test_workers_of_mpire_that_are_kept_do_the_next_map_as_well(mpire: Observed) -> None:
    pool = pool_of(mpire, "kept")
    assert [(job["call"], job["function"]) for job in pool["jobs"]] == [
        ("map", "who"),
        ("map", "other"),
    ]
    assert len(pool["workers"]) == 2
    assert sums_of(pool) == {"tasks": 4, "started": 4, "done": 4}


def test_a_worker_of_mpire_that_has_lived_its_life_is_followed_by_another(mpire: Observed) -> None:
    pool = pool_of(mpire, "short")
    ran = {pid for _, pid in mpire.facts("short")}
    assert {worker["pid"] for worker in pool["workers"] if worker["tasks"]} == ran
    assert max(worker["tasks"] for worker in pool["workers"]) == 2
    assert sums_of(pool) == {"tasks": 6, "started": 6, "done": 6}


def test_an_exception_ends_a_map_of_mpire(mpire: Observed) -> None:
    pool = pool_of(mpire, "failing")
    assert mpire.facts("failed") == "KeyError"
    errors = {task["error"] for task in tasks_of(mpire, pool) if task["outcome"] == "raised"}
    # A task that is broken off because of another one has not failed.
    assert errors == {"KeyError"}
    sums = sums_of(pool)
    ended = ("done", "raised", "never_run", "stopped")
    assert sum(sums.get(word, 0) for word in ended) == sums["tasks"]
    assert "pending" not in sums


MULTIPROCESS = """
import multiprocess, os, sys
from telling import tell

def child(lock, queue, value, event):
    with lock:
        value.value += 1
    event.wait()
    queue.put(os.getpid())

def main():
    context = multiprocess.get_context(sys.argv[1])
    lock, queue, event = context.Lock(), context.Queue(), context.Event()
    value = context.Value("i", 0)
    left, right = context.Pipe()
    left.send(1)
    right.recv()
    children = [
        context.Process(target=child, args=(lock, queue, value, event), name=f"child {number}")
        for number in range(2)
    ]
    for process in children:
        process.start()
    event.set()
    tell(pids=[queue.get() for process in children])
    for process in children:
        process.join()
    with context.Pool(2) as pool:
        tell(doubled=pool.map(lambda number: 2 * number, range(4), chunksize=1))
        pool.close()
        pool.join()
"""


def test_multiprocess_is_observed_as_multiprocessing_is(
    run_program: RunProgram, fork_at_least: str
) -> None:
    run = run_program(MULTIPROCESS, fork_at_least)
    run.assert_nothing_was_missed()
    children = [run.process(f"child {number}") for number in range(2)]
    assert sorted(process["pid"] for process in children) == sorted(run.facts("pids"))
    assert {process["start_method"] for process in children} == {fork_at_least}
    assert run.one("locks", "lock")["acquisitions"] == 2
    assert (run.one("queues", "queue")["puts"], run.one("queues", "queue")["gets"]) == (2, 2)
    assert run.one("values", "value")["last"] == 2
    assert (run.one("events", "event")["sets"], run.one("events", "event")["waits"]) == (1, 2)
    assert run.one("pipes", "left/right")["sends"] == 1
    assert run.facts("doubled") == [0, 2, 4, 6]
    pool = pool_of(run, "pool")
    assert sums_of(pool) == {"tasks": 4, "started": 4, "done": 4}
    assert {job["function"] for job in pool["jobs"]} == {"lambda at program.py:29"}
