"""The workers of pytest-xdist, and those of aiomultiprocess, which do many tasks at a time."""

from __future__ import annotations

import pytest

from helpers.libraries import (
    assert_workers_add_up,
    pool_of,
    sums_of,
    tasks_of,
)
from helpers.runs import RunProgram

XDIST = """
import os, pathlib, sys
import pytest

TESTS = '''
import os, subprocess, sys
import pytest
from telling import tell

@pytest.fixture(autouse=True)
def telling(request):
    tell(ran=[request.node.nodeid, os.environ["PYTEST_XDIST_WORKER"], os.getpid()])

@pytest.mark.parametrize("number", range(6))
def test_good(number): pass

def test_wrong(): assert 1 == 2

def test_raises(): {}["key"]

@pytest.mark.xfail
def test_expected(): raise ValueError

@pytest.fixture
def broken(): raise OSError("broken")

def test_of_broken(broken): pass

def test_that_runs_pytest():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "inner.py"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
'''

if __name__ == "__main__":
    pathlib.Path("test_some.py").write_text(TESTS)
    pathlib.Path("inner.py").write_text("def test_inner(): pass")
    sys.exit(pytest.main(["-q", "-n", "2", "-p", "no:cacheprovider", "test_some.py"]))
"""


@pytest.mark.thorough
def test_the_workers_of_xdist_have_their_names_and_run_tests(run_program: RunProgram) -> None:
    run = run_program(XDIST, exit_code=1)
    stream = run.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(run)
    (pool,) = run.document["pools"]
    assert (pool["name"], pool["kind"], pool["size"]) == ("pytest 1", "pytest-xdist", 2)
    assert sums_of(pool) == {"tasks": 11, "started": 11, "done": 8, "raised": 3}
    pids = {name: run.process(name)["pid"] for name in ("gw0", "gw1")}
    ran = {
        test: (worker, pid)
        for test, worker, pid in (facts["ran"] for facts in run.told if "ran" in facts)
    }
    tasks = {task["function"]: task for task in tasks_of(run, pool)}
    assert ran.keys() == tasks.keys()
    for test, (worker, pid) in ran.items():
        assert pid == pids[worker] == tasks[test]["worker_pid"]
    assert {name: task["error"] for name, task in tasks.items() if task["error"]} == {
        "test_some.py::test_wrong": "AssertionError",
        "test_some.py::test_raises": "KeyError",
        "test_some.py::test_of_broken": "OSError",
    }


AIOMULTIPROCESS = """
import asyncio, os, sys
import aiomultiprocess
from telling import tell

async def who(number):
    await asyncio.sleep(0.01)
    return [number, os.getpid()]

async def fail(number):
    raise KeyError(number)

async def together(number):
    await asyncio.sleep(0.5)

async def last(number):
    await asyncio.sleep(60)

async def main():
    aiomultiprocess.set_start_method(sys.argv[1])
    async with aiomultiprocess.Pool(2) as pool:
        tell(map=await pool.map(who, range(6)), apply=await pool.apply(who, (7,)))
        await pool.map(together, range(6))
        try:
            await pool.apply(fail, (1,))
        except Exception as error:
            tell(error=type(error).__name__)
    tell(alone=await aiomultiprocess.Worker(target=who, args=(5,)))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_aiomultiprocess_s_workers_do_many_tasks_at_a_time(
    run_program: RunProgram, fork_at_least: str
) -> None:
    run = run_program(AIOMULTIPROCESS, fork_at_least)
    stream = run.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(run)
    for section in ("queues", "locks", "values", "pipes", "events", "conditions"):
        assert run.document[section] == [], section
    pool = pool_of(run, "pool")
    assert (pool["kind"], pool["size"], len(pool["workers"])) == ("aiomultiprocess Pool", 2, 2)
    assert sums_of(pool) == {"tasks": 14, "started": 14, "done": 13, "raised": 1}
    tasks = tasks_of(run, pool)
    ran = [task["worker_pid"] for task in tasks if task["function"] == "who"]
    assert ran == [pid for _, pid in (*run.facts("map"), run.facts("apply"))]
    (failed,) = [task for task in tasks if task["outcome"] == "raised"]
    assert (failed["function"], failed["error"]) == ("fail", "KeyError")
    beside = [task for task in tasks if task["function"] == "together"]
    assert max(task["started"] for task in beside) < min(task["ended"] for task in beside)
