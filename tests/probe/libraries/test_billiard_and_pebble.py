"""Pools of billiard and pebble, which end tasks that take too long."""

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

BILLIARD = """
import sys, time
import billiard
from telling import tell

def who(number):
    return number

def fail(number):
    raise KeyError(number)

def last(number):
    time.sleep(60)

def prepare():
    pass

def child(lock, queue, number):
    with lock:
        queue.put(number)

def main():
    billiard.set_start_method(sys.argv[1])
    pool = billiard.Pool(2, initializer=prepare)
    tell(map=pool.map(who, range(8), chunksize=2))
    tell(apply=pool.apply(who, (3,)), star=pool.starmap(max, [(1, 2), (4, 3)], chunksize=1))
    tell(imap=list(pool.imap(who, range(3))))
    for function in (fail, 3):
        try:
            pool.apply(function, (1,))
        except Exception as error:
            tell(error=type(error).__name__)
    pool.close()
    pool.join()
    timed = billiard.Pool(1, timeout=0.5)
    try:
        timed.apply(last, (1,))
    except Exception as error:
        tell(error=type(error).__name__)
    timed.terminate()
    timed.join()
    lock, queue = billiard.Lock(), billiard.Queue()
    children = [billiard.Process(target=child, args=(lock, queue, each)) for each in range(2)]
    for process in children:
        process.start()
    tell(got=sorted(queue.get() for _ in children))
    for process in children:
        process.join()
"""


@pytest.fixture(scope="module")
def billiard(run_program: RunProgram, fork_at_least: str) -> Observed:
    return run_program(BILLIARD, fork_at_least)


def test_billiard_misses_nothing_and_adds_up(billiard: Observed) -> None:
    stream = billiard.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(billiard)
    for section in ("values", "pipes", "events", "conditions"):
        assert billiard.document[section] == [], section


def test_billiard_s_processes_locks_and_queues_are_those_of_the_program(
    billiard: Observed, fork_at_least: str
) -> None:
    assert billiard.facts("got") == [0, 1]
    (lock,) = billiard.document["locks"]
    assert (lock["name"], lock["acquisitions"]) == ("lock", 2)
    (queue,) = billiard.document["queues"]
    assert (queue["name"], queue["puts"], queue["gets"]) == ("queue", 2, 2)
    functions = [each.function for each in billiard.state.processes.values() if each.function]
    assert functions == ["child", "child"]
    methods = {each["start_method"] for each in billiard.document["processes"]}
    assert fork_at_least in methods


def test_billiard_s_tasks_are_those_of_the_program(billiard: Observed) -> None:
    pool = pool_of(billiard, "pool")
    assert (pool["kind"], pool["size"], pool["initializer"]) == ("billiard Pool", 2, "prepare")
    assert all(worker["initialized"] for worker in pool["workers"])
    jobs = [(job["call"], job["function"], job["tasks"], job["items"]) for job in pool["jobs"]]
    assert jobs == [
        ("map", "who", 4, 8),
        ("apply", "who", 1, 1),
        ("starmap", "max", 2, 2),
        ("imap", "who", 3, None),
        ("apply", "fail", 1, 1),
        ("apply", "int", 1, 1),
    ]
    assert all(job["ended"] is not None for job in pool["jobs"])
    assert sums_of(pool) == {"tasks": 12, "started": 12, "done": 10, "raised": 2}
    errors = [task["error"] for task in tasks_of(billiard, pool) if task["error"]]
    assert errors == [facts["error"] for facts in billiard.told if "error" in facts][:2]


def test_a_task_that_billiard_ends_has_had_its_time(billiard: Observed) -> None:
    (task,) = tasks_of(billiard, pool_of(billiard, "timed"))
    assert (task["function"], task["outcome"], task["error"]) == ("last", "timed out", None)
    # Billiard hands over the exception in its own wrapper.
    assert "ExceptionWithTraceback" in [facts.get("error") for facts in billiard.told]
    worker = str(task["worker_pid"])
    assert not [each for each in billiard.state.log if each.process == worker and each.trouble]


PEBBLE = """
import multiprocessing
from pebble import ProcessPool, concurrent

def sleep(number):
    time.sleep(60)

def prepare():
    pass

@concurrent.process(timeout=0.5)
def alone(number):
    time.sleep(number)

def each(iterator):
    while True:
        try:
            yield next(iterator)
        except StopIteration:
            return
        except Exception as error:
            yield type(error).__name__

def main():
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPool(2, initializer=prepare, context=context) as pool:
        tell(single=[pool.schedule(who, args=(number,)).result() for number in range(3)])
        tell(chunks=list(pool.map(who, range(5), chunksize=2).result()))
        tell(failed=list(each(pool.map(fail, range(4), chunksize=2).result())))
        tell(error=error_of(pool.schedule(fail, args=(3,)).result))
        tell(late=error_of(pool.schedule(sleep, args=(1,), timeout=0.5).result))
        future = pool.schedule(sleep, args=(2,))
        while not future.running():
            time.sleep(0.01)
        future.cancel()
        tell(after=pool.schedule(who, args=(9,)).result())
    if sys.argv[1] == "fork":
        tell(alone=error_of(alone(60).result))
"""


@pytest.fixture(scope="module")
def pebble(run_program: RunProgram, fork_at_least: str) -> Observed:
    return run_program(COMMON + PEBBLE, fork_at_least)


def test_pebble_misses_nothing_and_adds_up(pebble: Observed) -> None:
    stream = pebble.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(pebble)
    for section in ("queues", "locks", "values", "pipes", "events", "conditions"):
        assert pebble.document[section] == [], section


def test_pebble_s_tasks_are_those_of_whoever_ran_them(pebble: Observed) -> None:
    pool = pool_of(pebble, "pool")
    assert (pool["kind"], pool["size"], pool["initializer"]) == ("ProcessPool", 2, "prepare")
    tasks = tasks_of(pebble, pool)
    ran = [task["worker_pid"] for task in tasks if task["job"] < 3]
    assert ran == [pid for _, pid in pebble.facts("single")]
    chunks = [job for job in pool["jobs"] if job["call"] == "map"]
    assert [(job["function"], job["tasks"], job["items"]) for job in chunks] == [
        ("who", 3, 5),
        ("fail", 2, 4),
    ]
    own = [task for task in tasks if task["job"] == chunks[0]["job"]]
    assert [task["worker_pid"] for task in own for _ in range(task["items"])] == [
        pid for _, pid in pebble.facts("chunks")
    ]
    assert all(job["ended"] is not None for job in pool["jobs"])
    assert [task["error"] for task in tasks if task["outcome"] == "raised"] == ["KeyError"] * 2
    expected = {"tasks": 12, "started": 12, "done": 8, "raised": 2, "stopped": 2}
    assert sums_of(pool) == expected


def test_a_worker_that_pebble_ends_with_its_task_is_no_failure(pebble: Observed) -> None:
    assert pebble.facts("late") == "TimeoutError"
    tasks = tasks_of(pebble, pool_of(pebble, "pool"))
    ended = {task["outcome"]: task for task in tasks if task["function"] == "sleep"}
    assert ended.keys() == {"timed out", "cancelled"}
    # Its workers handle SIGTERM, and report it by their exit code.
    codes = {each["pid"]: each["exit_code"] for each in pebble.document["processes"]}
    assert [codes[task["worker_pid"]] for task in ended.values()] == [15, 15]
    assert not [
        each.text for each in pebble.state.log if each.trouble and "raised" not in each.text
    ]
