"""Which orders can be noticed: pairs of operations of two processes, on one object and on two."""

from __future__ import annotations

from itertools import product

import pytest

from mpviz.trace.stepping.search.dependence import conflict, enables, must_wait
from mpviz.trace.stepping.steps import Held, Operation

KINDS = {
    "L": "lock",
    "V": "value",
    "Q": "queue",
    "E": "event",
    "C": "condition",
    "B": "barrier",
    "P": "pipe",
}


def operation(words: str, task: str, number: str = "1") -> Operation:
    """A verb and the letter of an object; "?" behind it does not wait, "~" has a time-out."""
    verb, _, letter = words.partition(" ")
    known = letter if letter.startswith("main") else letter + number * bool(letter)
    kind = KINDS.get(letter, "time" if verb == "sleep" else "process")
    lock = f"{known}.lock"
    return Operation(
        task,
        verb.rstrip("?~"),
        known,
        kind,
        blocking="?" not in verb,
        timed="~" in verb,
        detail=lock if kind == "condition" and verb != "notify" else "",
        lock=lock if kind == "value" else "",
    )


NOTICED = """
    acquire L, acquire L    acquire L, release L    release L, release L    acquire? L, acquire? L
    acquire~ L, release L   read V, write V         write V, write V
    feed Q, feed Q          get Q, get Q            get? Q, get Q           feed Q, get? Q
    feed Q, get~ Q          empty Q, feed Q         empty Q, get Q          qsize Q, put Q
    qsize Q, get Q          set E, clear E          set E, wait E           clear E, wait E
    set E, is_set E         clear E, is_set E       wait C, notify C        notify C, notify C
    wake~ C, notify C       wake C, wake C          arrive B, arrive B
"""
NOT_NOTICED = """
    read V, read V          put Q, put Q            put Q, get Q            put Q, feed Q
    feed Q, get Q           put Q, empty Q          feed Q, qsize Q         empty Q, qsize Q
    empty Q, empty Q        full Q, put Q           full Q, get Q           set E, set E
    clear E, clear E        wait E, wait E          is_set E, wait E        pass B, pass B
    arrive B, pass B        wake C, notify C        sleep, sleep            sleep, write V
    begin, write V          end, write V            drain Q, get Q
"""


def pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of a table."""
    cells = [cell.strip() for line in text.splitlines() for cell in line.split("  ")]
    return [tuple(cell.split(", ")) for cell in cells if cell]  # type: ignore[misc]


@pytest.mark.parametrize(("one", "other"), pairs(NOTICED))
def test_the_order_is_noticed_on_one_object_only(one: str, other: str) -> None:
    """And it does not matter in which order one asks."""
    first = operation(one, "main.1")
    assert conflict(first, operation(other, "main.2"))
    assert conflict(operation(other, "main.2"), first)
    assert not conflict(first, operation(other, "main.2", "2"))
    assert not conflict(operation(other, "main.2", "2"), first)


@pytest.mark.parametrize(("one", "other"), pairs(NOT_NOTICED))
def test_the_order_is_not_noticed(one: str, other: str) -> None:
    """Not even on the same object."""
    assert not conflict(operation(one, "main.1"), operation(other, "main.2"))
    assert not conflict(operation(other, "main.2"), operation(one, "main.1"))


@pytest.mark.parametrize(
    ("one", "other", "is_noticed"),
    [
        ("put Q", "put Q", True),
        ("put? Q", "get Q", True),
        ("put~ Q", "get Q", True),
        ("put Q", "get Q", False),
        ("full Q", "put Q", True),
        ("full Q", "get Q", True),
        ("full Q", "feed Q", False),
        ("put Q", "feed Q", False),
    ],
)
def test_room_counts_where_a_queue_has_a_bound(one: str, other: str, is_noticed: bool) -> None:
    """The last place goes to whoever is first."""
    assert conflict(operation(one, "main.1"), operation(other, "main.2"), ["Q1"]) == is_noticed


def test_a_value_is_read_and_written_under_its_lock() -> None:
    """Whoever has the lock keeps others from it; reading it with somebody else is not noticed."""
    lock = Operation("main.1", "acquire", "V1.lock", "lock")
    for verb in ("read V", "write V"):
        assert conflict(lock, operation(verb, "main.2"))
    wake = operation("wake C", "main.2")
    assert conflict(Operation("main.1", "acquire", "C1.lock", "lock"), wake)


def test_processes_start_end_and_are_joined() -> None:
    """A join with a time-out can come too early; one without waits."""
    end = operation("end", "main.1")
    assert not conflict(end, operation("join main.1", "main"))
    assert conflict(end, operation("join~ main.1", "main"))
    assert not conflict(end, operation("join~ main.2", "main"))
    assert enables(end, operation("join main.1", "main"))
    assert not enables(end, operation("join main.2", "main"))
    assert enables(operation("start main.1", "main"), operation("begin", "main.1"))
    # With a process its threads end.
    assert conflict(end, operation("write V", "main.1/thread1"))


def test_what_is_not_known_counts_as_noticed_on_the_same_object() -> None:
    """An order more does no harm; one too few hides a fault."""
    for one, other in product(["send P", "recv P"], repeat=2):
        assert conflict(operation(one, "main.1"), operation(other, "main.2"))


@pytest.mark.parametrize(
    ("words", "held", "waits"),
    [
        ("acquire L", Held("lock", holders=("main.2",)), True),
        ("acquire L", Held("lock", holders=("main.1",)), False),
        ("acquire? L", Held("lock", holders=("main.2",)), False),
        ("acquire~ L", Held("lock", holders=("main.2",)), False),
        ("acquire L", Held("lock", free=1), False),
        ("get Q", Held("queue"), True),
        ("get Q", Held("queue", free=2), False),
        ("wait E", Held("event"), True),
        ("wait E", Held("event", free=1), False),
    ],
)
def test_what_certainly_has_to_wait(words: str, held: Held, waits: bool) -> None:
    """While its object is like this."""
    asked = operation(words, "main.1")
    assert must_wait(asked, {asked.target: held}) == waits
    assert not must_wait(asked, {})
