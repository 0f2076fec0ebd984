"""What is made of a look that could not see everything, or has seen something odd."""

from __future__ import annotations

from typing import Any

from helpers.looks import (
    LOCK,
    OTHER,
    described_lock,
    look,
    process,
    semlock,
    state_after,
    thread,
    waiting,
)
from helpers.panels import text_of
from mpviz.trace.explain.findings import look_while_it_runs
from mpviz.trace.explain.findings.deadlock import DEADLOCK_NANOSECONDS
from mpviz.trace.explain.why import why
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import chain
from mpviz.tui.panels import process as page
from mpviz.tui.render.view import View


def the_lock(state: RunState) -> Lock:
    (lock,) = state.table(Lock).values()
    return lock


def test_refused_rights_are_said_with_what_gives_them() -> None:
    refused = process(10, 1, thread(10), python="?", refused="Operation not permitted")
    state = state_after(look(refused))
    state.now += 2_000_000_000
    text = " ".join(" ".join(why(state)).split())
    assert "Operation not permitted; mpviz why --sudo 10 reads it as root" in text


def test_a_taken_lock_without_holder_is_lost_only_when_seen_twice() -> None:
    seen = look(
        process(10, 1, thread(10), semlocks=semlock(0), maps=[LOCK]),
        waiting(11),
        semaphores={LOCK: [0, 1]},
    )
    assert the_lock(state_after(seen)).lost_since < 0
    assert the_lock(state_after(seen, {**seen, "processes": []})).lost_since >= 0


def test_no_lock_is_lost_that_an_unread_process_may_hold() -> None:
    seen = look(process(10, 1, thread(10), maps=[LOCK]), waiting(11), semaphores={LOCK: [0, 1]})
    assert the_lock(state_after(seen, {**seen, "processes": []})).lost_since < 0


def test_a_lock_that_another_process_has_released_has_no_holder() -> None:
    seen = look(
        process(10, 1, thread(10), semlocks=semlock(1), maps=[LOCK]),
        waiting(11),
        process(12, 10, thread(12), semlocks=semlock(-1), maps=[LOCK]),
        semaphores={LOCK: [0, 1]},
    )
    lock = the_lock(state_after(seen, {**seen, "processes": []}))
    assert not lock.holders
    assert lock.lost_since < 0


def test_a_thread_that_ran_meanwhile_does_not_wait() -> None:
    torn = waiting(11)
    torn["threads"][0]["moving"] = torn["moving"] = True
    state = state_after(look(process(10, 1, thread(10)), torn, semaphores={LOCK: [0, 1]}))
    assert not any(each.waits for each in state.processes.values())


def test_a_process_that_ends_while_it_is_read_is_gone_and_its_pid_may_be_used_again() -> None:
    first = look(process(10, 1, thread(10)), waiting(11), semaphores={LOCK: [0, 1]})
    second = look(
        process(11, 10, thread(11), started=99),
        time=10_000_000_000,
        gone=[[11, 11]],
        there=[10, 11],
    )
    state = state_after(first, second)
    assert [each.key for each in state.processes.values() if each.alive] == ["10", "11.2"]


def locks_without_names() -> RunState:
    """Each of two processes holds a lock and waits for that of the other; no stack is known."""

    def stuck(pid: int, held: str, wanted: str) -> dict[str, Any]:
        sleeper = thread(
            pid, call="futex", arguments=[1, 0, 0, 0, 0, 0], semaphore=wanted, sleeps="lock"
        )
        locks = {held: {**semlock(1)[LOCK], "number": pid}, wanted: semlock(0)[LOCK]}
        problem = "names and lines need py-spy: pip install 'mpviz[attach]'"
        return process(pid, 10, sleeper, semlocks=locks, maps=[LOCK, OTHER], problem=problem)

    seen = look(
        process(10, 1, thread(10), semlocks=semlock(0)),
        stuck(11, LOCK, OTHER),
        stuck(12, OTHER, LOCK),
        semaphores={LOCK: [0, 1], OTHER: [0, 1]},
    )
    state = state_after(seen)
    for _ in range(3):
        look_while_it_runs(state)
        state.now += 2 * DEADLOCK_NANOSECONDS
    return state


def test_locks_without_a_name_are_told_apart_and_the_hint_is_right_below_the_finding() -> None:
    state = locks_without_names()
    assert {each.name for each in state.table(Lock).values()} == {"Lock 1", "Lock 2"}
    lines = why(state, 200)
    place = next(at for at, each in enumerate(lines) if each.startswith("deadlock: "))
    assert "process 11 holds Lock 2 and waits for Lock 1" in lines[place]
    assert lines[place + 1].startswith("  hint: process 11 cannot be looked into: names and lines")
    assert lines[place + 2].startswith("  cause: ")
    assert sum("py-spy" in each for each in lines) == 1


def test_two_locks_with_one_name_have_numbers_wherever_they_are_named() -> None:
    def stuck(pid: int, wanted: str, frames: list[list[Any]]) -> dict[str, Any]:
        sleeper = thread(
            pid, call="futex", arguments=[1, 0, 0, 0, 0, 0], semaphore=wanted, frames=frames
        )
        described = {"8": described_lock(wanted)}
        return process(pid, 10, sleeper, maps=[LOCK, OTHER], objects=described)

    held = {LOCK: {**semlock(1)[LOCK], "number": 10}, OTHER: {**semlock(1)[LOCK], "number": 10}}
    by_variable = ["/job.py", 3, "work", [["y", 8, "Lock"]]]
    by_line = ["/job.py", 2, "work", []]
    seen = look(
        process(10, 1, thread(10), semlocks=held, maps=[LOCK, OTHER]),
        stuck(11, LOCK, [by_variable]),
        stuck(12, OTHER, [by_variable]),
        stuck(13, "00:1b:9", [by_line]),
        semaphores={LOCK: [0, 1], OTHER: [0, 1], "00:1b:9": [0, 1]},
    )
    state = state_after(seen, source=lambda _: b"\n    y.acquire()\n")
    assert {each.name for each in state.table(Lock).values()} == {"y", "y #2", "y #3"}
    text = " ".join(why(state))
    assert all(f"for lock {name}" in text for name in ("y,", "y #2,", "y #3,"))


def test_nobody_was_seen_at_the_time_zero_of_the_machine() -> None:
    state = locks_without_names()
    assert state.table(Lock)[f"lock-{LOCK}"].holders
    text = text_of(chain.PANEL, state, 120, 20)
    assert "process 12 holds it" in text
    assert " ago" not in text


def test_the_page_of_a_process_without_a_name_says_process_once() -> None:
    state = locks_without_names()
    assert page.title(state, View(selected="11")) == "process 11, 2 of 3"
    assert page.title(state, View(selected="10")) == "process MainProcess, 1 of 3"
