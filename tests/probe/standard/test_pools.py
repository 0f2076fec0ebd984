"""Pools of a real program: each task started and ended once, in the worker that really ran it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.runs import Observed, RunProgram
from mpviz.trace.model.lane import Activity

PROGRAM = """
import multiprocessing as mp, os, threading, time
from multiprocessing.pool import ThreadPool
from telling import tell

def who(number, more=0):
    return [number, os.getpid()]

def fail(number):
    raise KeyError(number)

def unpicklable(number):
    return lambda: number

def prepare(text):
    tell(initialized=[os.getpid(), text])

class Callable:
    def __call__(self, number):
        return os.getpid()

def error_of(function, *args):
    try:
        return [False, function(*args)]
    except Exception as error:
        return [True, type(error).__name__]

def main():
    calls = {}
    with mp.Pool(2, initializer=prepare, initargs=("ready",)) as workers:
        calls["map"] = workers.map(who, range(10), chunksize=3)
        calls["starmap"] = workers.starmap(who, [(n, n) for n in range(4)], chunksize=1)
        calls["imap"] = list(workers.imap(who, range(5)))
        calls["imap chunks"] = list(workers.imap(who, range(5), chunksize=2))
        calls["imap_unordered"] = list(workers.imap_unordered(who, range(6)))
        calls["apply"] = [workers.apply(who, (1,))]
        results = [workers.apply_async(who, (n,)) for n in range(3)]
        calls["apply_async"] = [result.get() for result in results]
        calls["callable"] = workers.map(Callable(), range(2), chunksize=1)
        calls["empty"] = workers.map(who, [])
        calls["raised"] = error_of(workers.map, fail, [7])
        calls["raised alone"] = error_of(workers.apply, fail, (7,))
        calls["unpicklable"] = error_of(workers.apply, unpicklable, (7,))
        calls["after"] = workers.map(who, [1])
        workers.close()
        workers.join()
    with mp.Pool(1, maxtasksperchild=2) as renewed:
        calls["renewed"] = [renewed.apply(who, (n,)) for n in range(6)]
        renewed.close()
        renewed.join()
    with ThreadPool(2) as threads:
        calls["threads"] = threads.map(len, ["a", "bc"])
    tell(calls=calls, pid=os.getpid(), threads=threading.active_count())
"""


def tasks_of(run: Observed, job: int, pool: str = "workers") -> list[dict[str, Any]]:
    """The tasks of a pool's nth job, by index."""
    entry = run.one("pools", pool)
    number = entry["jobs"][job]["job"]
    tasks = [
        task
        for task in run.document["tasks"]
        if (task["pool"], task["job"]) == (entry["id"], number)
    ]
    return sorted(tasks, key=lambda task: task["index"])


def jobs_of(run: Observed, pool: str = "workers") -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = run.one("pools", pool)["jobs"]
    return jobs


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_there_are_two_pools_and_a_pool_of_threads_is_none(run: Observed) -> None:
    assert [pool["name"] for pool in run.document["pools"]] == ["workers", "renewed"]
    assert run.facts("calls")["threads"] == [1, 2]


def test_every_task_is_started_once_and_ended_once(run: Observed) -> None:
    for pool in run.document["pools"]:
        for job in pool["jobs"]:
            assert job["started"] == job["done"] + job["raised"] == job["tasks"], job
            assert job["lost"] == 0
            assert job["ended"] is not None, job
    keys = [(task["pool"], task["job"], task["index"]) for task in run.document["tasks"]]
    assert (
        len(keys)
        == len(set(keys))
        == sum(job["tasks"] for pool in run.document["pools"] for job in pool["jobs"])
    )
    for task in run.document["tasks"]:
        assert task["submitted"] <= task["started"] <= task["ended"]


JOBS = [
    ("map", "map", 3, [3, 3, 3, 1]),
    ("starmap", "starmap", 1, [1, 1, 1, 1]),
    ("imap", "imap", 1, [1] * 5),
    ("imap chunks", "imap", 2, [2, 2, 1]),
    ("imap_unordered", "imap_unordered", 1, [1] * 6),
    ("apply", "apply", 1, [1]),
]


