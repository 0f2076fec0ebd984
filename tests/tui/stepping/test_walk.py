"""A walk through a stepped run: what goes by itself, back, on to the next failure, and its end."""

from __future__ import annotations

import threading

import pytest

from helpers.runs import wait_until
from helpers.stepped import Scripted, adders, ring
from mpviz.trace.stepping.steps import Choice, Moment
from mpviz.tui.stepping.pace import Pace
from mpviz.tui.stepping.walk import MOST_QUIET, LeftPath, Walk

ONE, TWO = Choice("main.1"), Choice("main.2")


def verbs(moment: Moment) -> list[str]:
    return [step.operation.verb for step in moment.steps]


def test_what_nobody_else_can_see_goes_by_itself() -> None:
    walk = Walk(adders)
    walk.begin()
    assert verbs(walk.moment) == ["start", "start", "begin", "begin"]
    walk.go(ONE)
    walk.go(ONE)
    assert verbs(walk.moment)[4:] == ["read", "write", "end", "join"]


def test_a_program_that_only_sleeps_comes_back_to_the_person() -> None:
    walk = Walk(lambda: Scripted({"main": [("sleep", "")] * (2 * MOST_QUIET)}))
    walk.begin()
    assert len(walk.moment.steps) == MOST_QUIET


def test_with_each_step_nothing_goes_by_itself() -> None:
    walk = Walk(adders)
    walk.every = True
    walk.begin()
    assert not walk.moment.steps
    walk.go(Choice("main"))
    assert verbs(walk.moment) == ["start"]
    walk.every = False
    walk.settle()
    assert verbs(walk.moment) == ["start", "start", "begin", "begin"]


def test_what_is_not_possible_changes_nothing() -> None:
    walk = Walk(adders)
    walk.begin()
    before = walk.moment
    walk.go(Choice("main"))
    assert walk.moment is before
    assert not walk.choices


def test_back_takes_the_same_steps_again_up_to_the_last_choice() -> None:
    runs: list[Scripted] = []

    def start() -> Scripted:
        runs.append(adders())
        return runs[-1]

    walk = Walk(start)
    walk.begin()
    moments = [walk.moment]
    for choice in (ONE, TWO, ONE, TWO):
        walk.go(choice)
        moments.append(walk.moment)
    for before in reversed(moments[:-1]):
        walk.back()
        assert walk.moment == before
    walk.back()
    assert walk.moment == moments[0]
    assert [run.closed for run in runs] == [1, 1, 1, 1, 0]
    walk.go(TWO)
    walk.go(TWO)
    walk.restart()
    assert walk.moment == moments[0]
    walk.close()
    walk.close()
    assert runs[-1].closed == 1


def test_a_program_that_takes_another_way_is_told_at_which_step() -> None:
    runs = iter([adders(), adders("main:lock1")])
    walk = Walk(lambda: next(runs))
    walk.begin()
    walk.go(ONE)
    walk.go(TWO)
    walk.go(TWO)
    with pytest.raises(LeftPath, match="step 6 is not possible this time"):
        walk.back()
    assert len(walk.moment.steps) == 5
    assert walk.choices == [4]


def test_to_the_next_failure() -> None:
    walk = Walk(adders)
    walk.begin()
    walk.go(ONE)
    walk.go(TWO)
    walk.run_on()
    assert verbs(walk.moment)[-1] == "write"
    assert walk.moment.end is None
    walk.run_on()
    assert walk.moment.end is not None
    walk.back()
    walk.back()
    assert verbs(walk.moment)[4:] == ["read", "read"]
    stuck = Walk(ring)
    stuck.begin()
    stuck.go(ONE)
    stuck.go(TWO)
    stuck.run_on()
    assert stuck.choices == [4, 5], "nobody could go"


def test_the_thread_does_one_thing_after_another_and_ends_the_program() -> None:
    run = adders()
    pace = Pace(Walk(lambda: run), lambda: None)
    pace.ask(Walk.begin)
    for choice in (ONE, TWO, ONE, TWO):
        pace.ask(lambda walk, choice=choice: walk.go(choice))  # type: ignore[misc]
    wait_until(lambda: not pace.is_busy)
    assert pace.walk.moment.end is not None
    pace.end()
    wait_until(lambda: not pace._thread.is_alive())
    assert run.closed == 1
    pace.end()


def test_a_failure_is_kept_for_the_screen_and_the_next_thing_is_done() -> None:
    def start() -> Scripted:
        raise OSError("no")

    pace = Pace(Walk(start), lambda: None)
    pace.ask(Walk.begin)
    wait_until(lambda: not pace.is_busy)
    assert str(pace.failure) == "no"
    pace.ask(lambda walk: None)
    wait_until(lambda: not pace.is_busy)
    assert pace.failure is None
    pace.end()


def test_the_next_thing_that_is_asked_for_stops_a_long_run() -> None:
    """Here it would take ten thousand steps."""
    run = Scripted({"main": [("read", "v")] * 11_000})
    told = threading.Event()
    pace = Pace(Walk(lambda: run), told.set)
    pace.ask(Walk.begin)
    pace.ask(Walk.run_on)
    wait_until(lambda: len(pace.walk.moment.steps) > 3)
    pace.ask(lambda walk: None)
    wait_until(lambda: not pace.is_busy)
    assert 0 < len(pace.walk.moment.steps) < 10_000
    pace.end()
