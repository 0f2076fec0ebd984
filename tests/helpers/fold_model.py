"""A model of what happens in a run, in plain counters, and streams that nobody would think of.

A stream is a list of small numbers. The model plays it: processes that come and go, also under pids
used again, take and give, read and write, and it tells each step as an event. What it cannot do at
a moment (a dead process cannot speak) it leaves out, so every stream could have happened.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as some

from mpviz.trace.model.events import (
    Event,
    Marked,
    Output,
    ProbeError,
    ProcessExited,
    ProcessSample,
    ProgramEnded,
    ProgramStarted,
    RunEnded,
    RunStarted,
    Sample,
    Site,
    Unreadable,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.manager import ManagedCreated, MethodCalled
from mpviz.trace.model.primitives.memory import (
    MemoryAttached,
    MemoryClosed,
    MemoryCreated,
    MemoryUnlinked,
)
from mpviz.trace.model.primitives.pipe import MessageReceived, MessageSent, PipeCreated, SendRefused
from mpviz.trace.model.primitives.pool_events import (
    FutureDone,
    JobCallback,
    JobDone,
    JobGrew,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    TaskArrived,
    TaskEnded,
    TaskStarted,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import (
    Began,
    Exiting,
    Finished,
    Hello,
    Joined,
    Signalled,
    Started,
)
from mpviz.trace.model.primitives.queue import ItemDone, ItemGot, ItemLost, ItemPut, QueueCreated
from mpviz.trace.model.primitives.value import ValueCreated, ValueRead, ValueWritten

MS = 1_000_000
SUPERVISOR, MAIN = 50, 100
CHILDREN = (101, 102, 103)
LOCKS, QUEUES, VALUES = ("L0", "L1"), ("Q0", "Q1"), ("V0",)
SIGNALS = ("event", "condition", "barrier")
WAITS = (
    *("lock", "put", "get", "drain", "done", "process", "results", "workers", "send", "receive"),
    *SIGNALS,
    *(f"wake-{signal}" for signal in SIGNALS),
    "drain-barrier",
)
PIPE, MANAGED, MEMORY = "E0", "m#1", "psm"


class Life:
    """One process, from its start to its end, as the model knows it."""

    def __init__(self, pid: int, key: str, started: int) -> None:
        self.pid, self.key, self.started = pid, key, started
        self.numbers = 0
        self.waits: dict[int, str] = {}
        self.task: tuple[int, int] | None = None
        self.attached = int(pid == MAIN)
        self.last_read: dict[str, tuple[int, int]] = {}
        """By value: how many writes there had been, and what was read."""


class Model:
    """Plays steps, tells them as events, and counts what is true."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now = 10 * MS
        self.counts: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.writers: dict[str, list[str]] = {value: [] for value in VALUES}
        self.held: dict[str, int] = dict.fromkeys(VALUES, 0)
        self.living: dict[int, Life] = {}
        self.lives = 0
        self.next_task = 0
        self.calls: list[int] = []
        self.begin()

    def tell(self, pid: int, event: type[Event], /, *, offset: int = 0, **fields: Any) -> None:
        number = 0
        if pid in self.living:
            self.living[pid].numbers += 1
            number = self.living[pid].numbers
        self.events.append(event(time=self.now + offset, pid=pid, number=number, **fields))

    def begin(self) -> None:
        self.tell(
            0,
            RunStarted,
            target="t",
            arguments=[],
            python="",
            start_method="",
            cores=1,
            version="",
        )
        self.tell(SUPERVISOR, ProgramStarted, child=MAIN, started=1)
        self.living[MAIN] = Life(MAIN, str(MAIN), 1)
        self.lives += 1
        self.tell(MAIN, Hello, parent=SUPERVISOR, started=1, role="main")
        self.tell(MAIN, Site, site=1, file="a.py", line=1, function="f", code="x, y = make()")
        for name in LOCKS:
            self.tell(MAIN, LockCreated, object=name, kind="Lock", maximum=1, site=1)
        for name in QUEUES:
            self.tell(MAIN, QueueCreated, object=name, kind="Queue", maxsize=0, site=1)
        for name in VALUES:
            fields = {"kind": "Value", "typecode": "i", "length": 1, "lock": name + "L"}
            self.tell(MAIN, ValueCreated, object=name, initial=0, **fields)
        self.tell(MAIN, PoolCreated, object="P", workers=2)
        self.tell(MAIN, PipeCreated, object=PIPE, other="E1", duplex=True, site=1)
        self.tell(MAIN, ManagedCreated, object=MANAGED, manager="m", kind="dict", site=1)
        self.tell(MAIN, MemoryCreated, object=MEMORY, size=8, site=1)

    def step(self, what: int, who: int, which: int, gap: int) -> None:
        """Play one step, if it can happen now."""
        self.now += gap
        pid = (MAIN, *CHILDREN)[who % 4]
        life = self.living.get(pid)
        if life is None:
            if pid != MAIN:
                self.start(pid, which)
            return
        steps = (
            self.acquire,
            self.release,
            self.put,
            self.get,
            self.lose,
            self.read,
            self.write,
            self.write,
            self.wait,
            self.wait_over,
            self.start_task,
            self.end_task,
            self.die,
            self.look,
            self.talk,
            self.send,
            self.receive,
            self.call,
            self.map,
        )
        steps[what % len(steps)](life, which)

    def start(self, pid: int, which: int) -> None:
        self.lives += 1
        used = sum(life.startswith(f"{pid}") for life in self.keys())
        key = f"{pid}.{used + 1}" if used else f"{pid}"
        life = Life(pid, key, self.lives)
        fields = {"name": f"child {which}", "daemon": False, "function": "f"}

        def told() -> None:
            if MAIN in self.living:
                self.tell(MAIN, Started, child=pid, method="fork", started=life.started, **fields)

        if which % 2:
            told()
        self.living[pid] = life
        self.known = [*self.keys(), key]
        self.tell(pid, Hello, parent=MAIN, started=life.started, role="process", forked=True)
        if not which % 2:
            told()
        if which % 3 == 0:
            if which % 2:
                self.tell(pid, WorkerInitializing, object="P", function="prepare")
                self.counts["initialized"] += 1
            self.tell(pid, WorkerReady, object="P")
        else:
            self.tell(pid, Began, name="x", daemon=False, parent=MAIN, cpu=which / 1e4)

    def keys(self) -> list[str]:
        return getattr(self, "known", [])

    def moved(self, life: Life, thread: int) -> bool:
        """Whether this ends a wait of the thread."""
        return life.waits.pop(thread, None) is not None

    def acquire(self, life: Life, which: int) -> None:
        thread = which // 2 % 2 * 7
        name = LOCKS[which % 2]
        self.counts[name + " acquired"] += 1
        if life.waits.get(thread) == "lock":
            self.counts[name + " contended"] += self.moved(life, thread)
        self.tell(life.pid, LockAcquired, object=name, thread=thread)

    def release(self, life: Life, which: int) -> None:
        self.counts[LOCKS[which % 2] + " released"] += 1
        self.tell(life.pid, LockReleased, object=LOCKS[which % 2], offset=-which * 100)

    def put(self, life: Life, which: int) -> None:
        name = QUEUES[which % 2]
        self.counts[name + " put"] += 1
        self.counts[name + " in"] += 1
        self.most[name] = max(self.most[name], self.counts[name + " in"])
        self.moved(life, 0)
        self.tell(life.pid, ItemPut, object=name)

    def get(self, life: Life, which: int) -> None:
        name = QUEUES[which % 2]
        self.counts[name + " got"] += 1
        self.counts[name + " in"] -= 1
        self.moved(life, 0)
        self.tell(life.pid, ItemGot, object=name, size=which)
        self.tell(life.pid, ItemDone, object=name)

    def lose(self, life: Life, which: int) -> None:
        self.counts[QUEUES[which % 2] + " in"] -= 1
        self.tell(life.pid, ItemLost, object=QUEUES[which % 2])

    def read(self, life: Life, which: int) -> None:
        name = VALUES[0]
        self.counts[name + " reads"] += 1
        life.last_read[name] = (len(self.writers[name]), self.held[name])
        self.tell(life.pid, ValueRead, object=name, value=self.held[name])

    def write(self, life: Life, which: int) -> None:
        name = VALUES[0]
        before = self.held[name]
        if name in life.last_read:
            since, was = life.last_read[name]
            if any(writer != life.key for writer in self.writers[name][since:]):
                self.counts[name + " stale"] += 1
                self.counts[name + " lost"] += before - was
        self.held[name] = which
        self.writers[name].append(life.key)
        self.tell(life.pid, ValueWritten, object=name, before=before, value=which)

    def send(self, life: Life, which: int) -> None:
        end = f"E{which % 2}"
        self.counts[end + " sent"] += 1
        self.tell(life.pid, MessageSent, object=end, size=which)
        if which % 5 == 0:
            self.counts[end + " sent"] -= 1
            self.tell(life.pid, SendRefused, object=end, size=which)
        else:
            self.counts["bytes"] += which

    def receive(self, life: Life, which: int) -> None:
        self.moved(life, 0)
        self.counts[f"E{which % 2} received"] += 1
        self.tell(life.pid, MessageReceived, object=f"E{which % 2}", size=which)

    def call(self, life: Life, which: int) -> None:
        life.waits[0] = "answer"
        self.counts["calls"] += 1
        common = {"object": MANAGED, "manager": "m", "kind": "dict"}
        self.tell(life.pid, MethodCalled, method=f"method {which % 3}", **common)

    def map(self, life: Life, which: int) -> None:
        if which % 3 == 0:
            life.attached += 1
            self.tell(life.pid, MemoryAttached, object=MEMORY, size=8)
        elif which % 3 == 1 and life.attached:
            life.attached -= 1
            self.tell(life.pid, MemoryClosed, object=MEMORY)
        else:
            self.counts["unlinked"] += 1
            self.tell(life.pid, MemoryUnlinked, object=MEMORY)

    def wait(self, life: Life, which: int) -> None:
        thread = which // 8 % 2 * 7
        what = WAITS[which % len(WAITS)]
        targets = {
            "lock": LOCKS[which % 2],
            "process": str((*CHILDREN, 999)[which % 4]),
            "results": f"P/{which % 3}",
            "workers": "P",
            "send": "E0",
            "receive": "E0 E1",
        }
        life.waits[thread] = what
        target, job = targets.get(what, QUEUES[which % 2]), -1
        if what == "results" and which % 2:
            target, job = "P", which % 3
        self.tell(life.pid, Waiting, what=what, object=target, job=job, thread=thread)

    def wait_over(self, life: Life, which: int) -> None:
        thread = which // 2 % 2 * 7
        life.waits.pop(thread, None)
        self.tell(life.pid, WaitOver, thread=thread)

    def start_task(self, life: Life, which: int) -> None:
        if life.task is not None or life.pid == MAIN:
            self.submit(which)
            return
        life.task = (which % 3, self.next_task)
        self.next_task += 1
        self.counts["tasks started"] += 1
        job, index = life.task
        common = {"object": "P", "job": job, "index": index}
        if which % 2:
            self.tell(life.pid, TaskArrived, object="P")
        self.tell(life.pid, TaskStarted, function="f", items=which, **common)

    def submit(self, which: int) -> None:
        if MAIN not in self.living:
            return
        common = {"object": "P", "job": which % 3}
        if which % 5 == 0:
            self.tell(MAIN, JobLength, tasks=which, **common)
        elif which % 5 == 1:
            self.tell(MAIN, JobDone, **common)
        elif which % 5 == 2:
            self.tell(MAIN, PoolEnded, object="P", how="close")
        elif which % 11 == 3:
            self.calls.append(1000 + len(self.events))
            self.tell(MAIN, JobGrew, call=self.calls[-1], items=which, **common)
        elif which % 11 == 4 and self.calls:
            fields = {"error": ("", "ValueError")[which % 2], "cancelled": which % 3 == 1}
            self.tell(MAIN, FutureDone, object="P", job=self.calls[-1], **fields)
        elif which % 2:
            self.counts["callbacks"] += 1
            self.tell(MAIN, JobCallback, which="callback", **common)
        else:
            # A job's number is given once.
            fields = {"call": "imap", "function": "f", "tasks": -1, "items": -1, "chunksize": 1}
            self.tell(MAIN, JobSubmitted, object="P", job=1000 + len(self.events), **fields)

    def end_task(self, life: Life, which: int) -> None:
        if life.task is None:
            return
        job, index = life.task
        life.task = None
        self.counts["tasks raised" if which % 2 else "tasks done"] += 1
        error = "ValueError" if which % 2 else ""
        cpu = {"cpu": which / 40} if which % 3 else {"cpu_nanoseconds": which * 25_000_000}
        self.tell(life.pid, TaskEnded, object="P", job=job, index=index, error=error, **cpu)

    def die(self, life: Life, which: int) -> None:
        if life.pid == MAIN:
            return
        if which % 3 == 0:
            self.tell(life.pid, Exiting)
            self.tell(life.pid, Finished, exit_code=0, cpu=0.25, rss=which)
        self.living.pop(life.pid)
        self.counts["tasks lost"] += life.task is not None
        code = (0, -9, -15, 1)[which % 4]
        if which % 2 and MAIN in self.living:
            self.tell(MAIN, Signalled, child=life.pid, signal=9)
            self.tell(MAIN, Joined, child=life.pid, exit_code=code)
        self.tell(SUPERVISOR, ProcessExited, child=life.pid, exit_code=code)

    def look(self, life: Life, which: int) -> None:
        letter = "RSDTZ"[which % 5]
        processes = [
            ProcessSample(
                other.pid, other.started, MAIN, letter, 1.0 * which, 0.5, which, which % 3
            )
            for other in self.living.values()
        ]
        self.tell(0, Sample, cores=[1.0, 2.0], processes=processes, offset=-which * 1000)

    def talk(self, life: Life, which: int) -> None:
        others: tuple[tuple[int, type[Event], dict[str, Any]], ...] = (
            (life.pid, Output, {"stream": "stdout", "text": "t", "ended": bool(which % 4)}),
            (life.pid, ProbeError, {"where": "w", "error": "e"}),
            (0, Marked, {"action": "signal", "child": life.pid, "signal": 77}),
            (0, Marked, {"action": "freeze"}),
            (0, Unreadable, {"text": "u"}),
        )
        pid, event, fields = others[which % len(others)]
        if event is Output:
            self.events.append(Output(time=self.now, pid=pid, **fields))
            return
        self.counts["probe errors"] += event is ProbeError
        self.counts["unreadable"] += event is Unreadable
        self.tell(pid, event, **fields)

    def end(self) -> None:
        """The run is over."""
        self.now += MS
        self.counts["tasks lost"] += sum(life.task is not None for life in self.living.values())
        self.living.pop(MAIN)
        self.tell(SUPERVISOR, ProgramEnded, child=MAIN, exit_code=0)
        self.tell(0, RunEnded, exit_code=0)


a_step = some.tuples(
    some.integers(0, 18),
    some.integers(0, 3),
    some.integers(0, 60),
    some.one_of(some.just(0), some.integers(0, 3 * MS), some.integers(0, 5000 * MS)),
)
streams = some.one_of(
    some.lists(a_step, max_size=20), some.lists(a_step, min_size=80, max_size=200)
)


def play(steps: list[tuple[int, int, int, int]], *, ended: bool = True) -> Model:
    model = Model()
    for step in steps:
        model.step(*step)
    if ended:
        model.end()
    return model
