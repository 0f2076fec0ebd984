"""The document has the form that scripts may count on, and the summary says it in lines."""

import json
from typing import Any

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, summary
from mpviz.trace.model.events import (
    ProbeError,
    ProgramEnded,
    ProgramStarted,
    RunEnded,
    RunStarted,
    Sample,
    Site,
    SupervisorSignalled,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.barrier import BarrierCreated
from mpviz.trace.model.primitives.condition import ConditionCreated
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.manager import ManagedCreated, MethodCalled
from mpviz.trace.model.primitives.memory import MemoryCreated
from mpviz.trace.model.primitives.mp_event import EventCreated, EventWaited
from mpviz.trace.model.primitives.pipe import MessageSent, PipeCreated
from mpviz.trace.model.primitives.pool_events import (
    PoolCreated,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueWritten
from mpviz.trace.model.state import RunState

SECOND = 1_000_000_000
START = 70 * SECOND

FIELDS = {
    "run": "target argv python start_method duration exit_code mpviz_version",
    "processes": (
        "pid parent_pid name daemon start_method started ended exit_code signal"
        " cpu_seconds peak_rss"
    ),
    "tasks": "pool job function worker_pid submitted started ended outcome",
    "queues": "id name kind puts gets max_depth put_wait get_wait",
    "locks": "id name kind acquisitions contended wait hold holder_pid",
    "events": "id name sets clears waits wait is_set set_by_pid",
    "conditions": "id name notifies wakes waits wait",
    "barriers": "id name parties rounds broken waits wait",
    "values": "id name typecode reads writes stale_writes lost_updates last",
    "pipes": "id name duplex sends receives bytes wait",
    "managers": "id pid objects",
    "shared_memory": "name size created_by_pid attached_by unlinked",
    "phases": (
        "wall workers total workers_at_once workers_wall work work_cpu serial_estimate"
        " estimated_by speed_up efficiency is_lower_bound processes"
    ),
    "timings": "what name object count total mean p50 p90 p99 longest histogram",
    "cores": "index mean_percent",
    "stream": "records lost probe_errors",
}
"""As DESIGN.md has it; fields may be added, never renamed."""

OBJECTS = (
    *("pool it", "queue it", "lock it", "value it", "event it", "condition it", "barrier it"),
    *("pipe it", "memory it"),
)


def a_run_with_everything() -> RunState:
    """One of each, over two and a half seconds."""

    def at(seconds: float) -> dict[str, Any]:
        return {"time": START + round(seconds * SECOND), "pid": 10}

    viewer = {"time": START, "pid": 0}
    value = {"object": "V", "kind": "Value", "typecode": "i", "length": 1, "lock": "VL"}
    return follow(
        RunState(),
        [
            RunStarted(
                **viewer,
                target="demo",
                arguments=["py", "demo.py"],
                python="py",
                start_method="",
                cores=2,
                version="9",
            ),
            ProgramStarted(time=START, pid=5, child=10, started=77),
            Hello(**at(0.1), parent=5, started=77, role="main", python="3.12.1"),
            Site(**at(0.1), site=1, file="demo.py", line=1, function="f", code="it = make()"),
            LockCreated(**at(0.1), object="L", kind="Lock", maximum=1, site=1),
            QueueCreated(**at(0.1), object="Q", kind="Queue", maxsize=3, site=1),
            ValueCreated(**at(0.1), initial=0, site=1, **value),
            PoolCreated(**at(0.1), object="P", workers=1, site=1),
            EventCreated(**at(0.1), object="E", site=1),
            ConditionCreated(**at(0.1), object="C", lock="CL", site=1),
            BarrierCreated(**at(0.1), object="B", parties=1, site=1),
            WorkerReady(**at(0.1), object="P"),
            LockAcquired(**at(0.25), object="L"),
            LockReleased(**at(0.5), object="L"),
            ItemPut(**at(0.5), object="Q"),
            ItemGot(**at(0.75), object="Q", size=12),
            ValueWritten(**at(1), object="V", before=0, value=41),
            PipeCreated(**at(1), object="E", other="F", duplex=True, site=1),
            MessageSent(**at(1), object="E", size=3),
            ManagedCreated(**at(1), object="D", manager="M", kind="dict", site=1),
            MethodCalled(**at(1), object="D", manager="M", kind="dict", method="get"),
            WaitOver(**at(1.25)),
            MemoryCreated(**at(1), object="B", size=10, site=1),
            TaskStarted(**at(1.25), object="P", job=0, index=0, function="f", items=1),
            TaskEnded(**at(1.5), object="P", job=0, index=0),
            Waiting(**at(1.5), what="event", object="E"),
            EventWaited(**at(1.75), object="E", passed=0),
            Sample(**viewer, cores=[50.0, 100.0], processes=[]),
            ProgramEnded(time=START + 2 * SECOND, pid=5, child=10, exit_code=-15),
            RunEnded(time=START + round(2.5 * SECOND), pid=0, exit_code=-15),
        ],
    )


@pytest.mark.parametrize("section", FIELDS)
def test_every_field_that_scripts_may_count_on_is_there(section: str) -> None:
    found = document(a_run_with_everything())[section]
    entry = found[0] if isinstance(found, list) else found
    assert set(FIELDS[section].split()) <= entry.keys()


def test_all_sections_are_there_also_where_they_are_empty() -> None:
    sections = {*FIELDS, "findings"}
    assert sections <= document(a_run_with_everything()).keys()
    assert sections <= document(RunState()).keys()


def test_a_document_is_plain_json() -> None:
    found = document(a_run_with_everything())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_times_are_seconds_from_the_start_of_the_run() -> None:
    found = document(a_run_with_everything())
    # The run lasts to the end of its last process, not to the moment when that was seen.
    assert found["run"]["duration"] == 2.0
    assert (found["processes"][0]["started"], found["processes"][0]["ended"]) == (0.0, 2.0)
    assert (found["tasks"][0]["started"], found["tasks"][0]["ended"]) == (1.25, 1.5)
    assert found["locks"][0]["hold"] == 0.25
    assert found["events"][0]["wait"] == 0.25


def test_the_end_by_a_signal_is_told_as_code_and_as_name() -> None:
    found = document(a_run_with_everything())
    assert found["run"]["exit_code"] == -15
    assert (found["processes"][0]["exit_code"], found["processes"][0]["signal"]) == (-15, "SIGTERM")


def test_the_summary_has_a_line_for_everything_that_was_used() -> None:
    lines = summary(a_run_with_everything()).splitlines()
    assert all(line.startswith("mpviz: ") for line in lines)
    text = "\n".join(lines)
    assert "demo: ended by SIGTERM after 2.0 s" in text
    for name in OBJECTS:
        assert name in text, text
    assert "manager at M: 1 call, 250 ms waited" in text
    assert "none lost" in lines[-1]


def test_what_was_lost_is_told_loudly() -> None:
    state = a_run_with_everything()
    error = ProbeError(time=START, pid=10, number=99, dropped=3, where="lock", error="KeyError")
    last = summary(follow(state, [error])).splitlines()[-1]
    assert "!!" in last
    assert "KeyError" in last
    assert "none lost" not in last


def test_nothing_at_all_can_be_reported_too() -> None:
    assert "never seen" in summary(RunState())
    assert document(RunState())["run"]["exit_code"] is None


def test_of_very_many_objects_the_important_are_listed_and_the_others_counted() -> None:
    state = RunState()
    for number in range(30):
        lock = {"object": f"L{number}", "time": START + number, "pid": 10}
        follow(state, [LockCreated(**lock, kind="Lock", maximum=1)])
        if number == 17:
            follow(state, [LockAcquired(**lock)])
    lines = summary(state).splitlines()
    locks = [line for line in lines if "lock" in line.lower()]
    assert locks[0] == "mpviz: Lock 18: taken 1 time, 0 after a wait, 0 ms waited in all"
    assert locks[10:] == ["mpviz: and 20 more locks and semaphores"]
    assert len(document(state)["locks"]) == 30


def test_of_very_many_troubles_the_first_are_listed() -> None:
    state = RunState()
    for number, letter in enumerate("abcdefghijkl"):
        state.note(number, "", f"trouble {letter}", trouble=True)
    lines = summary(state).splitlines()
    assert "mpviz: !! trouble j" in lines
    assert "mpviz: !! trouble k" not in lines
    assert "mpviz: and 2 more troubles in the log" in lines


def test_a_long_time_is_written_in_one_way_in_the_whole_report() -> None:
    end = 622 * SECOND
    run = {"target": "t", "arguments": [], "python": "", "start_method": "", "version": ""}
    state = follow(
        RunState(),
        [
            RunStarted(time=0, pid=0, cores=2, **run),
            ProgramStarted(time=0, pid=50, child=100, started=1),
            LockCreated(time=1, pid=100, object="L", kind="Lock", maximum=1),
            LockAcquired(time=2, pid=100, thread=7, object="L"),
            Waiting(time=2, pid=100, what="lock", object="L"),
            ProgramEnded(time=end, pid=50, child=100, exit_code=0),
            RunEnded(time=end, pid=0, exit_code=0),
        ],
    )
    assert "exit code 0 after 10:22" in summary(state)
    assert "10:22 waited in all" in summary(state)
    assert briefly(end) == "10:22"


@pytest.mark.parametrize("sender", [True, False])
def test_the_end_by_a_signal_of_mpviz_is_said_to_be_its(sender: bool) -> None:
    run = {"target": "t", "arguments": [], "python": "", "start_method": "", "version": ""}
    asked = SupervisorSignalled(time=5, pid=50, child=100, signal=9, left_behind=False)
    state = follow(
        RunState(),
        [
            RunStarted(time=0, pid=0, cores=2, **run),
            ProgramStarted(time=0, pid=50, child=100, started=1),
            *([asked] if sender else []),
            ProgramEnded(time=SECOND, pid=50, child=100, exit_code=-9),
            RunEnded(time=SECOND, pid=0, exit_code=-9),
        ],
    )
    words = "t: ended by SIGKILL from mpviz after" if sender else "t: ended by SIGKILL after"
    assert words in summary(state)
