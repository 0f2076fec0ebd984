"""Whatever a program tells, and however often: what is kept of it does not grow without end."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import msgspec.inspect
import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, summary
from mpviz.trace.model import names as names_module
from mpviz.trace.model import state as state_module
from mpviz.trace.model.events import Event, Site
from mpviz.trace.model.fold.reducer import EVENTS
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives import pool_state, pool_tasks, value
from mpviz.trace.model.primitives.lock import Lock, LockAcquired, LockCreated
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import Job, Pool
from mpviz.trace.model.processes import identity as processes_module
from mpviz.trace.model.processes import process as process_module
from mpviz.trace.model.processes.process import MOST_SIGNALS
from mpviz.trace.model.sources import FROM_SUPERVISOR, FROM_VIEWER
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import WAIT_KINDS

BOUND = 12
EVENTS_OF_A_KIND = 4 * BOUND
KINDS = [kind for kind in EVENTS if kind not in (*FROM_VIEWER, *FROM_SUPERVISOR)]
SPEAKER = 77


@pytest.fixture
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bound of ours so low that a test reaches it."""
    bounds = {
        state_module: ("MOST_OBJECTS", "MOST_SITES", "MOST_WAITS", "LOG_LIMIT"),
        process_module: ("MOST_WAITS", "MOST_SIGNALS"),
        names_module: ("MOST_SITES",),
        processes_module: ("MOST_PROCESSES",),
        pool_tasks: ("MOST_JOBS",),
        pool_state: ("MOST_JOBS", "MOST_BESIDE", "JOB_LIMIT", "TASK_LIMIT"),
        value: ("DETAIL_LIMIT",),
    }
    for module, each in bounds.items():
        for name in each:
            monkeypatch.setattr(module, name, BOUND)


