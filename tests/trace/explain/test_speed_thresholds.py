"""Rules on the speed of values, queues and locks: found just beyond a threshold, not just before.

MAIN is the first process of the program, and 101, 102 … are its children. Times are milliseconds.
"""

from __future__ import annotations

from typing import Any

import pytest

from helpers.speed_story import CORES, Story, rules
from helpers.story import MAIN, MS, process_sample
from mpviz.trace.model.events import Sample, Waiting
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead, ValueWritten


def updates(*steps: tuple[int, str, int, int]) -> Story:
    """Reads and writes of a value: who, what, the value and, for writes, what it held before."""
    story = Story()
    fields = {"kind": "Value", "typecode": "i", "length": 1, "lock": "own", "initial": 0}
    story.tell(1, MAIN, ValueCreated, object="count", **fields)
    for time, (pid, what, value, before) in enumerate(steps, start=2):
        if what == "read":
            story.tell(time, pid, ValueRead, object="count", value=value)
        else:
            story.tell(time, pid, ValueWritten, object="count", value=value, before=before)
    story.look(100)
    return story


LOST = (
    (102, "write", 4, 0),
    (102, "write", 5, 4),
    (101, "read", 5, 0),
    (102, "read", 5, 0),
    (102, "write", 6, 5),
    (101, "write", 6, 6),
)


def test_one_lost_update_is_enough_and_the_first_to_undo_it_is_named() -> None:
    (found,) = updates(*LOST).found()
    assert found.rule == "lost-updates"
    assert "1 update of Value 1 is lost: it is 6 and should be 7" in found.message
    assert (found.processes, found.since) == (("101", "102"), 7 * MS)


def test_a_count_down_ends_too_high() -> None:
    steps = ((101, "read", 5, 0), (102, "read", 5, 0), (102, "write", 4, 5), (101, "write", 4, 4))
    (found,) = updates((102, "write", 5, 0), *steps).found()
    assert "1 higher" in found.message


@pytest.mark.parametrize(
    "steps",
    [
        # Both find it unset, and both set it.
        ((101, "read", 0, 0), (102, "read", 0, 0), (102, "write", 1, 0), (101, "write", 1, 1)),
        # 101 has looked once, and sets it from then on.
        (
            *((101, "read", 0, 0), (101, "write", 7, 0), (102, "write", 8, 7)),
            *((101, "write", 9, 8), (102, "write", 10, 9), (101, "write", 11, 10)),
        ),
        # Nobody wrote in between.
        ((101, "read", 5, 0), (101, "write", 6, 5), (102, "read", 6, 0), (102, "write", 7, 6)),
    ],
    ids=["flag", "latest value", "in turn"],
)
def test_what_is_no_lost_update(steps: tuple[tuple[int, str, int, int], ...]) -> None:
    assert updates(*steps).found() == []


def pace(
    *,
    making: float = 5,
    using: float = 50,
    makers: int = 2,
    users: int = 1,
    rounds: int = 60,
    cycle: float = 100,
    maxsize: int = 2,
    waiting_users: bool = False,
    maker_runs: bool = False,
) -> Story:
    """Each maker puts an item a cycle, and waits for what is left of it after the making.

    The users take each item as soon as it is put, or else wait for what is left of the cycle.
    """
    story = Story()
    story.tell(1, MAIN, QueueCreated, object="items", kind="Queue", maxsize=maxsize)
    making_pids = [110 + number for number in range(makers)]
    using_pids = [130 + number for number in range(users)]
    for pid in (*making_pids, *using_pids):
        story.child(2, pid)
    for turn in range(1, rounds + 1):
        for place, pid in enumerate(making_pids):
            time = turn * cycle + place
            if making < cycle:
                story.tell(time - cycle + making, pid, Waiting, what="put", object="items")
            story.tell(time, pid, ItemPut, object="items")
        for place, pid in enumerate(using_pids):
            time = turn * cycle + 10 + place
            if waiting_users:
                story.tell(time - cycle + using, pid, Waiting, what="get", object="items")
            story.tell(time, pid, ItemGot, object="items", size=1)
        letter = "R" if maker_runs else "S"
        story.look(turn * cycle + 40, used=30, **{f"p{pid}": letter for pid in making_pids})
    return story


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"making": 19}, ["queue-full"]),
        ({"making": 22}, []),
        ({"makers": 1}, []),
        ({"making": 0.5}, []),
        ({"rounds": 19}, []),
        ({"cycle": 30, "making": 3, "rounds": 80}, ["queue-full"]),
        ({"cycle": 30, "making": 3, "rounds": 60}, []),
        ({"waiting_users": True, "using": 80}, []),
        ({"waiting_users": True, "using": 95}, ["queue-full"]),
        ({"maxsize": 0}, []),
    ],
)
def test_producers_that_wait_for_room(changes: dict[str, Any], expected: list[str]) -> None:
    assert rules(pace(**changes).found()) == expected


