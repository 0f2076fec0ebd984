"""Pools in the fold: what becomes of each task, and what each worker does."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    CARL,
    MAIN,
    Story,
    doing,
)
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_events import (
    JobCallback,
    JobDone,
    JobGrew,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    TaskEnded,
    TaskStarted,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.primitives.process import Joined


def start_task(
    story: Story, time: float, pid: int, index: int, *, items: int = 2, job: int = 0
) -> None:
    story.tell(
        time, pid, TaskStarted, object="P", job=job, index=index, function="square", items=items
    )


def test_the_tasks_of_a_job_go_to_the_workers(pool: Story) -> None:
    assert pool.words(MAIN) == "results of square, 0 of 2 tasks"
    assert doing(pool.process(ANNA), 11) == ["idle"]
    start_task(pool, 13, ANNA, 0)
    start_task(pool, 14, BERT, 1)
    pool.tell(20, BERT, TaskEnded, object="P", job=0, index=1)
    assert pool.words(MAIN) == "results of square, 1 of 2 tasks"
    pool.tell(23, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(24, MAIN, JobDone, object="P", job=0)
    pool.go_on(24, MAIN)
    pool.tell(25, MAIN, PoolEnded, object="P", how="close")
    assert doing(pool.process(BERT), 13.5, 14, 19, 20) == ["idle", "task", "task", "idle"]
    tasks = pool.document()["tasks"]
    assert [(task["worker_pid"], task["index"], task["outcome"]) for task in tasks] == [
        (ANNA, 0, "done"),
        (BERT, 1, "done"),
    ]
    assert tasks[0] == {
        "id": "P/0/0",
        "pool": "P",
        "job": 0,
        "index": 0,
        "function": "square",
        "items": 2,
        "worker_pid": ANNA,
        "submitted": pytest.approx(0.012),
        "started": pytest.approx(0.013),
        "ended": pytest.approx(0.023),
        "outcome": "done",
        "error": None,
    }
    entry = pool.one("pools")
    assert (entry["name"], entry["size"]) == ("pool", 2)
    nothing = {"initialized": 0, "initialization": None}
    assert entry["workers"] == [
        {"pid": ANNA, "tasks": 1, "items": 2, **nothing},
        {"pid": BERT, "tasks": 1, "items": 2, **nothing},
    ]
    (job,) = entry["jobs"]
    assert {name: job[name] for name in ("started", "done", "raised", "lost", "tasks")} == {
        "started": 2,
        "done": 2,
        "raised": 0,
        "lost": 0,
        "tasks": 2,
    }
    assert job["ended"] == pytest.approx(0.024)


def test_a_raised_task_is_ended_and_says_with_what(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(15, ANNA, TaskEnded, object="P", job=0, index=0, error="ValueError")
    (task,) = pool.document()["tasks"]
    assert (task["outcome"], task["error"]) == ("raised", "ValueError")
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.raised, job.lost) == (0, 1, 0)
    assert pool.log[-1] == "square raised ValueError"


def test_a_task_is_lost_with_its_worker(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.exit(18, ANNA, -9)
    (task,) = pool.document()["tasks"]
    assert (task["outcome"], task["ended"]) == ("lost", pytest.approx(0.018))
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.raised, job.lost) == (0, 0, 1)
    assert pool.log[-1] == "died in task 0 of square: its result is lost"
    assert pool.words(MAIN) == "results of square, 0 of 2 tasks"
    assert pool.process(ANNA).task == ""


def test_an_idle_worker_that_dies_takes_no_task_along(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.exit(18, ANNA, -9)
    (task,) = pool.document()["tasks"]
    assert task["outcome"] == "done"


def test_a_wait_within_a_task_is_shown_and_then_the_task_again(pool: Story) -> None:
    pool.lock("L")
    start_task(pool, 13, ANNA, 0)
    pool.acquire(14, BERT, "/L")
    pool.wait(15, ANNA, "lock", "/L")
    pool.release(17, BERT, "/L")
    pool.acquire(18, ANNA, "/L")
    assert doing(pool.process(ANNA), 14, 15, 18) == ["task", "lock", "task"]


def test_the_length_of_an_imap_becomes_known_later(pool: Story) -> None:
    submitted = {"job": 1, "call": "imap", "function": "cube", "tasks": -1, "items": -1}
    pool.go_on(30, MAIN)
    pool.tell(30, MAIN, JobSubmitted, object="P", chunksize=1, **submitted)
    pool.wait(31, MAIN, "results", "P/1")
    assert pool.words(MAIN) == "results of cube, 0 of ? tasks"
    assert pool.one("pools")["jobs"][1]["tasks"] is None
    pool.tell(32, MAIN, JobLength, object="P", job=1, tasks=5)
    assert pool.words(MAIN) == "results of cube, 0 of 5 tasks"
    assert pool.state.table(Pool)["P"].jobs[1].queued == 5


def test_a_task_without_an_end_is_pending(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.queued, job.pending) == (1, 2)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    assert (job.queued, job.pending) == (1, 1)
    pool.tell(15, MAIN, PoolEnded, object="P", how="terminate")
    pool.exit(16, ANNA, -15)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["done"], entry["pending"], entry["ended"]) == (1, 1, None)


def test_a_task_that_no_worker_ever_had_has_not_run_when_its_job_is_done(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(15, MAIN, JobDone, object="P", job=0)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["done"], entry["never_run"], entry["pending"]) == (1, 1, 0)


def test_a_call_of_apply_is_called_by_the_number_of_its_job(pool: Story) -> None:
    submitted = {"call": "apply", "function": "fetch", "tasks": 1, "items": 1, "chunksize": 1}
    pool.tell(13, MAIN, JobSubmitted, object="P", job=7, **submitted)
    start_task(pool, 13, ANNA, 0, job=7)
    start_task(pool, 13, BERT, 1)
    numbers = [task.number for task in pool.state.table(Task).values()]
    assert numbers == [7, 1]


def test_records_of_a_job_before_its_submission_are_kept(pool: Story) -> None:
    pool.tell(13, MAIN, JobGrew, object="P", job=7, call=8, items=2)
    start_task(pool, 14, ANNA, 0, job=7)
    submitted = {"call": "map", "function": "fetch", "tasks": 1, "items": 2, "chunksize": 2}
    pool.tell(15, MAIN, JobSubmitted, object="P", job=7, **submitted)
    pool.tell(16, ANNA, TaskEnded, object="P", job=7, index=0)
    entry = pool.one("pools")["jobs"][1]
    assert (entry["call"], entry["function"]) == ("map", "fetch")
    assert (entry["tasks"], entry["items"], entry["chunksize"]) == (2, 4, 2)
    assert (entry["started"], entry["done"], entry["pending"]) == (1, 1, 1)
    start_task(pool, 17, BERT, 0, job=8)
    assert pool.one("pools")["jobs"][1]["started"] == 2


def test_callbacks_are_counted_in_their_job(pool: Story) -> None:
    pool.tell(20, MAIN, JobCallback, object="P", job=0, which="callback", thread=9)
    pool.tell(21, MAIN, JobCallback, object="P", job=0, which="error_callback", thread=9)
    pool.tell(22, MAIN, JobCallback, object="P", job=0, which="error_callback", thread=9)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["callbacks"], entry["error_callbacks"]) == (1, 2)
    assert pool.log[-3:] == [
        "calls the callback of square",
        *["calls the error callback of square"] * 2,
    ]


def test_a_worker_is_ready_when_its_initializer_is_done(pool: Story) -> None:
    pool.start(30, CARL, "Carl")
    carl = pool.process(CARL)
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    assert (carl.role, carl.activity, carl.initializing) == (
        "worker",
        Activity.INITIALIZING,
        "prepare",
    )
    pool.tell(40, CARL, WorkerReady, object="P")
    assert (carl.activity, carl.initializing) == (Activity.IDLE, "")
    assert doing(carl, 30.5, 31, 39, 41) == ["running", "initializing", "initializing", "idle"]
    worker = pool.one("pools")["workers"][2]
    assert (worker["pid"], worker["initialized"]) == (CARL, 1)
    assert worker["initialization"] == pytest.approx(0.009)


def test_a_wait_within_an_initializer_is_shown_and_then_the_initializer_again(pool: Story) -> None:
    pool.start(30, CARL, "Carl")
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    pool.lock("L")
    pool.wait(32, CARL, "lock", "/L")
    pool.acquire(34, CARL, "/L")
    assert doing(pool.process(CARL), 31, 32, 34) == ["initializing", "lock", "initializing"]


@pytest.mark.parametrize(("exit_code", "trouble"), [(0, True), (1, False), (-15, False)])
def test_a_worker_that_ends_in_its_initializer_was_never_ready(
    pool: Story, exit_code: int, trouble: bool
) -> None:
    pool.start(30, CARL, "Carl")
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    pool.exit(35, CARL, exit_code)
    worker = pool.one("pools")["workers"][2]
    assert (worker["pid"], worker["initialized"], worker["initialization"]) == (CARL, 0, None)
    assert pool.log[-1] == "ended within its initializer prepare"
    assert pool.state.log[-1].trouble is trouble
    assert pool.process(CARL).activity is Activity.ENDED


def test_a_worker_that_did_its_share_retires_and_another_takes_its_place(pool: Story) -> None:
    pool.tell(29, MAIN, PoolCreated, object="Q", workers=2, max_tasks=1)
    for pid in (ANNA, BERT):
        # Both were there before anybody retired.
        pool.tell(30, pid, WorkerReady, object="Q")
    task = {"object": "Q", "job": 1, "index": 0}
    pool.tell(31, ANNA, TaskStarted, function="square", items=1, **task)
    pool.tell(33, ANNA, TaskEnded, **task)
    assert pool.log[-1] == "has done its task and retires"
    pool.tell(34, MAIN, Joined, child=ANNA, exit_code=0)
    assert pool.document()["pools"][1]["replaced"] == 0
    pool.start(35, CARL, "Carl")
    pool.tell(36, CARL, WorkerReady, object="Q")
    assert pool.log[-1] == "takes the place of Anna"
    entry = pool.document()["pools"][1]
    assert (entry["max_tasks_per_worker"], entry["replaced"]) == (1, 1)
    assert not pool.troubles
