"""What is no longer kept in detail still counts, and what begins anew is not taken for a loss."""

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import ProcessExited
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives import value
from mpviz.trace.model.primitives.memory import MemoryBlock, MemoryCreated
from mpviz.trace.model.primitives.pool_events import (
    JobDone,
    JobSubmitted,
    PoolCreated,
    TaskEnded,
    TaskStarted,
)
from mpviz.trace.model.primitives.pool_state import JOB_LIMIT, Pool
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.primitives.value import SharedValue, ValueRead, ValueWritten
from mpviz.trace.model.processes.identity import CONDENSED_BUCKETS, DETAILED_DEAD
from mpviz.trace.model.state import RunState


def test_old_jobs_are_summed_up_and_the_sums_stay_exact() -> None:
    state = RunState()
    follow(state, [PoolCreated(time=1, pid=10, object="p", workers=1)])
    jobs = 2 * JOB_LIMIT
    for job in range(jobs):
        name = {"object": "p", "job": job}
        extent = {"call": "apply", "function": "f", "tasks": 1, "items": 1, "chunksize": 1}
        error = "ValueError" if job % 10 == 0 else ""
        follow(
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
        follow(state, [hello, gone])

    first, last = state.processes["1"].lane, state.processes[str(pid)].lane
    assert not first.spans
    assert len(first.buckets) <= CONDENSED_BUCKETS
    assert last.spans
    assert first.totals[Activity.RUNNING] == last.totals[Activity.RUNNING] == 10**9
    assert first.mix(0, 10**10)[Activity.RUNNING] == 10**9


def test_a_process_that_replaces_itself_counts_from_one_again_and_has_lost_nothing() -> None:
    state = RunState()
    hello = {"pid": 7, "parent": 0, "started": 70, "role": "main"}
    follow(
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
    follow(
        state,
        [
            Hello(time=1, number=1, **hello),
            PoolCreated(time=2, pid=7, number=5, object="p", workers=1),
            Hello(time=3, number=1, **hello),
        ],
    )

    assert state.lost == 3


def test_an_array_of_very_many_elements_has_exact_totals_and_bounded_detail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(value, "DETAIL_LIMIT", 10)
    state = RunState()
    for index in range(100):
        use = {"pid": 10, "object": "a", "index": index, "value": 1}
        follow(state, [ValueRead(time=1, **use), ValueWritten(time=2, before=1, **use)])
    array = state.table(SharedValue)["a"]
    assert (array.reads, array.writes.count, array.details) == (100, 100, 10)
    assert len(array.elements) == 5
    assert array.unchecked == 3 * 95
    assert "285 uses not checked" in summary(state)


def test_a_name_that_is_used_again_and_again_costs_no_search() -> None:
    state = RunState()
    blocks = state.table(MemoryBlock)
    for _ in range(3_000):
        follow(state, [MemoryCreated(time=1, pid=10, object="psm", size=8)])
    assert len(blocks) == 3_000
    assert (blocks["psm"].uses, list(blocks)[-2:]) == (3_000, ["psm~3000", "psm"])


def test_a_pid_that_is_used_again_and_again_is_another_process_each_time() -> None:
    state = RunState()
    for life in range(1, 1_001):
        follow(state, [Hello(time=life, pid=7, number=1, parent=1, started=life, role="process")])
    assert len(state.processes) == 1_000
    assert state.by_pid[7].key == "7.1000"
