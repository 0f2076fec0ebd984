"""A small language for runs: what happened, at which millisecond, and in which process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document
from mpviz.trace.model.events import (
    Event,
    Marked,
    Output,
    ProcessExited,
    ProcessSample,
    ProgramEnded,
    ProgramStarted,
    RunEnded,
    RunStarted,
    Sample,
    Site,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.primitives.barrier import Arrived, BarrierCreated, Broken, Left, Released
from mpviz.trace.model.primitives.condition import ConditionCreated, Notified, Woken
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.manager import ManagedCreated, ManagerServing, MethodCalled
from mpviz.trace.model.primitives.memory import (
    MemoryAttached,
    MemoryClosed,
    MemoryCreated,
    MemoryUnlinked,
)
from mpviz.trace.model.primitives.mp_event import EventCleared, EventCreated, EventSet, EventWaited
from mpviz.trace.model.primitives.pipe import (
    EndClosed,
    MessageReceived,
    MessageSent,
    PipeCreated,
    PipeEnded,
    SendRefused,
)
from mpviz.trace.model.primitives.pool_events import (
    ExecutorBroken,
    FutureDone,
    JobSubmitted,
    PoolCreated,
    TaskEnded,
    TaskStarted,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import Began, Hello, Joined, Signalled, Started
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.processes.looks import StacksRead, ThreadStack
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState
from mpviz.trace.model.wait_kinds import wait_in_words

MS = 1_000_000
SECOND = 1000 * MS
START = 5 * SECOND
"""The clock does not begin at 0, and nothing on screen may show it."""

VIEWER, SUPERVISOR, MAIN = 0, 900, 1000
ANNA, BERT, CARL = 1001, 1002, 1003


def moment(milliseconds: float, start: int = START) -> int:
    """Nanoseconds of the clock for a time of a story."""
    return start + round(milliseconds * MS)


class Story:
    """A run that is told event by event. All times are milliseconds since ``start``."""

    def __init__(
        self, target: str = "shared-counter", cores: int = 2, start: int = START, begun: bool = True
    ) -> None:
        self.events: list[Event] = []
        self.target, self.cores = target, cores
        self._start = start
        self.state = RunState()
        """What is true after all that was told so far."""
        if begun:
            self.begin()

    def at(self, milliseconds: float) -> int:
        """Nanoseconds of the clock for a time of the story."""
        return moment(milliseconds, self._start)

    def tell(self, time: float, pid: int, kind: type[Event], /, **fields: Any) -> None:
        """One event."""
        event = kind(time=self.at(time), pid=pid, **fields)
        self.events.append(event)
        follow(self.state, [event])

    def state_at(self, time: float) -> RunState:
        """The state, looked at no earlier than this."""
        self.state.now = max(self.state.now, self.at(time))
        return self.state

    # What is read from the state

    def process(self, pid: int) -> Process:
        """The process that has, or last had, this pid."""
        return self.state.by_pid[pid]

    def words(self, pid: int) -> str:
        """What a process waits for, in words."""
        wait = self.process(pid).wait
        assert wait is not None
        return wait_in_words(self.state, wait)

    def document(self) -> dict[str, Any]:
        """The document, as it comes back from JSON."""
        found: dict[str, Any] = json.loads(json.dumps(document(self.state)))
        return found

    def one(self, section: str) -> dict[str, Any]:
        """The only entry of a section of the document."""
        (entry,) = self.document()[section]
        found: dict[str, Any] = entry
        return found

    @property
    def log(self) -> list[str]:
        """The lines of the event log."""
        return [entry.text for entry in self.state.log]

    @property
    def troubles(self) -> list[str]:
        """The lines of the event log that are in red."""
        return [entry.text for entry in self.state.log if entry.trouble]

    @property
    def findings(self) -> list[Finding]:
        """All that the rules have found."""
        return list(self.state.findings.values())

    @property
    def rules(self) -> list[str]:
        """The rules that have found something, one for each finding."""
        return [finding.rule for finding in self.findings]

    # The run and its processes

    def begin(self, time: float = 0, start_method: str = "fork", speaks: float = 1) -> None:
        """The run starts, and after so long the program's first process speaks."""
        self.tell(
            time,
            VIEWER,
            RunStarted,
            target=self.target,
            arguments=["python", f"{self.target}.py"],
            python="python 3.11.7",
            start_method=start_method,
            cores=self.cores,
            version="0.1.0",
        )
        self.tell(time, SUPERVISOR, ProgramStarted, child=MAIN, started=MAIN)
        self.hello(time + speaks, MAIN, "main", parent=SUPERVISOR)

    def start(
        self,
        time: float,
        pid: int,
        name: str,
        *,
        parent: int = MAIN,
        method: str = "fork",
        function: str = "work",
        daemon: bool = False,
    ) -> int:
        """A process starts another, which begins its own code half a millisecond later."""
        common = {"name": name, "daemon": daemon}
        self.tell(
            time,
            parent,
            Started,
            child=pid,
            method=method,
            function=function,
            started=pid,
            **common,
        )
        self.hello(time + 0.2, pid, parent=parent, forked=method == "fork")
        self.tell(time + 0.5, pid, Began, parent=parent, **common)
        return pid

    def hello(self, time: float, pid: int, role: str = "process", **fields: Any) -> None:
        """A process speaks for the first time."""
        self.tell(time, pid, Hello, **{"parent": MAIN, "started": pid, "role": role, **fields})

    def signal(self, time: float, child: int, number: int, sender: int = MAIN) -> None:
        """A process sends a signal; 0 is a person at mpviz."""
        if sender:
            self.tell(time, sender, Signalled, child=child, signal=number)
        else:
            self.tell(time, VIEWER, Marked, action="signal", child=child, signal=number)

    def exit(self, time: float, pid: int, code: int = 0) -> None:
        """A process ends."""
        self.tell(time, SUPERVISOR, ProcessExited, child=pid, exit_code=code)

    def join(self, time: float, pid: int, code: int = 0, parent: int = MAIN) -> None:
        """A parent collects the exit status of a child."""
        self.go_on(time, parent)
        self.tell(time, parent, Joined, child=pid, exit_code=code)

    def sample(
        self, time: float, cores: Sequence[float], processes: dict[int, tuple[int, float]]
    ) -> None:
        """A look at the machine; by pid the core and the percent."""
        seen = [
            process_sample(
                pid,
                status="R" if percent > 1 else "S",
                cpu_percent=percent,
                cpu_seconds=time / 1000,
                rss=9_400_000 + 1000 * pid,
                core=core,
            )
            for pid, (core, percent) in processes.items()
        ]
        self.tell(time, VIEWER, Sample, cores=list(cores), processes=seen)

    def look_at(
        self,
        time: float,
        pid: int,
        *threads: ThreadStack,
        sleeps: Sequence[str] = ("lock",),
        reason: str = "",
        listed: int = 0,
        asked: float = 0,
    ) -> None:
        """mpviz looks at the stacks of a process: its main thread stands in main(), and these stand
        elsewhere.
        """
        main = ThreadStack(1, "", [("/home/anna/counter.py", 3, "main")])
        self.tell(
            time,
            VIEWER,
            StacksRead,
            child=pid,
            threads=[] if reason else [*threads, main],
            listed=listed or len(threads) + 1,
            sleeps=list(sleeps),
            reason=reason,
            asked=self.at(asked) if asked else 0,
        )

    def output(self, time: float, pid: int, text: str, stream: str = "stdout") -> None:
        """A process writes a line."""
        self.tell(time, pid, Output, stream=stream, text=text)

    def end(self, time: float, code: int | None = 0) -> None:
        """The first process ends, and with it the run."""
        self.tell(time, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=code)
        self.tell(time, VIEWER, RunEnded, exit_code=code)

    # Waits and locks

    def wait(self, time: float, pid: int, what: str, target: str, site: int = 0) -> None:
        """A process cannot go on."""
        self.tell(time, pid, Waiting, what=what, object=target, site=site)

    def go_on(self, time: float, pid: int) -> None:
        """A wait is over that no other event ends."""
        self.tell(time, pid, WaitOver)

    def site(
        self, number: int, line: int, code: str = "", file: str = "counter.py", checksum: int = 0
    ) -> int:
        """A place in the program's source."""
        place = {"file": file, "line": line, "function": "main", "code": code}
        self.tell(1, MAIN, Site, site=number, checksum=checksum, **place)
        return number

    def made_by(self, code: str) -> int:
        """The place of a statement that creates something, and gives it its name."""
        return self.site(9000 + len(self.events), 1, code)

    def lock(self, name: str, kind: str = "Lock", maximum: int = 1, site: int = 0) -> str:
        """A lock; its name comes from the line that creates it."""
        site = site or self.made_by(f"{name} = {kind}()")
        self.tell(2, MAIN, LockCreated, object=f"/{name}", kind=kind, maximum=maximum, site=site)
        return f"/{name}"

    def acquire(self, time: float, pid: int, lock: str, site: int = 0) -> None:
        """A process has the lock now."""
        self.tell(time, pid, LockAcquired, object=lock, site=site)

    def release(self, time: float, pid: int, lock: str) -> None:
        """A process gives the lock back."""
        self.tell(time, pid, LockReleased, object=lock)

    # Queues, values, events, conditions, barriers

    def queue(self, name: str, maxsize: int = 0) -> str:
        """A queue."""
        site = self.made_by(f"{name} = Queue()")
        self.tell(2, MAIN, QueueCreated, object=name, kind="Queue", maxsize=maxsize, site=site)
        return name

    def put(self, time: float, pid: int, queue: str) -> None:
        """An item is put."""
        self.tell(time, pid, ItemPut, object=queue)

    def get(self, time: float, pid: int, queue: str) -> None:
        """An item is taken out."""
        self.tell(time, pid, ItemGot, object=queue, size=40)

    def value(self, name: str, initial: Any = 0, length: int = 1, typecode: str = "i") -> str:
        """A Value, or an Array if it is longer than 1."""
        kind = {"kind": "Value" if length == 1 else "Array", "typecode": typecode, "length": length}
        site = self.made_by(f"{name} = Value('i', 0)")
        self.tell(
            2,
            MAIN,
            ValueCreated,
            object=name,
            lock=f"lock of {name}",
            initial=initial,
            site=site,
            **kind,
        )
        return name

    def read(self, time: float, pid: int, value: str, content: Any, index: int = 0) -> None:
        """A process reads an element."""
        self.tell(time, pid, ValueRead, object=value, value=content, index=index)

    def write(
        self, time: float, pid: int, value: str, content: Any, before: Any, index: int = 0
    ) -> None:
        """A process writes an element."""
        self.tell(time, pid, ValueWritten, object=value, value=content, before=before, index=index)

    def event(self, name: str) -> str:
        """An Event, not set."""
        site = self.made_by(f"{name} = Event()")
        self.tell(2, MAIN, EventCreated, object=f"event-{name}", site=site)
        return f"event-{name}"

    def set(self, time: float, pid: int, event: str, waiters: int = 0) -> None:
        """A process sets an event."""
        self.tell(time, pid, EventSet, object=event, waiters=waiters)

    def clear(self, time: float, pid: int, event: str) -> None:
        """A process clears an event."""
        self.tell(time, pid, EventCleared, object=event)

    def waited(self, time: float, pid: int, event: str, passed: bool = True) -> None:
        """A wait for an event is over."""
        self.tell(time, pid, EventWaited, object=event, passed=int(passed))

    def condition(self, name: str) -> str:
        """A Condition with a lock of its own."""
        site = self.made_by(f"{name} = Condition()")
        condition = f"condition-{name}"
        self.tell(2, MAIN, ConditionCreated, object=condition, lock=f"in {name}", site=site)
        return condition

    def notify(self, time: float, pid: int, condition: str, waiters: int = 0) -> None:
        """A process notifies all that wait."""
        self.tell(time, pid, Notified, object=condition, asked=-1, waiters=waiters)

    def wake(self, time: float, pid: int, condition: str) -> None:
        """A process has been notified."""
        self.tell(time, pid, Woken, object=condition, notified=1)

    def barrier(self, name: str, parties: int) -> str:
        """A Barrier."""
        site = self.made_by(f"{name} = Barrier({parties})")
        self.tell(2, MAIN, BarrierCreated, object=f"barrier-{name}", parties=parties, site=site)
        return f"barrier-{name}"

    def arrive(self, time: float, pid: int, barrier: str, last: bool = False) -> None:
        """A process arrives, and waits unless it is the last."""
        self.tell(time, pid, Arrived, object=barrier)
        if last:
            self.tell(time, pid, Released, object=barrier)
        else:
            self.wait(time, pid, "barrier", barrier)

    def leave(self, time: float, pid: int, barrier: str, passed: bool = True) -> None:
        """A process that had arrived goes on."""
        self.tell(time, pid, Left, object=barrier, passed=int(passed))

    def breaks(self, time: float, pid: int, barrier: str, reason: str = "time-out") -> None:
        """A barrier breaks."""
        self.tell(time, pid, Broken, object=barrier, reason=reason)

    # Pipes, managers, shared memory

    def pipe(self, first: str, second: str, duplex: bool = True) -> tuple[str, str]:
        """A pipe; returns the ids of its ends, which are one id if it is not duplex."""
        site = self.made_by(f"{first}, {second} = Pipe()")
        other = second if duplex else first
        self.tell(2, MAIN, PipeCreated, object=first, other=other, duplex=duplex, site=site)
        return first, other

    def send(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """A message is sent."""
        self.tell(time, pid, MessageSent, object=end, size=size)

    def receive(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """A message is received."""
        self.tell(time, pid, MessageReceived, object=end, size=size)

    def refuse(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """The message just sent cannot be."""
        self.tell(time, pid, SendRefused, object=end, size=size)

    def read_to_end(self, time: float, pid: int, end: str) -> None:
        """A process has read all there will ever be, and closes its end."""
        self.tell(time, pid, PipeEnded, object=end)
        self.tell(time, pid, EndClosed, object=end, reads=True, writes=False)

    def serve(self, time: float, pid: int, manager: str) -> str:
        """A process serves the objects of a manager."""
        self.tell(time, pid, ManagerServing, object=manager)
        return manager

    def managed(self, time: float, manager: str, name: str, kind: str = "dict") -> str:
        """An object in a manager."""
        site = self.made_by(f"{name} = manager.{kind}()")
        self.tell(time, MAIN, ManagedCreated, object=name, manager=manager, kind=kind, site=site)
        return name

    def call(self, time: float, pid: int, managed: str, method: str, manager: str = "m") -> None:
        """A process calls a method of an object in a manager, and waits from here on."""
        called = {"manager": manager, "kind": "dict", "method": method}
        self.tell(time, pid, MethodCalled, object=managed, **called)

    def memory(self, time: float, name: str, size: int, pid: int = MAIN) -> str:
        """A block of shared memory."""
        site = self.made_by(f"{name} = SharedMemory()")
        self.tell(time, pid, MemoryCreated, object=f"psm_{name}", size=size, site=site)
        return f"psm_{name}"

    def attach(self, time: float, pid: int, block: str) -> None:
        """A process attaches a block."""
        self.tell(time, pid, MemoryAttached, object=block, size=4096)

    def detach(self, time: float, pid: int, block: str) -> None:
        """A process closes its attachment."""
        self.tell(time, pid, MemoryClosed, object=block)

    def unlink(self, time: float, pid: int, block: str) -> None:
        """The name of a block goes."""
        self.tell(time, pid, MemoryUnlinked, object=block)

    # Pools

    def pool(
        self,
        time: float,
        workers: Sequence[int],
        name: str = "pool",
        kind: str = "Pool",
        max_tasks: int = 0,
    ) -> str:
        """A pool and its workers, which are ready at once."""
        more = {"kind": kind, "max_tasks": max_tasks, "site": self.made_by(f"{name} = {kind}()")}
        self.tell(time, MAIN, PoolCreated, object=name, workers=len(workers), **more)
        for number, pid in enumerate(workers, 1):
            self.worker(time + number, pid, name, number)
        return name

    def worker(
        self, time: float, pid: int, pool: str, number: int, initializer: str = "", ready: float = 1
    ) -> None:
        """A worker starts, and is ready after so long; with an initializer and 0 it never is."""
        self.start(time, pid, f"ForkPoolWorker-{number}", daemon=True)
        if initializer:
            self.tell(time + 0.6, pid, WorkerInitializing, object=pool, function=initializer)
        if ready:
            self.tell(time + ready, pid, WorkerReady, object=pool)

    def fail(self, time: float, pool: str, calls: Sequence[int]) -> None:
        """An executor breaks, and with it these calls."""
        self.tell(time, MAIN, ExecutorBroken, object=pool, calls=len(calls))
        for call in calls:
            self.future(time, pool, call, error="BrokenProcessPool")

    def future(
        self, time: float, pool: str, call: int, error: str = "", cancelled: bool = False
    ) -> None:
        """A call of an executor is done."""
        self.tell(time, MAIN, FutureDone, object=pool, job=call, error=error, cancelled=cancelled)

    def submit(
        self,
        time: float,
        pool: str,
        job: int,
        tasks: int,
        call: str = "map",
        function: str = "square",
    ) -> None:
        """A call of map or another, in chunks of five."""
        size = {"tasks": tasks, "items": tasks * 5 if tasks >= 0 else -1, "chunksize": 5}
        self.tell(
            time, MAIN, JobSubmitted, object=pool, job=job, call=call, function=function, **size
        )

    def task(
        self,
        time: float,
        pid: int,
        pool: str,
        job: int,
        index: int,
        until: float = -1,
        function: str = "square",
        error: str = "",
    ) -> None:
        """A worker does a task; without ``until`` it is still at it."""
        task = {"object": pool, "job": job, "index": index}
        self.tell(time, pid, TaskStarted, function=function, items=5, **task)
        if until >= 0:
            self.tell(until, pid, TaskEnded, error=error, **task)


def doing(process: Process, *times: float) -> list[str]:
    """What a process of a story that starts at 0 did at these moments."""
    done = []
    for time in times:
        (span, *_) = process.lane.between(round(time * MS), round(time * MS) + 1)
        done.append(span.activity.name.lower())
    return done


def process_sample(pid: int, **fields: Any) -> ProcessSample:
    """What the operating system says of a process that sleeps, if nothing else is said."""
    usual = {"cpu_percent": 0.0, "cpu_seconds": 0.0, "rss": 1, "core": 0}
    return ProcessSample(
        pid=pid, **{"started": pid, "parent": MAIN, "status": "S", **usual, **fields}
    )
