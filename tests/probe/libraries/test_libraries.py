"""Libraries with pools of their own, from joblib, and the loky in it, to pytest-xdist.

What the program says of itself is compared with what is shown of it: who ran which call.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.command import CALL
from helpers.runs import Observed, RunProgram
from mpviz.trace.model.state import HELPERS

SPAWN, SPAWN_PICKLE, SPAWN_DILL = (
    pytest.param(words, marks=pytest.mark.thorough)
    for words in ("multiprocessing spawn", "spawn pickle", "spawn dill")
)


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


def test_mpire_has_its_pools_and_threads_are_none(mpire: Observed) -> None:
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
    run_program: RunProgram, start_method: str
) -> None:
    run = run_program(MULTIPROCESS, start_method)
    run.assert_nothing_was_missed()
    children = [run.process(f"child {number}") for number in range(2)]
    assert sorted(process["pid"] for process in children) == sorted(run.facts("pids"))
    assert {process["start_method"] for process in children} == {start_method}
    assert run.one("locks", "lock")["acquisitions"] == 2
    assert (run.one("queues", "queue")["puts"], run.one("queues", "queue")["gets"]) == (2, 2)
    assert run.one("values", "value")["last"] == 2
    assert (run.one("events", "event")["sets"], run.one("events", "event")["waits"]) == (1, 2)
    assert run.one("pipes", "left/right")["sends"] == 1
    assert run.facts("doubled") == [0, 2, 4, 6]
    pool = pool_of(run, "pool")
    assert sums_of(pool) == {"tasks": 4, "started": 4, "done": 4}
    assert {job["function"] for job in pool["jobs"]} == {"lambda at program.py:29"}


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
def billiard(run_program: RunProgram, start_method: str) -> Observed:
    return run_program(BILLIARD, start_method)


def test_billiard_misses_nothing_and_adds_up(billiard: Observed) -> None:
    stream = billiard.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)
    assert_workers_add_up(billiard)
    for section in ("values", "pipes", "events", "conditions"):
        assert billiard.document[section] == [], section


def test_billiard_s_processes_locks_and_queues_are_those_of_the_program(
    billiard: Observed, start_method: str
) -> None:
    assert billiard.facts("got") == [0, 1]
    (lock,) = billiard.document["locks"]
    assert (lock["name"], lock["acquisitions"]) == ("lock", 2)
    (queue,) = billiard.document["queues"]
    assert (queue["name"], queue["puts"], queue["gets"]) == ("queue", 2, 2)
    functions = [each.function for each in billiard.state.processes.values() if each.function]
    assert functions == ["child", "child"]
    methods = {each["start_method"] for each in billiard.document["processes"]}
    assert start_method in methods


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
def pebble(run_program: RunProgram, start_method: str) -> Observed:
    return run_program(COMMON + PEBBLE, start_method)


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
    run_program: RunProgram, start_method: str
) -> None:
    run = run_program(AIOMULTIPROCESS, start_method)
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


PRINTING = """
import sys, time, traceback
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import Pool

def square(number):
    return number * number

def invert(number):
    return 1 / number

def unpicklable(number):
    return lambda: number

class Unreadable:
    def __reduce__(self):
        return invert, (0,)

def joblib(backend):
    from joblib import Parallel, delayed
    print(Parallel(2, backend=backend)(delayed(square)(number) for number in range(10)))
    for function, argument in ((invert, 0), (unpicklable, 0)):
        try:
            Parallel(2, backend=backend)([delayed(function)(argument)])
        except Exception:
            traceback.print_exc()
    if backend == "loky":
        # A Pool would wait for ever.
        Parallel(2, backend=backend)([delayed(square)(Unreadable())])

def mpire(_):
    from mpire import WorkerPool
    with WorkerPool(2) as pool:
        print(pool.map(square, range(10)))
        pool.map(invert, [2, 1, 0], chunk_size=1)

def executor(_):
    with ProcessPoolExecutor(1) as executor:
        calls = ((square, 2), (invert, 0), (unpicklable, 0), (square, Unreadable()))
        for function, argument in calls:
            future = executor.submit(function, argument)
            # Else it may be done or not when it is asked for its result, from another line.
            wait([future])
            try:
                print(future.result())
            except Exception:
                traceback.print_exc()
    sys.exit(3)

def pool(_):
    pool = Pool(1)
    print(pool.map(square, range(10)))
    first = pool._pool[0]
    pool.apply_async(square, [Unreadable()])
    first.join()
    pool.terminate()
    pool.join()

if __name__ == "__main__":
    what, _, backend = sys.argv[1].partition(" ")
    globals()[what](backend)
"""


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.thorough
@pytest.mark.parametrize(
    "what", ["joblib loky", "joblib multiprocessing", "mpire", "executor", "pool"]
)
def test_output_tracebacks_and_status_are_the_same(what: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PRINTING)
    bare, watched = [
        subprocess.run(
            [sys.executable, *command, "program.py", what],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for command in ((), ("-c", CALL, "run", "--headless", "--python", sys.executable))
    ]
    assert "ZeroDivisionError: division by zero" in bare.stderr
    assert (watched.stdout, watched.returncode) == (bare.stdout, bare.returncode)
    assert "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]" in bare.stdout or what == "executor"
    lines, expected = [
        re.sub("0x[0-9a-f]+", "", done.stderr).splitlines() for done in (watched, bare)
    ]
    assert [line for line in lines if not line.startswith("mpviz: ")] == expected


WAITING = """
import sys, time
from telling import tell

def nap(number):
    time.sleep(0.3)
    return number

def timed(call, *args):
    began = time.monotonic()
    result = list(call(*args))
    tell(took=time.monotonic() - began, result=result)

def billiard():
    from billiard import Pool
    with Pool(2) as pool:
        timed(pool.map, nap, range(6), 1)

def pebble():
    from pebble import ProcessPool
    with ProcessPool(2) as pool:
        timed(pool.map(nap, range(6)).result)

def joblib(backend):
    from joblib import Parallel, delayed
    timed(Parallel(2, backend=backend), [delayed(nap)(number) for number in range(6)])

if __name__ == "__main__":
    name, *rest = sys.argv[1].split()
    globals()[name](*rest)
"""


@pytest.mark.parametrize("what", ["billiard", "pebble", "joblib loky", "joblib multiprocessing"])
def test_whoever_calls_a_pool_of_a_library_is_shown_to_wait_for_its_results(
    run_program: RunProgram, what: str
) -> None:
    pytest.importorskip(what.split(maxsplit=1)[0])
    run = run_program(WAITING, what, start_method="fork")
    run.assert_nothing_was_missed()
    (told,) = run.told
    assert told["result"] == list(range(6))
    (main,) = [
        each["phases"]
        for each in run.document["phases"]["processes"]
        if each["name"] == "MainProcess"
    ]
    assert told["took"] / 2 < main["waiting_for_result"] < told["took"] * 1.01
    assert main["sleeping"] < told["took"] / 3