def test_consumers_that_keep_all_cores_busy_are_not_too_few() -> None:
    story = pace(making=10)
    assert rules(story.found()) == ["queue-full"]
    for event in story.events:
        if isinstance(event, Sample):
            event.cores = [100.0] * CORES
            event.processes = [
                process_sample(130, status="R", cpu_percent=100, cpu_seconds=event.time / 1e9)
            ]
    assert story.found() == []


HUNGRY = {"making": 100, "users": 3, "makers": 1, "maxsize": 0, "waiting_users": True}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"using": 20, "maker_runs": True}, ["queue-starved"]),
        ({"using": 30, "maker_runs": True}, []),
        ({"using": 20, "maker_runs": False}, []),
        ({"using": 20, "maker_runs": True, "users": 1}, []),
        ({"using": 20, "maker_runs": True, "rounds": 15}, []),
        ({"using": 20, "maker_runs": True, "making": 80}, []),
    ],
    ids=["hungry", "less hungry", "maker sleeps", "one collects", "short", "maker waits"],
)
def test_consumers_that_wait_for_items(changes: dict[str, Any], expected: list[str]) -> None:
    assert rules(pace(**(HUNGRY | changes)).found()) == expected


def test_the_wait_for_the_end_is_no_hunger() -> None:
    story = pace(**(HUNGRY | {"waiting_users": False, "maker_runs": True}))
    for pid in (130, 131, 132):
        story.tell(6100, pid, Waiting, what="get", object="items")
    for time in range(6200, 60_000, 100):
        story.look(time, p110="R")
    assert story.found() == []


