"""A failing order becomes one with fewer switches that fails in the same way."""

from __future__ import annotations

from random import Random

import pytest

from helpers.modelled import Lines, Modelled, ModelledRun, explore
from helpers.orders import small_program
from mpviz.trace.stepping.search.depth_first import DepthFirst
from mpviz.trace.stepping.search.randomly import Randomly
from mpviz.trace.stepping.search.shortest import MOST_RUNS, Along, shortest, switches
from mpviz.trace.stepping.steps import Choice, Moment

NESTED: tuple[Lines, Lines] = (
    [("with", "L1", [("with", "L2", [])])],
    [("with", "L2", [("with", "L1", [])])],
)


def side_by_side(*bodies: Lines) -> Modelled:
    """Processes that main starts, and waits for."""
    children = {f"main.{number}": body for number, body in enumerate(bodies, 1)}
    return Modelled({"main": [("start", child) for child in children], **children})


def chosen(moment: Moment) -> list[Choice]:
    """The choices of a run."""
    return [step.choice for step in moment.steps]


class Trial:
    """Runs a program along choices, and counts the runs."""

    def __init__(self, program: Modelled) -> None:
        """``program``: fails if it hangs."""
        self.program = program
        self.runs = 0

    def __call__(self, choices: list[Choice]) -> list[Choice] | None:
        """What was chosen in all, if the program hangs."""
        self.runs += 1
        explored = explore(self.program, Along(choices), 1)
        hangs = [moment for moment in explored.ends if moment.end is None]
        return chosen(hangs[0]) if hangs else None


def hanging(program: Modelled, seed: int) -> list[Choice]:
    """A run by chance that hangs."""
    chance = Randomly(seed)
    while True:
        run = ModelledRun(program)
        while (moment := run.wait()).possible:
            run.let_go(chance.choose(moment))
        if moment.end is None:
            return chosen(moment)


@pytest.mark.parametrize("seed", range(4))
def test_a_deadlock_by_chance_becomes_one_with_the_fewest_switches(seed: int) -> None:
    """Main starts all, one takes its lock, the other takes its own and wants the first."""
    program = side_by_side(*NESTED, [("add", "V1")] * 3)
    every = explore(program, DepthFirst(preemptions=1), 10_000).ends
    fewest = min(switches(chosen(moment)) for moment in every if moment.end is None)
    trial = Trial(program)
    found = shortest(hanging(program, seed), trial)
    assert trial(found) == found
    assert switches(found) == fewest
    assert trial.runs <= MOST_RUNS + 1


def test_the_number_of_runs_is_kept() -> None:
    """With no runs left the order is as it was found."""
    program = side_by_side(*NESTED)
    failing = hanging(program, 3)
    assert shortest(failing, Trial(program), most=0) == failing
    trial = Trial(program)
    found = shortest(failing, trial, most=2)
    assert trial.runs <= 2
    assert switches(found) <= switches(failing)


def test_what_is_found_always_fails() -> None:
    """Of small programs by chance: never more switches than before, and it hangs."""
    for seed in range(60):
        program = small_program(Random(seed))
        explored = explore(program, Randomly(seed), 5)
        hangs = [moment for moment in explored.ends if moment.end is None]
        for moment in hangs[:1]:
            found = shortest(chosen(moment), Trial(program))
            assert Trial(program)(found) == found
            assert switches(found) <= switches(chosen(moment))


def test_along_gives_up_where_a_choice_is_not_possible() -> None:
    """The lock that is to be taken is held."""
    program = side_by_side(*NESTED)
    choices = [Choice("main"), Choice("main"), Choice("main.1"), Choice("main.1"), Choice("main.3")]
    assert explore(program, Along(choices), 1).broken_off == 1
