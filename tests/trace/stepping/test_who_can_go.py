"""The model of who can go: what each step leaves behind, and why another one cannot be done."""

from __future__ import annotations

import msgspec
import pytest

from mpviz.trace.stepping.model import Thing, World, apply, in_words, obstacle, who_can_go
from mpviz.trace.stepping.steps import Choice, Operation


def world() -> World:
    things = [
        Thing("lock", "lock", 1),
        Thing("rlock", "lock", 1, recursive=True),
        Thing("semaphore", "semaphore", 2),
        Thing("value", "value", value="0"),
        Thing("value.lock", "lock", 1, recursive=True),
        Thing("queue", "queue", 1),
        Thing("event", "event"),
        Thing("condition", "condition"),
        Thing("condition.lock", "lock", 1, recursive=True),
        Thing("barrier", "barrier", 2),
    ]
    return World({thing.id: thing for thing in things})


def operation(words: str) -> Operation:
    """A task, a verb, a target, and perhaps a detail; "?" behind the verb: it does not block."""
    task, verb, target, *detail = words.split()
    kind = "process" if target.startswith("p") else target.partition(".")[0]
    return Operation(
        task,
        verb.rstrip("?"),
        target,
        kind,
        blocking="?" not in verb,
        detail=" ".join(detail),
        lock="value.lock" if kind == "value" else "",
    )


@pytest.mark.parametrize(
    ("done", "wanted", "why"),
    [
        ("", "b acquire lock", ""),
        ("a acquire lock", "b acquire lock", "waits for lock, held by a"),
        ("a acquire lock", "b acquire? lock", ""),
        ("a acquire lock; a release lock", "b acquire lock", ""),
        ("a acquire lock", "a acquire lock", "waits for lock, held by a"),
        ("a acquire rlock", "a acquire rlock", ""),
        (
            "a acquire rlock; a acquire rlock; a release rlock",
            "b acquire rlock",
            "waits for rlock, held by a",
        ),
        ("a acquire semaphore", "b acquire semaphore", ""),
        (
            "a acquire semaphore; b acquire semaphore",
            "c acquire semaphore",
            "waits for semaphore, held by b",
        ),
        ("a acquire value.lock", "b read value", "waits for value.lock, held by a"),
        ("a acquire value.lock", "a write value 1", ""),
        ("", "b get queue", "waits for an item in queue"),
        ("a put queue 1", "b get queue", "waits for an item in queue"),
        ("a put queue 1; a/feeder feed queue", "b get queue", ""),
        ("a put queue 1", "b put queue 2", "waits for room in queue"),
        ("a put queue 1; a/feeder feed queue; b get queue", "b put queue 2", ""),
        ("a put queue 1", "a drain queue", "waits until its items are in the pipe of queue"),
        ("a put queue 1", "b drain queue", ""),
        ("", "b join p1", "waits for p1 to end"),
        ("p1 end p", "b join p1", ""),
        ("", "b wait event", "waits until event is set"),
        ("a set event", "b wait event", ""),
        ("a set event; a clear event", "b wait event", "waits until event is set"),
        (
            "b acquire condition.lock; b wait condition condition.lock",
            "b wake condition condition.lock",
            "waits to be notified by condition",
        ),
        (
            "b acquire condition.lock; b wait condition condition.lock;"
            " a acquire condition.lock; a notify condition 1",
            "b wake condition condition.lock",
            "waits for the lock of condition, held by a",
        ),
        (
            "b acquire condition.lock; b wait condition condition.lock;"
            " a acquire condition.lock; a notify condition all; a release condition.lock",
            "b wake condition condition.lock",
            "",
        ),
        ("a arrive barrier", "a pass barrier", "waits at barrier: 1 of 2 are there"),
        ("a arrive barrier; b arrive barrier", "a pass barrier", ""),
        (
            "a arrive barrier; b arrive barrier; a pass barrier",
            "a arrive barrier",
            "waits until all of the last round have left barrier",
        ),
        ("", "a sleep - 1", ""),
    ],
)
def test_what_stands_in_the_way(done: str, wanted: str, why: str) -> None:
    now = world()
    for words in filter(None, done.split("; ")):
        each = operation(words)
        assert not obstacle(now, each, str), each
        apply(now, each, "go")
    assert obstacle(now, operation(wanted), str) == why


def test_a_time_out_in_a_condition_leaves_its_lock_to_be_taken() -> None:
    now = world()
    for words in ("b acquire condition.lock", "b wait condition condition.lock"):
        apply(now, operation(words), "go")
    apply(now, operation("b wake condition condition.lock"), "timeout")
    assert now.things["condition.lock"].holder == ""
    assert now.things["condition"].waiting == []


def test_who_has_been_notified_cannot_time_out() -> None:
    now = world()
    wake = msgspec.structs.replace(operation("b wake condition condition.lock"), timed=True)
    for words in ("b acquire condition.lock", "b wait condition condition.lock"):
        apply(now, operation(words), "go")
    assert who_can_go(now, {"b": wake}, str)[0] == (Choice("b", "timeout"),)
    for words in ("a acquire condition.lock", "a notify condition 1"):
        apply(now, operation(words), "go")
    assert who_can_go(now, {"b": wake}, str)[0] == ()
    apply(now, operation("a release condition.lock"), "go")
    assert who_can_go(now, {"b": wake}, str)[0] == (Choice("b"),)


def test_a_condition_gives_its_lock_back_as_often_as_it_was_taken() -> None:
    now = world()
    for words in (
        *("b acquire condition.lock", "b acquire condition.lock"),
        "b wait condition condition.lock",
        *("a acquire condition.lock", "a notify condition 1", "a release condition.lock"),
        *("b wake condition condition.lock", "b release condition.lock"),
    ):
        each = operation(words)
        assert not obstacle(now, each, str), each
        apply(now, each, "go")
    assert now.things["condition.lock"].holder == "b"
    apply(now, operation("b release condition.lock"), "go")
    assert now.things["condition.lock"].count == 1


def test_the_objects_in_words() -> None:
    now = world()
    for words in ("a acquire rlock", "a acquire rlock", "a put queue 7", "a arrive barrier"):
        apply(now, operation(words), "go")
    said = {known: in_words(thing, str).words for known, thing in now.things.items()}
    assert said == {
        "lock": "free",
        "rlock": "held by a, 2 times",
        "semaphore": "2 free",
        "value": "0",
        "value.lock": "free",
        "queue": "empty; 1 on the way",
        "event": "not set",
        "condition": "nobody waits",
        "condition.lock": "free",
        "barrier": "1 of 2 there",
    }
