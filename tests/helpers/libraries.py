"""What the programs that use pools of libraries share, and what holds of all these pools."""

from __future__ import annotations

from typing import Any

from helpers.runs import Observed
from mpviz.trace.model.state import HELPERS

COMMON = """
import os, signal, sys, time
from concurrent import futures
from telling import tell

def who(number):
    return [number, os.getpid()]

def other(number):
    return [number, os.getpid()]

def fail(number):
    if number == 3:
        raise KeyError(number)
    return [number, os.getpid()]

def die(number):
    os.kill(os.getpid(), signal.SIGKILL)

def error_of(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
"""


def pool_of(run: Observed, name: str) -> dict[str, Any]:
    return run.one("pools", name)


def tasks_of(run: Observed, pool: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a pool, job by job and in the order of its chunks."""
    tasks = [task for task in run.document["tasks"] if task["pool"] == pool["id"]]
    return sorted(tasks, key=lambda task: (task["job"], task["index"]))


def sums_of(pool: dict[str, Any]) -> dict[str, int]:
    """What became of all tasks of a pool, without what did not happen."""
    words = (
        "tasks",
        "started",
        "done",
        "raised",
        "lost",
        "cancelled",
        "never_run",
        "stopped",
        "pending",
    )
    sums = {word: sum(job[word] for job in pool["jobs"]) for word in words}
    return {word: number for word, number in sums.items() if number}


def assert_workers_add_up(run: Observed) -> None:
    """Each worker is a process of the program, with as many tasks as bear its pid."""
    processes = {process["pid"]: process for process in run.document["processes"]}
    for pool in run.document["pools"]:
        tasks = tasks_of(run, pool)
        for worker in pool["workers"]:
            own = [task for task in tasks if task["worker_pid"] == worker["pid"]]
            assert worker["tasks"] == sum(task["outcome"] in ("done", "raised") for task in own)
            assert processes[worker["pid"]]["role"] == "worker"


def assert_nothing_else_is_shown(run: Observed) -> None:
    """What the pools are made of is not the program's own."""
    for section in ("queues", "locks", "values", "pipes", "events", "conditions"):
        assert run.document[section] == [], section
    for process in run.document["processes"]:
        # One that is ended before it is ready is no worker yet: one does the work of two at times.
        is_made_for_it = "PoolWorker" in process["name"] or "LokyProcess" in process["name"]
        assert is_made_for_it or process["role"] in ("main", *HELPERS), process
