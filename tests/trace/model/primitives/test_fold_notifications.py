"""Events, conditions and barriers in the fold: stories whose end is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.story import ANNA, BERT, CARL, MAIN, MS, SUPERVISOR, Story, doing
from mpviz.trace.model.events import ProcessExited, Waiting, WaitOver
from mpviz.trace.model.primitives.barrier import (
    Arrived,
    Barrier,
    BarrierCreated,
    BarrierReset,
    Broken,
    Left,
    Released,
)
from mpviz.trace.model.primitives.condition import Condition, ConditionCreated, Notified, Woken
from mpviz.trace.model.primitives.lock import Lock, LockCreated
from mpviz.trace.model.primitives.mp_event import (
    NOTES,
    EventCleared,
    EventCreated,
    EventSet,
    EventWaited,
    SharedEvent,
)
from mpviz.trace.model.primitives.process import Signalled


@pytest.fixture
def three() -> Story:
    """A run with three children, at work from the tenth millisecond on."""
    story = Story("story", start=0)
    for pid, name in ((ANNA, "Anna"), (BERT, "Bert"), (CARL, "Carl")):
        story.start(10, pid, name)
    return story


def create_event(story: Story) -> SharedEvent:
    story.site(7, 3, "start = Event()")
    story.tell(5, MAIN, EventCreated, object="E", site=7)
    return story.state.table(SharedEvent)["E"]


def create_condition(story: Story, lock: str = "C's") -> Condition:
    story.site(7, 3, "ready = Condition()")
    story.tell(5, MAIN, ConditionCreated, object="C", lock=lock, site=7)
    return story.state.table(Condition)["C"]


def create_barrier(story: Story, parties: int = 3) -> Barrier:
    story.site(7, 3, "stage = Barrier(3)")
    story.tell(5, MAIN, BarrierCreated, object="B", parties=parties, site=7)
    return story.state.table(Barrier)["B"]


def notes(story: Story) -> list[str]:
    return [text for text in story.log if "starts" not in text]


# Events


def test_an_event_holds_up_who_waits_until_it_is_set(three: Story) -> None:
    event = create_event(three)
    three.wait(11, ANNA, "event", "E")
    three.wait(12, BERT, "event", "E")
    assert three.words(ANNA) == "event start, not set yet"
    three.tell(31, MAIN, EventSet, object="E", waiters=2)
    assert three.words(ANNA) == "event start"
    assert (event.is_set, event.set_by, event.set_at) == (True, str(MAIN), 31 * MS)
    three.tell(32, ANNA, EventWaited, object="E", passed=1)
    three.tell(34, BERT, EventWaited, object="E", passed=1)
    three.tell(35, CARL, EventWaited, object="E", passed=1)
    assert doing(three.process(ANNA), 10.5, 11, 31) == ["running", "signal", "signal"]
    assert three.process(ANNA).state == "running"
    assert (event.wait.count, event.wait.longest) == (2, 22 * MS)
    assert three.one("events") == {
        "id": "E",
        "name": "start",
        "sets": 1,
        "clears": 0,
        "waits": 3,
        "timed_out": 0,
        "wait": pytest.approx(0.043),
        "is_set": True,
        "set_by_pid": MAIN,
    }
    assert notes(three)[-1] == "sets event start, 2 waiters can go on"


def test_a_cleared_event_says_who_cleared_it_and_the_one_who_opened_it_first_stays(
    three: Story,
) -> None:
    event = create_event(three)
    three.tell(11, ANNA, EventSet, object="E", waiters=0)
    three.tell(12, BERT, EventSet, object="E", waiters=0)
    assert (event.set_by, event.sets) == (str(ANNA), 2)
    three.tell(13, BERT, EventCleared, object="E")
    three.wait(14, CARL, "event", "E")
    assert three.words(CARL) == "event start, cleared by Bert"
    assert (event.is_set, event.clears) == (False, 1)
    three.tell(34, CARL, EventWaited, object="E", passed=0)
    assert (event.waits, event.timed_out, event.wait.total) == (1, 1, 20 * MS)
    assert notes(three)[-1] == "sets event start, nobody waits"


def test_a_wait_that_an_exception_ends_is_over_and_counted(three: Story) -> None:
    event = create_event(three)
    three.wait(11, ANNA, "event", "E")
    three.go_on(21, ANNA)
    assert three.process(ANNA).wait is None
    assert (event.waits, event.wait.total) == (1, 10 * MS)


def test_a_dead_waiter_no_longer_waits_and_the_one_that_sets_the_event_waits_for_it(
    three: Story,
) -> None:
    event = create_event(three)
    three.wait(11, ANNA, "event", "E")
    three.exit(15, ANNA, -9)
    assert three.process(ANNA).wait is None
    assert (event.dead, event.waits, event.wait.total) == ([str(ANNA)], 1, 4 * MS)
    assert three.troubles == [
        "ended by SIGKILL",
        "died waiting for event start, which still counts it as a waiter",
    ]
    three.tell(20, BERT, EventSet, object="E", waiters=1)
    three.tell(20, BERT, Waiting, what="wake-event", object="E")
    assert three.words(BERT) == "the waiters of event start to wake, Anna died waiting"


def test_a_death_that_a_process_of_the_program_wanted_is_no_trouble(three: Story) -> None:
    create_event(three)
    three.wait(11, ANNA, "event", "E")
    three.tell(14, MAIN, Signalled, child=ANNA, signal=15)
    three.exit(15, ANNA, -15)
    assert "died waiting for event start" in notes(three)[-1]
    assert three.troubles == []


def test_an_event_set_again_and_again_does_not_fill_the_log(three: Story) -> None:
    event = create_event(three)
    before = three.state.log_entries
    for _ in range(2 * NOTES):
        three.tell(20, ANNA, EventSet, object="E", waiters=0)
        three.tell(20, ANNA, EventCleared, object="E")
    assert (event.sets, event.clears) == (2 * NOTES, 2 * NOTES)
    assert three.state.log_entries - before == NOTES


# Conditions


def test_a_notify_ends_the_wait_and_the_wait_for_the_lock_is_another(three: Story) -> None:
    condition = create_condition(three)
    three.acquire(11, ANNA, "C's")
    three.wait(12, ANNA, "condition", "C")
    three.release(12, ANNA, "C's")
    assert three.words(ANNA) == "ready.notify()"
    three.acquire(20, BERT, "C's")
    three.tell(22, BERT, Notified, object="C", asked=1, waiters=1)
    three.tell(23, ANNA, Woken, object="C", notified=1)
    three.wait(23, ANNA, "lock", "C's")
    assert three.words(ANNA) == "lock inside ready, held by Bert"
    three.release(29, BERT, "C's")
    three.acquire(30, ANNA, "C's")
    assert three.process(ANNA).wait is None
    assert doing(three.process(ANNA), 12, 22, 23, 29) == ["signal", "signal", "lock", "lock"]
    assert (condition.last_notifier, condition.notified_at) == (str(BERT), 22 * MS)
    assert three.one("conditions") == {
        "id": "C",
        "name": "ready",
        "notifies": 1,
        "unheard": 0,
        "wakes": 1,
        "waits": 1,
        "wait": pytest.approx(0.011),
    }


def test_a_lock_that_the_program_gave_it_stays_the_program_s(three: Story) -> None:
    three.tell(4, MAIN, LockCreated, object="L", kind="Lock", maximum=1)
    create_condition(three, "L")
    three.acquire(11, ANNA, "L")
    assert [lock["id"] for lock in three.document()["locks"]] == ["L"]


def test_a_condition_s_own_lock_is_not_listed(three: Story) -> None:
    create_condition(three)
    three.acquire(11, ANNA, "C's")
    assert three.document()["locks"] == []
    assert three.state.table(Lock)["C's"].holder == str(ANNA)


def test_a_notify_to_nobody_and_a_wait_that_times_out_wake_nobody(three: Story) -> None:
    condition = create_condition(three)
    three.tell(11, ANNA, Notified, object="C", asked=-1, waiters=0)
    three.wait(12, BERT, "condition", "C")
    three.tell(32, BERT, Woken, object="C", notified=0)
    assert (condition.notifies, condition.unheard, condition.wakes) == (1, 1, 0)
    assert (condition.wait.count, condition.wait.total) == (1, 20 * MS)
    assert three.process(BERT).state == "running"


def test_a_condition_remembers_who_died_waiting(three: Story) -> None:
    condition = create_condition(three)
    three.wait(11, ANNA, "condition", "C")
    three.wait(12, BERT, "condition", "C")
    for pid in (ANNA, BERT):
        three.exit(15, pid, -9)
    three.tell(20, CARL, Waiting, what="wake-condition", object="C")
    assert condition.dead == [str(ANNA), str(BERT)]
    expected = "the waiters of condition ready to wake, Anna and Bert died waiting"
    assert three.words(CARL) == expected


# Barriers


def arrive(story: Story, time: float, pid: int, last: bool = False) -> None:
    story.tell(time, pid, Arrived, object="B")
    if last:
        story.tell(time + 1, pid, Released, object="B")
    else:
        story.wait(time, pid, "barrier", "B")


def test_a_barrier_fills_and_lets_all_go_on(three: Story) -> None:
    barrier = create_barrier(three)
    arrive(three, 11, ANNA)
    arrive(three, 14, BERT)
    assert three.words(ANNA) == "barrier stage, 2 of 3 there"
    assert [key for key, _ in barrier.here] == [str(ANNA), str(BERT)]
    arrive(three, 20, CARL, last=True)
    assert (barrier.rounds, barrier.here) == (1, {})
    assert (barrier.last_to_arrive, barrier.last_by) == (str(CARL), {str(CARL): 1})
    for pid in (ANNA, BERT):
        three.tell(22, pid, Left, object="B", passed=1)
    assert doing(three.process(ANNA), 10.5, 11, 20) == ["running", "signal", "signal"]
    assert three.one("barriers") == {
        "id": "B",
        "name": "stage",
        "parties": 3,
        "rounds": 1,
        "broken": False,
        "waits": 2,
        "wait": pytest.approx(0.019),
    }
    assert notes(three)[-1] == "is the last of 3 at barrier stage: all go on"


def test_while_a_barrier_s_action_runs_all_are_there(three: Story) -> None:
    create_barrier(three)
    arrive(three, 11, ANNA)
    arrive(three, 12, BERT)
    three.tell(13, CARL, Arrived, object="B")
    assert three.words(ANNA) == "barrier stage, 3 of 3 there"
    assert three.process(CARL).state == "running"


def test_a_barrier_breaks_and_is_made_whole_again(three: Story) -> None:
    barrier = create_barrier(three)
    arrive(three, 11, ANNA)
    arrive(three, 12, BERT)
    three.tell(22, ANNA, Broken, object="B", reason="time-out")
    assert three.words(BERT) == "barrier stage, which is broken"
    for pid in (ANNA, BERT):
        three.tell(23, pid, Left, object="B", passed=0)
    assert (barrier.broken, barrier.broken_by, barrier.here) == (True, str(ANNA), {})
    assert (barrier.rounds, barrier.wait.count) == (0, 2)
    assert three.troubles == ["breaks barrier stage: a time-out"]
    three.tell(30, MAIN, BarrierReset, object="B")
    assert not barrier.broken


def test_an_abort_is_what_the_program_wanted(three: Story) -> None:
    barrier = create_barrier(three)
    three.tell(22, ANNA, Broken, object="B", reason="abort")
    assert barrier.broken
    assert notes(three)[-1] == "breaks barrier stage: abort()"
    assert three.troubles == []


def test_an_interrupted_process_gives_its_place_back_and_a_dead_one_keeps_it(three: Story) -> None:
    barrier = create_barrier(three)
    arrive(three, 11, ANNA)
    arrive(three, 12, BERT)
    three.tell(15, ANNA, Left, object="B", passed=0)
    three.exit(16, BERT, -9)
    assert [key for key, _ in barrier.here] == [str(BERT)]
    arrive(three, 17, CARL)
    assert three.words(CARL) == "barrier stage, 2 of 3 there"
    three.tell(20, ANNA, Arrived, object="B")
    three.tell(20, ANNA, Waiting, what="wake-barrier", object="B")
    assert three.words(ANNA) == "the waiters of barrier stage to wake, Bert died waiting"
    three.tell(21, MAIN, BarrierReset, object="B")
    assert [key for key, _ in barrier.here] == [str(BERT)]
    three.tell(22, MAIN, Waiting, what="drain-barrier", object="B")
    assert three.words(MAIN) == "barrier stage to empty, Bert died in it"


def test_a_barrier_has_at_least_no_parties(three: Story) -> None:
    assert create_barrier(three, parties=-(1 << 63)).parties == 0


# All of them


STRANGERS: list[tuple[type[Any], dict[str, Any]]] = [
    (EventSet, {"waiters": 1}),
    (EventCleared, {}),
    (EventWaited, {"passed": 1}),
    (Notified, {"asked": 1, "waiters": 1}),
    (Woken, {"notified": 1}),
    (Arrived, {}),
    (Released, {}),
    (Left, {"passed": 1}),
    (Broken, {"reason": "abort"}),
    (BarrierReset, {}),
]


@pytest.mark.parametrize("what", ["event", "condition", "barrier"])
def test_what_nobody_announced_is_not_shown_and_its_waits_end(three: Story, what: str) -> None:
    for word in (what, f"wake-{what}"):
        three.tell(11, ANNA, Waiting, what=word, object="?")
        assert three.words(ANNA) == f"an internal {what}"
    three.go_on(12, ANNA)
    for event, fields in STRANGERS:
        three.tell(13, ANNA, event, object="?", **fields)
    for section in ("events", "conditions", "barriers"):
        assert three.document()[section] == []
    assert three.process(ANNA).state == "running"


steps = some.lists(
    some.tuples(
        some.sampled_from(["set", "clear", "wait", "go on", "time out", "over", "die"]),
        some.sampled_from([ANNA, BERT, CARL]),
        some.integers(0, 3 * MS),
    ),
    max_size=60,
)


@given(steps)
def test_an_event_counts_as_a_plain_counter_does(happened: list[tuple[str, int, int]]) -> None:
    story = Story("story", start=0)
    for pid in (ANNA, BERT, CARL):
        story.start(10, pid, f"child {pid}")
    event = create_event(story)
    now, total, blocked, over = 20 * MS, 0, 0, 0
    since: dict[int, int] = {}
    is_set = False
    dead: set[int] = set()
    counts = {"set": 0, "clear": 0}
    for what, pid, gap in happened:
        now += gap
        if pid in dead:
            continue
        if what in ("set", "clear"):
            counts[what] += 1
            is_set = what == "set"
            fields = {"waiters": len(since)} if is_set else {}
            kind = EventSet if is_set else EventCleared
            story.tell(now / MS, pid, kind, object="E", **fields)
        elif what == "wait":
            since.setdefault(pid, now)
            story.tell(now / MS, pid, Waiting, what="event", object="E")
            continue
        else:
            began = since.pop(pid, None)
            over += began is not None or what in ("go on", "time out")
            if began is not None:
                blocked += 1
                total += now - began
            if what == "die":
                dead.add(pid)
                story.tell(now / MS, SUPERVISOR, ProcessExited, child=pid, exit_code=-9)
            elif what == "over":
                story.tell(now / MS, pid, WaitOver)
            else:
                passed = int(what == "go on")
                story.tell(now / MS, pid, EventWaited, object="E", passed=passed)
    assert (event.sets, event.clears, event.is_set) == (counts["set"], counts["clear"], is_set)
    assert (event.waits, event.wait.count, event.wait.total) == (over, blocked, total)
