"""The edges of the rules on speed: just beyond a threshold it is said, just before it is not.

Times are milliseconds; MAIN is the program's first process, and 101, 102 … are its children.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, ProcessSample, RunStarted, Sample, Waiting
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import Began, Exiting, Hello, Joined, Started
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.state import Finding, RunState

MS = 1_000_000
VIEWER, MAIN = 0, 100
CORES = 2


class Story:
    """Events at any times; they are folded in the order of their times, with samples between."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tell(0, VIEWER, RunStarted, **_RUN)
        self.tell(0, MAIN, Hello, parent=1, started=1, role="main")

    def tell(self, time: float, pid: int, event: type[Event], /, **fields: Any) -> None:
        self.events.append(event(time=round(time * MS), pid=pid, **fields))

    def child(self, time: float, pid: int, starting: float = 0, method: str = "fork") -> None:
        """MAIN starts a child, which begins after so long."""
        fields = {"name": f"child-{pid}", "daemon": False}
        self.tell(
            time, MAIN, Started, child=pid, method=method, function="work", started=pid, **fields
        )
        forked = method == "fork"
        said = time + starting * forked
        self.tell(said, pid, Hello, parent=MAIN, started=pid, role="process", forked=forked)
        self.tell(time + starting, pid, Began, parent=MAIN, **fields)

    def end(self, time: float, pid: int, exit_code: int = 0) -> None:
        self.tell(time, pid, Exiting)
        self.tell(time, MAIN, Joined, child=pid, exit_code=exit_code)

    def sample(self, time: float, used: float = 100, **status: str) -> None:
        """A look at the machine; each process that is named runs (R) or sleeps (S)."""
        percent = {"R": 90.0, "S": 0.0, "T": 0.0}
        processes = [
            ProcessSample(int(pid[1:]), int(pid[1:]), MAIN, letter, percent[letter], 1, 1, 0)
            for pid, letter in status.items()
        ]
        self.tell(time, VIEWER, Sample, cores=[used] * CORES, processes=processes)

    def found(self) -> list[Finding]:
        """What is found by the end of the story."""
        events = sorted(self.events, key=lambda event: event.time)
        return list(follow(RunState(), events).findings.values())


_RUN: dict[str, Any] = {
    "target": "story",
    "arguments": [],
    "python": "",
    "start_method": "",
    "cores": CORES,
    "version": "1",
}


def rules(found: Iterable[Finding]) -> list[str]:
    return [each.rule for each in found]


# ---- lost updates


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
    story.sample(100)
    return story


LOST = (
    (102, "write", 4, 0),
    (102, "write", 5, 4),
    (101, "read", 5, 0),
    (102, "read", 5, 0),
    (102, "write", 6, 5),
    (101, "write", 6, 6),
)


def test_one_lost_update_is_enough_and_names_who_undid_it_first() -> None:
    (found,) = updates(*LOST).found()
    assert found.rule == "lost-updates"
    assert "1 of 4 writes of Value 1 undid" in found.message
    assert "1 lower" in found.message
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


# ---- queues


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
        story.sample(turn * cycle + 40, used=30, **{f"p{pid}": letter for pid in making_pids})
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
            event.processes = [ProcessSample(130, 130, MAIN, "R", 100, event.time / 1e9, 1, 0)]
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
        story.sample(time, p110="R")
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
            story.sample(10 + number * step)
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
    story.sample(5000)
    (found,) = story.found()
    assert (found.rule, found.over) == ("queue-growing", 5000 * MS)


# ---- pools


def job(
    *,
    workers: int = 3,
    tasks: int = 7,
    each: float = 400,
    last: float = 0,
    call: str = "map",
    items: int = 1,
    waits: bool = False,
) -> Story:
    """Tasks that are done in waves; the last is still running after so long, and is looked at."""
    story = Story()
    story.tell(1, MAIN, PoolCreated, object="pool", workers=workers)
    for number in range(workers):
        story.child(1, 110 + number)
        story.tell(2, 110 + number, WorkerReady, object="pool")
    fields = {"function": "work", "tasks": tasks, "items": tasks * items, "chunksize": items}
    story.tell(2, MAIN, JobSubmitted, object="pool", job=0, call=call, **fields)
    task: dict[str, Any] = {"object": "pool", "job": 0}
    for index in range(tasks):
        began, pid = 2 + each * (index // workers), 110 + index % workers
        story.tell(began, pid, TaskStarted, index=index, function="work", items=items, **task)
        if index < tasks - 1:
            story.tell(began + each, pid, TaskEnded, index=index, **task)
        else:
            if waits:
                story.tell(began + 1, pid, Waiting, what="lock", object="lock")
            story.sample(began + last)
    return story


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Two waves of 400 ms; the last began at 800, and nothing else ended after that.
        ({"last": 1010}, ["straggler"]),
        ({"last": 990}, []),
        ({"last": 1200, "each": 1000, "tasks": 4}, []),
        ({"last": 1990, "each": 1000, "tasks": 4}, []),
        ({"last": 2010, "each": 1000, "tasks": 4}, ["straggler"]),
        # Alone for 29 and for 31 percent of the time.
        ({"last": 1140, "each": 400, "tasks": 22}, []),
        ({"last": 1260, "each": 400, "tasks": 22}, ["straggler"]),
        ({"last": 1010, "call": "apply"}, []),
        ({"last": 1010, "waits": True}, []),
        ({"last": 1010, "workers": 1}, []),
    ],
)
def test_a_task_that_all_wait_for(changes: dict[str, Any], expected: list[str]) -> None:
    assert rules(job(**changes).found()) == expected


