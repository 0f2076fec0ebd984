"""A run of which it is known where its time went. MAIN starts ANNA, BERT and CARL."""

from __future__ import annotations

from typing import Any

from helpers import story
from helpers.story import MAIN, VIEWER, process_sample
from mpviz.trace.explain.phases import Gain, gain, phases
from mpviz.trace.model.events import Sample
from mpviz.trace.model.primitives.pool_events import TaskEnded, TaskStarted
from mpviz.trace.model.primitives.process import Began, Started


class Story(story.Story):
    """All times are milliseconds, CPU times too."""

    def __init__(self) -> None:
        super().__init__("t", start=0, begun=False)
        self.begin(start_method="", speaks=0)

    def child(self, time: float, pid: int, name: str, *, began: float, cpu: float = 0) -> None:
        """A spawned child that needs until ``began`` to start up, and so much CPU time."""
        fields = {"name": name, "daemon": False}
        self.tell(time, MAIN, Started, child=pid, method="spawn", function="f", **fields)
        self.hello(began, pid)
        self.tell(began, pid, Began, parent=MAIN, cpu=cpu / 1000, **fields)

    def look(self, time: float, status: str = "R", **cpu: float) -> None:
        """A sample, with the CPU time of each process."""
        seen = [
            process_sample(int(pid[1:]), status=status, cpu_percent=50.0, cpu_seconds=used / 1000)
            for pid, used in cpu.items()
        ]
        self.tell(time, VIEWER, Sample, cores=[0.0, 0.0], processes=seen)

    def work(self, start: float, end: float, pid: int, *, cpu: float) -> None:
        """A task, after which the worker has had so much CPU time in all."""
        common: dict[str, Any] = {"object": "P", "job": 0, "index": round(start)}
        self.tell(start, pid, TaskStarted, function="f", items=1, **common)
        self.tell(end, pid, TaskEnded, cpu=cpu / 1000, **common)

    def spent(self, name: str) -> dict[str, float]:
        """The phases of a process that took any time."""
        processes = self.document()["phases"]["processes"]
        (found,) = [each["phases"] for each in processes if each["name"] == name]
        return {phase: round(1000 * took, 6) for phase, took in found.items() if took}

    def gain(self) -> Gain:
        return gain(self.state, phases(self.state))
