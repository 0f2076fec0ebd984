"""What the steps have come to, in a sentence or two: what was lost, who is stuck, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpviz.trace.stepping.lost import Lost, lost_updates
from mpviz.trace.stepping.steps import Choice, Moment, Operation, Step
from mpviz.tui.render.steps.cast import name_of
from mpviz.tui.render.steps.words import is_quiet, phrase

BEGINNING = "You are the scheduler: choose who goes next."


@dataclass(frozen=True)
class Verdict:
    """What is said of a moment."""

    words: str = ""
    style: str = "text"
    marked: frozenset[int] = frozenset()
    """The steps, from 0, that it is about."""
    stuck: tuple[str, ...] = ()
    """The tasks that wait for each other in a ring."""
    is_bad: bool = False
    """Whether something is wrong."""


def verdict(moment: Moment) -> Verdict:
    """The worst that is true now: a deadlock, a lost update, a failure; else the last step."""
    lost = lost_updates(moment.steps)
    marked = frozenset(step for each in lost for step in each.steps)
    if moment.is_deadlock:
        return _deadlock(moment, marked)
    told = [_lost(lost[-1], len(lost), moment)] if lost else []
    if moment.end is not None:
        told.append(_ended(moment))
        is_bad = bool(lost or moment.end.status)
        return Verdict(" ".join(told), "trouble" if is_bad else "good", marked, is_bad=is_bad)
    if lost:
        return Verdict(told[0], "trouble", marked, is_bad=True)
    warning = _warning(moment) or _only_time_outs(moment)
    return Verdict(warning, "warning") if warning else Verdict(_last_step(moment))


def _ended(moment: Moment) -> str:
    assert moment.end is not None
    count = len(moment.steps)
    why = f": {moment.end.error}" if moment.end.error else "."
    return (
        f"The program has ended after {count} step{'s' * (count != 1)}, with exit status"
        f" {moment.end.status}{why}"
    )


def _last_step(moment: Moment) -> str:
    numbers = [n for n, step in enumerate(moment.steps, 1) if not is_quiet(step.operation)]
    if not numbers:
        return BEGINNING
    number = numbers[-1]
    step = moment.steps[number - 1]
    who, said = name_of(moment, step.operation.task), step.result
    what = phrase(step.operation, moment)
    if step.choice.outcome == "timeout":
        return f"Step {number}: {who} gives up, its time is over."
    is_said = said and said != step.operation.detail
    return f"Step {number}: {who} {what}{f': {said}' if is_said else ''}."


def _lost(lost: Lost, count: int, moment: Moment) -> str:
    """An update that is lost, with the numbers of its steps as their columns have them."""
    steps, name = moment.steps, name_of(moment, lost.target)
    read, written, over = steps[lost.read], steps[lost.written], steps[lost.overwritten]
    who, other = (name_of(moment, each.operation.task) for each in (over, written))
    head = f"An update of {name} is lost" if count == 1 else f"{count} updates of {name} are lost"
    return (
        f"{head}: {who} read {read.result} (step {lost.read + 1}), {other} wrote"
        f" {_content(written)} (step {lost.written + 1}), and {who} wrote {_content(over)} over it"
        f" (step {lost.overwritten + 1})."
    )


def _warning(moment: Moment) -> str:
    """Who is about to overwrite what it has not seen; empty if nobody is."""
    for task, operation in moment.next.items():
        steps: Sequence[Step] = [*moment.steps, Step(Choice(task), operation)]
        for lost in lost_updates(steps) if operation.verb == "write" else ():
            who, name = name_of(moment, task), name_of(moment, lost.target)
            other = name_of(moment, steps[lost.written].operation.task)
            return (
                f"{who} read {steps[lost.read].result} from {name} (step {lost.read + 1}), and"
                f" {other} has written {_content(steps[lost.written])} since (step"
                f" {lost.written + 1}). If {who} writes now, what {other} wrote is lost."
            )
    return ""


def _only_time_outs(moment: Moment) -> str:
    """That nobody can go but by giving up; empty if that is not so."""
    if not moment.possible or any(choice.outcome == "go" for choice in moment.possible):
        return ""
    names = ", ".join(name_of(moment, choice.task) for choice in moment.possible)
    return f"Nobody can go on unless a time-out happens: that of {names}."


def _content(step: Step) -> str:
    """What a step wrote."""
    return step.result or step.operation.detail


def _deadlock(moment: Moment, lost: frozenset[int]) -> Verdict:
    """Who waits for whom: the ring first, if there is one, then the others."""
    edges = {task: _unblocker(moment, each) for task, each in moment.next.items()}
    ring = find_ring(edges)
    others = [task for task in moment.next if task not in ring]
    told = [_waits(moment, task) for task in (*ring, *others)]
    words = f"Deadlock: nobody can go. {'; '.join(told)}."
    taken = {_taken_at(moment, moment.next[task]) for task in ring} - {-1}
    return Verdict(words, "trouble", lost | taken, ring, is_bad=True)


def _waits(moment: Moment, task: str) -> str:
    why = moment.blocked.get(task) or f"cannot go on: it {phrase(moment.next[task], moment)}"
    return f"{name_of(moment, task)} {why}"


def _unblocker(moment: Moment, operation: Operation) -> str:
    """The task that could let this one go on; empty if that is nobody in particular."""
    if operation.verb == "join":
        return operation.target
    now = moment.objects.get(operation.target)
    holders = now.holders if now is not None else ()
    return next((each for each in holders if each in moment.next), "")


def _taken_at(moment: Moment, waiting: Operation) -> int:
    """The step in which the lock was taken that is waited for; -1 if it is none."""
    holder = _unblocker(moment, waiting)
    for number in range(len(moment.steps) - 1, -1, -1):
        done = moment.steps[number].operation
        if (done.task, done.target, done.verb) == (holder, waiting.target, "acquire"):
            return number
    return -1


def find_ring(edges: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks that wait for each other in a ring, from the first in order; empty if none do."""
    for start in sorted(edges):
        path = [start]
        while (after := edges.get(path[-1], "")) and after not in path:
            path.append(after)
        if after == start:
            return tuple(path)
    return ()


def default_choice(moment: Moment) -> Choice | None:
    """Who goes if nobody is chosen: who went last, if it can; a time-out only where all wait."""
    can = [choice for choice in moment.possible if choice.outcome == "go"]
    done = (step.operation for step in reversed(moment.steps) if not is_quiet(step.operation))
    last = next((operation.task for operation in done), "")
    goes_on = next((choice for choice in can if choice.task == last), None)
    return goes_on or next(iter(can or moment.possible), None)
