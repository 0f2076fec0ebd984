"""What a rule of the findings is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from mpviz.trace.model.state import Finding, RunState

MARGIN = 0.1
"""How far below its threshold a share (0 to 1) may fall before the finding is withdrawn.

Until then the finding is marked as over."""


class Stays(Enum):
    """What becomes of a finding when its rule no longer makes it."""

    AS_IT_WAS = "stays"
    """It happened: nothing that comes later undoes it."""
    OVER = "is over"
    """It was true for a while, and is no longer."""
    WITHDRAWN = "is withdrawn"
    """It was a judgement on what had been seen by then, which later records contradict."""


@dataclass(frozen=True)
class Rule:
    """A rule, which names what is wrong in a state.

    It is asked at each sample, some ten times a second, so it reads sums and not every task.
    """

    name: str
    """One word or a few with hyphens, for ``--silence`` and ``--fail-on``."""
    says: str
    """What it finds, for the list of all rules: "a task lost with its worker"."""
    threshold: str
    """The condition that triggers it, in words, with the numbers of its module."""
    exempt: str
    """What looks similar and is no fault, in words."""
    find: Callable[[RunState], Iterable[Finding]]
    """What is wrong in this state, at most one finding for each subject; it changes nothing."""
    stays: Stays
    holds: int = 0
    """Nanoseconds for which each look has to find it before it is told.

    More than 0 takes at least two looks. For a dead end, time in which a process that it is about
    lacks a core does not count.
    """
    at_end: bool = False
    """It is asked only when the run is over. All other rules are asked only until the end begins,
    when processes start to die because mpviz or the program ends them.
    """
    nearly: Callable[[RunState, str], bool] | None = None
    """Whether this subject is below the threshold by less than :data:`MARGIN`.

    If so, its finding is marked as over instead of withdrawn: otherwise it would come and go.
    """
    is_a_dead_end: bool = False
    """It says why processes can never go on."""
    asleep_since_then: bool = False
    """Since the beginning of a finding, the threads that it is about have slept: of a program that
    ran before mpviz, the kernel says that."""
    is_last_resort: bool = False
    """It is not asked, and its findings are withdrawn, while another rule says why processes can
    never go on."""