@pytest.mark.parametrize(("job", "expected"), list(enumerate(JOBS)), ids=[job[0] for job in JOBS])
def test_each_task_bears_the_pid_that_really_ran_it(
    run: Observed, job: int, expected: tuple[str, str, int, list[int]]
) -> None:
    name, call, _, items = expected
    tasks = tasks_of(run, job)
    assert [task["items"] for task in tasks] == items
    assert {task["function"] for task in tasks} == {"who"}
    assert {task["outcome"] for task in tasks} == {"done"}
    assert jobs_of(run)[job]["call"] == call
    answers = sorted(run.facts("calls")[name])
    ran = [pid for task in tasks for pid in [task["worker_pid"]] * task["items"]]
    if name == "imap chunks":
        # Which of its items a chunk holds is only told where the call itself says so.
        assert sorted(pid for _, pid in answers) == sorted(ran)
    else:
        assert [pid for _, pid in answers] == ran


def test_the_calls_of_apply_async_are_jobs_of_one_task(run: Observed) -> None:
    answers = run.facts("calls")["apply_async"]
    for job, (_, pid) in enumerate(answers, start=6):
        (task,) = tasks_of(run, job)
        assert (task["worker_pid"], task["outcome"]) == (pid, "done")


def test_an_object_that_can_be_called_is_named_by_its_class(run: Observed) -> None:
    tasks = tasks_of(run, 9)
    assert [task["function"] for task in tasks] == ["Callable", "Callable"]
    assert [task["worker_pid"] for task in tasks] == run.facts("calls")["callable"]


def test_a_map_of_nothing_is_a_job_without_tasks(run: Observed) -> None:
    job = jobs_of(run)[10]
    assert (job["call"], job["tasks"], job["items"], job["started"]) == ("map", 0, 0, 0)


def test_an_exception_is_the_outcome_of_its_task(run: Observed) -> None:
    calls = run.facts("calls")
    assert calls["raised"] == calls["raised alone"] == [True, "KeyError"]
    for job in (11, 12):
        (task,) = tasks_of(run, job)
        assert (task["outcome"], task["error"], task["function"]) == ("raised", "KeyError", "fail")
        assert jobs_of(run)[job]["raised"] == 1


def test_a_result_that_cannot_be_pickled_is_an_error_of_its_task(run: Observed) -> None:
    assert run.facts("calls")["unpicklable"] == [True, "MaybeEncodingError"]
    (task,) = tasks_of(run, 13)
    assert (task["outcome"], task["error"]) == ("raised", "MaybeEncodingError")


def test_the_pool_works_on_after_errors(run: Observed) -> None:
    (task,) = tasks_of(run, 14)
    assert [task["worker_pid"]] == [pid for _, pid in run.facts("calls")["after"]]


def test_the_counts_of_the_workers_add_up(run: Observed) -> None:
    for pool in run.document["pools"]:
        tasks = [task for task in run.document["tasks"] if task["pool"] == pool["id"]]
        for worker in pool["workers"]:
            own = [task for task in tasks if task["worker_pid"] == worker["pid"]]
            assert worker["tasks"] == len(own)
            assert worker["items"] == sum(task["items"] for task in own)
        assert sum(worker["tasks"] for worker in pool["workers"]) == len(tasks)


def test_workers_are_known_and_initialized_where_they_run(run: Observed) -> None:
    initialized = [facts["initialized"] for facts in run.told if "initialized" in facts]
    pool = run.one("pools", "workers")
    assert sorted(pid for pid, _ in initialized) == sorted(
        worker["pid"] for worker in pool["workers"]
    )
    assert pool["size"] == 2
    for process in run.document["processes"]:
        if process["pid"] in [pid for pid, _ in initialized]:
            assert (process["role"], process["daemon"]) == ("worker", True)
            assert "PoolWorker" in process["name"]
            assert process["parent_pid"] == run.facts("pid")


def test_a_worker_that_did_its_share_is_replaced(run: Observed) -> None:
    answers = run.facts("calls")["renewed"]
    pids = [pid for _, pid in answers]
    assert [
        task["worker_pid"] for job in range(6) for task in tasks_of(run, job, "renewed")
    ] == pids
    workers = run.one("pools", "renewed")["workers"]
    assert [worker["tasks"] for worker in workers[:3]] == [2, 2, 2]
    assert [worker["pid"] for worker in workers[:3]] == pids[::2]
    ended = {process["pid"]: process["exit_code"] for process in run.document["processes"]}
    assert [ended[pid] for pid in pids] == [0] * 6


