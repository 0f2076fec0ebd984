"""Pools of joblib, and of the loky in it: each call where it really ran."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.libraries import (
    COMMON,
    assert_nothing_else_is_shown,
    assert_workers_add_up,
    pool_of,
    sums_of,
    tasks_of,
)
from helpers.runs import Observed, RunProgram

SPAWN = pytest.param("multiprocessing spawn", marks=pytest.mark.thorough)

JOBLIB = """
import multiprocessing
from joblib import Parallel, delayed

def main():
    backend, method = sys.argv[1:]
    if method:
        multiprocessing.set_start_method(method)
    results = Parallel(n_jobs=2, backend=backend, batch_size=3, pre_dispatch="all")(
        delayed(who)(number) for number in range(12)
    )
    tell(results=results)
    with Parallel(n_jobs=2, backend=backend, batch_size=2, pre_dispatch="all") as parallel:
        tell(both=parallel(delayed(each)(0) for each in (who, other, who, who)))
        tell(again=parallel(delayed(len)([0] * number) for number in range(4)))
    tell(error=error_of(Parallel(2, backend=backend), [delayed(fail)(3)]))
"""


@pytest.fixture(
    scope="module",
    params=["loky ", "multiprocessing fork", SPAWN],
    ids=str.strip,
)
def joblib(request: pytest.FixtureRequest, run_program: RunProgram) -> Observed:
    return run_program(COMMON + JOBLIB, *request.param.split(" "))


def pools_of_joblib(run: Observed) -> list[dict[str, Any]]:
    """The pools that the program's three calls have used; loky's is used again."""
    pools = run.document["pools"]
    return [pools[0]] * 3 if len(pools) == 1 else pools


def test_joblib_misses_nothing_and_adds_up(joblib: Observed) -> None:
    joblib.assert_nothing_was_missed()
    assert_workers_add_up(joblib)
    assert_nothing_else_is_shown(joblib)


def test_joblib_has_a_pool_named_by_the_place_of_the_call(joblib: Observed) -> None:
    first, second, _ = pools_of_joblib(joblib)
    kind = "loky executor" if first is second else "Pool"
    assert (first["kind"], first["size"], first["broken"]) == (kind, 2, False)
    line = 1 + (COMMON + JOBLIB).splitlines().index(
        '    results = Parallel(n_jobs=2, backend=backend, batch_size=3, pre_dispatch="all")('
    )
    # What the line assigns to is not the pool.
    assert first["name"] == f"Parallel at program.py:{line}"
    if first is not second:
        assert second["name"] == "parallel"


def test_a_batch_of_joblib_bears_the_function_the_calls_and_the_pid_that_ran_it(
    joblib: Observed,
) -> None:
    batches = tasks_of(joblib, pools_of_joblib(joblib)[0])[:4]
    assert [task["function"] for task in batches] == ["who"] * 4
    assert [task["items"] for task in batches] == [3] * 4
    ran = [pid for task in batches for pid in [task["worker_pid"]] * task["items"]]
    assert [[number, pid] for number, pid in enumerate(ran)] == joblib.facts("results")


def test_a_batch_of_two_functions_bears_both(joblib: Observed) -> None:
    first, second, _ = pools_of_joblib(joblib)
    tasks = tasks_of(joblib, second)[4:] if first is second else tasks_of(joblib, second)
    assert [task["function"] for task in tasks[:4]] == ["who, other", "who", "len", "len"]
    both = [pid for _, pid in joblib.facts("both")]
    assert [task["worker_pid"] for task in tasks[:2] for _ in range(2)] == both
    assert joblib.facts("again") == [0, 1, 2, 3]


def test_every_batch_of_joblib_comes_to_its_end(joblib: Observed) -> None:
    pools = joblib.document["pools"]
    assert sum(sums_of(pool)["started"] for pool in pools) == 9
    assert joblib.facts("error") == "KeyError"
    if len(pools) == 1:
        (failed,) = [task for task in joblib.document["tasks"] if task["error"]]
        assert (failed["function"], failed["error"]) == ("fail", "KeyError")


LOKY = """
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky import wrap_non_picklable_objects

def unreadable(number):
    raise KeyError(number)

class Unreadable:
    def __reduce__(self):
        return unreadable, (7,)

def nested(count):
    with ProcessPoolExecutor(2) as inner:
        return [os.getpid(), list(inner.map(who, range(count)))]

def prepare(text):
    tell(prepared=[os.getpid(), text])

