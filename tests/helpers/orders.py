"""Small programs by chance, and which of their runs are the same in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from helpers.modelled import Line, Lines, Modelled
from mpviz.trace.stepping.search.clocks import Clocks, gone_after
from mpviz.trace.stepping.steps import Moment

LOCKS = ["L1", "L2", "LR1", "V1.lock", "S1"]
QUEUES = ["Q1", "Q2"]
HOW = ["", "", "try", "in_time"]
VERBS: Mapping[str, Sequence[str]] = {
    **{verb: ["V1", "V2"] for verb in ("read", "write", "add")},
    **dict.fromkeys(("put", "get", "empty", "full", "qsize"), QUEUES),
    **{verb: ["E1"] for verb in ("set", "clear", "is_set", "wait")},
    "pass": ["B1"],
    "acquire": ["S1"],
    "release": ["S1"],
    "sleep": [""],
    "join": ["main.1"],
}
IN_CONDITION: Sequence[Line] = [
    ("wait", "C1"),
    ("wait", "C1", "in_time"),
    ("notify", "C1"),
    ("notify", "C1", "all"),
    ("write", "V1"),
]


THEMES: Sequence[Sequence[str]] = [
    list(VERBS),
    ["add", "read", "write"],
    ["put", "get", "empty", "qsize", "full"],
    ["put", "get", "add"],
    ["set", "clear", "is_set", "wait", "write"],
    ["acquire", "release", "add"],
    ["pass", "add"],
    ["join", "sleep", "write", "release", "acquire"],
]
"""What a program does, so that its processes have something to do with each other."""


class _Author:
    """Writes the lines of one program."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._verbs = chance.choice(THEMES)
        number = chance.randint(1, 2)
        self._locks = chance.sample(LOCKS, number)
        self._things = {verb: chance.choice(VERBS[verb]) for verb in VERBS}

    def lines(self, most: int, depth: int = 2) -> list[Line]:
        """At most so many, in which others may be."""
        return [self._line(depth) for _ in range(self._chance.randint(0, most))]

    def _line(self, depth: int) -> Line:
        chance = self._chance
        kind = chance.randrange(8)
        if kind < 4 or depth == 0:
            return self._plain()
        if kind == 4 and "write" in self._verbs:
            lines = [chance.choice(IN_CONDITION) for _ in range(chance.randint(1, 2))]
            return "with", "C1.lock", lines
        lines = self.lines(2, depth - 1)
        if kind == 5 and "empty" in self._verbs:
            return "unless_empty", chance.choice(QUEUES), lines
        if kind == 6 and "read" in self._verbs:
            return "if_zero", "V1", lines
        return chance.choice(["with", "with", "try", "in_time"]), chance.choice(self._locks), lines

    def _plain(self) -> Line:
        chance = self._chance
        verb = chance.choice(self._verbs)
        target = chance.choice([*VERBS[verb], self._things[verb], self._things[verb]])
        if verb in ("put", "get"):
            return verb, target, chance.choice(HOW)
        if verb in ("wait", "join"):
            return verb, target, chance.choice(["", "in_time"])
        return verb, target


def small_program(chance: Random) -> Modelled:
    """Main and one to three processes, one of which may be started by another."""
    author = _Author(chance)
    number = chance.choice([1, 2, 2, 2, 3])
    children = [f"main.{each}" for each in range(1, number + 1)]
    lines: dict[str, Lines] = {child: author.lines(4 - number) for child in children}
    if number > 1 and chance.random() < 0.5:
        # The last one is started in the middle of another.
        *children, last = children
        body = lines.pop(last)
        place = chance.randint(0, len(lines["main.1"]))
        start = ("start", "main.1.1")
        lines["main.1"] = [*lines["main.1"][:place], start, *lines["main.1"][place:]]
        lines["main.1.1"] = body
    before = author.lines(1) if number < 3 else []
    starts = [("start", child) for child in children]
    lines["main"] = [*before, *starts, *author.lines(1)]
    counts = {
        "S1": chance.randint(0, 2),
        "Q1": chance.randint(0, 1),
        "Q2": chance.choice([0, 2]),
        "B1": chance.randint(1, 2),
    }
    daemons = [child for child in lines if chance.random() < 0.15]
    return Modelled(lines, counts, frozenset(daemons))


def same_for_all(moments: Sequence[Moment]) -> tuple[Any, ...]:
    """What a run has in common with those that differ only in what nobody can notice.

    By step: what was done, and how many steps of each task had to come before it.
    """
    clocks = Clocks()
    places: dict[str, int] = {}
    for before, after in pairwise(moments):
        known = {known: held.places for known, held in after.objects.items() if held.places}
        places.update(known)
        step = after.steps[-1]
        gone = gone_after(before.next, step.operation, after)
        clocks.add(step.operation, step.choice, gone, places)
    tasks: dict[str, list[int]] = {}
    for number, event in enumerate(clocks.events):
        tasks.setdefault(event.task, []).append(number)
    return tuple(
        sorted(
            (
                event.task,
                tasks[event.task].index(number),
                event.operation.verb,
                event.operation.target,
                event.outcome,
                tuple(
                    sorted((task, tasks[task].index(last)) for task, last in event.clock.items())
                ),
            )
            for number, event in enumerate(clocks.events)
        )
    )


def what_came_of(moment: Moment) -> tuple[Any, ...]:
    """How a run has ended, what each task has seen, and how the objects are left."""
    seen: dict[str, list[tuple[str, str, str]]] = {}
    for step in moment.steps:
        operation = step.operation
        told = operation.verb, operation.target, operation.detail + step.result
        seen.setdefault(operation.task, []).append(told)
    objects = {known: held.words for known, held in moment.objects.items()}
    is_over = moment.end is not None
    return is_over, repr(sorted(seen.items())), repr(sorted(objects.items()))