def test_the_time_that_a_person_froze_it_for_does_not_count() -> None:
    story = job(last=2500)
    for time in range(900, 2500, 100):
        story.sample(time, p110="T")
    story.sample(2500, p110="R")
    assert story.found() == []


def test_of_a_chunk_it_says_how_small_chunks_would_be() -> None:
    (found,) = job(last=1500, items=80).found()
    assert "a chunk of 80 items" in found.cause
    assert "chunksize=10 would make 8 of it" in found.fix
    assert found.processes == ("110",)
    assert found.objects == ("pool", "pool/0/6")
    assert found.since == 802 * MS


@pytest.mark.parametrize(
    ("tasks", "fix"),
    # The long task begins with all others, then 400 ms into a job of 1910 ms.
    [(3, "Cut it into smaller tasks"), (6, "Hand out the longest tasks first")],
)
def test_to_hand_out_the_longest_first_is_no_help_for_what_was_begun_with_the_first(
    tasks: int, fix: str
) -> None:
    (found,) = job(tasks=tasks, last=1510).found()
    assert found.rule == "straggler"
    assert fix in found.fix
    assert ("began late" in found.cause) is ("Hand out" in found.fix)


def hail(task: float, gap: float, count: int = 6000) -> Story:
    """Two workers do tasks that take so long, with a gap before the next; samples all along."""
    story = Story()
    story.tell(1, MAIN, PoolCreated, object="pool", workers=2)
    fields = {"function": "work", "tasks": count, "items": count, "chunksize": 1}
    story.tell(1, MAIN, JobSubmitted, object="pool", job=0, call="map", **fields)
    for index in range(count):
        time = 2 + index // 2 * (task + gap)
        pid, place = 110 + index % 2, {"object": "pool", "job": 0, "index": index}
        story.tell(time, pid, TaskStarted, function="work", items=1, **place)
        story.tell(time + task, pid, TaskEnded, **place)
    for moment in range(100, int(2 + count // 2 * (task + gap)), 100):
        story.sample(moment)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (hail(0.19, 0.6), ["tasks-too-small"]),
        (hail(0.21, 0.6), []),
        (hail(0.19, 0.15), []),
        (hail(0.19, 0.25), []),
        (hail(0.19, 0.25, count=8000), ["tasks-too-small"]),
        (hail(0.1, 4.2, count=2000), []),
        (hail(0.1, 3.5, count=2000), ["tasks-too-small"]),
    ],
    ids=["small", "larger", "at work", "short", "not short", "few a second", "enough a second"],
)
def test_tasks_smaller_than_their_way(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_the_chunksize_that_is_named_makes_tasks_worth_their_way() -> None:
    (found,) = hail(0.1, 0.4, count=8000).found()
    # 200 items of 0.1 ms are 20 ms.
    assert "chunksize=200 would make 40 tasks of 20 ms each" in found.fix


def calls(
    workers: int = 8, *, tasks: int = 200, together: int = 1, task: float = 9, gap: float = 2
) -> Story:
    """A pool whose tasks are handed out one by one, or a few together."""
    story = Story()
    story.tell(1, MAIN, PoolCreated, object="pool", workers=workers)
    for number in range(workers):
        story.tell(2, 110 + number, WorkerReady, object="pool")
    for turn in range(tasks // together):
        time = 3 + turn * (task + gap)
        story.tell(time, MAIN, Waiting, what="results", object="pool/0")
        for number in range(together):
            place = {"object": "pool", "job": turn * together + number, "index": 0}
            pid = 110 + (turn * together + number) % workers
            fields = {"function": "work", "tasks": 1, "items": 1, "chunksize": 1}
            story.tell(
                time, MAIN, JobSubmitted, object="pool", job=place["job"], call="apply", **fields
            )
            story.tell(time, pid, TaskStarted, function="work", items=1, **place)
            story.tell(time + task, pid, TaskEnded, **place)
    story.sample(3 + tasks // together * (task + gap))
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (calls(), ["too-many-to-feed"]),
        (calls(7), []),
        (calls(together=2, tasks=400, task=6, gap=5), ["too-many-to-feed"]),
        (calls(together=3, tasks=600, task=3, gap=8), []),
        (calls(tasks=180), []),
        (calls(tasks=7, task=10, gap=400), []),
        (calls(together=2, tasks=400, task=9), []),
    ],
    ids=["many", "fewer", "two at once", "three at once", "short", "few tasks", "at work"],
)
def test_more_workers_than_ever_have_a_task(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_what_was_said_of_a_pool_stays_when_the_pool_has_ended() -> None:
    story = calls()
    story.tell(3000, MAIN, PoolEnded, object="pool", how="close")
    story.sample(9000)
    (found,) = story.found()
    assert "8 workers of Pool 1 never more than 1 were at work" in found.message
    # Not of the time after its last task.
    assert "10% of the time" in found.message


def test_a_pool_that_is_fed_later_had_not_too_many() -> None:
    story = calls()
    for number in range(3):
        story.tell(
            3000,
            110 + number,
            TaskStarted,
            object="pool",
            job=900,
            index=number,
            function="work",
            items=1,
        )
    story.sample(3001)
    assert story.found() == []


# ---- processes


def starts(count: int, starting: float, working: float, method: str = "spawn") -> Story:
    """Processes started one after the other."""
    story = Story()
    for number in range(count):
        time = 10 + number * (starting + working)
        story.child(time, 110 + number, starting, method)
        story.end(time + starting + working, 110 + number)
        story.sample(time + starting + working)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (starts(4, 260, 120), ["startup-longer"]),
        (starts(3, 400, 100), []),
        (starts(4, 240, 100), []),
        (starts(4, 260, 140), []),
        (starts(100, 12, 1), ["startup-longer"]),
    ],
    ids=["long", "few", "not long in all", "works as well", "many"],
)
def test_starts_that_take_longer_than_the_work(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_it_is_over_where_the_others_work_for_longer_than_half_of_the_starts() -> None:
    story = starts(4, 260, 120)
    (said,) = story.found()
    story.child(2000, 120, 260, "spawn")
    story.end(2000 + 260 + 200, 120)
    story.sample(2500)
    (found,) = story.found()
    assert (found.over, found.message) == (2500 * MS, said.message)


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        ("fork", "a copy of the parent"),
        ("spawn", "a new Python that imports the program again"),
        ("forkserver", "a copy of the fork server"),
    ],
)
def test_a_start_is_called_what_it_is_by_its_method(method: str, cause: str) -> None:
    story = starts(4, 260, 120, method=method)
    (found,) = story.found()
    assert cause in found.cause
    assert "took up to 0.3 s" in found.cause


