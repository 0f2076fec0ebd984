"""The scenarios on sharing, and the semaphore: what mpviz counts is what they print."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from helpers.runs import run_to_end
from helpers.scenario_runs import assert_all_ended_well, run
from mpviz.trace.explain.follow import follow
from mpviz.trace.launch import session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.events import Event
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.state import RunState

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_each_place_is_written_once_and_each_digit_counted_under_the_lock(
    start_method: str,
) -> None:
    finished = run(start_method, "shared-array", "workers=3", "items=120", "work_ms=0")
    values, lock = finished.named("values"), finished.only("locks")
    assert set(values) == {"squares", "last_digits"}
    assert {(value["kind"], value["typecode"]) for value in values.values()} == {("Array", "i")}
    squares, last_digits = values["squares"], values["last_digits"]
    # Read as a whole, once for the sum.
    assert (squares["length"], squares["writes"], squares["reads"]) == (120, 120, 1)
    # Read once for every addition, and as a whole for the list and the sum.
    assert [last_digits[name] for name in ("length", "writes", "reads")] == [10, 120, 122]
    assert [value["stale_writes"] + value["lost_updates"] for value in values.values()] == [0, 0]
    assert (lock["name"], lock["kind"]) == ("last_digits.get_lock()", "RLock")
    assert (lock["acquisitions"], lock["releases"], lock["holder_pid"]) == (120, 120, None)
    assert "counted 120, expected 120" in finished.printed
    assert_all_ended_well(finished, ["worker-1", "worker-2", "worker-3"])


def test_as_many_updates_are_counted_as_lost_as_the_racers_miss(start_method: str) -> None:
    finished = run(start_method, "race", "processes=4", "increments=60", "pause_ms=5")
    value = finished.only("values")
    expected, final = map(int, re.findall(r"expected (\d+), final (\d+)", finished.printed)[0])
    assert (expected, value["last"], value["writes"]) == (240, final, 240)
    assert value["lost_updates"] == expected - final > 0
    said = [int(number) for number in re.findall(r"adder-\d .*: (-?\d+) lost", finished.printed)]
    assert sum(said) == value["lost_updates"]
    # A write is stale also where the number has moved and come back to what was read.
    assert value["stale_writes"] >= len(said)
    # One for each addition and two at the end; a racer's look past the lock is none.
    assert value["reads"] == 242
    lock = finished.only("locks")
    assert (lock["acquisitions"], lock["releases"], lock["holder_pid"]) == (240, 240, None)
    assert_all_ended_well(finished, [f"adder-{number}" for number in (1, 2, 3, 4)])


def test_every_place_that_was_taken_is_given_back(start_method: str) -> None:
    finished = run(start_method, "semaphore", "workers=4", "places=2", "files=5", "download_s=0.02")
    locks, values = finished.named("locks"), finished.named("values")
    assert set(locks) == {"slots", "inside.get_lock()"}
    slots, own_lock = locks["slots"], locks["inside.get_lock()"]
    assert (slots["kind"], slots["acquisitions"], slots["releases"]) == ("Semaphore", 20, 20)
    assert (own_lock["acquisitions"], own_lock["releases"]) == (40, 40)
    assert [lock["holder_pid"] for lock in locks.values()] == [None, None]
    assert (values["inside"]["last"], values["inside"]["writes"]) == (0, 40)
    assert [value["lost_updates"] for value in values.values()] == [0, 0]
    most = values["most"]["last"]
    assert f"at most {most} at once, 0 at the end" in finished.printed
    assert 1 <= most <= 2
    assert_all_ended_well(finished, [f"worker-{number}" for number in (1, 2, 3, 4)])


def test_never_more_hold_the_semaphore_than_it_has_places(
    start_method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at after every single event."""
    held = []

    def fold_and_look(state: RunState, events: Iterable[Event]) -> None:
        for event in events:
            follow(state, [event])
            locks = state.table(Lock).values()
            held.extend(len(lock.holders) for lock in locks if lock.kind == "Semaphore")

    monkeypatch.setattr(session, "follow", fold_and_look)
    words = ["workers=4", "places=2", "files=5", "download_s=0.02"]
    target = Target(
        ["-m", "mpviz.scenarios", "semaphore", *words], "semaphore", start_method=start_method
    )
    running = start(target, capture=True)
    try:
        run_to_end(running)
    finally:
        running.close()

    state = running.state
    assert (state.exit_code, state.lost, state.probe_errors) == (0, 0, 0)
    (counted,) = [
        int(number)
        for line in state.output
        for number in re.findall(r"at most (\d+) at once", line.text)
    ]
    # The workers count themselves in after they are in, and out before they leave.
    assert counted <= max(held) <= 2
    assert held[-1] == 0
