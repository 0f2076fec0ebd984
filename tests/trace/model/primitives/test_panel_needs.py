"""What the panels read of pools and values beside their totals."""

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.primitives.value import SharedValue, ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.state import RunState


def _common(time: int, pid: int) -> dict[str, int]:
    return {"time": time, "pid": pid}


def test_a_job_counts_by_worker_and_tasks_know_their_order() -> None:
    state = RunState()
    follow(
        state,
        [
            PoolCreated(**_common(1, 10), object="p", workers=2),
            WorkerReady(**_common(2, 11), object="p"),
            JobSubmitted(
                **_common(3, 10),
                object="p",
                job=1,
                call="map",
                function="f",
                tasks=3,
                items=3,
                chunksize=1,
            ),
        ],
    )
    for index in (0, 2):
        started = TaskStarted(
            **_common(10 + index, 11), object="p", job=1, index=index, function="f", items=1
        )
        ended = TaskEnded(**_common(11 + index, 11), object="p", job=1, index=index)
        follow(state, [started, ended])
    assert state.table(Pool)["p"].jobs[1].done_by == {"11": 2}
    assert [task.order for task in state.table(Task).values()] == [0, 1]


def test_an_element_keeps_what_it_holds() -> None:
    state = RunState()
    follow(
        state,
        [
            ValueCreated(
                **_common(1, 10), object="v", kind="Array", typecode="i", length=3, lock="l"
            ),
            ValueWritten(**_common(2, 10), object="v", value=7, before=0, index=2),
            ValueRead(**_common(3, 11), object="v", value=4, index=0),
        ],
    )
    elements = state.table(SharedValue)["v"].elements
    assert {index: element.value for index, element in elements.items()} == {2: 7, 0: 4}
