"""Where the time went: every moment of every worker, in phases that add up to the run's length.

What is counted, and over which time:

- A **worker** is a process that does shared work: a worker of a pool if there are pools, else a
  process that multiprocessing started, else any other child. Fork servers, resource trackers and
  managers only serve the others and do not count. The main process is counted separately.
- Each process is counted over the whole run, from the first event to the last (or to now), so that
  all bars have one scale. There are phases for the time before its start and after its end, too.
- All amounts are whole nanoseconds. The phases of a process add up to the length of the run, and
  those of all workers to that times their number: exactly, even if lanes were thinned.

CPU time: the kernel gives the CPU time of each process with each sample (ten a second by default),
and the process gives it at its start, at the end of each task and at its end. When between two
readings a process had it is unknown and does not matter: it is compared with the time at work in
between. So CPU time during a wait (of another thread, or of a busy loop) may count as work, up to
the time for which the process was at work. Work after the last reading is a phase of its own, whose
CPU time nobody knows: a killed process had its last reading up to a tenth of a second before.

Work that was ready but had no core is separate from work that waited for something else. The kernel
sums it up (``/proc/PID/schedstat``), and each sample has the sum. It may have been at any moment
between two samples, and is taken from the work in between, even if the process lacked a core at the
end of a wait. After the last sample, such time counts as work off the CPU.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from mpviz.trace.explain.stalls import stuck
from mpviz.trace.model.lane import Activity, CpuReadings
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, RunState


class Phase(IntEnum):
    """What a process spent time on, in the order in which bars show it."""

    NOT_THERE_YET = 0
    STARTING = 1
    INITIALIZING = 2
    WORKING_ON_CPU = 3
    WAITING_FOR_CORE = 4
    WORKING_OFF_CPU = 5
    WORKING_UNMEASURED = 6
    WAITING_FOR_LOCK = 7
    WAITING_FOR_QUEUE = 8
    WAITING_FOR_SIGNAL = 9
    WAITING_FOR_RESULT = 10
    WAITING_FOR_PROCESS = 11
    WAITING_FOR_TASK = 12
    SLEEPING = 13
    STOPPED = 14
    ZOMBIE = 15
    ENDING = 16
    GONE = 17


PHASE_WORDS: dict[Phase, str] = {
    Phase.NOT_THERE_YET: "not there yet",
    Phase.STARTING: "starting",
    Phase.INITIALIZING: "initializing",
    Phase.WORKING_ON_CPU: "working on a CPU",
    Phase.WAITING_FOR_CORE: "ready, but without a core",
    Phase.WORKING_OFF_CPU: "off the CPU",
    Phase.WORKING_UNMEASURED: "working, CPU not known",
    Phase.WAITING_FOR_LOCK: "waiting for a lock",
    Phase.WAITING_FOR_QUEUE: "waiting for a queue or pipe",
    Phase.WAITING_FOR_SIGNAL: "waiting for synchronization",
    Phase.WAITING_FOR_RESULT: "waiting for results",
    Phase.WAITING_FOR_PROCESS: "waiting for a process",
    Phase.WAITING_FOR_TASK: "waiting for a task",
    Phase.SLEEPING: "sleeping",
    Phase.STOPPED: "stopped",
    Phase.ZOMBIE: "zombie",
    Phase.ENDING: "ending",
    Phase.GONE: "gone",
}
"""For legends and sentences."""

AWAY = (Phase.NOT_THERE_YET, Phase.GONE)
"""The process did not exist."""

_PHASE_OF: dict[Activity, Phase] = {
    Activity.STARTING: Phase.STARTING,
    Activity.LOCK: Phase.WAITING_FOR_LOCK,
    Activity.QUEUE: Phase.WAITING_FOR_QUEUE,
    Activity.PROCESS: Phase.WAITING_FOR_PROCESS,
    Activity.RESULT: Phase.WAITING_FOR_RESULT,
    Activity.SIGNAL: Phase.WAITING_FOR_SIGNAL,
    Activity.IDLE: Phase.WAITING_FOR_TASK,
    Activity.SLEEPING: Phase.SLEEPING,
    Activity.STOPPED: Phase.STOPPED,
    Activity.ZOMBIE: Phase.ZOMBIE,
    Activity.INITIALIZING: Phase.INITIALIZING,
    Activity.ENDING: Phase.ENDING,
    Activity.ENDED: Phase.GONE,
}
"""All activities but the two kinds of work, which the CPU time divides."""


@dataclass(frozen=True, slots=True)
class ProcessPhases:
    """Where the time of one process went."""

    process: Process
    amounts: tuple[int, ...]
    """Nanoseconds by :class:`Phase`."""
    unexplained: int
    """Nanoseconds off the CPU, in its own code or in tasks, that are not known to be work: all but
    waits for a core, a disk or the network. Who sleeps does no work, and who waits for a lock that
    mpviz does not know has its holder do it: both would count the time twice."""

    @property
    def there(self) -> int:
        """How long the process existed, nanoseconds."""
        return sum(self.amounts) - sum(self.amounts[phase] for phase in AWAY)


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the time of a run went, by process and for all workers together."""

    begin: int
    """Nanoseconds of the monotonic clock."""
    end: int
    workers: tuple[ProcessPhases, ...]
    """In the order in which they appeared."""
    main: ProcessPhases | None

    @property
    def wall(self) -> int:
        """How long the run took, nanoseconds."""
        return self.end - self.begin

    @property
    def total(self) -> tuple[int, ...]:
        """The sums over all workers by :class:`Phase`."""
        return tuple(map(sum, zip(*(worker.amounts for worker in self.workers), strict=True))) or (
            (0,) * len(Phase)
        )


