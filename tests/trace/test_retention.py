"""What is no longer kept in detail still counts, and what begins anew is not taken for a loss."""

from mpviz.trace.events import ProcessExited
from mpviz.trace.fold import fold
from mpviz.trace.measures import Activity
from mpviz.trace.primitives.pool import (
    JOB_LIMIT,
    JobDone,
    JobSubmitted,
    Pool,
    PoolCreated,
    TaskEnded,
    TaskStarted,
)
from mpviz.trace.primitives.process import Hello
from mpviz.trace.processes import CONDENSED_BUCKETS, DETAILED_DEAD
from mpviz.trace.state import RunState


def test_old_jobs_are_summed_up_and_the_sums_stay_exact() -> None:
    state = RunState()
    fold(state, [PoolCreated(time=1, pid=10, object="p", workers=1)])
    jobs = 2 * JOB_LIMIT
    for job in range(jobs):
        name = {"object": "p", "job": job}
        extent = {"call": "apply", "function": "f", "tasks": 1, "items": 1, "chunksize": 1}
        error = "ValueError" if job % 10 == 0 else ""
        fold(
            state,
            [
                JobSubmitted(time=2, pid=10, **name, **extent),
                TaskStarted(time=3, pid=11, **name, index=0, function="f", items=1),
                TaskEnded(time=4, pid=11, **name, index=0, error=error),
                JobDone(time=5, pid=10, **name),
            ],
        )

    pool = state.table(Pool)["p"]
    every = [*pool.jobs.values(), pool.past]
    assert len(pool.jobs) < JOB_LIMIT * 1.2
    assert sum(job.tasks for job in every) == sum(job.started for job in every) == jobs
    assert sum(job.done for job in every) == jobs * 9 // 10
    assert sum(job.raised for job in every) == jobs // 10


def test_the_lanes_of_the_long_dead_are_condensed_and_their_times_stay_exact() -> None:
    state = RunState()
    for pid in range(1, 3 * DETAILED_DEAD):
        hello = Hello(time=pid, pid=pid, number=1, parent=0, started=pid, role="main")
        gone = ProcessExited(time=pid + 10**9, pid=pid, number=2, child=pid, exit_code=0)
        fold(state, [hello, gone])

    first, last = state.processes["1"].lane, state.processes[str(pid)].lane
    assert not first.spans
    assert len(first.buckets) <= CONDENSED_BUCKETS
    assert last.spans
    assert first.totals[Activity.RUNNING] == last.totals[Activity.RUNNING] == 10**9
    assert first.mix(0, 10**10)[Activity.RUNNING] == 10**9


def test_a_process_that_replaces_itself_counts_from_one_again_and_has_lost_nothing() -> None:
    state = RunState()
    hello = {"pid": 7, "parent": 0, "started": 70, "role": "main"}
    fold(
        state,
        [
            Hello(time=1, number=1, **hello),
            PoolCreated(time=2, pid=7, number=2, object="p", workers=1),
            Hello(time=3, number=1, **hello),
            PoolCreated(time=4, pid=7, number=2, object="q", workers=1),
            ProcessExited(time=5, pid=7, number=3, child=7, exit_code=0),
        ],
    )

    assert list(state.processes) == ["7"]
    assert state.lost == 0


def test_a_gap_before_the_replacement_is_still_a_loss() -> None:
    state = RunState()
    hello = {"pid": 7, "parent": 0, "started": 70, "role": "main"}
    fold(
        state,
        [
            Hello(time=1, number=1, **hello),
            PoolCreated(time=2, pid=7, number=5, object="p", workers=1),
            Hello(time=3, number=1, **hello),
        ],
    )

    assert state.lost == 3
