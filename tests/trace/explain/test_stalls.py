"""A program is stuck when nobody of it is at work and somebody waits; nothing less is called so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.story import MAIN, SECOND, SUPERVISOR, Story, process_sample
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, summary
from mpviz.trace.explain.stalls import stuck, stuck_since
from mpviz.trace.model.events import (
    Event,
    Marked,
    ProgramEnded,
    Sample,
    Waiting,
)
from mpviz.trace.model.primitive import Unblockers
from mpviz.trace.model.primitives.lock import LockCreated
from mpviz.trace.model.primitives.process import Began, Exiting, Started
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import WAIT_KINDS

LEFT, RIGHT = 1001, 1002


def begin() -> list[Event]:
    """A program with two children, each of which holds a lock."""
    story = Story(start=0, begun=False)
    story.begin(speaks=0)
    for child, lock in ((LEFT, "a"), (RIGHT, "b")):
        started = {"daemon": False, "method": "fork", "function": "f", "started": child}
        story.tell(0, MAIN, LockCreated, object=lock, kind="Lock", maximum=1)
        story.tell(0, MAIN, Started, child=child, name=f"child-{lock}", **started)
        story.tell(0, child, Began, name=f"child-{lock}", daemon=False, parent=MAIN)
        story.acquire(0, child, lock)
    return story.events


def waits(pid: int, what: str, target: str, time: int = 6) -> Waiting:
    return Waiting(time=time, pid=pid, what=what, object=target)


def asleep(time: int, *pids: int) -> Sample:
    processes = [process_sample(pid) for pid in pids]
    return Sample(time=time, pid=0, cores=[0, 0], processes=processes)


def told(events: list[Event], at: int = 3 * SECOND) -> list[tuple[str, str]]:
    state = follow(RunState(), events)
    state.now = max(state.now, at)
    return [(state.processes[each.process].name, each.words) for each in stuck(state)]


DEADLOCK = [
    waits(LEFT, "lock", "b", 6),
    waits(RIGHT, "lock", "a", 7),
    waits(MAIN, "process", str(LEFT), 8),
]


def test_a_deadlock_is_told_with_who_holds_what() -> None:
    assert told(begin() + DEADLOCK) == [
        ("child-a", "Lock 2, held by child-b"),
        ("child-b", "Lock 1, held by child-a"),
        ("MainProcess", "join child-a"),
    ]


def test_a_wait_that_has_just_begun_is_no_fault() -> None:
    assert told(begin() + DEADLOCK, at=SECOND // 2) == []


def test_while_one_is_at_work_nothing_is_stuck() -> None:
    assert told([*begin(), *DEADLOCK[:2]]) == [], "the main process runs"
    assert told([*begin(), *DEADLOCK[:2], asleep(2 * SECOND, MAIN)]) == [], "or sleeps as it likes"


def test_a_process_that_cannot_end_is_stuck_too() -> None:
    """A child whose thread has still to hand over what it put, say."""
    events = [*begin(), *DEADLOCK[1:], Exiting(time=9, pid=LEFT), asleep(SECOND, LEFT)]
    assert [name for name, _ in told(events)] == ["child-b", "MainProcess"]


def test_a_program_that_is_ended_while_it_is_stuck_is_told_of() -> None:
    stop = Marked(time=3 * SECOND, pid=0, action="stop")
    state = follow(RunState(), [*begin(), *DEADLOCK, stop])
    hang = document(state)["run"]["hang"]
    assert [(each["pid"], each["what"], each["object"]) for each in hang] == [
        (LEFT, "lock", "b"),
        (RIGHT, "lock", "a"),
        (MAIN, "process", str(LEFT)),
    ]
    assert hang[0]["waits_for"] == "Lock 2, held by child-b"
    assert "stuck: child-a waits for Lock 2, held by child-b" in summary(state)
    interrupted = follow(RunState(), [*begin(), *DEADLOCK, *by_ctrl_c(1, 9)])
    assert document(interrupted)["run"]["hang"] == hang
    unwound = follow(RunState(), [*begin(), *DEADLOCK, *by_ctrl_c(0, 1)])
    assert document(unwound)["run"]["hang"] == hang
    for exit_code in (0, 1):
        went_on = follow(RunState(), [*begin(), *DEADLOCK, *by_ctrl_c(exit_code, 60)])
        assert document(went_on)["run"]["hang"] == [], "that Ctrl-C did not end it"
    healthy = follow(RunState(), [*begin(), stop])
    assert document(healthy)["run"]["hang"] == []


def by_ctrl_c(exit_code: int, seconds: int) -> list[Event]:
    """What is told if a person sends Ctrl-C to the program, and it ends so much later."""
    end = (3 + seconds) * SECOND
    ended = ProgramEnded(time=end, pid=SUPERVISOR, child=MAIN, exit_code=exit_code)
    return [Marked(time=3 * SECOND, pid=0, action="interrupt"), ended]


def test_many_that_wait_for_each_other_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand that put into a queue and wait for an item of it took hours."""
    count = 300
    story = Story()
    queue = story.queue("jobs")
    for pid in range(2000, 2000 + count):
        story.start(3, pid, f"worker-{pid}")
        story.put(4, pid, queue)
        story.get(5, pid, queue)
        story.wait(6, pid, "get", queue)
    story.wait(7, MAIN, "process", "2000")
    asked: list[str] = []
    kind = WAIT_KINDS["get"]

    def ask(state: RunState, wait: Wait) -> Unblockers:
        asked.append(wait.object)
        return kind.unblockers(state, wait)

    monkeypatch.setitem(WAIT_KINDS, "get", replace(kind, unblockers=ask))
    state = story.state_at(5000)
    assert stuck_since(state) == story.at(7)
    assert asked == []
    found = stuck(state)
    assert len(found) == count + 1
    assert asked == [queue]
    assert all(len(each.chain) <= 3 for each in found)
    assert found[-1].chain_words.endswith("none of them can go on")
