"""A stepped run without a program: tasks are lists of operations on locks, values and queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mpviz.trace.stepping.steps import Choice, End, Held, Moment, Operation, Step

Line = tuple[str, str]
"""A verb and its target; a write may have its value: ("write 7", "counter")."""

KINDS = {"acquire": "lock", "release": "lock", "read": "value", "write": "value"}


@dataclass
class Scripted:
    """Lets tasks go over their lines; a write adds one to what its task has read."""

    script: Mapping[str, Sequence[Line]]
    names: Mapping[str, str] = field(default_factory=dict)
    timed: frozenset[str] = frozenset()
    """Tasks whose acquires have a time-out."""
    outside: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    steps: list[Step] = field(default_factory=list)
    place: dict[str, int] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[str, str], int] = field(default_factory=dict)
    closed: int = 0
    output: list[str] = field(default_factory=list)

    def wait(self) -> Moment:
        """All tasks stand, for nothing here takes time."""
        there = self._there()
        pending = {task: self._operation(task) for task in there}
        possible = [Choice(task) for task, each in pending.items() if self._can(each)]
        possible += [
            Choice(task, "timeout")
            for task, each in pending.items()
            if each.timed and not self._can(each)
        ]
        blocked = {task: self._why(each) for task, each in pending.items() if not self._can(each)}
        return Moment(
            steps=tuple(self.steps),
            next=pending,
            possible=tuple(possible),
            blocked=blocked,
            outside=dict(self.outside),
            names=dict(self.names),
            objects=self._objects(),
            end=None if pending or self.outside else End(self.status),
        )

    def look(self) -> None:
        """Nothing happens by itself."""

    def let_go(self, choice: Choice) -> None:
        """Do the next line of a task."""
        operation = self._operation(choice.task)
        result = "timed out" if choice.outcome == "timeout" else self._do(operation)
        self.steps.append(Step(choice, operation, result))
        self.place[choice.task] = self.place.get(choice.task, 0) + 1

    def close(self) -> None:
        """Note that it was closed."""
        self.closed += 1

    def _there(self) -> list[str]:
        started = {step.operation.target for step in self.steps if step.operation.verb == "start"}
        every = {
            target for lines in self.script.values() for verb, target in lines if verb == "start"
        }
        return [
            task
            for task, lines in self.script.items()
            if self.place.get(task, 0) < len(lines) and (task not in every or task in started)
        ]

    def _operation(self, task: str) -> Operation:
        number = self.place.get(task, 0)
        verb, target = self.script[task][number]
        return Operation(
            task=task,
            verb=verb,
            target=target,
            kind=KINDS.get(verb, "process"),
            site=f"program.py:{10 + number}",
            timed=task in self.timed and verb == "acquire",
            detail=str(self.known.get((task, target), 0) + 1) if verb == "write" else "",
            line=f"the line of {verb} {target}".strip(),
            lineno=10 + number,
        )

    def _can(self, operation: Operation) -> bool:
        if operation.verb == "acquire":
            return operation.target not in self.holder
        if operation.verb == "join":
            return self.place.get(operation.target, 0) >= len(self.script[operation.target])
        return True

    def _why(self, operation: Operation) -> str:
        names = self.names
        if operation.verb == "join":
            return f"waits for {names.get(operation.target, operation.target)} to end"
        holder = self.holder[operation.target]
        name = names.get(operation.target, operation.target)
        return f"waits for {name}, held by {names.get(holder, holder)}"

    def _do(self, operation: Operation) -> str:
        place = (operation.task, operation.target)
        if operation.verb == "acquire":
            self.holder[operation.target] = operation.task
        elif operation.verb == "release":
            del self.holder[operation.target]
        elif operation.verb == "read":
            self.known[place] = self.values.get(operation.target, 0)
            return str(self.known[place])
        elif operation.verb == "write":
            self.values[operation.target] = int(operation.detail)
            return operation.detail
        return ""

    def _objects(self) -> dict[str, Held]:
        targets = {
            target: KINDS[verb]
            for lines in self.script.values()
            for verb, target in lines
            if verb in KINDS
        }
        return {target: self._held(target, kind) for target, kind in targets.items()}

    def _held(self, target: str, kind: str) -> Held:
        if kind == "value":
            return Held(kind, str(self.values.get(target, 0)))
        holder = self.holder.get(target)
        if holder is None:
            return Held(kind, "free")
        return Held(kind, f"held by {self.names.get(holder, holder)}", (holder,))


def adders(lock: str = "") -> Scripted:
    """Two processes that add one to a counter, if a lock is named with it held."""
    adds = [("read", "main:value1"), ("write", "main:value1")]
    if lock:
        adds = [("acquire", lock), *adds, ("release", lock)]
    lines = [("begin", ""), *adds, ("end", "")]
    main = [("start", "main.1"), ("start", "main.2"), ("join", "main.1"), ("join", "main.2")]
    names = {"main": "main", "main.1": "adder-1", "main.2": "adder-2", "main:value1": "counter"}
    return Scripted({"main": [*main, ("end", "")], "main.1": lines, "main.2": lines}, names)


def ring(timed: bool = False) -> Scripted:
    """Two processes that take two locks in opposite orders."""

    def takes(first: str, second: str) -> list[Line]:
        return [
            ("begin", ""),
            *(("acquire", first), ("acquire", second)),
            *(("release", second), ("release", first)),
            ("end", ""),
        ]

    main = [("start", "main.1"), ("start", "main.2"), ("join", "main.1"), ("join", "main.2")]
    one, two = "main:lock1", "main:lock2"
    names = {
        "main": "main",
        "main.1": "worker-1",
        "main.2": "worker-2",
        one: "locks[0]",
        two: "locks[1]",
    }
    return Scripted(
        {"main": [*main, ("end", "")], "main.1": takes(one, two), "main.2": takes(two, one)},
        names,
        timed=frozenset(["main.2"]) if timed else frozenset(),
    )