def test_starts_by_several_methods_have_no_common_cause() -> None:
    story = starts(3, 260, 120)
    story.child(2000, 120, 260, "fork")
    story.end(2380, 120)
    story.sample(2381)
    (found,) = story.found()
    assert found.cause == "Each start took up to 0.3 s."


def test_it_is_withdrawn_where_the_others_work_longer() -> None:
    story = starts(4, 260, 120)
    story.child(2000, 120, 260, "spawn")
    story.end(4000, 120)
    story.sample(4001)
    assert story.found() == []


def parts(
    *lives: float, now: float, letter: str = "R", exit_code: int = 0, late: float = 0
) -> Story:
    """Processes that run side by side from the start; of the last the end is still to come."""
    story = Story()
    for number, life in enumerate(lives):
        story.child(1, 110 + number)
        story.end(1 + life, 110 + number, exit_code)
    story.child(1 + late, 150)
    for time in range(100, int(now) + 1, 100):
        if time > late:
            story.sample(time, p150=letter)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (parts(300, 300, now=1400), ["uneven-workers"]),
        (parts(300, 300, now=1200), []),
        (parts(300, now=2000), []),
        (parts(1800, 1800, 1800, now=3500), []),
        (parts(1800, 1800, 1800, now=3700), ["uneven-workers"]),
        (parts(200, 400, 2400, now=3400), []),
        (parts(200, 400, 2400, now=3500), ["uneven-workers"]),
        (parts(300, 300, now=3000, letter="S"), []),
        (parts(300, 300, now=3000, exit_code=1), []),
        (parts(300, 300, now=3000, late=400), []),
    ],
)
def test_a_process_with_more_work_than_its_like(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_who_takes_from_a_queue_has_no_share_of_its_own() -> None:
    story = parts(300, 300, now=1400)
    story.tell(2, MAIN, QueueCreated, object="items", kind="Queue", maxsize=0)
    story.tell(3, MAIN, ItemPut, object="items")
    story.tell(4, 150, ItemGot, object="items", size=1)
    assert story.found() == []


def crowd(
    count: int,
    own: float = 1.9,
    others: float = 0.0,
    *,
    idle: float = 0.0,
    samples: int = 20,
    allowed: tuple[int, ...] = (),
    granted: float = 0.0,
    told: bool = True,
) -> Story:
    """Eight processes on two cores: some share ``own`` cores, other programs use the rest.

    ``idle`` is the share of the time in which each process wants no core. ``told`` says whether the
    kernel counts how long they wait for a core.
    """
    story = Story()
    story.events[0] = RunStarted(
        time=0, pid=VIEWER, **(_RUN | {"allowed": list(allowed), "granted": granted})
    )
    for number in range(8):
        story.child(1, 110 + number)
    used = own / count
    for time in range(1, samples + 1):
        processes = [
            ProcessSample(
                110 + number,
                110 + number,
                MAIN,
                "R" if number < count else "S",
                100 * used if number < count else 0.0,
                used * time / 10,
                1,
                number % 2,
                without_core=max(0.0, 1 - used - idle) * time / 10 if told else -1.0,
            )
            for number in range(8)
        ]
        cores = [50 * (own + others)] * CORES
        if allowed:
            cores = [100.0 * (own + others) if index in allowed else 30.0 for index in range(CORES)]
        story.tell(time * 100, VIEWER, Sample, cores=cores, processes=processes)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (crowd(6), ["too-many-for-cores"]),
        (crowd(5), []),
        (crowd(6, told=False), ["too-many-for-cores"]),
        (crowd(5, told=False), []),
        (crowd(6, own=1.7), []),
        (crowd(6, samples=19), []),
        # The program has 11 and 9 percent of the cores.
        (crowd(6, own=0.22, others=1.7), ["too-many-for-cores"]),
        (crowd(6, own=0.18, others=1.8), []),
        # Alone, each process would use 83 and 51 percent of a core.
        (crowd(8, own=1.6, others=0.3, idle=0.04), ["too-many-for-cores"]),
        (crowd(8, own=1.6, others=0.3, idle=0.19), []),
        (crowd(5, own=0.95, allowed=(1,)), ["too-many-for-cores"]),
        (crowd(4, own=0.95, allowed=(1,)), []),
        (crowd(5, own=0.95, granted=0.95), ["too-many-for-cores"]),
        (crowd(5, own=1.9, granted=1.5), []),
    ],
    ids=[
        *("6 on 2", "5 on 2", "6 on 2, seen", "5 on 2, seen", "cores are free", "short"),
        *("with a tenth of the cores", "with less", "busy", "half busy"),
        *("5 on 1 of 2", "4 on 1 of 2", "5 on a quota of 1", "5 on a quota of 2"),
    ],
)
def test_more_that_want_to_run_than_cores(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_a_crowd_is_told_with_what_each_had_and_how_many_cores_there_are_for_it() -> None:
    (found,) = crowd(6).found()
    assert "6 processes want to run at once on 2 cores, so that each gets 32% of one" in (
        found.message
    )
    assert "Start 2 of them: that is os.cpu_count()" in found.fix
    assert found.processes == tuple(str(110 + number) for number in range(6))
    (found,) = crowd(5, own=0.95, allowed=(1,)).found()
    assert "5 processes want to run at once on 1 core, so that each gets 19% of one" in (
        found.message
    )
    assert "Start 1 of them: of the machine's 2 cores" in found.fix
    (found,) = crowd(6, own=0.9, others=1.1).found()
    assert found.message.endswith("15% of one; other programs use 1.1 of them")


def test_a_crowd_that_has_gone_is_over() -> None:
    story = crowd(6)
    for time in range(2100, 4100, 100):
        story.sample(time, p110="S")
    (found,) = story.found()
    assert found.since == 100 * MS
    assert found.over > 0


# ---- locks


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
    story.sample(total)
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
    story.sample(2102 + rest)
    said = [each.over < 0 for each in story.found() if each.rule == "serial-by-lock"]
    assert said == {"is": [True], "was": [False], "is withdrawn": []}[found]


def test_no_lock_is_held_for_more_than_all_of_the_time() -> None:
    story = turns(2, 100, 0.01, total=2100)
    # The last turn is a long one.
    story.tell(2200, 110, LockAcquired, object="gate")
    story.tell(2900, 110, LockReleased, object="gate")
    story.sample(2901)
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
    story.sample(9002)
    assert story.found() == []


def test_who_has_not_had_a_turn_yet_counts_as_well() -> None:
    story = turns(1, 20, 0.01)
    for pid in (150, 151):
        story.child(1, pid)
        story.tell(2, pid, Waiting, what="lock", object="gate")
    (found,) = story.found()
    assert "of 3 processes 1.0 can work at a time" in found.message
    assert set(found.processes) == {"110", "150", "151"}