@pytest.mark.usefixtures("low_bounds")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_collection_grows_with_events_of_one_kind(kind: type[Event]) -> None:
    """Each field alone has another value in each event, and then all of them have."""
    known = [msgspec.structs.replace(event) for event in _first_of_each_kind()]
    names = [field.name for field in _fields_of(kind)]
    for varied in (*((name,) for name in names), tuple(names)):
        state = follow(RunState(), known)
        told = (_event(kind, varied, number) for number in range(2, 10**9))
        sizes = []
        for _ in range(2):
            for _ in range(EVENTS_OF_A_KIND):
                follow(state, [next(told)])
            sizes.append(_sizes(state))
        before, after = sizes
        grown = {place for place in after if after[place] >= before[place] + EVENTS_OF_A_KIND // 2}
        assert not grown - BOUNDED_ELSEWHERE, varied


BOUNDED_ELSEWHERE = {
    # By the width of a screen, by RECENT_LIMIT, and by LOG_LIMIT.
    *("state.by_pid.*.lane.spans", "state.processes.*.lane.spans"),
    *("state.recent.told", "state.log", "state.troubles", "state.kinds_of_trouble"),
}


def _first_of_each_kind() -> Iterator[Event]:
    kinds = [kind for kind in KINDS if kind.__name__.endswith("Created")]
    return map(partial(_event, varied=(), number=1), [Site, *kinds, JobSubmitted])


def _event(kind: type[Event], varied: tuple[str, ...], number: int) -> Event:
    values = {
        field.name: _value(field.name, field.type, number if field.name in varied else 1)
        for field in _fields_of(kind)
    }
    return kind(**values, time=1000 + number, pid=SPEAKER, number=number)


def _fields_of(kind: type[Event]) -> list[msgspec.inspect.Field]:
    struct = msgspec.inspect.type_info(kind)
    assert isinstance(struct, msgspec.inspect.StructType)
    fixed = ("time", "pid", "number", "dropped")
    return [field for field in struct.fields if field.name not in fixed]


def _value(name: str, of: msgspec.inspect.Type, number: int) -> Any:
    if name in {"child", "parent"}:
        return SPEAKER + number - 1
    if name == "what":
        return list(WAIT_KINDS)[number % len(WAIT_KINDS)]
    if isinstance(of, msgspec.inspect.StrType):
        return f"{name} {number}"
    if isinstance(of, msgspec.inspect.BoolType):
        return number % 2 == 0
    return [] if isinstance(of, msgspec.inspect.ListType) else number


def _sizes(state: RunState) -> Counter[str]:
    """How many entries the collections have, those in the same place added up."""
    found: Counter[str] = Counter()
    seen = set()
    left: list[tuple[str, Any]] = [("state", state)]
    while left:
        place, each = left.pop()
        if id(each) in seen or isinstance(each, str | type | Activity | Event):
            continue
        seen.add(id(each))
        if is_dataclass(each):
            left += [(f"{place}.{field.name}", getattr(each, field.name)) for field in fields(each)]
        elif isinstance(each, dict | list | set | deque | array):
            found[place] += len(each)
            items = each.items() if isinstance(each, dict) else [("*", item) for item in each]
            left += [
                (f"{place}.{key.__name__ if isinstance(key, type) else '*'}", item)
                for key, item in items
            ]
    return found


@pytest.mark.usefixtures("low_bounds")
def test_objects_beyond_the_room_are_reported_once_and_all_others_count() -> None:
    created = [_event(LockCreated, ("object",), number) for number in range(2, 4 * BOUND)]
    taken = [_event(LockAcquired, ("object", "thread"), number) for number in range(2, 4 * BOUND)]
    state = follow(RunState(), [*created, *taken])
    assert len(state.table(Lock)) == BOUND
    assert state.records == len(created) + len(taken)
    (told,) = [line for line in summary(state).splitlines() if "more than" in line]
    assert "there are more than 12 objects of the kind Lock: what happens to the others" in told
    assert len(document(state)["locks"]) == BOUND


@pytest.mark.usefixtures("low_bounds")
def test_a_lock_has_as_many_holders_as_there_can_be_threads() -> None:
    taken = [_event(LockAcquired, ("thread",), number) for number in range(2, 4 * BOUND)]
    state = follow(RunState(), [_event(LockCreated, (), 1), *taken])
    (lock,) = state.table(Lock).values()
    assert (len(lock.holders), lock.acquisitions) == (BOUND, len(taken))
    assert "more than 12 threads hold" in summary(state)


def test_of_very_many_signals_the_latest_are_kept() -> None:
    kind = next(kind for kind in KINDS if kind.__name__ == "Signalled")
    sent = [_event(kind, ("signal",), number) for number in range(1, 3 * MOST_SIGNALS)]
    state = follow(RunState(), [_event(LockCreated, (), 1), *sent])
    signals = state.by_pid[SPEAKER].signals
    assert len(signals) == MOST_SIGNALS
    assert signals[-1][2] == len(sent)


@pytest.mark.usefixtures("low_bounds")
def test_jobs_that_have_not_ended_are_bounded_and_those_that_have_make_room() -> None:
    made = PoolCreated(time=1, pid=SPEAKER, object="p", workers=1)
    extent = {"call": "submit", "function": "f", "tasks": 1, "items": 1, "chunksize": 1}
    jobs = [
        JobSubmitted(time=2, pid=SPEAKER, object="p", job=job, **extent) for job in range(2 * BOUND)
    ]
    pool = follow(RunState(), [made, *jobs]).table(Pool)["p"]
    assert list(pool.jobs) == list(range(BOUND))
    pool.jobs = {job: Job(job, "", "f", 1, 1, 1, 1, ended=2) for job in pool.jobs}
    pool.thin_at = 0
    pool_state.add_job(pool, Job(0, "", "f", 1, 1, 1, 1))
    assert len(pool.jobs) == BOUND


def test_a_worker_that_changes_pools_is_counted_once_in_each() -> None:
    told = [
        WorkerReady(object=f"pool {number % 2}", time=number, pid=SPEAKER, number=number)
        for number in range(1, 100)
    ]
    state = follow(RunState(), told)
    assert [list(pool.workers) for pool in state.table(Pool).values()] == [[str(SPEAKER)]] * 2


def test_the_tasks_that_one_worker_does_at_a_time_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_state, "MOST_BESIDE", BOUND)
    created = PoolCreated(
        object="P", workers=1, kind="aiomultiprocess Pool", time=0, pid=SPEAKER, number=1
    )
    started = [
        TaskStarted(
            object="P",
            job=1,
            index=number,
            function="f",
            items=1,
            time=number,
            pid=SPEAKER,
            number=number,
        )
        for number in range(2, 4 * BOUND)
    ]
    state = follow(RunState(), [created, *started])
    (pool,) = state.table(Pool).values()
    assert [len(tasks) for tasks in pool.beside.values()] == [BOUND]
    assert "is at more than 12 tasks: the others are not shown" in summary(state)
