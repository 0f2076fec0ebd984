"""Runs side by side: what differs, what does not, and what is said of each."""

from __future__ import annotations

import json

import pytest

from helpers.story import ANNA, BERT, MAIN, SUPERVISOR
from helpers.time_story import Story
from mpviz.trace.model.events import ProcessExited, Waiting
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated
from mpviz.trace.model.primitives.pool_events import PoolCreated, WorkerReady
from mpviz.trace.model.state import Finding, RunState
from mpviz.trace.record.comparison import (
    COUNT,
    SECONDS,
    SHARE,
    WORDS,
    Measure,
    Run,
    compare,
    comparison_document,
)


def a_run(label: str, *, busy: float, length: float) -> Run:
    """Two workers, each at a task for so long and all of it on a CPU."""
    story = Story()
    story.tell(5, MAIN, PoolCreated, object="P", workers=2)
    for pid, name in ((ANNA, "Anna"), (BERT, "Bert")):
        story.child(10, pid, name, began=10)
        story.tell(10, pid, WorkerReady, object="P", cpu=0.000001)
        story.work(10, 10 + busy, pid, cpu=busy)
        story.tell(length - 5, SUPERVISOR, ProcessExited, child=pid, exit_code=0)
    story.end(length)
    return Run(label, story.state)


def measure(runs: list[Run], name: str) -> Measure:
    (found,) = [each for each in compare(runs) if each.name == name]
    return found


def test_each_measure_has_a_value_for_each_run() -> None:
    runs = [a_run("a", busy=50, length=100), a_run("b", busy=50, length=200)]
    assert measure(runs, "wall time").values == (0.1, 0.2)
    assert measure(runs, "workers").values == (2, 2)
    assert measure(runs, "end").values == ("exit code 0", "exit code 0")
    assert all(len(each.values) == 2 for each in compare(runs))


def test_equal_runs_differ_in_nothing() -> None:
    runs = [a_run(label, busy=50, length=100) for label in "ab"]
    assert not [each.name for each in compare(runs) if each.differs]


def test_where_the_time_went_is_compared_phase_by_phase() -> None:
    runs = [a_run("a", busy=50, length=100), a_run("b", busy=20, length=100)]
    working = measure(runs, "working on a CPU")
    assert working.values == pytest.approx((0.1, 0.04), rel=0.001)
    assert working.differs
    assert measure(runs, "waiting for a task").values == pytest.approx((0.07, 0.13))
    # What takes no time in any of them is not in the table.
    assert "zombie" not in [each.name for each in compare(runs)]


def test_a_wait_that_only_one_run_has_is_zero_in_the_other() -> None:
    with_lock = Story()
    with_lock.child(0, ANNA, "Anna", began=0)
    with_lock.tell(1, MAIN, LockCreated, object="L", kind="Lock", maximum=1)
    with_lock.tell(2, ANNA, Waiting, what="lock", object="L")
    with_lock.tell(9, ANNA, LockAcquired, object="L")
    with_lock.end(10)
    runs = [a_run("a", busy=50, length=100), Run("b", with_lock.state)]
    (waited,) = [each for each in compare(runs) if each.group == "wait" and "in all" in each.name]
    assert waited.values == (None, 0.007)
    assert waited.differs
    (tasks,) = [each for each in compare(runs) if each.name.endswith(", number")]
    assert tasks.values == (2, None)


def test_findings_are_counted_by_their_rule() -> None:
    runs = [a_run("a", busy=50, length=100), a_run("b", busy=50, length=100)]
    for number in range(2):
        finding = Finding(f"{number}", "", "", "", (), (), 0, rule="deadlock")
        runs[1].state.findings["deadlock", f"{number}"] = finding
    assert measure(runs, "deadlock") == Measure("finding", "deadlock", COUNT, (0, 2))


@pytest.mark.parametrize(
    ("unit", "values", "differs"),
    [
        (SECONDS, (1.0, 1.03), False),
        (SECONDS, (1.0, 1.2), True),
        (SECONDS, (0.0001, 0.0009), False),
        (SECONDS, (None, 0.2), True),
        (COUNT, (1, 2), True),
        (COUNT, (None, None), False),
        (SHARE, (0.98, 0.99), False),
        (WORDS, ("exit code 0", "ended by SIGTERM"), True),
    ],
)
def test_a_difference_is_more_than_two_equal_runs_differ_by(
    unit: str, values: tuple[float | str | None, ...], differs: bool
) -> None:
    assert Measure("run", "it", unit, values).differs is differs


def test_the_document_has_the_measures_and_all_of_the_time_of_each_run() -> None:
    runs = [a_run("workers=1", busy=50, length=100), a_run("workers=2", busy=20, length=100)]
    found = json.loads(json.dumps(comparison_document(runs)))
    assert [each["label"] for each in found["runs"]] == ["workers=1", "workers=2"]
    assert [each["phases"]["wall"] for each in found["runs"]] == [0.1, 0.1]
    by_name = {each["name"]: each for each in found["measures"]}
    assert by_name["wall time"]["values"] == [0.1, 0.1]
    assert by_name["working on a CPU"]["differs"] is True


def test_a_run_that_nothing_is_known_of_can_be_compared() -> None:
    runs = [Run("a", RunState()), a_run("b", busy=50, length=100)]
    assert measure(runs, "end").values == ("never seen", "exit code 0")
    assert measure(runs, "speed-up").values[0] is None
    json.dumps(comparison_document(runs))
