"""The scenarios of pools and of real work, watched: the fact that each teaches is in the counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.scenario_runs import run

pytestmark = pytest.mark.usefixtures("nothing_left")


def counts(job: dict[str, Any]) -> tuple[int, ...]:
    """Return how many tasks a job has, and what became of them."""
    return tuple(job[name] for name in ("tasks", "started", "done", "raised", "lost"))


def tasks_by_worker(pool: dict[str, Any]) -> dict[int, int]:
    """Return how many tasks each worker of a pool did that did any."""
    return {worker["pid"]: worker["tasks"] for worker in pool["workers"] if worker["tasks"]}


def test_starmap_does_one_task_for_each_pair(start_method: str) -> None:
    finished = run(start_method, "pool-starmap", "workers=3", "items=12", "size=50")
    (job,) = finished.only("pools")["jobs"]
    assert (job["call"], job["chunksize"], job["items"]) == ("starmap", 1, 12)
    assert counts(job) == (12, 12, 12, 0, 0)
    tasks = finished.document["tasks"]
    assert sorted(task["index"] for task in tasks) == list(range(12))
    assert {task["function"] for task in tasks} == {"power"}
    bases = re.findall(r"^(\d+) \*\* \d+ has \d+ bits$", finished.printed, re.MULTILINE)
    assert bases == [str(base) for base in range(3, 15)]


def test_every_apply_async_is_a_job_and_is_called_back_in_the_parent(start_method: str) -> None:
    finished = run(start_method, "pool-async", "workers=3", "items=10", "failing=4", "task_ms=2")
    jobs = finished.only("pools")["jobs"]
    assert [(job["call"], job["tasks"]) for job in jobs] == [("apply", 1)] * 10
    # The fourth and the eighth.
    assert [job["raised"] for job in jobs] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]
    assert [job["done"] for job in jobs] == [1, 1, 1, 0, 1, 1, 1, 0, 1, 1]
    errors = {task["error"] for task in finished.document["tasks"]}
    assert errors == {None, "ValueError"}
    (main,) = [each for each in finished.document["processes"] if each["role"] == "main"]
    called = re.findall(r"\(pid (\d+)\), Thread-\d+ \(_handle_results\): ", finished.printed)
    assert called == [str(main["pid"])] * 10


@pytest.mark.parametrize("call", ["imap", "imap_unordered"])
def test_stopping_early_leaves_tasks_undone(start_method: str, call: str) -> None:
    # All of them would take twenty seconds.
    words = ("workers=2", "items=200", "stop_after=3", "task_ms=100")
    finished = run(start_method, "pool-imap", f"call={call}", *words)
    (job,) = finished.only("pools")["jobs"]
    tasks, started, done, raised, lost = counts(job)
    assert (job["call"], tasks, raised) == (call, 200, 0)
    # Each worker was ended in one task at most.
    assert 3 <= done <= started == done + lost <= done + 2
    assert started < tasks
    assert "took 3 of 200 results" in finished.printed
    held = int(re.findall(r"held (\d+) results", finished.printed)[0])
    assert 1 <= held <= done


def test_map_does_all_tasks_even_if_few_results_are_wanted(start_method: str) -> None:
    words = ("workers=2", "items=30", "stop_after=3", "task_ms=1")
    finished = run(start_method, "pool-imap", "call=map", *words)
    (job,) = finished.only("pools")["jobs"]
    assert counts(job) == (30, 30, 30, 0, 0)
    assert "took 3 of 30 results" in finished.printed
    assert "held 30 results" in finished.printed


def test_the_initializer_runs_once_in_each_worker(start_method: str) -> None:
    finished = run(start_method, "pool-initializer", "workers=3", "queries=15", "rows=20")
    pool = finished.only("pools")
    (job,) = pool["jobs"]
    assert counts(job) == (15, 15, 15, 0, 0)
    opened = [int(pid) for pid in re.findall(r"\((\d+)\): opened", finished.printed)]
    assert len(opened) == len(set(opened)) <= pool["size"] == 3
    # A worker may have opened it too late to get a query.
    assert tasks_by_worker(pool).keys() <= set(opened)
    answered = re.findall(r"^(\d+): (\d+) queries$", finished.printed, re.MULTILINE)
    assert {int(pid): int(queries) for pid, queries in answered} == tasks_by_worker(pool)


def test_one_task_that_raises_wastes_all_others_of_its_map(start_method: str) -> None:
    words = ("workers=2", "items=7", "negative=5", "task_ms=1")
    finished = run(start_method, "pool-errors", *words)
    of_map, *of_apply = finished.only("pools")["jobs"]
    assert (of_map["call"], counts(of_map)) == ("map", (7, 7, 6, 1, 0))
    assert [job["call"] for job in of_apply] == ["apply"] * 7
    assert [job["raised"] for job in of_apply] == [0, 0, 0, 0, 1, 0, 0]
    raised = [task for task in finished.document["tasks"] if task["outcome"] == "raised"]
    assert [(task["job"], task["error"]) for task in raised] == [
        (of_map["job"], "ValueError"),
        (of_apply[4]["job"], "ValueError"),
    ]
    assert "RemoteTraceback" in finished.printed
    results = re.findall(r"^(\d+): (\d+)$", finished.printed, re.MULTILINE)
    assert results == [(str(x), str(2 * x)) for x in (1, 2, 3, 4, 6, 7)]


def test_the_chunksize_is_the_number_of_items_of_a_task(start_method: str) -> None:
    finished = run(start_method, "pool-chunks", "workers=2", "items=64", "size=100")
    pools = finished.document["pools"]
    jobs = [job for pool in pools for job in pool["jobs"]]
    # Left to itself, it makes four chunks for each worker.
    assert [(job["tasks"], job["chunksize"]) for job in jobs] == [(64, 1), (8, 8), (2, 32)]
    assert [(job["items"], job["done"]) for job in jobs] == [(64, 64), (64, 8), (64, 2)]
    rounds = re.split(r"chunksize .*", finished.printed)[1:]
    for pool, printed in zip(pools, rounds, strict=True):
        told = sorted(int(items) for items in re.findall(r": (\d+) items", printed))
        assert told == sorted(each["items"] for each in pool["workers"] if each["items"])


def test_workers_are_replaced_after_so_many_tasks(start_method: str) -> None:
    words = ("workers=2", "items=11", "maxtasksperchild=2", "megabytes=1", "task_ms=1")
    finished = run(start_method, "pool-recycle", *words)
    pool = finished.only("pools")
    (job,) = pool["jobs"]
    assert counts(job) == (11, 11, 11, 0, 0)
    workers = tasks_by_worker(pool)
    assert len(workers) >= 6 > pool["size"] == 2
    assert max(workers.values()) == 2
    exit_codes = {each["pid"]: each["exit_code"] for each in finished.document["processes"]}
    assert {exit_codes[pid] for pid in workers} == {0}
    told = re.findall(r"pid (\d+) keeps (\d+) MB", finished.printed)
    assert {int(pid): int(megabytes) for pid, megabytes in told} == workers


def test_a_broken_image_does_not_make_its_task_fail(start_method: str) -> None:
    finished = run(start_method, "thumbnails", "workers=2", "images=7", "width=200", "size=50")
    pool = finished.only("pools")
    (job,) = pool["jobs"]
    assert (job["call"], counts(job)) == ("imap_unordered", (7, 7, 7, 0, 0))
    assert {task["function"] for task in finished.document["tasks"]} == {"process_image"}
    assert "processed 6, failed 1, " in finished.printed
    assert len(re.findall(r"photo-\d+\.jpg: error: ", finished.printed)) == 1
    shares = re.findall(r"^(\w+-\d): (\d+) images$", finished.printed, re.MULTILINE)
    names = {each["name"]: each["pid"] for each in finished.document["processes"]}
    assert {names[name]: int(images) for name, images in shares} == tasks_by_worker(pool)
