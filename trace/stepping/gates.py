"""The gates of a stepped run, from the side of who opens them: what all tasks stand at, and why.

How the program is started and ended, and what it prints, is for who has the gates: a run that is
watched (``run.py``), or one of very many that are not (``quick.py``).
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from mpviz.probe.boot.mpviz_probe.stepping import ENVIRONMENT_VARIABLE
from mpviz.trace.model.text import clean
from mpviz.trace.stepping.model import (
    Thing,
    World,
    apply,
    in_words,
    process_of,
    who_can_go,
)
from mpviz.trace.stepping.order import in_order
from mpviz.trace.stepping.steps import Choice, End, ModelFault, Moment, Operation, Step
from mpviz.trace.stepping.tasks import Task, operation_of, resolved, seen_asleep

QUIET = 0.3
"""Seconds of silence after which it is looked whether a task blocks outside of all gates."""
PATIENCE = 30.0
"""Seconds that a child has to come to its first gate."""

LOOKS = 5
"""Looks in a row at which a task sleeps, and has not used a CPU, until it is taken to block."""

MAY_BLOCK = ("feed", "drain", "start", "begin", "join", "end")
"""What may wait for something that no gate knows of: an item may be larger than the pipe."""


class Gates:
    """All gates of one run of a program, and where its tasks stand; for one thread."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.names: dict[str, str] = {}
        """Names for people, by the id of a task or an object."""
        self.observed: dict[str, str] = {}
        """By the id of an object without a name: its id in the records."""
        self.failed: dict[str, int] = {}
        """Exit codes of processes but the first, by task, where they are not 0."""
        self.selector = selectors.DefaultSelector()
        """What is waited for; with each descriptor, what to do when it has something."""
        self._world = World()
        self._aliases: dict[str, str] = {}
        self._tasks: dict[str, Task] = {}
        self._expected: dict[str, float] = {"main": time.monotonic() + PATIENCE}
        """By task that should come: until when, in seconds of the monotonic clock."""
        self.killed: set[str] = set()
        """Processes but the first that have gone without a word: killed, crashed, by os._exit."""
        self._was = 0
        self._heard = time.monotonic()
        self._address = f"mpviz-steps-{secrets.token_hex(16)}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # An abstract address: there is no file that could be left behind.
        self._listener.bind("\0" + self._address)
        self._listener.listen(128)
        self.selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of the program needs, so that it has gates."""
        return {ENVIRONMENT_VARIABLE: self._address}

    def hear(self, seconds: float) -> bool:
        """Take in what arrives first within so many seconds; False if nothing does."""
        ready = self.selector.select(seconds)
        for key, _ in ready:
            act: Callable[[], None] = key.data
            act()
        return bool(ready)

    def let_go(self, choice: Choice) -> None:
        """Let a task do its operation, or its time-out happen."""
        task = self._tasks[choice.task]
        operation = task.next
        if operation is None:
            raise ModelFault(f"{choice.task} is at no gate")
        self._steps_before(operation)
        place = self._world.thing(operation).arrived if operation.verb == "arrive" else 0
        apply(self._world, operation, choice.outcome)
        self.steps.append(
            Step(choice, operation, "timed out" if choice.outcome == "timeout" else "")
        )
        task.next, task.runs, task.acts = None, True, True
        self._expect(operation)
        self._heard = time.monotonic()
        try:
            task.connection.sendall(f"{choice.outcome} {place}\n".encode())
        except OSError:
            self._has_gone(task)

    def close(self) -> None:
        """Open all gates for good: the program goes on by itself. May be repeated."""
        for task in self._tasks.values():
            task.connection.close()
        self.selector.close()
        self._listener.close()

    # What tasks tell

    def _read(self, task: Task) -> None:
        self._heard = time.monotonic()
        try:
            got = task.connection.recv(1 << 16)
        except OSError:
            got = b""
        if not got:
            self._has_gone(task)
            return
        *lines, task.buffer = (task.buffer + got).split(b"\n")
        for line in lines:
            self._told(task, json.loads(line))

    def _accept(self) -> None:
        self._heard = time.monotonic()
        connection, _ = self._listener.accept()
        sent = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("3i", sent)[1] != os.getuid():
            connection.close()
            return
        task = Task("", "", 0, 0, connection)
        self.selector.register(connection, selectors.EVENT_READ, partial(self._read, task))

    def _has_gone(self, task: Task, *, as_told: bool = False) -> None:
        # What a killed process had, such as a lock, nobody gives back.
        if not as_told and task.id not in ("", "main") and "/" not in task.id:
            self.killed.add(task.id)
        try:
            self.selector.unregister(task.connection)
        except (KeyError, ValueError):
            return
        task.connection.close()
        task.next, task.runs, task.acts, task.ended = None, False, False, True
        self._world.ended.add(task.id)

    def _told(self, task: Task, told: dict[str, Any]) -> None:
        if "hello" in told:
            self._hello(task, told)
        elif "new" in told:
            self._new(told)
        elif "ask" in told:
            operation = operation_of(task.id, told, self._aliases)
            task.next, task.runs, task.acts, task.is_outside = operation, False, False, False
            if operation.verb == "start":
                self.names[operation.target] = clean(str(told.get("name", operation.target)))
        elif "did" in told:
            self._did(task, clean(str(told["did"])))
        elif "end" in told:
            if told["end"] and task.id != "main":
                self.failed[task.id] = int(told["end"])
            self._has_gone(task, as_told=True)

    def _hello(self, task: Task, told: dict[str, Any]) -> None:
        process, feeds, queue = clean(str(told["hello"])).partition("/feeder-")
        known = process + feeds + resolved(queue, self._aliases)
        if known in self._tasks and not self._tasks[known].ended:
            # A program of its own that this one has started: it has no gates.
            self._has_gone(task)
            return
        task.id, task.pid, task.tid = known, int(told["pid"]), int(told["tid"])
        self._tasks[known] = task
        self._world.ended.discard(known)
        self._expected.pop(known, None)
        if told["name"]:
            self.names[known] = clean(str(told["name"]))

    def _new(self, told: dict[str, Any]) -> None:
        known = clean(str(told["new"]))
        self._world.things[known] = Thing(
            known,
            str(told["kind"]),
            int(told.get("count", 1)),
            bool(told.get("recursive")),
            value=clean(str(told.get("value", ""))),
        )
        if told.get("observed"):
            self.observed[known] = str(told["observed"])
        if told.get("alias"):
            self._aliases[str(told["alias"])] = known

    def _did(self, task: Task, result: str) -> None:
        task.acts = False
        for number in range(len(self.steps) - 1, -1, -1):
            step = self.steps[number]
            if step.operation.task == task.id:
                if result:
                    self.steps[number] = Step(step.choice, step.operation, result)
                if step.operation.verb == "read":
                    self._world.thing(step.operation).value = result
                if step.operation.verb == "feed":
                    self._feeder_goes_on(task, step.operation)
                return

    def _feeder_goes_on(self, task: Task, operation: Operation) -> None:
        left = self._world.thing(operation).buffered.get(process_of(task.id))
        task.runs = bool(left) and task.next is None

    # Who is to come

    def _steps_before(self, operation: Operation) -> None:
        self._was = len(self._buffered(operation)) if operation.verb == "put" else 0

    def _buffered(self, operation: Operation) -> list[str]:
        return self._world.thing(operation).buffered.get(process_of(operation.task), [])

    def _expect(self, operation: Operation) -> None:
        """Whoever has something to do because of this step has to come to a gate."""
        until = time.monotonic() + PATIENCE
        if operation.verb == "start":
            self._expected[operation.target] = until
        if operation.verb == "put" and len(self._buffered(operation)) > self._was:
            feeder = f"{process_of(operation.task)}/feeder-{operation.target}"
            self.names[feeder] = f"{self._name(process_of(operation.task))}'s feeder"
            known = self._tasks.get(feeder)
            if known is None:
                self._expected[feeder] = until
            elif known.next is None:
                known.runs = True

    def stand(self) -> bool:
        """Whether all tasks are at gates, or outside."""
        if self._expected:
            return False
        there = [task for task in self._tasks.values() if not task.ended]
        main = self._tasks.get("main")
        if main is not None and main.ended:
            # Only its end is to come: what it has left behind is ended with it.
            return False
        return not any(task.runs and not task.is_outside for task in there)

    def look_outside(self) -> None:
        """See whether those who are on their way sleep where there is no gate."""
        now = time.monotonic()
        if now - self._heard < QUIET:
            return
        for known, until in list(self._expected.items()):
            if now > until:
                del self._expected[known]
        for task in self._tasks.values():
            if task.runs and not task.ended and not task.is_outside:
                sleeps, used = seen_asleep(task.pid, task.tid)
                if used < 0:
                    self._has_gone(task)
                    return
                task.looks = task.looks + 1 if sleeps and used == task.used else 0
                if task.looks >= LOOKS:
                    if task.acts:
                        self._blame(task)
                    task.is_outside = True
                task.used = used

    def _blame(self, task: Task) -> None:
        """Say that the model was wrong, but of what may wait for room in a pipe."""
        step = next(each for each in reversed(self.steps) if each.operation.task == task.id)
        if step.operation.verb in MAY_BLOCK or self.killed:
            return
        raise ModelFault(
            f"{self._name(task.id)} was let go and did not come back: {step.operation.verb}"
            f" {self._name(step.operation.target)} at {step.operation.site}"
        )

    # The moment

    def moment(self, end: End | None = None) -> Moment:
        """Where all stand; or, with ``end``, what was left of it."""
        if end is not None:
            return Moment(
                steps=tuple(self.steps), names=self._all_names(), objects=self._objects(), end=end
            )
        tasks = [task for task in self._tasks.values() if not task.ended]
        tasks.sort(key=lambda task: in_order(task.id))
        pending = {task.id: task.next for task in tasks if task.next is not None}
        possible, blocked = who_can_go(self._world, pending, self._name)
        outside = {task.id: self._where(task) for task in tasks if task.is_outside and task.runs}
        return Moment(
            steps=tuple(self.steps),
            next=pending,
            possible=possible,
            blocked=blocked,
            outside=outside,
            names=self._all_names(),
            objects=self._objects(),
        )

    def _where(self, task: Task) -> str:
        done = [step.operation.site for step in self.steps if step.operation.task == task.id]
        sites = [site for site in done if site]
        return f"after {sites[-1]}" if sites else "no line of the program is known"

    def _objects(self) -> dict[str, Any]:
        return {known: in_words(thing, self._name) for known, thing in self._world.things.items()}

    def _all_names(self) -> dict[str, str]:
        things = {known: self._name(known) for known in self._world.things}
        return {**self.names, **things}

    def _name(self, known: str) -> str:
        if known in self.names:
            return self.names[known]
        if known.endswith(".lock"):
            of = self._name(known.removesuffix(".lock"))
            thing = self._world.things.get(known.removesuffix(".lock"))
            is_value = thing is not None and thing.kind == "value"
            return f"{of}.get_lock()" if is_value else f"the lock of {of}"
        return known.rpartition(":")[2] or known
