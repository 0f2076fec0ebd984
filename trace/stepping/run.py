"""A stepped run: the program under gates, of which one is opened at a time."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Sequence
from threading import Lock as ThreadLock
from typing import Any

from mpviz.probe.boot.mpviz_probe.stepping import ENVIRONMENT_VARIABLE
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.barrier import Barrier
from mpviz.trace.model.primitives.condition import Condition
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.mp_event import SharedEvent
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.primitives.value import SharedValue
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
from mpviz.trace.stepping.steps import Choice, Closed, End, ModelFault, Moment, Operation, Step
from mpviz.trace.stepping.tasks import Task, operation_of, resolved, seen_asleep

PAUSE = 0.02
"""Seconds between two looks at what is not told: the end of the program, its output."""
QUIET = 0.3
"""Seconds of silence after which it is looked whether a task blocks outside of all gates."""
PATIENCE = 30.0
"""Seconds that a child has to come to its first gate."""

LOOKS = 5
"""Looks in a row at which a task sleeps, and has not used a CPU, until it is taken to block."""

NAME_SECONDS = 3.0
NAME_PAUSE = 0.002
"""Seconds that a moment waits for the names of its new objects, and between two looks for them."""

MAY_BLOCK = ("feed", "drain", "start", "begin", "join", "end")
"""What may wait for something that no gate knows of: an item may be larger than the pipe."""

OUTPUT_LINES = 200


class SteppedRun:
    """A program that stands after each step; one thread may use it, but for :meth:`close`."""

    def __init__(self, target: Target) -> None:
        """Start it. :class:`mpviz.trace.launch.program.LaunchError` if that is not possible."""
        self.steps: list[Step] = []
        self._world = World()
        self._observed: dict[str, str] = {}
        """By the id of an object: its id in the records."""
        self._aliases: dict[str, str] = {}
        self._tasks: dict[str, Task] = {}
        self._expected: dict[str, float] = {}
        """By task that should come: until when, in seconds of the monotonic clock."""
        self._names: dict[str, str] = {}
        self._closed = False
        self._lock = ThreadLock()
        self._heard = time.monotonic()
        self._selector = selectors.DefaultSelector()
        address = f"mpviz-steps-{secrets.token_hex(16)}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # An abstract address: there is no file that could be left behind.
            self._listener.bind("\0" + address)
            self._listener.listen(128)
            self._selector.register(self._listener, selectors.EVENT_READ, None)
            self._session = start(target, capture=True, variables={ENVIRONMENT_VARIABLE: address})
        except BaseException:
            self._close_sockets()
            raise
        self._expected["main"] = time.monotonic() + PATIENCE

    @property
    def output(self) -> Sequence[str]:
        """The last lines that the program has printed."""
        return [line.text for line in list(self._session.state.output)[-OUTPUT_LINES:]]

    def wait(self) -> Moment:
        """Until all tasks stand, or the program has ended.

        :class:`ModelFault` if a step does not come back, :class:`Closed` after :meth:`close`.
        """
        while True:
            with self._lock:
                if self._closed:
                    raise Closed
                if self._stands():
                    self._learn_names()
                    return self._moment()
                ready = self._selector.select(PAUSE)
                for key, _ in ready:
                    self._read(key.data)
                if not ready:
                    self._session.step(PAUSE)
                    self._look_outside()

    def look(self) -> Moment | None:
        """The moment, if something has happened since although nobody was let go; else None.

        What the program prints arrives a little later, and who was outside may come back.
        """
        with self._lock:
            if self._closed or self._session.over:
                return None
            ready = self._selector.select(0)
            for key, _ in ready:
                self._read(key.data)
            changed = self._session.step(0)
            return self._moment() if (ready or changed) and self._stands() else None

    def let_go(self, choice: Choice) -> None:
        """Let a task do its operation, or its time-out happen."""
        with self._lock:
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
        """End what is left of the program; from any thread, and more than once."""
        self._closed = True
        self._session.close()
        with self._lock:
            self._close_sockets()

    def _close_sockets(self) -> None:
        for task in self._tasks.values():
            task.connection.close()
        self._selector.close()
        self._listener.close()

    # What tasks tell

    def _read(self, task: Task | None) -> None:
        self._heard = time.monotonic()
        if task is None:
            self._accept()
            return
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
        connection, _ = self._listener.accept()
        sent = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("3i", sent)[1] != os.getuid():
            connection.close()
            return
        task = Task("", "", 0, 0, connection)
        self._selector.register(connection, selectors.EVENT_READ, task)

    def _has_gone(self, task: Task) -> None:
        try:
            self._selector.unregister(task.connection)
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
                self._names[operation.target] = clean(str(told.get("name", operation.target)))
        elif "did" in told:
            self._did(task, clean(str(told["did"])))
        elif "end" in told:
            self._has_gone(task)

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
            self._names[known] = clean(str(told["name"]))

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
            self._observed[known] = str(told["observed"])
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
            self._names[feeder] = f"{self._name(process_of(operation.task))}'s feeder"
            known = self._tasks.get(feeder)
            if known is None:
                self._expected[feeder] = until
            elif known.next is None:
                known.runs = True

    def _stands(self) -> bool:
        if self._session.over:
            return True
        if self._expected:
            return False
        there = [task for task in self._tasks.values() if not task.ended]
        main = self._tasks.get("main")
        if main is not None and main.ended:
            # Only its end is to come: what it has left behind is ended with it.
            return False
        return not any(task.runs and not task.is_outside for task in there)

    def _look_outside(self) -> None:
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
        if step.operation.verb in MAY_BLOCK:
            return
        raise ModelFault(
            f"{self._name(task.id)} was let go and did not come back: {step.operation.verb}"
            f" {self._name(step.operation.target)} at {step.operation.site}"
        )

    def _learn_names(self) -> None:
        """Fold what is told of the objects that are new, which gives them their names."""
        deadline = time.monotonic() + NAME_SECONDS
        self._session.step(0)
        while self._observed and time.monotonic() < deadline:
            state = self._session.state
            for known, observed in list(self._observed.items()):
                tables: list[dict[str, Any]] = [
                    state.table(kind)
                    for kind in (Lock, SharedValue, Queue, Condition, Barrier, SharedEvent)
                ]
                for table in tables:
                    if observed in table:
                        self._names[known] = table[observed].name
                        self._observed.pop(known, None)
            if self._observed and not self._session.step(0):
                time.sleep(NAME_PAUSE)
        # What has no name by now is called by its id.
        self._observed.clear()

    # The moment

    def _moment(self) -> Moment:
        tasks = [task for task in self._tasks.values() if not task.ended]
        tasks.sort(key=lambda task: in_order(task.id))
        if self._session.over:
            return Moment(
                steps=tuple(self.steps),
                names=self._all_names(),
                objects=self._objects(),
                end=self._end(),
            )
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
        return {**self._names, **things}

    def _name(self, known: str) -> str:
        if known in self._names:
            return self._names[known]
        if known.endswith(".lock"):
            of = self._name(known.removesuffix(".lock"))
            thing = self._world.things.get(known.removesuffix(".lock"))
            is_value = thing is not None and thing.kind == "value"
            return f"{of}.get_lock()" if is_value else f"the lock of {of}"
        return known.rpartition(":")[2] or known

    def _end(self) -> End:
        state = self._session.state
        status = state.exit_code if state.exit_code is not None else 0
        said = [line.text for line in state.output if line.stream == "stderr" and line.text.strip()]
        return End(status, said[-1] if said and status else "")
