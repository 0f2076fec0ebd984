"""Depth first: every order once, and it says truly whether these were all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import comb

import pytest

from helpers.modelled import Lines, Modelled, ModelledRun, explore
from mpviz.trace.stepping.search.depth_first import DepthFirst
from mpviz.trace.stepping.search.explorer import Diverged
from mpviz.trace.stepping.steps import Choice, Moment, Operation, Step


def order(moment: Moment) -> tuple[str, ...]:
    """Who went, step by step."""
    return tuple(step.choice.task for step in moment.steps)


def side_by_side(*bodies: Lines) -> Modelled:
    """Processes that main starts, and waits for."""
    children = {f"main.{number}": body for number, body in enumerate(bodies, 1)}
    return Modelled({"main": [("start", child) for child in children], **children})


@dataclass
class Lists:
    """Tasks that do one verb so often each, without any model: all orders are possible."""

    lengths: Sequence[int]
    steps: list[Step] = field(default_factory=list)

    def wait(self) -> Moment:
        """All that have something left can go."""
        done = [step.choice.task for step in self.steps]
        pending = {
            f"main.{number}": Operation(f"main.{number}", "write", "V1", "value")
            for number, length in enumerate(self.lengths)
            if done.count(f"main.{number}") < length
        }
        return Moment(tuple(self.steps), pending, tuple(map(Choice, pending)))


def orders_of(lengths: Sequence[int], explorer: DepthFirst) -> list[tuple[str, ...]]:
    """All orders that an explorer goes through."""
    found = []
    while explorer.more:
        run = Lists(lengths)
        while (moment := run.wait()).possible:
            choice = explorer.choose(moment)
            run.steps.append(Step(choice, moment.next[choice.task]))
        explorer.finish(moment)
        found.append(order(moment))
    return found


def test_each_order_is_tried_once() -> None:
    """Two tasks of three and four steps can be woven in 35 ways."""
    explorer = DepthFirst()
    found = orders_of([3, 4], explorer)
    assert len(found) == len(set(found)) == comb(7, 3)
    assert explorer.complete


def test_a_bound_leaves_out_exactly_what_takes_the_turn_too_often() -> None:
    """Each order of the unbounded search is in the bounded one if it has few enough of these."""

    def taken(found: tuple[str, ...]) -> int:
        return sum(a != b and a in found[at + 1 :] for at, (a, b) in enumerate(pairwise(found)))

    every = orders_of([3, 3], DepthFirst())
    for most in range(6):
        explorer = DepthFirst(preemptions=most)
        found = orders_of([3, 3], explorer)
        assert sorted(found) == sorted(order for order in every if taken(order) <= most)
        assert explorer.complete == (len(found) == len(every))


def test_a_lost_update_and_a_deadlock_are_among_all_orders() -> None:
    """Two that add without a lock; two that take two locks in opposite orders."""
    ends = explore(side_by_side([("add", "V1")], [("add", "V1")]), DepthFirst(), 1000).ends
    assert {moment.objects["V1"].words for moment in ends} == {"1", "2"}
    nested = [("with", "L1", [("with", "L2", [])])], [("with", "L2", [("with", "L1", [])])]
    ends = explore(side_by_side(*nested), DepthFirst(), 5000).ends
    assert {moment.end is None for moment in ends} == {True, False}


def test_a_run_that_does_not_repeat_itself_is_told_and_left() -> None:
    """It goes on with what is left elsewhere, and does not claim to have seen all."""
    explorer = DepthFirst()
    one, other = side_by_side([("add", "V1")], [("add", "V1")]), side_by_side([], [("add", "V2")])
    explore(one, explorer, 1)
    run = ModelledRun(other)
    with pytest.raises(Diverged, match="was about to") as told:
        while (moment := run.wait()).possible:
            run.let_go(explorer.choose(moment))
    assert told.value.step == len(run.steps)
    explore(one, explorer, 1000)
    assert not explorer.more
    assert not explorer.complete


def test_a_run_that_ends_before_its_time_has_diverged() -> None:
    """What was to follow cannot be tried."""
    explorer = DepthFirst()
    explore(side_by_side([("add", "V1")], [("add", "V1")]), explorer, 1)
    with pytest.raises(Diverged, match="earlier"):
        explorer.finish(Moment())
    assert not explorer.complete
