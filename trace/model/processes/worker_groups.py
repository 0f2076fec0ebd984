"""Groups of workers: processes that were started for the same work, with sums over their lives."""

from __future__ import annotations

from dataclasses import dataclass, field

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

_NO_WORK = (
    Activity.STARTING,
    Activity.INITIALIZING,
    Activity.IDLE,
    Activity.STOPPED,
    Activity.ZOMBIE,
    Activity.ENDED,
)


@dataclass(slots=True)
class WorkerGroup:
    """The workers of a pool, or the processes that one started with the same function."""

    id: str
    parent: str
    """Key of the process that started them."""
    function: str
    pool: str = ""
    """The id of the pool; empty for processes without a pool."""
    alive: dict[str, None] = field(default_factory=dict)
    """Keys in the order in which they were started, without workers of pools."""
    ended: dict[str, int] = field(default_factory=dict)
    """How many have ended, by start method."""
    failed: int = 0
    """How many of these ended with another exit code than 0, or an unknown one."""
    starting: int = 0
    """Time that the ended ones took to start and to initialize, nanoseconds in all."""
    working: int = 0
    """Time that they spent in their own code without being idle, nanoseconds in all."""
    running: int = 0
    """Time that they ran, without their waits, nanoseconds in all."""
    without_core: int = 0
    """Part of that in which they had no core, nanoseconds in all."""
    starting_without_core: int = 0
    """Time that they were starting and had no core, as far as known, nanoseconds in all."""
    first_end: int = -1
    """When the first of them ended, nanoseconds; -1 before."""
    last_end: int = -1
    slowest: str = ""
    """Key of the process that took longest to start."""
    longest_start: int = -1
    """Time that its start took, nanoseconds."""


def enlist(state: RunState, child: Process) -> None:
    """Add a process that has been started to the group of its function."""
    if child.alive:
        _group_of(state, child.parent, child.function, "").alive[child.key] = None


def leave(state: RunState, process: Process) -> None:
    """Add the life of a process that has ended to the sums of its group."""
    if not process.start_method:
        return
    group = _group_of(state, process.parent, process.function, "")
    group.alive.pop(process.key, None)
    if process.pool:
        group = _group_of(state, process.parent, process.function, process.pool)
    totals = process.lane.totals
    starting = totals[Activity.STARTING] + totals[Activity.INITIALIZING]
    group.ended[process.start_method] = group.ended.get(process.start_method, 0) + 1
    group.failed += process.exit_code != 0
    group.starting += starting
    done = process.exiting if process.exiting >= 0 else process.ended
    group.working += sum(totals) - sum(totals[activity] for activity in _NO_WORK)
    group.working -= process.ended - done
    group.running += totals[Activity.RUNNING] + totals[Activity.TASK]
    waited = process.readings.without_core
    group.without_core += waited
    waited_aside = round(max(0.0, process.without_core) * 1e9) - waited
    group.starting_without_core += min(starting, max(0, waited_aside))
    if group.first_end < 0:
        group.first_end = process.ended
    group.last_end = process.ended
    if starting > group.longest_start:
        group.slowest, group.longest_start = process.key, starting


def _group_of(state: RunState, parent: str, function: str, pool: str) -> WorkerGroup:
    groups = state.table(WorkerGroup)
    group_id = pool or f"{parent}/{function}"
    group = groups.get(group_id)
    if group is None:
        group = groups[group_id] = WorkerGroup(group_id, parent, function, pool)
    return group
