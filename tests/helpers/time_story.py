"""A small language for where the time goes: a run with the CPU time of its processes, in ms.

MAIN is the program's first process, ANNA, BERT and CARL its children.
"""

from __future__ import annotations

from typing import Any

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.phases import Gain, gain, phases
from mpviz.trace.explain.report import document
from mpviz.trace.model.events import (
    Event,
    ProcessSample,
    ProgramEnded,
    ProgramStarted,
    RunEnded,
    RunStarted,
    Sample,
)
from mpviz.trace.model.primitives.pool_events import TaskEnded, TaskStarted
from mpviz.trace.model.primitives.process import Began, Hello, Started
from mpviz.trace.model.state import RunState

MS = 1_000_000
SUPERVISOR, MAIN, ANNA, BERT, CARL = 50, 100, 101, 102, 103


class Story:
    """A run of 100 ms, told event by event."""

    def __init__(self) -> None:
        self.state = RunState()
        common = {"target": "t", "arguments": [], "python": "", "start_method": ""}
        self.tell(0, 0, RunStarted, cores=2, version="", **common)
        self.tell(0, SUPERVISOR, ProgramStarted, child=MAIN, started=1)
        self.tell(0, MAIN, Hello, parent=SUPERVISOR, started=1, role="main")

    def tell(self, time: float, pid: int, event: type[Event], /, **fields: Any) -> None:
        follow(self.state, [event(time=round(time * MS), pid=pid, **fields)])

    def child(self, time: float, pid: int, name: str, *, began: float, cpu: float = 0) -> None:
        """A spawned child that needs until ``began`` to start up, and so many ms of CPU time."""
        fields = {"name": name, "daemon": False}
        self.tell(time, MAIN, Started, child=pid, method="spawn", function="f", **fields)
        self.tell(began, pid, Hello, parent=MAIN, started=pid, role="process")
        self.tell(began, pid, Began, parent=MAIN, cpu=cpu / 1000, **fields)

    def look(self, time: float, status: str = "R", **cpu: float) -> None:
        """A sample, with the CPU time in ms of each process."""
        self.tell(
            time,
            0,
            Sample,
            cores=[0.0, 0.0],
            processes=[
                ProcessSample(int(pid[1:]), int(pid[1:]), MAIN, status, 50.0, used / 1000, 1, 0)
                for pid, used in cpu.items()
            ],
        )

    def task(self, start: float, end: float, pid: int, *, cpu: float) -> None:
        """A task, after which the worker has had so many ms of CPU time in all."""
        common = {"object": "P", "job": 0, "index": round(start)}
        self.tell(start, pid, TaskStarted, function="f", items=1, **common)
        self.tell(end, pid, TaskEnded, cpu=cpu / 1000, **common)

    def end(self, time: float) -> None:
        self.tell(time, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=0)
        self.tell(time, 0, RunEnded, exit_code=0)

    def spent(self, name: str) -> dict[str, float]:
        """The phases of a process that took any time, in milliseconds."""
        (found,) = [
            each["phases"]
            for each in document(self.state)["phases"]["processes"]
            if each["name"] == name
        ]
        return {phase: round(1000 * took, 6) for phase, took in found.items() if took}

    def gain(self) -> Gain:
        return gain(self.state, phases(self.state))
