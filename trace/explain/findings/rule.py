"""What a rule of the findings is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from mpviz.trace.model.state import Finding, RunState


class Stays(Enum):
    """What becomes of a finding when its rule no longer makes it."""

    AS_IT_WAS = "stays"
    """It happened: nothing that comes later undoes it."""
    OVER = "is over"
    """It was so, for a while."""
    WITHDRAWN = "is withdrawn"
    """It was a judgement on what had been seen by then, and more has been seen since."""


@dataclass(frozen=True)
class Rule:
    """A rule: names what is wrong in a state. It is asked ten times a second or so (at each
    sample) and at the end, so it reads sums and not every task.
    """

    name: str
    """One word or a few with hyphens, for ``--silence`` and ``--fail-on``."""
    says: str
    """What it finds, for a list of all rules: "a task lost with its worker"."""
    threshold: str
    """From when on it says so, in words with numbers out of
    :mod:`mpviz.trace.explain.findings.limits`."""
    exempt: str
    """What looks alike, is no fault, and is left alone; in words."""
    find: Callable[[RunState], Iterable[Finding]]
    """What is wrong in this state, at most one finding for each subject. It changes nothing."""
    stays: Stays
    holds: int = 0
    """How long it has to be found without a break before it is said, nanoseconds.

    More than 0 takes two looks at least.
    """
    at_end: bool = False
    """It is asked only when all is over; every other rule only until the end begins.

    From then on processes die because mpviz or their program ends them.
    """
    nearly: Callable[[RunState, str], bool] | None = None
    """Whether this subject is below the threshold, but within a margin of it.

    Then the finding is marked as over instead of withdrawn, or it would come and go.
    """
