"""What an explorer is, and what all share: who goes on when nothing speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mpviz.trace.stepping.steps import Choice, Moment

IN_A_ROW = 200
"""Steps of one task after which others get a turn: it may be waiting in a loop for one of them."""


class Explorer(Protocol):
    """Decides each step of one run after the other; it sees moments, and nothing else.

    Of a run it is asked at each moment at which somebody can go. Where it answers None, or raises
    :class:`Diverged`, it is through with the run: nothing more is to be told of it.
    """

    @property
    def more(self) -> bool:
        """Whether another run could show something new."""

    @property
    def complete(self) -> bool:
        """Whether all orders of the gated operations were tried."""

    def choose(self, moment: Moment) -> Choice | None:
        """Who goes next; None if what would follow has been seen in another order."""

    def finish(self, moment: Moment) -> None:
        """Learn from a run that has ended, or stands in a deadlock."""


class Diverged(Exception):
    """The run does not repeat what it did before after the same steps."""

    def __init__(self, step: int, why: str) -> None:
        """``step`` is how many steps were as before."""
        super().__init__(f"after step {step}: {why}")
        self.step = step
        self.why = why


Situation = dict[str, tuple[str, str, str]]
"""By task: the verb and target of what it will do, and how it can go: "go", "timeout" or not."""


def situation(moment: Moment) -> Situation:
    """What has to be the same when the same steps were taken."""
    outcomes = {choice.task: choice.outcome for choice in moment.possible}
    return {
        task: (operation.verb, operation.target, outcomes.get(task, ""))
        for task, operation in moment.next.items()
    }


def hold_to(before: Situation, moment: Moment) -> None:
    """:class:`Diverged` if this moment is not as it was before."""
    now = situation(moment)
    if now == before:
        return
    for task in sorted(now.keys() | before.keys()):
        if now.get(task) != before.get(task):
            name = moment.names.get(task, task)
            why = f"{name} {_words(now.get(task))}, and {_words(before.get(task))} before"
            raise Diverged(len(moment.steps), why)


def _words(told: tuple[str, str, str] | None) -> str:
    if told is None:
        return "was not there"
    verb, target, outcome = told
    does = f"was about to {verb} {target}".rstrip()
    return does if outcome == "go" else f"{does} ({outcome or 'blocked'})"


def preferred(moment: Moment, among: Iterable[Choice]) -> Choice:
    """Who goes on if nothing speaks against it: the task of the last step, as long as it can.

    One that is about to sleep, or has long been the only one to go, lets the next one go first.
    """
    choices = list(among)
    last = moment.steps[-1].choice.task if moment.steps else ""
    if not _yields(moment, last):
        for choice in choices:
            if choice.task == last:
                return choice
    awake = [choice for choice in choices if moment.next[choice.task].verb != "sleep"]
    tasks = list(moment.next)
    place = tasks.index(last) if last in tasks else -1
    return min(awake or choices, key=lambda each: (tasks.index(each.task) - place - 1) % len(tasks))


def preempts(moment: Moment, choice: Choice) -> bool:
    """Whether this choice takes the turn from a task that could go on."""
    last = moment.steps[-1].choice.task if moment.steps else choice.task
    could = any(each.task == last for each in moment.possible)
    return choice.task != last and could and not _yields(moment, last)


def _yields(moment: Moment, task: str) -> bool:
    operation = moment.next.get(task)
    latest = moment.steps[-IN_A_ROW:]
    is_alone = len(latest) == IN_A_ROW and all(step.choice.task == task for step in latest)
    return is_alone or (operation is not None and operation.verb == "sleep")
