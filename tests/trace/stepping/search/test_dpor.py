"""Only the orders that can be told apart: none is missed, and none is taken to its end twice."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.modelled import Lines, Modelled, explore
from helpers.orders import same_for_all, small_program, what_came_of
from mpviz.trace.stepping.search.depth_first import DepthFirst
from mpviz.trace.stepping.search.dpor import Dpor

ADDS = [("with", "L1", [("add", "V1")])]
MOST = 150
"""Programs with more orders than this are left out of the comparison."""
STEPS = 80
"""More than any small program takes."""


def side_by_side(*bodies: Lines) -> Modelled:
    """Processes that main starts, and waits for."""
    children = {f"main.{number}": body for number, body in enumerate(bodies, 1)}
    return Modelled({"main": [("start", child) for child in children], **children})


def hold_to_all_orders(program: Modelled) -> None:
    """What depth-first search finds is found, each of it once."""
    plain, reduced = DepthFirst(), Dpor()
    every = explore(program, plain, MOST)
    if not plain.complete:
        return
    found = explore(program, reduced, 2 * MOST)
    assert reduced.complete
    outcomes: dict[object, object] = {}
    for moments in every.runs:
        # Runs that count as the same have come to the same.
        came_to = what_came_of(moments[-1])
        assert outcomes.setdefault(same_for_all(moments), came_to) == came_to
    assert sorted(map(same_for_all, found.runs)) == sorted(outcomes)


@given(st.integers(0))
@settings(max_examples=40, deadline=None)
def test_small_programs_come_to_what_all_orders_come_to(seed: int) -> None:
    """Locks, values, queues, semaphores, events, conditions, barriers, time-outs, starts, ends."""
    hold_to_all_orders(small_program(Random(seed)))


@pytest.mark.thorough
@given(st.integers(0))
@settings(max_examples=3000, deadline=None)
def test_many_small_programs_come_to_what_all_orders_come_to(seed: int) -> None:
    """The same, for longer."""
    hold_to_all_orders(small_program(Random(seed)))


@pytest.mark.parametrize(("times", "runs"), [(1, 2), (2, 6), (3, 20)])
def test_critical_sections_are_woven_in_all_ways_and_no_more(times: int, runs: int) -> None:
    """Two processes of so many each: as many runs as ways to put the one's between the other's."""
    explorer = Dpor()
    assert len(explore(side_by_side(ADDS * times, ADDS * times), explorer, 100).runs) == runs
    assert explorer.complete


def test_two_locks_in_two_orders_need_three_runs() -> None:
    """One before the other, the other before the one, and the deadlock; plainly 811."""
    one, other = [("with", "L1", [("with", "L2", [])])], [("with", "L2", [("with", "L1", [])])]
    explorer = Dpor()
    ends = explore(side_by_side(one, other), explorer, 100).ends
    assert [moment.end is None for moment in ends].count(True) == 1
    assert len(ends) == 3
    assert explorer.complete


def test_one_producer_and_one_consumer_have_one_order() -> None:
    """Whether an item is there before somebody waits for it, nobody can notice."""
    explorer = Dpor()
    program = side_by_side([("put", "Q1")] * 5, [("get", "Q1")] * 5)
    assert len(explore(program, explorer, 100).runs) == 1
    assert explorer.complete


def test_what_nobody_can_notice_makes_no_orders() -> None:
    """Five processes that only start, sleep and end."""
    explorer = Dpor()
    assert len(explore(side_by_side(*[[("sleep", "")]] * 5), explorer, 100).runs) == 1
    assert explorer.complete


@given(st.integers(0), st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_with_few_preemptions_the_same_is_found_as_by_all_such_orders(seed: int, most: int) -> None:
    """And where the bound did not matter, it is what all orders come to."""
    program = small_program(Random(seed))
    plain, reduced = DepthFirst(most), Dpor(most)
    every = explore(program, plain, MOST)
    if plain.more:
        return
    found = explore(program, reduced, 5 * MOST)
    assert not reduced.more
    assert set(map(what_came_of, found.ends)) == set(map(what_came_of, every.ends))
    if reduced.complete:
        everything = explore(program, Dpor(), 5 * MOST)
        assert set(map(what_came_of, found.ends)) == set(map(what_came_of, everything.ends))


@given(st.integers(0))
@settings(max_examples=20, deadline=None)
def test_nothing_is_kept_of_the_runs_before(seed: int) -> None:
    """After the last run nothing is left, and before it only what that run needs."""
    program = small_program(Random(seed))
    reduced = Dpor()
    for _ in range(10 * MOST):
        if not reduced.more:
            assert not reduced._nodes
            return
        explore(program, reduced, 1)
        assert len(reduced._nodes) < STEPS
        assert len(reduced._clocks.events) < STEPS
