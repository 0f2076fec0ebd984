"""A stepped run without a program: tasks are lines that act on the model of the shared objects.

Its moments are made as those of a stepped run are, so that explorers can be held to many small
programs in a short time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from mpviz.trace.stepping.model import Thing, World, apply, in_words, obstacle, who_can_go
from mpviz.trace.stepping.order import in_order
from mpviz.trace.stepping.search.explorer import Explorer
from mpviz.trace.stepping.steps import Choice, End, Held, Moment, Operation, Step

Line = tuple[Any, ...]
"""A verb, a target and what else it needs: ("acquire", "L"), ("with", "L", [lines]) …"""
Lines = Sequence[Line]
Going = Generator[Operation, str, None]

KINDS = {"L": "lock", "S": "semaphore", "V": "value", "Q": "queue"}
KINDS |= {"E": "event", "C": "condition", "B": "barrier"}
"""By the first letter of its id: what an object is."""


@dataclass(frozen=True)
class Modelled:
    """A program: the lines of main and of the processes that it starts, "main.1" and so on."""

    lines: Mapping[str, Lines]
    counts: Mapping[str, int] = field(default_factory=dict)
    """By object: how many can have a semaphore, a queue's places, a barrier's parties."""
    daemons: frozenset[str] = frozenset()
    """Processes for which nobody waits when main has ended."""


class ModelledRun:
    """Lets the tasks of a program go, as :class:`mpviz.trace.stepping.run.SteppedRun` does."""

    def __init__(self, program: Modelled) -> None:
        """Nobody but main is there."""
        self.steps: list[Step] = []
        self.world = World()
        self._program = program
        self._going: dict[str, Going] = {}
        self._next: dict[str, Operation] = {}
        self._held: dict[str, Held] = {}
        self._changed: set[str] = set()
        self._begin("main")

    def wait(self) -> Moment:
        """All tasks stand, for nothing here takes time."""
        if "main" not in self._next:
            return Moment(tuple(self.steps), objects=self._objects(), end=End())
        pending = {task: self._next[task] for task in sorted(self._next, key=_ORDER)}
        possible, blocked = who_can_go(self.world, pending, str)
        objects = self._objects()
        return Moment(tuple(self.steps), pending, possible, blocked=blocked, objects=objects)

    def let_go(self, choice: Choice) -> None:
        """Let a task do its operation, or its time-out happen."""
        operation = self._next.pop(choice.task)
        result = self._result(operation, choice)
        apply(self.world, operation, choice.outcome)
        self._changed.update([operation.target, _lock_of(operation)])
        self.steps.append(Step(choice, operation, result))
        if operation.verb == "start":
            self._begin(operation.target)
        if operation.verb == "put":
            self._feed(operation.task.partition("/")[0], operation.target)
        if operation.verb == "feed":
            self._feed(operation.task.partition("/")[0], operation.target)
            return
        if operation.verb == "end":
            for task in [task for task in self._next if task.startswith(f"{operation.task}/")]:
                del self._next[task]
            return
        self._go_on(choice.task, result)

    def _begin(self, task: str) -> None:
        self._going[task] = going = _task(task, self._program)
        self._next[task] = next(going)
        self._learn(self._next[task])

    def _go_on(self, task: str, result: str) -> None:
        try:
            self._next[task] = self._going[task].send(result)
        except StopIteration:
            return
        self._learn(self._next[task])

    def _feed(self, process: str, queue: str) -> None:
        feeder = f"{process}/feeder-{queue}"
        if self.world.things[queue].buffered.get(process):
            self._next[feeder] = Operation(feeder, "feed", queue, "queue")

    def _learn(self, operation: Operation) -> None:
        for known in filter(None, [operation.target, _lock_of(operation)]):
            if known not in self.world.things and operation.kind != "process":
                self.world.things[known] = self._thing(known)
                self._changed.add(known)

    def _thing(self, known: str) -> Thing:
        kind = "lock" if known.endswith(".lock") else KINDS[known[0]]
        no_bound = 0 if kind == "queue" else 1
        count = self._program.counts.get(known, no_bound)
        recursive = known.endswith(".lock") or known.startswith("LR")
        return Thing(known, kind, count, recursive, value="0" if kind == "value" else "")

    def _result(self, operation: Operation, choice: Choice) -> str:
        if choice.outcome == "timeout":
            return "timed out"
        thing = self.world.things.get(operation.target)
        if obstacle(self.world, msgspec.structs.replace(operation, blocking=True), str):
            return "no"
        find = _RESULTS.get(operation.verb)
        return find(thing) if find is not None and thing is not None else ""

    def _objects(self) -> dict[str, Held]:
        for known in self._changed:
            if known in self.world.things:
                self._held[known] = in_words(self.world.things[known], str)
        self._changed.clear()
        return dict(self._held)


_ORDER = cache(in_order)

_RESULTS: Mapping[str, Callable[[Thing], str]] = {
    "read": lambda thing: thing.value,
    "get": lambda thing: thing.piped[0],
    "empty": lambda thing: str(not thing.piped),
    "full": lambda thing: str(0 < thing.count <= _there(thing)),
    "qsize": lambda thing: str(_there(thing)),
    "is_set": lambda thing: str(thing.is_set),
    "arrive": lambda thing: str(thing.arrived),
}


def _there(queue: Thing) -> int:
    return len(queue.piped) + sum(map(len, queue.buffered.values()))


def _lock_of(operation: Operation) -> str:
    if operation.kind == "condition":
        return f"{operation.target}.lock"
    return f"{operation.target}.lock" if operation.kind == "value" else ""


def _task(task: str, program: Modelled) -> Going:
    """All operations of a task, from its begin to its end."""
    me = _Task(task)
    if task != "main":
        yield me.does("begin", "")
    yield from me.runs(program.lines[task])
    for child in [child for child in me.children if child not in program.daemons]:
        yield me.does("join", child)
    for queue in sorted(me.has_put):
        yield me.does("drain", queue)
    if task != "main":
        yield me.does("end", "")


class _Task:
    def __init__(self, id: str) -> None:
        self.id = id
        self.known = 0
        self.children: list[str] = []
        self.has_put: set[str] = set()

    def does(self, verb: str, target: str, **more: Any) -> Operation:
        kind = "process" if verb in ("begin", "end", "start", "join") else ""
        kind = kind or ("time" if verb == "sleep" else _kind(target))
        if kind == "value":
            more["lock"] = f"{target}.lock"
        return Operation(self.id, verb, target, kind, **more)

    def runs(self, lines: Lines) -> Going:
        for verb, target, *more in lines:
            special = getattr(self, f"_{verb}", None)
            if special is not None:
                yield from special(target, *more)
            else:
                yield self.does(verb, target)

    def _with(self, lock: str, lines: Lines) -> Going:
        yield self.does("acquire", lock)
        yield from self.runs(lines)
        yield self.does("release", lock)

    def _try(self, lock: str, lines: Lines) -> Going:
        if (yield self.does("acquire", lock, blocking=False)) != "no":
            yield from self.runs(lines)
            yield self.does("release", lock)

    def _in_time(self, lock: str, lines: Lines) -> Going:
        if (yield self.does("acquire", lock, timed=True)) != "timed out":
            yield from self.runs(lines)
            yield self.does("release", lock)

    def _add(self, value: str) -> Going:
        self.known = int((yield self.does("read", value)))
        yield self.does("write", value, detail=str(self.known + 1))

    def _write(self, value: str) -> Going:
        yield self.does("write", value, detail=str(self.known + 1))

    def _if_zero(self, value: str, lines: Lines) -> Going:
        if (yield self.does("read", value)) == "0":
            yield from self.runs(lines)

    def _put(self, queue: str, how: str = "") -> Going:
        more = {"blocking": how != "try", "timed": how == "in_time"}
        result = yield self.does("put", queue, detail=self.id, **more)
        if not result:
            self.has_put.add(queue)

    def _get(self, queue: str, how: str = "") -> Going:
        yield self.does("get", queue, blocking=how != "try", timed=how == "in_time")

    def _unless_empty(self, queue: str, lines: Lines) -> Going:
        if (yield self.does("empty", queue)) == "False":
            yield from self.runs(lines)

    def _wait(self, target: str, how: str = "") -> Going:
        timed = how == "in_time"
        if target.startswith("E"):
            yield self.does("wait", target, timed=timed)
            return
        lock = f"{target}.lock"
        yield self.does("wait", target, detail=lock)
        if (yield self.does("wake", target, detail=lock, timed=timed)) == "timed out":
            yield self.does("acquire", lock)

    def _notify(self, condition: str, number: str = "1") -> Going:
        yield self.does("notify", condition, detail=number)

    def _pass(self, barrier: str) -> Going:
        yield self.does("arrive", barrier)
        yield self.does("pass", barrier)

    def _start(self, child: str) -> Going:
        self.children.append(child)
        yield self.does("start", child)

    def _join(self, child: str, how: str = "") -> Going:
        result = yield self.does("join", child, timed=how == "in_time")
        if not result and child in self.children:
            self.children.remove(child)


def _kind(target: str) -> str:
    return "lock" if target.endswith(".lock") or target[0] == "S" else KINDS[target[0]]


@dataclass
class Explored:
    """What an explorer has gone through."""

    runs: list[list[Moment]] = field(default_factory=list)
    """The moments of each run to its end or to a deadlock."""
    broken_off: int = 0
    """Runs that were not taken to their end, since the rest was known."""

    @property
    def ends(self) -> list[Moment]:
        """The last moment of each run."""
        return [moments[-1] for moments in self.runs]


def explore(program: Modelled, explorer: Explorer, most: int) -> Explored:
    """All runs that an explorer wants, at most so many."""
    found = Explored()
    while explorer.more and len(found.runs) + found.broken_off < most:
        run = ModelledRun(program)
        moments = [run.wait()]
        while moments[-1].possible:
            choice = explorer.choose(moments[-1])
            if choice is None:
                found.broken_off += 1
                break
            run.let_go(choice)
            moments.append(run.wait())
        else:
            explorer.finish(moments[-1])
            found.runs.append(moments)
    return found
