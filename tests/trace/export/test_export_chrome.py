"""The Chrome trace: it holds to its form, and says of a run what happened in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given

from helpers.chrome_schema import (
    Begin,
    Complete,
    CounterValue,
    End,
    FlowEnd,
    FlowStart,
    Instant,
    check,
)
from helpers.examples import examples
from helpers.fold_model import play, streams
from helpers.recordings import exported, recorded
from mpviz.trace.export import chrome
from mpviz.trace.model.events import (
    Event,
    ProcessExited,
    ProgramStarted,
    RunStarted,
    Sample,
    Waiting,
)
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.mp_event import EventCreated, EventSet
from mpviz.trace.model.primitives.pool_events import (
    FutureDone,
    JobDone,
    JobGrew,
    JobSubmitted,
    PoolCreated,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import Began, Hello, Started
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead

MS = 1_000_000
MAIN, ONE, TWO = 100, 101, 102


def beginning(*children: int) -> list[Event]:
    """A program that starts these children, which come to their own code."""
    run = {"target": "t", "arguments": ["python", "t.py"], "python": "python"}
    events: list[Event] = [
        RunStarted(time=10 * MS, pid=0, start_method="fork", cores=2, version="0", **run),
        ProgramStarted(time=10 * MS, pid=50, child=MAIN, started=1),
        Hello(time=11 * MS, pid=MAIN, number=1, parent=50, started=1, role="main"),
    ]
    for pid in children:
        common: dict[str, Any] = {"name": f"Process-{pid}", "daemon": False}
        start = {"child": pid, "method": "fork", "function": "f", "started": pid}
        events += [
            Started(time=12 * MS, pid=MAIN, **common, **start),
            Hello(
                time=13 * MS,
                pid=pid,
                number=1,
                parent=MAIN,
                started=pid,
                role="process",
                forked=True,
            ),
            Began(time=14 * MS, pid=pid, number=2, parent=MAIN, **common),
        ]
    return events


def trace_of(folder: Path, events: list[Event]) -> Any:
    text, _, _ = exported(chrome.write, recorded(folder, events))
    return check(text)


def arrows(trace: Any) -> list[tuple[str, int, float, int, float]]:
    """Kind, from which track at which millisecond, to which track at which."""
    ends = {event.id: event for event in trace.of(FlowEnd)}
    found = []
    for start in trace.of(FlowStart):
        end = ends[start.id]
        found.append((start.name, start.tid, start.ts / 1000, end.tid, end.ts / 1000))
    return found


def slices(trace: Any, track: int) -> list[tuple[str, float, float]]:
    """Name, start and end in milliseconds of each slice of a track."""
    found, name, began = [], "", 0.0
    for event in trace.traceEvents:
        if isinstance(event, Begin) and event.tid == track:
            name, began = event.name, event.ts
        elif isinstance(event, End) and event.tid == track:
            found.append((name, began / 1000, event.ts / 1000))
    return found


def test_what_a_process_does_is_a_row_of_slices(tmp_path: Path) -> None:
    events = [
        *beginning(ONE),
        LockCreated(time=15 * MS, pid=MAIN, object="L", kind="Lock", maximum=1),
        Waiting(time=20 * MS, pid=ONE, what="lock", object="L"),
        LockAcquired(time=25 * MS, pid=ONE, object="L"),
        ProcessExited(time=30 * MS, pid=50, child=ONE, exit_code=0),
    ]
    trace = trace_of(tmp_path, events)
    assert slices(trace, ONE) == [
        ("starting", 2, 3),
        ("running", 3, 10),
        ("wait: lock Lock 1", 10, 15),
        ("running", 15, 20),
    ]


def test_what_happens_to_an_object_that_has_no_arrows_is_a_point(tmp_path: Path) -> None:
    events = [
        *beginning(ONE),
        EventCreated(time=15 * MS, pid=MAIN, object="E"),
        EventSet(time=20 * MS, pid=ONE, object="E", waiters=0),
        EventSet(time=21 * MS, pid=ONE, object="nobody announced it", waiters=0),
    ]
    points = [(each.name, each.tid, each.ts) for each in trace_of(tmp_path, events).of(Complete)]
    assert points == [("created Event 1", MAIN, 5000), ("set Event 1", ONE, 10_000)]


def test_an_item_s_arrow_leads_from_its_put_to_its_get(tmp_path: Path) -> None:
    events = [
        *beginning(ONE, TWO),
        QueueCreated(time=15 * MS, pid=MAIN, object="Q", kind="Queue", maxsize=0),
        ItemPut(time=20 * MS, pid=ONE, object="Q"),
        ItemPut(time=21 * MS, pid=ONE, object="Q"),
        ItemGot(time=22 * MS, pid=TWO, object="Q", size=1),
        ItemGot(time=23 * MS, pid=MAIN, object="Q", size=1),
    ]
    trace = trace_of(tmp_path, events)
    assert arrows(trace) == [("item", ONE, 10, TWO, 12), ("item", ONE, 11, MAIN, 13)]
    depths = [(e.ts / 1000, e.args) for e in trace.of(CounterValue) if e.name == "Queue 1"]
    assert [depth["items"] for _, depth in depths] == [0, 1, 2, 1, 0]
    assert {event.name for event in trace.of(Complete)} == {"put Queue 1", "got Queue 1"}


def test_items_of_two_processes_have_no_arrow_while_they_are_on_their_way_together(
    tmp_path: Path,
) -> None:
    def story(kind: str) -> list[Event]:
        return [
            *beginning(ONE, TWO),
            QueueCreated(time=15 * MS, pid=MAIN, object="Q", kind=kind, maxsize=0),
            ItemPut(time=20 * MS, pid=ONE, object="Q"),
            ItemPut(time=21 * MS, pid=TWO, object="Q"),
            ItemGot(time=22 * MS, pid=MAIN, object="Q", size=1),
            ItemGot(time=23 * MS, pid=MAIN, object="Q", size=1),
        ]

    assert arrows(trace_of(tmp_path, story("Queue"))) == []
    # A SimpleQueue is told of under the lock under which it is written.
    assert arrows(trace_of(tmp_path, story("SimpleQueue"))) == [
        ("item", ONE, 10, MAIN, 12),
        ("item", TWO, 11, MAIN, 13),
    ]


def lock_story(between: list[Event]) -> list[Event]:
    return [
        *beginning(ONE, TWO),
        ValueCreated(
            time=15 * MS, pid=MAIN, object="V", kind="Value", typecode="i", length=1, lock="L"
        ),
        LockAcquired(time=20 * MS, pid=ONE, object="L"),
        Waiting(time=21 * MS, pid=TWO, what="lock", object="L"),
        LockReleased(time=22 * MS, pid=ONE, object="L"),
        *between,
        LockAcquired(time=25 * MS, pid=TWO, object="L"),
        LockReleased(time=26 * MS, pid=TWO, object="L"),
        LockAcquired(time=27 * MS, pid=ONE, object="L"),
    ]


def test_a_waiter_for_a_lock_has_an_arrow_from_its_release(tmp_path: Path) -> None:
    assert arrows(trace_of(tmp_path, lock_story([]))) == [("lock", ONE, 12, TWO, 15)]


def test_whoever_read_the_value_in_between_may_have_held_its_lock_last(tmp_path: Path) -> None:
    read = ValueRead(time=23 * MS, pid=MAIN, object="V", value=1)
    assert arrows(trace_of(tmp_path, lock_story([read]))) == []


def pool_story(kind: str) -> list[Event]:
    extent = {"call": "map", "function": "square", "tasks": 2, "items": 2, "chunksize": 1}
    common: dict[str, Any] = {"object": "P", "job": 1}
    return [
        *beginning(ONE, TWO),
        PoolCreated(time=15 * MS, pid=MAIN, object="P", workers=2, kind=kind),
        WorkerReady(time=16 * MS, pid=ONE, object="P"),
        WorkerReady(time=16 * MS, pid=TWO, object="P"),
        JobSubmitted(time=20 * MS, pid=MAIN, **common, **extent),
        TaskStarted(time=21 * MS, pid=ONE, **common, index=0, function="square", items=1),
        TaskStarted(time=22 * MS, pid=TWO, **common, index=1, function="square", items=1),
        TaskEnded(time=23 * MS, pid=TWO, **common, index=1),
        TaskEnded(time=24 * MS, pid=ONE, **common, index=0),
    ]


def test_a_task_s_arrows_lead_from_its_submission_to_it_and_back_with_its_result(
    tmp_path: Path,
) -> None:
    events = [*pool_story("Pool"), JobDone(time=30 * MS, pid=MAIN, object="P", job=1, thread=9)]
    trace = trace_of(tmp_path, events)
    (back,) = {event.tid for event in trace.of(FlowEnd) if event.name == "result"}
    assert arrows(trace) == [
        ("task", MAIN, 10, ONE, 11),
        ("task", MAIN, 10, TWO, 12),
        ("result", TWO, 13, back, 20),
        ("result", ONE, 14, back, 20),
    ]
    assert ("square", 11, 14) in slices(trace, ONE)


def test_a_call_that_its_executor_failed_has_no_arrow_from_its_worker(
    tmp_path: Path,
) -> None:
    common: dict[str, Any] = {"object": "P", "index": 0}
    events = [
        *pool_story("ProcessPoolExecutor"),
        JobGrew(time=25 * MS, pid=MAIN, object="P", job=1, call=7, items=1),
        TaskStarted(time=26 * MS, pid=ONE, **common, job=7, function="square", items=1),
        TaskEnded(time=27 * MS, pid=ONE, **common, job=7),
        FutureDone(time=30 * MS, pid=MAIN, object="P", job=7, error="BrokenProcessPool"),
    ]
    found = arrows(trace_of(tmp_path, events))
    assert ("task", MAIN, 15, ONE, 16) in found
    assert not [arrow for arrow in found if arrow[0] == "result"]


def test_where_records_are_missing_nothing_is_certain_and_it_says_so(tmp_path: Path) -> None:
    events = [
        *beginning(ONE),
        QueueCreated(time=15 * MS, pid=MAIN, object="Q", kind="Queue", maxsize=0),
        ItemPut(time=20 * MS, pid=ONE, object="Q"),
        ItemGot(time=22 * MS, pid=MAIN, object="Q", size=1, dropped=3),
    ]
    text, notes, _ = exported(chrome.write, recorded(tmp_path, events))
    assert arrows(check(text)) == []
    assert notes == ["no arrows: 3 events are missing"]


def test_threads_have_lanes_of_their_own_for_what_they_wait_for(tmp_path: Path) -> None:
    events = [
        *beginning(),
        QueueCreated(time=15 * MS, pid=MAIN, object="Q", kind="Queue", maxsize=0),
        Waiting(time=20 * MS, pid=MAIN, what="get", object="Q", thread=140_000_000_000_000),
        ItemGot(time=25 * MS, pid=MAIN, object="Q", size=1, thread=140_000_000_000_000),
    ]
    trace = trace_of(tmp_path, events)
    (track,) = {event.tid for event in trace.of(Begin) if event.tid != MAIN}
    assert slices(trace, track) == [("wait: get Queue 1", 10, 15)]


def test_a_pid_that_is_used_again_is_another_track(tmp_path: Path) -> None:
    events = [
        *beginning(ONE),
        ProcessExited(time=20 * MS, pid=50, child=ONE, exit_code=0),
        Hello(time=30 * MS, pid=ONE, number=1, parent=MAIN, started=999, role="process"),
    ]
    trace = trace_of(tmp_path, events)
    names = [e.args["name"] for e in trace.traceEvents if getattr(e, "name", "") == "process_name"]
    assert f"Process-{ONE}" in names
    assert any(str(name).endswith(f"(pid {ONE} again)") for name in names)


def test_cores_are_counted_and_troubles_are_marked(tmp_path: Path) -> None:
    events = [
        *beginning(ONE),
        Sample(time=20 * MS, pid=0, cores=[12.5, 100.0], processes=[]),
        ProcessExited(time=25 * MS, pid=50, child=ONE, exit_code=-9),
    ]
    trace = trace_of(tmp_path, events)
    counted = {e.name: e.args["percent"] for e in trace.of(CounterValue)}
    assert counted == {"core 0": 12.5, "core 1": 100.0}
    assert [(e.name, e.pid) for e in trace.of(Instant)] == [("ended by SIGKILL", ONE)]


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    events = beginning(ONE)
    for event in events:
        if isinstance(event, Started | Began):
            event.name = '"}]},<script>\x1b[31m\u202e'
    text, _, _ = exported(chrome.write, recorded(tmp_path, events))
    trace = check(text)
    assert "\x1b" not in text
    names = [e.args["name"] for e in trace.traceEvents if getattr(e, "name", "") == "process_name"]
    assert any(str(name).startswith('"}]},<script>') for name in names)


@given(streams)
@examples(60)
def test_whatever_happens_the_form_holds_and_the_slices_are_the_lanes(
    steps: list[tuple[int, int, int, int]],
) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(Path(folder), play(steps).events)
        text, _, passage = exported(chrome.write, path)
    trace = check(text)
    assert passage.trouble == ""
    known: Counter[str] = Counter()
    for process in passage.state.processes.values():
        for activity in Activity:
            known[activity.name.lower()] += process.lane.totals[activity]
    spent = _spent(trace)
    open_time = {
        process.lane.activity.name.lower()
        for process in passage.state.processes.values()
        if process.alive
    }
    for name, total in known.items():
        if name not in open_time and name != "ended":
            assert spent[name] == total, name


def _spent(trace: Any) -> Counter[str]:
    """Nanoseconds in the slices of each kind."""
    spent: Counter[str] = Counter()
    begun: dict[tuple[int, int], Begin] = {}
    for event in trace.traceEvents:
        if isinstance(event, Begin):
            begun[event.pid, event.tid] = event
        elif isinstance(event, End):
            begin = begun.pop((event.pid, event.tid))
            spent[begin.cat] += round(event.ts * 1000) - round(begin.ts * 1000)
    return spent


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_of_a_recording_that_is_cut_off_all_before_that_is_exported(
    tmp_path: Path, stream: list[Event], share: float
) -> None:
    path = recorded(tmp_path, stream)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    text, _, passage = exported(chrome.write, path)
    check(text)
    assert passage.trouble
    assert json.loads(text)["otherData"]["cut off"] == passage.trouble