@dataclass(frozen=True, slots=True)
class Gain:
    """The speed-up by sharing out the work, over the time in which there were workers.

    The serial estimate is the time that the work would take without sharing. For work that needs a
    CPU this is its CPU time. Tasks that wait for a disk or the network use hardly any: for these it
    is the time for which workers ran them, as if one process could not wait for several things at
    once. ``by_cpu`` says which it is. Both are estimates: a core that shares caches and power with
    others is slower than a core that works alone.

    A process that sleeps may have nothing to do, or wait for a lock that mpviz does not see. If the
    estimate counts time, and much of that is such sleep, the speed-up is not known. Nor has a
    program one that hangs.
    """

    window: int
    """From the start of the first worker to the end of the last, nanoseconds."""
    at_once: int
    """Maximum number of workers that existed at once."""
    cores: int
    """Number of cores that the program can keep busy at once."""
    on_cpu: int
    """CPU time of their work, nanoseconds."""
    without_core: int
    """Nanoseconds for which their work was ready but had no core."""
    worked: int
    """Time at work, or asleep in their own code, nanoseconds."""
    unmeasured: int
    """Part of that without a reading of the CPU time, nanoseconds."""
    unexplained: int
    """Part of that off the CPU, and not known to be work, nanoseconds."""
    mostly_in: str
    """What the workers slept in at most samples that saw them asleep at work: "clock", "lock" …;
    empty if at no kind of thing in most of them."""
    hangs: bool
    """Whether no process is at work any more and some wait, or the main process waits for what
    can never come."""
    looks: int
    """Samples that saw a worker at work."""
    ready: int
    """How many of these saw it on a CPU or ready for one."""

    @property
    def by_cpu(self) -> bool:
        """Whether the work needs the CPU: it slept no longer than it was on a CPU.

        Waits for a core prove nothing: on a busy machine, a process that sleeps for 5 ms at a time
        also waits for a core each time. Nor is all other time sleep, since the kernel may not have
        told a wait for a core yet. So sleep is at most the share of the samples that saw it.
        Without samples, work that took half of the cores counts as work that needs them.
        """
        measured = self.worked - self.unmeasured
        if self.looks:
            seen_asleep = measured * (self.looks - self.ready) // self.looks
            return self.on_cpu >= min(measured - self.on_cpu - self.without_core, seen_asleep)
        return 2 * self.on_cpu >= min(measured, self.cores * self.window)

    @property
    def has_work(self) -> bool:
        """Whether the workers had work for a twentieth of the time or more, all taken together.

        Who waits for a person, or for the right moment, is not slow: there is nothing to share out.
        """
        return self.worked > 0 and self.worked * 20 >= self.window

    @property
    def is_known(self) -> bool:
        """Whether there is an estimate: a twentieth of the time at most is unexplained."""
        if self.hangs or not self.has_work:
            return False
        return self.by_cpu or self.unexplained * 20 <= self.worked

    @property
    def serial(self) -> int:
        """The serial estimate, nanoseconds; 0 if there is none."""
        if not self.is_known:
            return 0
        return self.on_cpu if self.by_cpu else self.worked

    @property
    def speed_up(self) -> float:
        """How many times as fast as without sharing; 0 if not known."""
        return self.serial / self.window if self.window else 0.0

    @property
    def efficiency(self) -> float:
        """The speed-up per worker: 1 if all were at work all the time."""
        return self.speed_up / self.at_once if self.at_once else 0.0

    @property
    def is_lower_bound(self) -> bool:
        """Whether so much work has no reading that the speed-up may well be higher."""
        return self.by_cpu and self.unmeasured * 50 > self.worked


