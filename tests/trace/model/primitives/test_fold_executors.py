"""Executors, and pools of other libraries, in the fold: the outcome of each call."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    MS,
    Story,
)
from mpviz.trace.explain.report import summary
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_events import (
    ExecutorBroken,
    FutureDone,
    JobGrew,
    JobSubmitted,
    PoolCreated,
    PoolResized,
    TaskEnded,
    TaskStarted,
    TaskStopping,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.primitives.process import Joined, Signalled


@pytest.fixture
def executor(two: Story) -> Story:
    """An executor of Anna and Bert that has been given a map of two chunks, and one more call."""
    code = "executor = ProcessPoolExecutor(2)"
    two.site(9, 5, code, "/a/story.py")
    kind = {"kind": "ProcessPoolExecutor", "site": 9}
    two.tell(5, MAIN, PoolCreated, object="E", workers=2, **kind)
    for pid in (ANNA, BERT):
        two.tell(10, pid, WorkerReady, object="E")
    mapped = {"call": "map", "function": "square", "tasks": 1, "items": 3, "chunksize": 3}
    two.tell(12, MAIN, JobSubmitted, object="E", job=0, **mapped)
    two.tell(12, MAIN, JobGrew, object="E", job=0, call=1, items=2)
    single = {"call": "submit", "function": "cube", "tasks": 1, "items": 1, "chunksize": 1}
    two.tell(12, MAIN, JobSubmitted, object="E", job=2, **single)
    return two


def test_a_pool_has_the_workers_that_spoke_while_it_was_being_made(two: Story) -> None:
    for pid in (ANNA, BERT):
        two.tell(4, pid, WorkerReady, object="E")
    two.tell(5, MAIN, PoolCreated, object="E", workers=2, kind="Pool", site=9)
    (pool,) = two.state.table(Pool).values()
    assert (list(pool.workers), pool.size, pool.process) == ([str(ANNA), str(BERT)], 2, str(MAIN))


def start_call(story: Story, time: float, pid: int, call: int, function: str = "square") -> None:
    story.tell(time, pid, TaskStarted, object="E", job=call, index=0, function=function, items=1)


def test_the_calls_of_a_map_are_the_tasks_of_one_job(executor: Story) -> None:
    executor.wait(12, MAIN, "results", "E/0")
    assert executor.words(MAIN) == "results of square, 0 of 2 tasks"
    start_call(executor, 13, BERT, 0)
    start_call(executor, 14, ANNA, 1)
    executor.tell(20, ANNA, TaskEnded, object="E", job=1, index=0)
    executor.tell(20, MAIN, FutureDone, object="E", job=1, thread=9)
    assert executor.one("pools")["jobs"][0]["ended"] is None
    start_call(executor, 21, ANNA, 2, "cube")
    executor.tell(22, BERT, TaskEnded, object="E", job=0, index=0, error="ValueError")
    executor.tell(23, MAIN, FutureDone, object="E", job=0, error="ValueError", thread=9)
    executor.go_on(23, MAIN)
    executor.wait(24, MAIN, "results", "E/")
    assert executor.words(MAIN) == "results of executor, 2 of 3 tasks"
    tasks = executor.document()["tasks"]
    assert [(task["id"], task["worker_pid"], task["outcome"]) for task in tasks] == [
        ("E/0/0", BERT, "raised"),
        ("E/0/1", ANNA, "done"),
        ("E/2/0", ANNA, "running"),
    ]
    assert [task.number for task in executor.state.table(Task).values()] == [0, 1, 2]
    mapped, single = executor.one("pools")["jobs"]
    assert (mapped["tasks"], mapped["items"], mapped["ended"]) == (2, 5, pytest.approx(0.023))
    assert (mapped["done"], mapped["raised"], mapped["pending"]) == (1, 1, 0)
    assert (single["tasks"], single["pending"], single["ended"]) == (1, 1, None)
    assert executor.state.table(Pool)["E"].places == {}


def test_a_map_that_grows_after_all_it_had_was_done_goes_on(executor: Story) -> None:
    job = executor.state.table(Pool)["E"].jobs[0]
    for call in (0, 1):
        executor.tell(20, MAIN, FutureDone, object="E", job=call)
    assert job.ended == 20 * MS
    executor.tell(21, MAIN, JobGrew, object="E", job=0, call=3, items=1)
    assert (job.ended, job.tasks, job.items) == (-1, 3, 6)
    start_call(executor, 22, ANNA, 3)
    assert list(executor.state.table(Task)) == ["E/0/2"]


def test_what_is_cancelled_never_runs(executor: Story) -> None:
    for call in (1, 2):
        executor.tell(13, MAIN, FutureDone, object="E", job=call, cancelled=True)
    jobs = executor.one("pools")["jobs"]
    assert [(job["cancelled"], job["pending"]) for job in jobs] == [(1, 1), (1, 0)]
    assert executor.state.table(Pool)["E"].jobs[0].queued == 1
    assert executor.log[-2:] == [
        "cancels the rest of square",
        "cancels cube",
    ]


def test_a_call_that_cannot_be_sent_never_runs_and_says_why(executor: Story) -> None:
    executor.tell(13, MAIN, FutureDone, object="E", job=2, error="PicklingError")
    single = executor.one("pools")["jobs"][1]
    assert (single["never_run"], single["pending"]) == (1, 0)
    assert single["ended"] == pytest.approx(0.013)
    assert executor.log[-1] == "could not send cube to a worker: PicklingError"
    assert executor.state.log[-1].trouble


def test_the_end_of_a_worker_breaks_an_executor_and_all_that_is_not_done(executor: Story) -> None:
    start_call(executor, 13, ANNA, 0)
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=3, thread=9)
    assert executor.log[-1] == (
        "executor is broken by the end of a worker: BrokenProcessPool for all 3 calls not done"
    )
    assert executor.state.log[-1].trouble
    for call in range(3):
        executor.tell(15, MAIN, FutureDone, object="E", job=call, error="BrokenProcessPool")
    pool = executor.state.table(Pool)["E"]
    assert [job.never_run for job in pool.jobs.values()] == [1, 1]
    # Before its manager can end it, the other worker takes one more.
    start_call(executor, 16, BERT, 1)
    assert [job.never_run for job in pool.jobs.values()] == [0, 1]
    executor.tell(17, MAIN, Signalled, child=BERT, signal=15, thread=9)
    executor.exit(18, ANNA, -9)
    executor.exit(18, BERT, -15)
    entry = executor.one("pools")
    assert entry["broken"] is True
    assert [(job["lost"], job["never_run"], job["pending"]) for job in entry["jobs"]] == [
        (2, 0, 0),
        (0, 1, 0),
    ]
    assert "pool executor: 0 tasks by 2 workers, and is broken" in summary(executor.state)


def test_chunks_without_a_number_are_numbered_as_they_are_started(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="W", workers=2, kind="WorkerPool")
    mapped = {"call": "map", "function": "square", "tasks": 1, "items": 3, "chunksize": 3}
    two.tell(12, MAIN, JobSubmitted, object="W", job=4, **mapped)
    two.tell(12, MAIN, JobGrew, object="W", job=4, items=2)
    for time, pid, items in ((13, BERT, 2), (14, ANNA, 3)):
        chunk = {"job": 4, "index": -1, "function": "square", "items": items}
        two.tell(time, pid, TaskStarted, object="W", **chunk)
    two.tell(16, ANNA, TaskEnded, object="W", job=4, index=-1)
    two.tell(17, BERT, TaskEnded, object="W", job=4, index=-1, error="KeyError")
    tasks = [
        (task["index"], task["worker_pid"], task["items"], task["outcome"])
        for task in two.document()["tasks"]
    ]
    assert tasks == [(0, BERT, 2, "raised"), (1, ANNA, 3, "done")]
    job = two.one("pools")["jobs"][0]
    assert (job["tasks"], job["items"], job["pending"]) == (2, 5, 0)


@pytest.mark.parametrize(
    ("calls", "words"),
    [(-1, "what was not done"), (0, "whatever is submitted"), (1, "the one call not done")],
)
def test_what_is_broken_is_said_in_words(executor: Story, calls: int, words: str) -> None:
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=calls)
    assert executor.log[-1].endswith(f"BrokenProcessPool for {words}")


def test_the_exception_that_breaks_a_library_s_executor_is_named(executor: Story) -> None:
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=3, error="TerminatedWorkerError")
    assert executor.log[-1].endswith("TerminatedWorkerError for all 3 calls not done")
    for call in range(3):
        executor.tell(16, MAIN, FutureDone, object="E", job=call, error="TerminatedWorkerError")
    # No call by call: that it is broken was said.
    assert executor.log[-1].endswith("for all 3 calls not done")
    jobs = executor.one("pools")["jobs"]
    assert [job["never_run"] for job in jobs] == [2, 1]


def test_an_executor_that_is_resized_has_its_new_size(executor: Story) -> None:
    executor.tell(15, MAIN, PoolResized, object="E", workers=4)
    assert executor.one("pools")["size"] == 4
    assert executor.log[-1] == "resizes executor to 4 workers"


def test_a_pool_within_a_call_is_named_by_its_place_and_not_by_the_result(two: Story) -> None:
    code = "results = Parallel(2)(calls)"
    two.site(9, 5, code, "/a/story.py")
    for name in ("E", "F"):
        fields = {"kind": "loky executor", "maker": "Parallel", "site": 9}
        two.tell(5, MAIN, PoolCreated, object=name, workers=2, **fields)
    names = [pool["name"] for pool in two.document()["pools"]]
    assert names == ["Parallel at story.py:5", "Parallel at story.py:5 #2"]


def test_a_task_that_is_broken_off_is_neither_lost_nor_failed(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="W", workers=2, kind="billiard Pool")
    single = {"call": "apply", "function": "square", "tasks": 1, "items": 1, "chunksize": 1}
    for job, pid in enumerate((ANNA, BERT)):
        two.tell(6, pid, WorkerReady, object="W")
        two.tell(6, MAIN, JobSubmitted, object="W", job=job, **single)
        two.tell(7, pid, TaskStarted, object="W", job=job, index=0, function="square", items=1)
    two.tell(8, MAIN, TaskStopping, worker=ANNA, why="timed out")
    two.tell(9, MAIN, Joined, child=ANNA, exit_code=-9)
    two.tell(9, BERT, TaskEnded, object="W", job=1, index=0, stopped="stopped")
    # This comes too late: the task has already ended.
    two.tell(10, MAIN, TaskStopping, worker=BERT, why="cancelled")
    two.tell(11, MAIN, Joined, child=BERT, exit_code=-9)
    assert [task["outcome"] for task in two.document()["tasks"]] == ["timed out", "stopped"]
    pool = two.one("pools")
    assert [(job["stopped"], job["lost"], job["pending"]) for job in pool["jobs"]] == [
        (1, 0, 0)
    ] * 2
    assert two.troubles == ["ended by SIGKILL"]


def test_a_worker_of_many_tasks_at_a_time_is_at_work_until_the_last_has_ended(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="A", workers=1, kind="aiomultiprocess Pool")
    two.tell(6, ANNA, WorkerReady, object="A")
    for job in range(4):
        two.tell(7, ANNA, TaskStarted, object="A", job=job, index=0, function="fetch", items=1)
    anna = two.state.processes[str(ANNA)]
    for job, still in ((3, "A/2/0"), (0, "A/2/0"), (2, "A/1/0")):
        two.tell(8, ANNA, TaskEnded, object="A", job=job, index=0)
        assert (anna.task, anna.activity) == (still, Activity.TASK)
    two.tell(9, ANNA, TaskStarted, object="A", job=5, index=0, function="fetch", items=1)
    two.tell(10, MAIN, Joined, child=ANNA, exit_code=-9)
    outcomes = [task["outcome"] for task in two.document()["tasks"]]
    assert outcomes == ["done", "lost", "done", "done", "lost"]
