"""Runs a program again and again, each time in an order that an explorer chooses, until it fails.

A run that is lost on us, since it did not repeat its beginning or came to no end, is counted: then
"all orders" is not said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from mpviz.trace.stepping.search.explorer import Diverged, Explorer
from mpviz.trace.stepping.search.failure import Watch
from mpviz.trace.stepping.steps import Choice, Moment

LAST_RUN_SECONDS = 1.0
"""How long a run may take in any case, when the time of the search is almost over."""


class Run(Protocol):
    """A program that stands after each step."""

    def wait(self, until: float) -> Moment | None:
        """The moment when all tasks stand, or the program has ended; None if it is too late.

        ``until``: in seconds of the monotonic clock.
        """

    def wait_outside(self, until: float) -> Moment | None:
        """The next moment that comes although nobody is let go; None if none does."""

    def let_go(self, choice: Choice) -> None:
        """Let one task do its operation, or let its time-out happen."""

    def close(self) -> None:
        """End what is left of the program."""


@dataclass(frozen=True)
class Limits:
    """When to stop; a run that is too long is ended, and counts as one that came to no end."""

    seconds: float
    """Of the whole search."""
    runs: int = 0
    """0 for no limit."""
    run_seconds: float = 10.0
    run_steps: int = 10_000


@dataclass
class Outcome:
    """What the runs have come to so far."""

    runs: int = 0
    steps: int = 0
    seconds: float = 0.0
    seen_before: int = 0
    """Runs that were given up, since all that would follow was seen in another order."""
    failure: str = ""
    """The kind of failure that was found; empty if there is none."""
    failed: Moment = field(default_factory=Moment)
    """How the run that failed ended."""
    diverged: int = 0
    why_diverged: str = ""
    endless: int = 0
    """Runs that were ended, since they took too many steps or too long."""
    outside: dict[str, int] = field(default_factory=dict)
    """Runs in which a task blocked outside of all gates, by where."""
    killed: int = 0
    """Runs in which a process ended without a word, so that nobody knows whether it failed."""
    complete: bool = False
    """Whether all orders were tried."""
    within_bound: bool = False
    """Whether all were tried that the explorer may try, such as those with few preemptions."""

    @property
    def is_sure(self) -> bool:
        """Whether each run was what the explorer took it for."""
        return not (self.diverged or self.endless or self.outside or self.killed)


def search(
    begin: Callable[[], Run],
    explorers: Sequence[tuple[Explorer, float]],
    limits: Limits,
    until: Collection[str],
) -> Iterator[Outcome]:
    """Search, and yield what is known after each run; the last outcome is that of the search.

    ``explorers``: one after the other, each until the given share (0 to 1) of the runs and seconds
    is over; the search is over, too, if one has tried all orders.
    """
    outcome, began = Outcome(), time.monotonic()
    for explorer, share in explorers:
        while explorer.more and _has_time(outcome, limits, share):
            _try(begin, explorer, limits, Watch(until), outcome)
            outcome.seconds = time.monotonic() - began
            outcome.complete = explorer.complete and outcome.is_sure
            outcome.within_bound = not explorer.more and outcome.is_sure
            yield outcome
            if outcome.failure:
                return
        if outcome.complete:
            return


def _has_time(outcome: Outcome, limits: Limits, share: float) -> bool:
    is_early = outcome.seconds < limits.seconds * share
    return is_early and (not limits.runs or outcome.runs < limits.runs * share)


class _SeenBefore(Exception):
    """All that would follow was seen in another order."""


def _try(
    begin: Callable[[], Run], explorer: Explorer, limits: Limits, watch: Watch, outcome: Outcome
) -> None:
    """One run."""
    outcome.runs += 1
    left = max(LAST_RUN_SECONDS, limits.seconds - outcome.seconds)
    until = time.monotonic() + min(limits.run_seconds, left)
    last, places = Moment(), set[str]()
    with closing(begin()) as run:
        try:
            for last in _moments(run, explorer, until):
                places.update(last.outside.values())
                outcome.failure = watch.failure(last)
                if outcome.failure or len(last.steps) >= limits.run_steps:
                    break
            if outcome.failure:
                outcome.failed = last
            else:
                outcome.endless += not _is_over(last)
                outcome.killed += last.end is not None and bool(last.end.killed)
                explorer.finish(last)
        except _SeenBefore:
            outcome.seen_before += 1
        except Diverged as diverged:
            outcome.diverged += 1
            outcome.why_diverged = str(diverged)
    outcome.steps += len(last.steps)
    for place in places:
        outcome.outside[place] = outcome.outside.get(place, 0) + 1


def _moments(run: Run, explorer: Explorer, until: float) -> Iterator[Moment]:
    """The moments of a run in which the explorer chooses, until it is over or its time is."""
    moment = run.wait(until)
    while moment is not None:
        yield moment
        if _is_over(moment):
            return
        if not moment.possible:
            moment = run.wait_outside(until)
            continue
        choice = explorer.choose(moment)
        if choice is None:
            raise _SeenBefore
        run.let_go(choice)
        moment = run.wait(until)


def _is_over(moment: Moment) -> bool:
    return moment.end is not None or moment.is_deadlock
