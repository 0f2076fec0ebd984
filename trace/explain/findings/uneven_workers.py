"""Rule: processes that share work without a pool, some with much more of it than others."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import is_busy
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.findings.straggler import TAIL_NANOSECONDS, TAIL_SHARE, TAIL_TIMES
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.worker_groups import WorkerGroup
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for group in state.table(WorkerGroup).values():
        ended = sum(group.ended.values())
        alone = state.now - group.last_end
        if (
            group.pool
            or not group.function
            or group.failed
            or not 0 < len(group.alive) <= ended
            or ended < 2
        ):
            continue
        if alone >= TAIL_NANOSECONDS:
            rest = [state.processes[key] for key in group.alive]
            if all(_is_behind(state, group, process) for process in rest) and _share(state, rest):
                yield _finding(state, group, rest)


def _is_behind(state: RunState, group: WorkerGroup, process: Process) -> bool:
    alone = state.now - group.last_end
    return (
        # A process that began when others had ended belongs to another batch.
        0 <= process.began < group.first_end
        and alone >= TAIL_SHARE * (state.now - process.began)
        and is_busy(process)
        and process.activity in (Activity.RUNNING, Activity.TASK)
        and _is_longer(process, group, _ran(process, process.began, state.now))
    )


def _is_longer(process: Process, group: WorkerGroup, ran: int) -> bool:
    """Whether it took longer than the others, also without what all of them waited for a core."""
    worked = group.running - group.without_core
    without = process.readings.without_core
    return ran >= TAIL_TIMES * _mean(group) and (
        ran - without >= TAIL_TIMES * worked / sum(group.ended.values())
    )


def _share(state: RunState, rest: list[Process]) -> bool:
    """Whether each has a fixed share, instead of taking its work from a queue."""
    queues = state.table(Queue).values()
    return not any(process.key in queue.takers for queue in queues for process in rest)


def _ran(process: Process, start: int, end: int) -> int:
    done = process.lane.mix(start, end)
    return done[Activity.RUNNING] + done[Activity.TASK]


def _mean(group: WorkerGroup) -> float:
    return group.running / sum(group.ended.values())


def _finding(state: RunState, group: WorkerGroup, rest: list[Process]) -> Finding:
    ended = sum(group.ended.values())
    ran = max(_ran(process, process.began, state.now) for process in rest)
    has = "has" if len(rest) == 1 else "have"
    keys = tuple(process.key for process in rest)
    return Finding(
        subject=group.id,
        message=f"{names_of(state, keys)} {has} run {group.function} for {briefly(ran)}, and"
        f" {briefly(state.now - group.last_end)} of it alone: {plural(ended, 'other')} took"
        f" {briefly(_mean(group))} on average",
        cause="The work was shared out beforehand, and some shares take longer than others.",
        fix="Hand out small pieces of work to whichever process is free: use a Pool with a small"
        " chunksize, or a Queue that all take from.",
        processes=keys,
        since=group.last_end,
    )


RULE = Rule(
    name="uneven-workers",
    says="processes with much more work than others that run the same function",
    threshold=f"half of three or more that have been at work alone for"
    f" {briefly(TAIL_NANOSECONDS)} and {TAIL_SHARE:.0%} of their time, and"
    f" {TAIL_TIMES:g} times as long as the others",
    exempt="workers of a pool; processes that take their work from a queue, do not run side by"
    " side, sleep or wait, also for a core that other programs have; groups in which one has"
    " failed",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