def test_the_replacements_are_counted_and_no_trouble(run: Observed) -> None:
    pool = run.one("pools", "renewed")
    assert pool["max_tasks_per_worker"] == 2
    assert pool["replaced"] == len(pool["workers"]) - 1 >= 2
    assert run.log.count("has done its 2 tasks and retires") == 3
    assert sum(text.startswith("takes the place of ") for text in run.log) == pool["replaced"]
    assert run.one("pools", "workers")["max_tasks_per_worker"] is None
    troubles = [entry.text for entry in run.state.log if entry.trouble]
    assert sorted(troubles) == [
        *["fail raised KeyError"] * 2,
        "unpicklable raised MaybeEncodingError",
    ]


def test_each_worker_is_initialized_once_and_seen_to_be(run: Observed) -> None:
    pool = run.one("pools", "workers")
    assert pool["initializer"] == "prepare"
    for worker in pool["workers"]:
        assert worker["initialized"] == 1
        assert worker["initialization"] > 0
        lane = run.state.by_pid[worker["pid"]].lane
        initializing = [span for span in lane.spans if span.activity is Activity.INITIALIZING]
        assert [span.detail for span in initializing] == ["prepare"]
    renewed = run.one("pools", "renewed")
    assert renewed["initializer"] is None
    assert {worker["initialized"] for worker in renewed["workers"]} == {0}


def test_the_queues_and_locks_of_a_pool_are_not_the_program_s(run: Observed) -> None:
    assert run.document["queues"] == []
    assert run.document["locks"] == []


def test_waiting_for_results_is_shown_as_such(run: Observed) -> None:
    main = run.state.processes[run.state.main]
    waited = {span.activity.name for span in main.lane.spans}
    assert "RESULT" in waited


CALLBACKS = """
import multiprocessing as mp, os, sys, time
from telling import tell

def who(number, more=0):
    return [number, os.getpid()]

def fail(number):
    raise KeyError(number)

def fail_once(marker):
    if not os.path.exists(marker):
        open(marker, "w").close()
        os._exit(3)

def step(gate):
    if gate:
        with open(gate) as opened:
            opened.read()

def main():
    called, failed = [], []
    both = {"callback": called.append, "error_callback": failed.append}
    with mp.Pool(2) as calling:
        waiting = [
            calling.apply_async(who, (1,), **both),
            calling.apply_async(fail, (1,), **both),
            calling.apply_async(who, (1,)),
            calling.map_async(who, range(4), 1, **both),
            calling.map_async(fail, range(4), 1, **both),
            calling.starmap_async(who, [(1, 1), (2, 2)], 1, callback=called.append),
            calling.apply_async(who, (lambda: 1,), **both),
            calling.map_async(who, [1], callback=None, error_callback=failed.append),
        ]
        for result in waiting:
            result.wait()
    tell(called=len(called), failed=len(failed))
    with mp.Pool(1, fail_once, ["marker"]) as stubborn:
        tell(stubborn=stubborn.apply(who, (1,)))
    os.mkfifo("gate")
    with mp.Pool(1) as stopped:
        steps = stopped.imap(step, ["", "", "gate"] + [""] * 7)
        next(steps), next(steps)
        with open("gate", "w"):
            while steps._length is None:
                time.sleep(0.001)
            stopped.terminate()
"""


@pytest.fixture(scope="module")
def callbacks(run_everywhere: RunProgram) -> Observed:
    return run_everywhere(CALLBACKS)


def test_each_callback_is_counted_in_the_job_that_has_it(callbacks: Observed) -> None:
    assert (callbacks.facts("called"), callbacks.facts("failed")) == (3, 3)
    jobs = callbacks.one("pools", "calling")["jobs"]
    assert [(job["function"], job["callbacks"], job["error_callbacks"]) for job in jobs] == [
        ("who", 1, 0),
        ("fail", 0, 1),
        ("who", 0, 0),
        ("who", 1, 0),
        ("fail", 0, 1),
        ("who", 1, 0),
        ("who", 0, 1),
        ("who", 0, 0),
    ]
    assert callbacks.log.count("calls the callback of who") == 3
    assert callbacks.log.count("calls the error callback of fail") == 2


