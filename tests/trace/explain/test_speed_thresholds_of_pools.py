"""Rules on the speed of pools find something just beyond their thresholds, not just before.

MAIN is the first process of the program, and 101, 102 … are its children. Times are milliseconds.
"""

from __future__ import annotations

from typing import Any

import pytest

from helpers.speed_story import Story, rules
from helpers.story import MAIN, MS, VIEWER, process_sample
from mpviz.trace.model.events import Sample, Waiting, WaitOver
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)


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
            story.look(began + last)
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


@pytest.mark.parametrize(("lacked", "expected"), [(0.9, []), (0.1, ["straggler"])])
def test_a_task_that_takes_long_for_want_of_a_core_is_not_to_blame(
    lacked: float, expected: list[str]
) -> None:
    story = job(last=1600)
    for time in range(100, 2400, 100):
        seen = process_sample(
            110,
            status="R",
            cpu_percent=10.0,
            cpu_seconds=time / 10_000,
            without_core=time / 1000 * lacked,
        )
        story.tell(time, VIEWER, Sample, cores=[100.0] * 2, processes=[seen])
    assert rules(story.found()) == expected


def test_the_time_that_a_person_froze_it_for_does_not_count() -> None:
    story = job(last=2500)
    for time in range(900, 2500, 100):
        story.look(time, p110="T")
    story.look(2500, p110="R")
    assert story.found() == []


def test_a_straggling_chunk_is_found_with_the_chunksize_to_use() -> None:
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
        story.look(moment)
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
    story.look(3 + tasks // together * (task + gap))
    return story


def few_at_once(
    workers: int = 8, *, tasks: int = 400, together: int = 2, task: float = 6, gap: float = 5
) -> Story:
    """The same with two or more together."""
    return calls(workers, tasks=tasks, together=together, task=task, gap=gap)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (few_at_once(), ["too-many-to-feed"]),
        (few_at_once(7), []),
        (calls(), []),
        (few_at_once(together=3, tasks=600, task=3, gap=8), []),
        (few_at_once(tasks=340), []),
        (few_at_once(tasks=6, task=10, gap=1000), []),
        (few_at_once(task=9, gap=2), []),
    ],
    ids=["many", "fewer", "one at once", "three at once", "short", "few tasks", "at work"],
)
def test_more_workers_than_ever_have_a_task(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_a_finding_on_a_pool_stays_when_the_pool_has_ended() -> None:
    story = few_at_once()
    story.tell(3000, MAIN, WaitOver)
    story.tell(3000, MAIN, PoolEnded, object="pool", how="close")
    story.look(9000)
    (found,) = story.found()
    assert "8 workers of Pool 1 at most 2 worked at once" in found.message
    # Not of the time after its last task.
    assert "14% of the time" in found.message


def test_a_pool_that_is_fed_later_had_not_too_many() -> None:
    story = few_at_once()
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
    story.look(3001)
    assert story.found() == []