def growth(
    step: float, taken: int, maxsize: int = 0, seconds: float = 4, samples: bool = True
) -> Story:
    """An item is put each step, and each so-manieth time one is taken."""
    story = Story()
    story.tell(1, MAIN, QueueCreated, object="items", kind="Queue", maxsize=maxsize)
    story.child(2, 110)
    story.child(2, 130)
    for number in range(int(seconds * 1000 / step)):
        story.tell(10 + number * step, 110, ItemPut, object="items")
        if number % taken == 0:
            story.tell(10 + number * step, 130, ItemGot, object="items", size=1)
        if number % 100 == 99:
            story.look(10 + number * step)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (growth(4, 4), ["queue-growing"]),
        (growth(4, 4, seconds=1.9), []),
        (growth(6, 4, seconds=3.9), []),
        (growth(4, 4, maxsize=10_000), []),
        (growth(0.9, 4, seconds=3), []),
        (growth(1.2, 4, seconds=3), ["queue-growing"]),
        (growth(4, 1), []),
    ],
    ids=["grows", "short", "few", "bound", "filled at once", "made", "kept up with"],
)
def test_a_queue_that_grows(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_a_queue_that_is_emptied_has_grown_for_a_while() -> None:
    story = growth(4, 4)
    for number in range(700):
        story.tell(4100 + number, 130, ItemGot, object="items", size=1)
    story.look(5000)
    (found,) = story.found()
    assert (found.rule, found.over) == ("queue-growing", 5000 * MS)


def turns(
    processes: int, hold: float, own: float, *, total: float = 2000, maximum: int = 1
) -> Story:
    """Processes that take a lock in turn: each holds it, then does without it, then waits."""
    story = Story()
    fields = {"kind": "Lock" if maximum == 1 else "Semaphore", "maximum": maximum}
    story.tell(1, MAIN, LockCreated, object="gate", **fields)
    for number in range(processes):
        story.child(1, 110 + number)
    turn, free, time = 0, [2.0] * processes, 2.0
    while time < total:
        number = turn % processes
        pid, asked = 110 + number, free[number]
        time = max(time, asked)
        if time > asked:
            story.tell(asked, pid, Waiting, what="lock", object="gate")
        story.tell(time, pid, LockAcquired, object="gate")
        story.tell(time + hold, pid, LockReleased, object="gate")
        time += hold + 0.001
        free[number] = time + own
        turn += 1
    story.look(total)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (turns(3, 20, 0.5), ["serial-by-lock"]),
        (turns(3, 20, 5), ["serial-by-lock"]),
        (turns(3, 20, 8), ["serial-by-lock"]),
        (turns(3, 20, 12), []),
        (turns(4, 20, 12), ["lock-convoy"]),
        (turns(3, 20, 32), []),
        (turns(2, 20, 5), ["serial-by-lock"]),
        (turns(2, 20, 8), []),
        (turns(1, 20, 0.5), []),
        (turns(8, 1, 3.5), []),
        (turns(8, 1, 2.5), ["lock-convoy"]),
        (turns(3, 20, 0.5, total=1400), []),
        (turns(3, 110, 0.5), []),
        (turns(3, 20, 0.5, maximum=2), []),
    ],
)
def test_turns_at_a_lock(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


@pytest.mark.parametrize(
    ("rest", "found"),
    [(0, "is"), (450, "was"), (1500, "is withdrawn")],
)
def test_a_lock_that_is_held_for_less_was_held_for_that_and_then_is_taken_back(
    rest: float, found: str
) -> None:
    story = turns(3, 20, 0.5)
    for pid in (110, 111, 112):
        story.tell(2100 + rest, pid, LockAcquired, object="gate")
        story.tell(2101 + rest, pid, LockReleased, object="gate")
    story.look(2102 + rest)
    said = [each.over < 0 for each in story.found() if each.rule == "serial-by-lock"]
    assert said == {"is": [True], "was": [False], "is withdrawn": []}[found]


def test_no_lock_is_held_for_more_than_all_of_the_time() -> None:
    story = turns(2, 100, 0.01, total=2100)
    # The last turn is a long one.
    story.tell(2200, 110, LockAcquired, object="gate")
    story.tell(2900, 110, LockReleased, object="gate")
    story.look(2901)
    (found,) = story.found()
    assert "is held 100% of the time" in found.message


def test_one_long_turn_is_no_rule() -> None:
    story = turns(3, 1, 20, total=500)
    assert story.found() == []
    story.tell(600, 110, LockAcquired, object="gate")
    for pid in (111, 112):
        story.tell(600, pid, Waiting, what="lock", object="gate")
    story.tell(9000, 110, LockReleased, object="gate")
    story.tell(9001, 111, LockAcquired, object="gate")
    story.look(9002)
    assert story.found() == []


def test_a_process_that_has_not_had_a_turn_yet_counts_as_well() -> None:
    story = turns(1, 20, 0.01)
    for pid in (150, 151):
        story.child(1, pid)
        story.tell(2, pid, Waiting, what="lock", object="gate")
    (found,) = story.found()
    assert "on average only 1.0 of 3 processes make progress" in found.message
    assert set(found.processes) == {"110", "150", "151"}