def test_arguments_that_cannot_be_pickled_make_a_task_that_never_runs(callbacks: Observed) -> None:
    job = callbacks.one("pools", "calling")["jobs"][6]
    assert (job["started"], job["never_run"], job["pending"]) == (0, 1, 0)
    assert job["ended"] is not None


def test_a_worker_that_dies_in_its_initializer_is_not_ready(callbacks: Observed) -> None:
    pool = callbacks.one("pools", "stubborn")
    assert [worker["initialized"] for worker in pool["workers"]] == [0, 1]
    assert pool["workers"][1]["pid"] == callbacks.facts("stubborn")[1]
    assert pool["replaced"] == 0
    assert "ended within its initializer fail_once" in callbacks.log


def test_a_task_that_nobody_wants_any_more_is_pending_to_the_end(callbacks: Observed) -> None:
    (job,) = callbacks.one("pools", "stopped")["jobs"]
    assert (job["tasks"], job["started"], job["ended"]) == (10, 3, None)
    assert (job["done"], job["lost"], job["pending"]) == (2, 1, 7)
    (lost,) = [task for task in callbacks.document["tasks"] if task["outcome"] == "lost"]
    assert lost["id"] == f"{lost['pool']}/{lost['job']}/2"
    stream = callbacks.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)


IN_TURNS = """
import multiprocessing as mp
from functools import partial

def make(name):
    def function(number, more=0):
        return number
    function.__name__ = function.__qualname__ = name
    return function

# Both have the same code.
first, second = make("first"), make("second")

def main():
    with mp.Pool(1) as worker:
        for function in (first, first, second, partial(first, more=1), second, abs, second, first):
            worker.apply(function, (1,))
        worker.map(first, range(5), chunksize=2)
        worker.map(second, range(2), chunksize=2)
        worker.apply(second, (1,))
        worker.close()
        worker.join()
"""


def test_a_worker_that_does_this_and_that_in_turns_names_each(run_everywhere: RunProgram) -> None:
    run = run_everywhere(IN_TURNS)
    run.assert_nothing_was_missed()
    tasks = sorted(run.document["tasks"], key=lambda task: task["started"])
    applied = ["first", "first", "second", "first", "second", "abs", "second", "first"]
    assert [(task["function"], task["items"]) for task in tasks] == [
        *((name, 1) for name in applied),
        *(("first", items) for items in (2, 2, 1)),
        ("second", 2),
        ("second", 1),
    ]


WITHOUT_RING = """
import multiprocessing as mp, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import pool, queues
from telling import tell

wire = sys.modules["mpviz_probe.wire"]
shared, written = [], []

def note_locks(init=queues.SimpleQueue.__init__):
    def noted(self, *args, **kwargs):
        init(self, *args, **kwargs)
        shared.extend([self._rlock, self._wlock])
    queues.SimpleQueue.__init__ = noted

def note_writes(write=wire.write):
    def noted(descriptor, record):
        is_locked = any(lock._semlock._is_mine() for lock in shared)
        written.append([is_locked, record.decode()])
        return write(descriptor, record)
    wire.write = noted

def so_far(_):
    return written

def main():
    wire.form(b"wait.over", b"")
    # The system refuses this size; an exception from the program's code would not be ours.
    wire.ring.SIZE = -1
    note_locks()
    note_writes()
    with mp.Pool(1) as pool:
        pool.map(abs, range(3), 1)
        pool.apply_async(len, (5,)).wait()
        tell(pool=pool.apply(so_far, (0,)))
        pool.close()
        pool.join()
    with ProcessPoolExecutor(1, mp_context=mp.get_context("fork")) as executor:
        list(executor.map(abs, range(3)))
        executor.submit(len, 5).exception()
        tell(executor=executor.submit(so_far, 0).result())
"""


def test_the_end_of_a_task_is_not_written_while_others_wait_to_send(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(WITHOUT_RING, start_method="fork")
    run.assert_nothing_was_missed()
    for name in ("pool", "executor"):
        records = [(is_locked, json.loads(line)["k"]) for is_locked, line in run.facts(name)]
        ends = [is_locked for is_locked, kind in records if kind == "task.ended"]
        assert ends[-4:] == [False] * 4, records
    outcomes = [task["outcome"] for task in run.document["tasks"]]
    assert sorted(outcomes) == ["done"] * 8 + ["raised"] * 2
