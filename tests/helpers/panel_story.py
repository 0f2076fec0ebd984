"""A small language for golden event streams: what happened, in milliseconds, and by whom."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.explain.follow import follow
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
from mpviz.trace.model.state import RunState

SUPERVISOR = 900
MAIN = 1000
MILLISECOND = 1_000_000
START = 5_000_000_000
"""The clock does not begin at 0, and nothing on screen may show it."""


class Story:
    """Events in the order in which they are told; every method takes the time in milliseconds."""

    def __init__(self, target: str = "shared-counter", cores: int = 2) -> None:
        self.events: list[Event] = []
        self.cores = cores
        self._tell(
            RunStarted(
                time=self.at(0),
                pid=0,
                target=target,
                arguments=["python", f"{target}.py"],
                python="python 3.11.7",
                start_method="fork",
                cores=cores,
                version="0.1.0",
            ),
            ProgramStarted(time=self.at(0), pid=SUPERVISOR, child=MAIN, started=MAIN),
            Hello(time=self.at(1), pid=MAIN, parent=SUPERVISOR, started=MAIN, role="main"),
        )

    @staticmethod
    def at(milliseconds: float) -> int:
        """Nanoseconds of the clock for a time of the story."""
        return START + round(milliseconds * MILLISECOND)

    def _tell(self, *events: Event) -> None:
        self.events += events

    def state(self, until: float = -1) -> RunState:
        """What is true after all that was told; at least at this time."""
        state = follow(RunState(), self.events)
        if until >= 0:
            state.now = max(state.now, self.at(until))
        return state

    def start(self, time: float, pid: int, name: str, parent: int = MAIN, **more: object) -> int:
        """A process starts another, which begins its own code half a millisecond later."""
        daemon = bool(more.get("daemon", False))
        method, function = str(more.get("method", "fork")), str(more.get("function", "work"))
        self._tell(
            Started(
                time=self.at(time),
                pid=parent,
                child=pid,
                name=name,
                daemon=daemon,
                method=method,
                function=function,
                started=pid,
            ),
            Hello(
                time=self.at(time + 0.2),
                pid=pid,
                parent=parent,
                started=pid,
                role="process",
                forked=method == "fork",
            ),
            Began(time=self.at(time + 0.5), pid=pid, name=name, daemon=daemon, parent=parent),
        )
        return pid

    def site(
        self,
        number: int,
        line: int,
        code: str = "",
        file: str = "counter.py",
        checksum: int = 0,
    ) -> int:
        """A place in the program's source."""
        self._tell(
            Site(
                time=self.at(1),
                pid=MAIN,
                site=number,
                file=file,
                line=line,
                function="main",
                code=code,
                checksum=checksum,
            )
        )
        return number

    def lock(self, name: str, kind: str = "Lock", maximum: int = 1, site: int = 0) -> str:
        """A lock; its name comes from the line that creates it."""
        site = site or self.site(9000 + len(self.events), 1, f"{name} = {kind}()")
        self._tell(
            LockCreated(
                time=self.at(2), pid=MAIN, object=f"/{name}", kind=kind, maximum=maximum, site=site
            )
        )
        return f"/{name}"

    def wait(self, time: float, pid: int, what: str, target: str, site: int = 0) -> None:
        """A process cannot go on."""
        self._tell(Waiting(time=self.at(time), pid=pid, what=what, object=target, site=site))

    def go_on(self, time: float, pid: int) -> None:
        """A wait is over that no other event ends."""
        self._tell(WaitOver(time=self.at(time), pid=pid))

    def acquire(self, time: float, pid: int, lock: str, site: int = 0) -> None:
        """A process has the lock now."""
        self._tell(LockAcquired(time=self.at(time), pid=pid, object=lock, site=site))

    def release(self, time: float, pid: int, lock: str) -> None:
        """A process gives the lock back."""
        self._tell(LockReleased(time=self.at(time), pid=pid, object=lock))

    def queue(self, name: str, maxsize: int = 0) -> str:
        """A queue."""
        site = self.site(9000 + len(self.events), 1, f"{name} = Queue()")
        self._tell(
            QueueCreated(
                time=self.at(2), pid=MAIN, object=name, kind="Queue", maxsize=maxsize, site=site
            )
        )
        return name

    def put(self, time: float, pid: int, queue: str) -> None:
        """An item is put."""
        self._tell(ItemPut(time=self.at(time), pid=pid, object=queue))

    def get(self, time: float, pid: int, queue: str) -> None:
        """An item is taken out."""
        self._tell(ItemGot(time=self.at(time), pid=pid, object=queue, size=40))

    def value(self, name: str, initial: object = 0, length: int = 1, typecode: str = "i") -> str:
        """A Value, or an Array where it is longer than 1."""
        site = self.site(9000 + len(self.events), 1, f"{name} = Value('i', 0)")
        self._tell(
            ValueCreated(
                time=self.at(2),
                pid=MAIN,
                object=name,
                kind="Value" if length == 1 else "Array",
                typecode=typecode,
                length=length,
                lock=f"lock of {name}",
                initial=initial,  # type: ignore[arg-type]
                site=site,
            )
        )
        return name

    def read(self, time: float, pid: int, value: str, content: object, index: int = 0) -> None:
        """A process reads an element."""
        self._tell(
            ValueRead(time=self.at(time), pid=pid, object=value, value=content, index=index)  # type: ignore[arg-type]
        )

    def write(  # noqa: PLR0917
        self, time: float, pid: int, value: str, content: object, before: object, index: int = 0
    ) -> None:
        """A process writes an element."""
        self._tell(
            ValueWritten(
                time=self.at(time),
                pid=pid,
                object=value,
                value=content,  # type: ignore[arg-type]
                before=before,  # type: ignore[arg-type]
                index=index,
            )
        )

    def event(self, name: str) -> str:
        """An Event, not set."""
        site = self.site(9000 + len(self.events), 1, f"{name} = Event()")
        self._tell(EventCreated(time=self.at(2), pid=MAIN, object=f"event-{name}", site=site))
        return f"event-{name}"

    def set(self, time: float, pid: int, event: str, waiters: int = 0) -> None:
        """A process sets an event."""
        self._tell(EventSet(time=self.at(time), pid=pid, object=event, waiters=waiters))

    def clear(self, time: float, pid: int, event: str) -> None:
        """A process clears an event."""
        self._tell(EventCleared(time=self.at(time), pid=pid, object=event))

    def waited(self, time: float, pid: int, event: str, passed: bool = True) -> None:
        """A wait for an event is over."""
        self._tell(EventWaited(time=self.at(time), pid=pid, object=event, passed=int(passed)))

    def condition(self, name: str) -> str:
        """A Condition with a lock of its own."""
        site = self.site(9000 + len(self.events), 1, f"{name} = Condition()")
        self._tell(
            ConditionCreated(
                time=self.at(2), pid=MAIN, object=f"condition-{name}", lock=f"in {name}", site=site
            )
        )
        return f"condition-{name}"

    def notify(self, time: float, pid: int, condition: str, waiters: int = 0) -> None:
        """A process notifies all that wait."""
        self._tell(
            Notified(time=self.at(time), pid=pid, object=condition, asked=-1, waiters=waiters)
        )

    def wake(self, time: float, pid: int, condition: str) -> None:
        """A process has been notified."""
        self._tell(Woken(time=self.at(time), pid=pid, object=condition, notified=1))

    def barrier(self, name: str, parties: int) -> str:
        """A Barrier."""
        site = self.site(9000 + len(self.events), 1, f"{name} = Barrier({parties})")
        self._tell(
            BarrierCreated(
                time=self.at(2), pid=MAIN, object=f"barrier-{name}", parties=parties, site=site
            )
        )
        return f"barrier-{name}"

    def arrive(self, time: float, pid: int, barrier: str, last: bool = False) -> None:
        """A process arrives, and waits unless it is the last."""
        self._tell(Arrived(time=self.at(time), pid=pid, object=barrier))
        if last:
            self._tell(Released(time=self.at(time), pid=pid, object=barrier))
        else:
            self.wait(time, pid, "barrier", barrier)

    def leave(self, time: float, pid: int, barrier: str, passed: bool = True) -> None:
        """A process that had arrived goes on."""
        self._tell(Left(time=self.at(time), pid=pid, object=barrier, passed=int(passed)))

    def breaks(self, time: float, pid: int, barrier: str, reason: str = "time-out") -> None:
        """A barrier breaks."""
        self._tell(Broken(time=self.at(time), pid=pid, object=barrier, reason=reason))

    def pipe(self, first: str, second: str, duplex: bool = True) -> tuple[str, str]:
        """A pipe, with the names and ids of its ends: of one that is not duplex they are one id."""
        site = self.site(9000 + len(self.events), 1, f"{first}, {second} = Pipe()")
        other = second if duplex else first
        self._tell(
            PipeCreated(
                time=self.at(2), pid=MAIN, object=first, other=other, duplex=duplex, site=site
            )
        )
        return first, other

    def send(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """A message is sent."""
        self._tell(MessageSent(time=self.at(time), pid=pid, object=end, size=size))

    def receive(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """A message is received."""
        self._tell(MessageReceived(time=self.at(time), pid=pid, object=end, size=size))

    def refuse(self, time: float, pid: int, end: str, size: int = 40) -> None:
        """The message just sent cannot be."""
        self._tell(SendRefused(time=self.at(time), pid=pid, object=end, size=size))

    def read_to_end(self, time: float, pid: int, end: str) -> None:
        """A process has read all there will ever be, and closes its end."""
        self._tell(
            PipeEnded(time=self.at(time), pid=pid, object=end),
            EndClosed(time=self.at(time), pid=pid, object=end, reads=True, writes=False),
        )

    def serve(self, time: float, pid: int, manager: str) -> str:
        """A process serves the objects of a manager."""
        self._tell(ManagerServing(time=self.at(time), pid=pid, object=manager))
        return manager

    def managed(self, time: float, manager: str, name: str, kind: str = "dict") -> str:
        """An object in a manager."""
        site = self.site(9000 + len(self.events), 1, f"{name} = manager.{kind}()")
        self._tell(
            ManagedCreated(
                time=self.at(time), pid=MAIN, object=name, manager=manager, kind=kind, site=site
            )
        )
        return name

    def call(self, time: float, pid: int, managed: str, method: str, manager: str = "m") -> None:
        """A process calls a method of an object in a manager, and waits from here on."""
        self._tell(
            MethodCalled(
                time=self.at(time),
                pid=pid,
                object=managed,
                manager=manager,
                kind="dict",
                method=method,
            )
        )

    def memory(self, time: float, name: str, size: int, pid: int = MAIN) -> str:
        """A block of shared memory."""
        site = self.site(9000 + len(self.events), 1, f"{name} = SharedMemory()")
        block = f"psm_{name}"
        self._tell(MemoryCreated(time=self.at(time), pid=pid, object=block, size=size, site=site))
        return block

    def attach(self, time: float, pid: int, block: str) -> None:
        """A process attaches a block."""
        self._tell(MemoryAttached(time=self.at(time), pid=pid, object=block, size=4096))

    def detach(self, time: float, pid: int, block: str) -> None:
        """A process closes its attachment."""
        self._tell(MemoryClosed(time=self.at(time), pid=pid, object=block))

    def unlink(self, time: float, pid: int, block: str) -> None:
        """The name of a block goes."""
        self._tell(MemoryUnlinked(time=self.at(time), pid=pid, object=block))

    def pool(self, time: float, workers: Sequence[int], name: str = "pool", **more: object) -> str:
        """A pool and its workers, which are ready at once."""
        kind = str(more.get("kind", "Pool"))
        site = self.site(9000 + len(self.events), 1, f"{name} = {kind}()")
        self._tell(
            PoolCreated(
                time=self.at(time),
                pid=MAIN,
                object=name,
                workers=len(workers),
                kind=kind,
                max_tasks=int(str(more.get("max_tasks", 0))),
                site=site,
            )
        )
        for number, pid in enumerate(workers, 1):
            self.worker(time + number, pid, name, number)
        return name

    def worker(  # noqa: PLR0917
        self, time: float, pid: int, pool: str, number: int, initializer: str = "", ready: float = 1
    ) -> None:
        """A worker starts, and is ready after so long; with an initializer and 0 it never is."""
        self.start(time, pid, f"ForkPoolWorker-{number}", daemon=True)
        if initializer:
            self._tell(
                WorkerInitializing(
                    time=self.at(time + 0.6), pid=pid, object=pool, function=initializer
                )
            )
        if ready:
            self._tell(WorkerReady(time=self.at(time + ready), pid=pid, object=pool))

    def fail(self, time: float, pool: str, calls: Sequence[int]) -> None:
        """An executor breaks, and with it these calls."""
        self._tell(ExecutorBroken(time=self.at(time), pid=MAIN, object=pool, calls=len(calls)))
        for call in calls:
            self.future(time, pool, call, error="BrokenProcessPool")

    def future(
        self, time: float, pool: str, call: int, error: str = "", cancelled: bool = False
    ) -> None:
        """A call of an executor is done."""
        self._tell(
            FutureDone(
                time=self.at(time),
                pid=MAIN,
                object=pool,
                job=call,
                error=error,
                cancelled=cancelled,
            )
        )

    def submit(self, time: float, pool: str, job: int, tasks: int, **more: object) -> None:
        """A call of map or another."""
        self._tell(
            JobSubmitted(
                time=self.at(time),
                pid=MAIN,
                object=pool,
                job=job,
                call=str(more.get("call", "map")),
                function=str(more.get("function", "square")),
                tasks=tasks,
                items=tasks * 5 if tasks >= 0 else -1,
                chunksize=5,
            )
        )

    def task(  # noqa: PLR0917
        self, time: float, pid: int, pool: str, job: int, index: int, until: float = -1, **more: str
    ) -> None:
        """A worker does a task; without ``until`` it is still at it."""
        self._tell(
            TaskStarted(
                time=self.at(time),
                pid=pid,
                object=pool,
                job=job,
                index=index,
                function=more.get("function", "square"),
                items=5,
            )
        )
        if until >= 0:
            self._tell(
                TaskEnded(
                    time=self.at(until),
                    pid=pid,
                    object=pool,
                    job=job,
                    index=index,
                    error=more.get("error", ""),
                )
            )

    def output(self, time: float, pid: int, text: str, stream: str = "stdout") -> None:
        """A process writes a line."""
        self._tell(Output(time=self.at(time), pid=pid, stream=stream, text=text))

    def signal(self, time: float, child: int, number: int, sender: int = MAIN) -> None:
        """A process sends a signal; 0 is a person at mpviz."""
        if sender:
            self._tell(Signalled(time=self.at(time), pid=sender, child=child, signal=number))
        else:
            self._tell(
                Marked(time=self.at(time), pid=0, action="signal", child=child, signal=number)
            )

    def exit(self, time: float, pid: int, code: int = 0) -> None:
        """A process ends."""
        self._tell(ProcessExited(time=self.at(time), pid=SUPERVISOR, child=pid, exit_code=code))

    def join(self, time: float, pid: int, code: int = 0, parent: int = MAIN) -> None:
        """A parent collects the exit status of a child."""
        self._tell(WaitOver(time=self.at(time), pid=parent))
        self._tell(Joined(time=self.at(time), pid=parent, child=pid, exit_code=code))

    def sample(
        self, time: float, cores: Sequence[float], processes: dict[int, tuple[int, float]]
    ) -> None:
        """A look at the machine; by pid the core and the percent."""
        self._tell(
            Sample(
                time=self.at(time),
                pid=0,
                cores=list(cores),
                processes=[
                    ProcessSample(
                        pid=pid,
                        started=pid,
                        parent=MAIN,
                        status="R" if percent > 1 else "S",
                        cpu_percent=percent,
                        cpu_seconds=time / 1000,
                        rss=9_400_000 + 1000 * pid,
                        core=core,
                    )
                    for pid, (core, percent) in processes.items()
                ],
            )
        )

    def end(self, time: float, code: int = 0) -> None:
        """The run is over."""
        self._tell(
            ProgramEnded(time=self.at(time), pid=SUPERVISOR, child=MAIN, exit_code=code),
            RunEnded(time=self.at(time), pid=0, exit_code=code),
        )