def phases(state: RunState, now: int = -1) -> Phases:
    """Where the time of the run went, up to its latest event or to ``now`` if that is later."""
    workers = workers_of(state)
    main = state.processes.get(state.main)
    counted = [*workers, *([main] if main else ())]
    begun = [process.lane for process in counted if process.lane.start >= 0]
    # The run begins before all lanes, except in tests.
    begin = min([state.origin, *(lane.origin for lane in begun)])
    until = state.end if state.ended >= 0 else max(state.now, now)
    end = max([begin, until, *(lane.start for lane in begun)])
    return Phases(
        begin,
        end,
        tuple(_phases_of(worker, begin, end) for worker in workers),
        _phases_of(main, begin, end) if main else None,
    )


def workers_of(state: RunState) -> list[Process]:
    """The processes that do shared work, in the order in which they appeared."""
    pooled = {key for pool in state.table(Pool).values() for key in pool.workers}
    others = [
        process
        for process in state.processes.values()
        if process.key != state.main and process.role not in (*HELPERS, "manager")
    ]
    return (
        [process for process in others if process.key in pooled]
        or [process for process in others if process.start_method]
        or others
    )


def gain(state: RunState, found: Phases) -> Gain:
    """The speed-up by sharing out the work."""
    there = [worker.process for worker in found.workers if worker.process.lane.start >= 0]
    starts = [process.lane.origin for process in there]
    ends = [found.end if process.alive else process.lane.start for process in there]
    total = found.total
    on_cpu, unmeasured = total[Phase.WORKING_ON_CPU], total[Phase.WORKING_UNMEASURED]
    without_core, off_cpu = total[Phase.WAITING_FOR_CORE], total[Phase.WORKING_OFF_CPU]
    return Gain(
        max(ends, default=0) - min(starts, default=0),
        _most_at_once([*((start, 1) for start in starts), *((end, -1) for end in ends)]),
        state.cores.count,
        on_cpu,
        without_core,
        on_cpu + without_core + unmeasured + off_cpu + total[Phase.SLEEPING],
        unmeasured,
        sum(worker.unexplained for worker in found.workers),
        _mostly_asleep_in(there),
        _hangs(state),
        sum(process.readings.looks for process in there),
        sum(process.readings.ready for process in there),
    )


def _hangs(state: RunState) -> bool:
    """Whether the program could not end by itself, or nothing of it is at work."""
    has_ended_alone = state.ended >= 0 and state.told_to_end < 0 and state.interrupted < 0
    if not has_ended_alone and any(state.main in each.processes for each in state.dead_ends):
        return True
    return bool(state.stuck) or (state.ended < 0 and bool(stuck(state)))


def _mostly_asleep_in(processes: list[Process]) -> str:
    seen: dict[str, int] = {}
    for process in processes:
        for word, times in process.readings.asleep_in.items():
            seen[word] = seen.get(word, 0) + times
    most = max(seen, key=lambda word: seen[word], default="")
    return most if 2 * seen.get(most, 0) > sum(seen.values()) else ""


def _most_at_once(moments: Iterable[tuple[int, int]]) -> int:
    """The maximum over moments (time, 1 for a start or -1 for an end), ends before starts."""
    there = most = 0
    for _, change in sorted(moments):
        there += change
        most = max(most, there)
    return most


def _phases_of(process: Process, begin: int, end: int) -> ProcessPhases:
    amounts = [0] * len(Phase)
    lane, readings = process.lane, process.readings
    if lane.start < 0:
        amounts[Phase.NOT_THERE_YET] = end - begin
        return ProcessPhases(process, tuple(amounts), 0)
    spent = list(lane.totals)
    spent[lane.activity] += end - lane.start
    amounts[Phase.NOT_THERE_YET] = lane.origin - begin
    for activity, phase in _PHASE_OF.items():
        amounts[phase] = spent[activity]
    running, at_tasks = spent[Activity.RUNNING], spent[Activity.TASK]
    measured = min(running + at_tasks, readings.worked)
    on_cpu = min(measured, readings.on_cpu)
    without_core = min(measured - on_cpu, readings.without_core)
    off_cpu = measured - on_cpu - without_core
    amounts[Phase.WORKING_ON_CPU] = on_cpu
    amounts[Phase.WAITING_FOR_CORE] = without_core
    amounts[Phase.WORKING_OFF_CPU] = off_cpu
    amounts[Phase.WORKING_UNMEASURED] = running + at_tasks - measured
    unexplained = int(off_cpu * (1 - _share_at_io(readings)))
    return ProcessPhases(process, tuple(amounts), spent[Activity.SLEEPING] + unexplained)


def _share_at_io(readings: CpuReadings) -> float:
    """The share of the sleep at work that was a wait for a disk or the network, by the samples.

    If that is what most of them saw, those count as well to which the kernel did not say a place.
    """
    seen = readings.asleep_in
    off = sum(seen.values())
    at_io = seen.get("disk", 0) + seen.get("network", 0)
    if 2 * at_io > off:
        off -= seen.get("", 0)
    return at_io / off if off else 0.0