def main():
    executor = get_reusable_executor(max_workers=2)
    tell(map=list(executor.map(who, range(10), chunksize=3)))
    tell(submit=executor.submit(who, 4).result(), raised=error_of(executor.submit(fail, 3).result))
    twice = wrap_non_picklable_objects(lambda number: 2 * number)
    tell(wrapped=executor.submit(twice, 4).result())
    tell(waited=len(futures.wait([executor.submit(who, number) for number in range(3)]).done))
    executor = get_reusable_executor(max_workers=3)
    tell(grown=list(executor.map(who, range(6))))
    executor = get_reusable_executor(max_workers=1)
    tell(shrunk=list(executor.map(who, range(2))))
    tell(unsendable=error_of(executor.submit(who, sys._getframe()).result))
    executor.shutdown(True, False)

    # Long enough for the end not to meet another worker that is about to go: loky can hang there.
    with ProcessPoolExecutor(1, initializer=prepare, initargs=("ready",), timeout=1.5) as own:
        tell(nested=own.submit(nested, 4).result())
        while own._processes:
            time.sleep(0.01)
        tell(late=own.submit(who, 1).result())

    broken = ProcessPoolExecutor(1)
    calls = [broken.submit(each, 1) for each in (die, who, who)]
    tell(broken=[error_of(call.result) for call in calls], after=error_of(broken.submit, who, 1))
    unread = ProcessPoolExecutor(1)
    tell(unread=error_of(unread.submit(who, Unreadable()).result))
"""


@pytest.fixture(scope="module")
def loky(run_program: RunProgram) -> Observed:
    return run_program(COMMON + LOKY)


def test_loky_loses_nothing_and_adds_up(loky: Observed) -> None:
    stream = loky.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(loky)


def test_loky_s_calls_bear_the_pids_that_really_ran_them(loky: Observed) -> None:
    pool = pool_of(loky, "executor")
    tasks = tasks_of(loky, pool)
    chunks = tasks[:4]
    assert [task["items"] for task in chunks] == [3, 3, 3, 1]
    assert {(task["function"], task["job"]) for task in chunks} == {("who", 0)}
    ran = [pid for task in chunks for pid in [task["worker_pid"]] * task["items"]]
    assert [pid for _, pid in loky.facts("map")] == ran
    assert loky.facts("unsendable") == "PicklingError"
    single = [task["worker_pid"] for task in tasks[4:]]
    assert single[0] == loky.facts("submit")[1]
    assert single[-8:] == [pid for _, pid in loky.facts("grown") + loky.facts("shrunk")]
    expected = {"tasks": 19, "started": 18, "done": 17, "raised": 1, "never_run": 1}
    assert sums_of(pool) == expected
    (failed,) = [task for task in tasks if task["outcome"] == "raised"]
    assert (failed["function"], failed["error"]) == ("fail", loky.facts("raised"))
    (wrapped,) = [task for task in tasks if "lambda" in task["function"]]
    # Its code was pickled by value: it is in no file any more.
    assert wrapped["function"].startswith("lambda at <dynamic-code>:")
    assert loky.facts("wrapped") == 8


def test_a_loky_executor_that_is_resized_has_its_new_size(loky: Observed) -> None:
    pool = pool_of(loky, "executor")
    assert (pool["kind"], pool["size"], len(pool["workers"])) == ("loky executor", 1, 3)
    resized = [text for text in loky.log if text.startswith("resizes executor")]
    assert resized == ["resizes executor to 3 workers", "resizes executor to 1 worker"]


def test_a_loky_worker_that_ran_out_of_time_is_followed_by_another(loky: Observed) -> None:
    pool = pool_of(loky, "own")
    first, second = pool["workers"][:2]
    assert loky.facts("nested")[0] == first["pid"]
    assert loky.facts("late")[1] == second["pid"]
    assert pool["initializer"] == "prepare"
    prepared = [facts["prepared"][0] for facts in loky.told if "prepared" in facts]
    assert prepared == [worker["pid"] for worker in pool["workers"]]
    assert all(worker["initialized"] == 1 for worker in pool["workers"])
    assert sums_of(pool) == {"tasks": 2, "started": 2, "done": 2}


def test_an_executor_within_a_loky_worker_is_shown_as_any_other(loky: Observed) -> None:
    outer, calls = loky.facts("nested")
    (pool,) = [pool for pool in loky.document["pools"] if ":" in pool["name"]]
    assert [task["worker_pid"] for task in tasks_of(loky, pool)] == [pid for _, pid in calls]
    parents = {process["pid"]: process["parent_pid"] for process in loky.document["processes"]}
    assert {parents[worker["pid"]] for worker in pool["workers"]} == {outer}


def test_a_broken_loky_executor_is_shown_with_the_exception_that_it_gives(loky: Observed) -> None:
    pool = pool_of(loky, "broken")
    assert loky.facts("broken") == ["TerminatedWorkerError"] * 3
    assert loky.facts("after") == "TerminatedWorkerError"
    assert pool["broken"] is True
    assert sums_of(pool) == {"tasks": 3, "started": 1, "lost": 1, "never_run": 2}
    assert any("TerminatedWorkerError for all 3 calls not done" in text for text in loky.log)


def test_a_call_that_no_worker_can_read_breaks_a_loky_executor(loky: Observed) -> None:
    pool = pool_of(loky, "unread")
    assert loky.facts("unread") == "BrokenProcessPool"
    assert (pool["broken"], sums_of(pool)) == (True, {"tasks": 1, "never_run": 1})
