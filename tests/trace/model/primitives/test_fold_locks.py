"""Locks and semaphores in the fold: who holds them, who waits, and for how long."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    MS,
    Story,
    doing,
)
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import (
    Waiting,
)
from mpviz.trace.model.primitives.lock import (
    Lock,
    LockAcquired,
    LockCreated,
    ReleaseRefused,
    contention,
)


def create_lock(story: Story, kind: str = "Lock", maximum: int = 1) -> Lock:
    story.site(7, 3, "gate = Lock()", "/a/story.py")
    story.tell(5, MAIN, LockCreated, object="L", kind=kind, maximum=maximum, site=7)
    return story.state.table(Lock)["L"]


def test_a_lock_is_handed_over_from_one_process_to_another(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    assert (lock.holder, lock.held_since) == (str(ANNA), 11 * MS)
    two.wait(14, BERT, "lock", "L")
    assert two.words(BERT) == "lock gate, held by Anna"
    assert two.process(BERT).state == "waiting"
    two.release(20, ANNA, "L")
    assert two.words(BERT) == "lock gate"
    two.acquire(21, BERT, "L")
    assert (lock.holder, two.process(BERT).wait) == (str(BERT), None)
    two.release(25, BERT, "L")
    assert lock.holder == ""
    assert doing(two.process(BERT), 13, 14, 20, 21) == ["running", "lock", "lock", "running"]
    entry = two.one("locks")
    assert entry == {
        "id": "L",
        "name": "gate",
        "kind": "Lock",
        "acquisitions": 2,
        "releases": 2,
        "contended": 1,
        "wait": pytest.approx(0.007),
        "hold": pytest.approx(0.013),
        "holder_pid": None,
        "seen": False,
    }


def test_a_wait_that_is_given_up_counts_as_time_but_takes_nothing(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.wait(12, BERT, "lock", "L")
    two.go_on(32, BERT)
    assert (lock.acquisitions, lock.contended, lock.holder) == (1, 0, str(ANNA))
    assert (lock.wait.count, lock.wait.total) == (1, 20 * MS)
    assert "1 wait given up" in summary(two.state)
    assert two.process(BERT).state == "running"


def test_a_lock_released_by_another_process_is_free(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.release(19, BERT, "L")
    assert (lock.holder, lock.hold.total) == ("", 8 * MS)


def test_a_refused_release_never_happened(two: Story) -> None:
    lock = create_lock(two)
    two.release(11, ANNA, "L")
    two.tell(11, ANNA, ReleaseRefused, object="L")
    assert (lock.acquisitions, lock.releases, lock.holder) == (0, 0, "")


def test_a_semaphore_has_as_many_holders_as_took_it(two: Story) -> None:
    lock = create_lock(two, "Semaphore", 2)
    two.acquire(11, ANNA, "L")
    two.acquire(12, BERT, "L")
    assert [key for key, _ in lock.holders] == [str(ANNA), str(BERT)]
    two.release(15, ANNA, "L")
    assert (lock.holder, lock.hold.total) == (str(BERT), 4 * MS)


def test_a_semaphore_that_begins_with_nothing_is_a_signal_and_held_by_nobody(two: Story) -> None:
    """Who gives has never taken it, and who takes it never gives it back."""
    lock = create_lock(two, "Semaphore", 0)
    two.release(11, ANNA, "L")
    two.acquire(12, BERT, "L")
    assert (lock.acquisitions, lock.releases, lock.last_holder) == (1, 1, str(BERT))
    assert (lock.holders, lock.hold.count) == ({}, 0)


def test_threads_of_one_process_hold_and_wait_each_for_itself(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.tell(12, ANNA, Waiting, what="lock", object="L", thread=9)
    assert two.process(ANNA).state == "running"
    assert two.words(ANNA) == "lock gate, held by Anna"
    two.release(14, ANNA, "L")
    two.tell(14, ANNA, LockAcquired, object="L", thread=9)
    assert (lock.contended, lock.wait.total, lock.hold.total) == (1, 2 * MS, 3 * MS)
    assert list(lock.holders) == [(str(ANNA), 9)]
    assert two.process(ANNA).state == "running"


def test_a_dead_holder_keeps_the_lock_and_the_waiter_says_so(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.wait(12, BERT, "lock", "L")
    two.exit(13, ANNA, -9)
    assert lock.holder == str(ANNA)
    assert two.words(BERT) == "lock gate, held by Anna, which is dead"
    assert two.one("locks")["holder_pid"] == ANNA


def test_a_death_ends_the_wait_of_the_dead(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.wait(12, BERT, "lock", "L")
    two.exit(18, BERT, -15)
    assert two.process(BERT).wait is None
    assert (lock.contended, lock.wait.count, lock.wait.total) == (0, 1, 6 * MS)
    assert (lock.given_up, lock.cut_off) == (0, 1), "it did not give up"
    assert contention(two.state, lock) == 0.5, "Anna did not have to wait"
    assert "1 wait cut off by the end of the process" in summary(two.state)
    assert "given up" not in summary(two.state)


def test_waits_and_holds_that_go_on_count_as_far_as_they_have_come(two: Story) -> None:
    lock = create_lock(two)
    two.acquire(11, ANNA, "L")
    two.wait(12, BERT, "lock", "L")
    two.wait(32, MAIN, "process", str(ANNA))
    assert contention(two.state, lock) == 0.5, "Bert still waits"
    entry = two.one("locks")
    assert (entry["wait"], entry["hold"]) == (pytest.approx(0.020), pytest.approx(0.021))
    assert ", 0 after a wait, 1 wait not over, 20.0 ms waited in all" in summary(two.state)


def test_a_lock_that_nobody_announced_ends_the_wait_for_it_and_is_not_shown(two: Story) -> None:
    two.wait(11, ANNA, "lock", "of an event")
    assert two.words(ANNA) == "an internal lock"
    two.acquire(12, ANNA, "of an event")
    two.release(13, ANNA, "of an event")
    assert two.process(ANNA).wait is None
    assert two.document()["locks"] == []
