"""Any order: each step by chance, from a seed, so that the same seed gives the same runs."""

from __future__ import annotations

from random import Random

from mpviz.trace.stepping.steps import Choice, Moment


class Randomly:
    """Lets one of those go that can, each as likely as the others."""

    more = True
    complete = False

    def __init__(self, seed: int) -> None:
        """The same seed makes the same choices where the same are possible."""
        self._seed = seed
        self._run = 0
        self._chance = Random()

    def choose(self, moment: Moment) -> Choice:
        """One of the possible choices; each run has chances of its own, whatever came before."""
        if not moment.steps:
            self._run += 1
            self._chance.seed(f"{self._seed} {self._run}")
        return self._chance.choice(moment.possible)

    def finish(self, moment: Moment) -> None:
        """There is nothing to learn."""
