"""A run whose events are told in any order, and what the rules on speed find in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from helpers import story
from helpers.story import MAIN, VIEWER, process_sample
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.primitives.process import Began, Exiting, Joined, Started
from mpviz.trace.model.state import Finding, RunState

CORES = 2


class Story(story.Story):
    """Events at any times; they are folded in the order of their times, with samples between."""

    def __init__(self) -> None:
        super().__init__(cores=CORES, start=0, begun=False)
        self.begin(speaks=0)

    def tell(self, time: float, pid: int, kind: type[Event], /, **fields: Any) -> None:
        self.events.append(kind(time=self.at(time), pid=pid, **fields))

    def child(self, time: float, pid: int, starting: float = 0, method: str = "fork") -> None:
        """MAIN starts a child, which begins after so long."""
        fields = {"name": f"child-{pid}", "daemon": False}
        started = {"method": method, "function": "work", "started": pid}
        self.tell(time, MAIN, Started, child=pid, **started, **fields)
        forked = method == "fork"
        self.hello(time + starting * forked, pid, forked=forked)
        self.tell(time + starting, pid, Began, parent=MAIN, **fields)

    def ends(self, time: float, pid: int, exit_code: int = 0) -> None:
        self.tell(time, pid, Exiting)
        self.tell(time, MAIN, Joined, child=pid, exit_code=exit_code)

    def look(self, time: float, used: float = 100, **status: str) -> None:
        """A look at the machine; each process that is named runs (R) or sleeps (S)."""
        seen = [
            process_sample(
                int(pid[1:]), status=letter, cpu_percent=90.0 * (letter == "R"), cpu_seconds=1
            )
            for pid, letter in status.items()
        ]
        self.tell(time, VIEWER, Sample, cores=[used] * CORES, processes=seen)

    def found(self) -> list[Finding]:
        """What is found by the end of the story."""
        events = sorted(self.events, key=lambda event: event.time)
        return list(follow(RunState(), events).findings.values())


def rules(found: Iterable[Finding]) -> list[str]:
    return [each.rule for each in found]
