"""From an order that fails to one with fewer switches between the tasks that fails in the same way.

Whether an order still fails is only known by a run, so the number of runs is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

from mpviz.trace.stepping.search.explorer import preferred
from mpviz.trace.stepping.steps import Choice, Moment

Try = Callable[[list[Choice]], "list[Choice] | None"]
"""Runs the program along these choices, and on by :class:`Along`; what was chosen in all if it
fails in the same way, else None."""

MOST_RUNS = 40


def shortest(failing: Sequence[Choice], try_schedule: Try, most: int = MOST_RUNS) -> list[Choice]:
    """The failing order with the fewest switches that so many runs can find."""
    best = list(failing)
    tried = {tuple(best)}
    while most > 0:
        for candidate in _simpler(best):
            if tuple(candidate) in tried:
                continue
            tried.add(tuple(candidate))
            most -= 1
            found = try_schedule(candidate)
            if found is not None and _cost(found) < _cost(best):
                best = found
                break
            if most <= 0:
                return best
        else:
            return best
    return best


def switches(choices: Sequence[Choice]) -> int:
    """How often another task goes on than the one before."""
    return sum(one.task != other.task for one, other in pairwise(choices))


def _cost(choices: Sequence[Choice]) -> tuple[int, int]:
    return switches(choices), len(choices)


def _simpler(choices: Sequence[Choice]) -> Iterator[list[Choice]]:
    """Orders to try, the shortest first.

    Only the beginning is given, and then nobody is taken the turn; or two turns of a task become
    one, by having the later one earlier or the earlier one later.
    """
    turns = [list(turn) for _, turn in groupby(choices, key=lambda choice: choice.task)]
    for number in range(len(turns)):
        yield [choice for turn in turns[:number] for choice in turn]
    for later in range(len(turns)):
        task = turns[later][0].task
        earlier = [number for number in range(later) if turns[number][0].task == task]
        if earlier:
            yield from (_flat(moved) for moved in _merged(turns, earlier[-1], later))


def _merged(
    turns: Sequence[list[Choice]], earlier: int, later: int
) -> Iterator[list[list[Choice]]]:
    before, between, after = turns[:earlier], turns[earlier + 1 : later], turns[later + 1 :]
    whole = [*turns[earlier], *turns[later]]
    yield [*before, whole, *between, *after]
    yield [*before, *between, whole, *after]


def _flat(turns: Sequence[list[Choice]]) -> list[Choice]:
    return [choice for turn in turns for choice in turn]


class Along:
    """An explorer of one run: along given choices, and then whoever was on goes on."""

    complete = False

    def __init__(self, choices: Sequence[Choice]) -> None:
        """``choices``: what is chosen, as long as it is possible."""
        self.more = True
        self._choices = choices

    def choose(self, moment: Moment) -> Choice | None:
        """The next of the choices; None if it is not possible."""
        number = len(moment.steps)
        if number >= len(self._choices):
            return preferred(moment, moment.possible)
        choice = self._choices[number]
        if choice in moment.possible:
            return choice
        self.more = False
        return None

    def finish(self, moment: Moment) -> None:
        """There is only this run."""
        self.more = False
