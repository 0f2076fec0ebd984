"""The scenarios on the GIL and on processes, run by the real command: what each teaches is so."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from helpers.scenario_runs import run, run_as_it_chooses

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_the_same_work_is_done_each_way_and_only_in_one_by_processes(
    start_method: str,
) -> None:
    finished = run(start_method, "gil-race", "workers=3", "tasks=7", "size=2000", "pause=0")
    counted = re.findall(r"in (\w+): (\d+) primes", finished.printed)
    # There are 303 primes below 2000.
    assert counted[:3] == [("sequence", "2121"), ("threads", "2121"), ("processes", "2121")]
    # From Python 3.14 on, there are interpreters, too.
    assert counted[3:] in ([], [("interpreters", "2121")])
    workers = finished.started()
    assert [name.partition("-")[0][-10:] for name in workers] == 3 * ["PoolWorker"]
    assert {worker["parent_pid"] for worker in workers.values()} == {finished.main()["pid"]}
    pool, tasks = finished.only("pools"), finished.document["tasks"]
    assert (pool["size"], [job["items"] for job in pool["jobs"]]) == (3, [7])
    assert {(task["outcome"], task["function"]) for task in tasks} == {("done", "calculate_primes")}
    pids = {worker["pid"] for worker in workers.values()}
    assert len(tasks) == 7
    assert {task["worker_pid"] for task in tasks} <= pids


def test_two_workers_have_the_main_process_as_their_parent_and_end_well(start_method: str) -> None:
    finished = run(start_method, "two-workers", "iterations=1000", "pause=0")
    main, workers = finished.main(), finished.started()
    assert set(workers) == {"worker-A", "worker-B"}
    for name, worker in workers.items():
        assert (worker["parent_pid"], worker["exit_code"]) == (main["pid"], 0)
        ids = f"I am {worker['pid']}, my parent is {main['pid']}"
        assert f"worker {name[-1]}: {ids}" in finished.printed
        assert f"{name} joined: pid {worker['pid']}, exit code 0" in finished.printed


def test_every_method_starts_its_children_whatever_the_default_is(start_method: str) -> None:
    finished = run_as_it_chooses(start_method, "start-methods", "seconds=0")
    children = finished.started()
    assert {name: child["start_method"] for name, child in children.items()} == {
        f"{method}-{number}": method
        for method in ("fork", "spawn", "forkserver")
        for number in (1, 2)
    }
    ends = {(child["parent_pid"], child["exit_code"]) for child in children.values()}
    assert ends == {(finished.main()["pid"], 0)}
    # Both children of the fork server come from the same one.
    roles = [process["role"] for process in finished.document["processes"]]
    assert roles.count("fork server") == 1
    seen = dict(re.findall(r"(\S+): first line .* (imports \w+, colour \w+)", finished.printed))
    inherited, anew = "imports inherited, colour red", "imports anew, colour blue"
    assert seen == {name: inherited if "fork-" in name else anew for name in children}


def test_only_the_method_that_is_asked_for_is_tried(start_method: str) -> None:
    finished = run_as_it_chooses("fork", "start-methods", "seconds=0", f"method={start_method}")
    assert {child["start_method"] for child in finished.started().values()} == {start_method}


def test_the_child_of_the_unguarded_program_fails_and_starts_none(start_method: str) -> None:
    finished = run_as_it_chooses(start_method, "main-guard", "seconds=0", fault="no-main-guard")
    processes = finished.document["processes"]
    children = [each for each in processes if each["start_method"] == "spawn"]
    # A helper that ended as soon as it was seen may still pass for a program, but starts nothing.
    parents = {each["parent_pid"] for each in children}
    unguarded, guarded = [each for each in processes if each["pid"] in parents]
    assert (unguarded["role"], guarded["role"]) == ("program", "program")
    assert re.findall(r"^(\w+\.py): exit code (\d+)$", finished.printed, re.MULTILINE) == [
        ("unguarded.py", "1"),
        ("guarded.py", "0"),
    ]
    for program, exit_code in ((unguarded, 1), (guarded, 0)):
        assert program["parent_pid"] == finished.main()["pid"]
        # It is unknown where its own parent has collected it before anybody could look.
        assert program["exit_code"] in (exit_code, None)
        (child,) = [each for each in children if each["parent_pid"] == program["pid"]]
        assert child["exit_code"] == exit_code
    # And none of them has a child of its own.
    assert len(children) == 2
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
