"""What a report needs beside the state at the end: gathered from the events as they pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from mpviz.trace.export.passage import Passage
from mpviz.trace.export.tasks import TaskWatch
from mpviz.trace.model.events import Sample
from mpviz.trace.model.measures import Distribution, halved
from mpviz.trace.model.primitives.pool_state import Pool, Task

SLOWEST = 10
"""How many of the longest tasks are listed one by one."""


@dataclass(slots=True)
class Means:
    """A pair of numbers over time, as means over equal numbers of samples; bounded."""

    LIMIT = 600
    """Means; an even number, since two are made one when there are so many."""

    each: int = 1
    """How many samples one mean is of."""
    times: list[int] = field(default_factory=list)
    """When each mean begins, nanoseconds."""
    values: list[tuple[float, float]] = field(default_factory=list)
    rest: list[tuple[int, float, float]] = field(default_factory=list)
    """Samples that do not make a mean yet."""

    def add(self, time: int, first: float, second: float) -> None:
        """One more sample."""
        self.rest.append((time, first, second))
        if len(self.rest) == self.each:
            self.times.append(self.rest[0][0])
            sums = [sum(each) for each in zip(*self.rest, strict=True)][1:]
            self.values.append((sums[0] / self.each, sums[1] / self.each))
            self.rest.clear()
        if len(self.times) == self.LIMIT:
            self._halve()

    def _halve(self) -> None:
        self.times = self.times[::2]
        self.values = halved(self.values, _mean)
        self.each *= 2


def _mean(pair: list[tuple[float, float]]) -> tuple[float, float]:
    (a, b), (c, d) = pair
    return (a + c) / 2, (b + d) / 2


@dataclass(slots=True)
class Work:
    """All tasks of one function in one pool."""

    pool: str
    """Its name."""
    function: str
    took: Distribution = field(default_factory=Distribution)
    queued: Distribution = field(default_factory=Distribution)
    items: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """How many ended how: done, raised, lost; running for those that never did."""


@dataclass(slots=True)
class ReportStats:
    """What has been seen while the events passed."""

    cores: Means = field(default_factory=Means)
    """Cores in use by the observed program, and by anybody; 1.0 is one core."""
    work: dict[tuple[str, str], Work] = field(default_factory=dict)
    slowest: list[tuple[int, int, Task]] = field(default_factory=list)
    """(nanoseconds, order, task), as a heap."""
    tasks: int = 0


def gather(passage: Passage) -> ReportStats:
    """Let all events pass, and keep what a report tells."""
    stats, watch = ReportStats(), TaskWatch(passage.state)
    for event in passage.events():
        for task in watch.ended(event):
            _add_task(stats, passage, task)
        if isinstance(event, Sample):
            _add_sample(stats, event)
    for task in watch.still_running():
        _add_task(stats, passage, task)
    return stats


def _add_sample(stats: ReportStats, event: Sample) -> None:
    own = sum(process.cpu_percent for process in event.processes) / 100
    # The two clocks that this is read from do not tick at once.
    stats.cores.add(event.time, own, max(own, sum(event.cores) / 100))


def _add_task(stats: ReportStats, passage: Passage, task: Task) -> None:
    key = task.pool, task.function
    work = stats.work.get(key)
    if work is None:
        pool = passage.state.table(Pool)[task.pool]
        work = stats.work[key] = Work(pool.name, task.function)
    stats.tasks += 1
    work.items += max(0, task.items)
    work.queued.add(task.started - task.submitted)
    work.outcomes[task.outcome] = work.outcomes.get(task.outcome, 0) + 1
    if task.ended < 0:
        return
    took = task.ended - task.started
    work.took.add(took)
    entry = took, stats.tasks, task
    if len(stats.slowest) < SLOWEST:
        heappush(stats.slowest, entry)
    else:
        heappushpop(stats.slowest, entry)
