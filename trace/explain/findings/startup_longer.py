"""Rule: processes that took longer to start than for all they then did."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.worker_groups import WorkerGroup
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for group in state.table(WorkerGroup).values():
        if group.starting < limits.STARTING_NANOSECONDS:
            continue
        if group.starting >= limits.STARTING_TIMES * group.working:
            count = sum(group.ended.values())
            if count >= limits.STARTING_PROCESSES:
                yield _finding(state, group, count)


def _nearly(state: RunState, group_id: str) -> bool:
    group = state.table(WorkerGroup).get(group_id)
    return group is not None and group.starting >= group.working


def _finding(state: RunState, group: WorkerGroup, count: int) -> Finding:
    pool = state.table(Pool).get(group.pool)
    who = plural(count, "worker") + f" of {pool.name}" if pool else plural(count, "process")
    what = "" if pool or not group.function else f" for {group.function}"
    return Finding(
        subject=group.id,
        message=f"{who} took {briefly(group.starting)} to start and worked{what}"
        f" {briefly(group.working)}, all together",
        cause=_cause(group, pool),
        fix="Start few processes and give each of them more to do"
        + (", or do so little work without a pool." if pool else ": a Pool keeps its workers."),
        processes=tuple(dict.fromkeys(filter(None, (group.parent, group.slowest)))),
        objects=(group.pool,) if pool else (),
        since=state.processes[group.slowest].first_seen,
    )


def _cause(group: WorkerGroup, pool: Pool | None) -> str:
    slowest = briefly(group.longest_start)
    if pool is not None and pool.initializer:
        return f"Each has to start and to run {pool.initializer} first, which took up to {slowest}."
    return _WHAT_A_START_IS.get("".join(group.ended), "Each start took up to {}.").format(slowest)


_WHAT_A_START_IS = {
    "fork": "Each start is a copy of the parent, which took up to {}.",
    "spawn": "Each is a new Python that imports the program again before it begins, which took up"
    " to {}.",
    "forkserver": "Each is a copy of the fork server, and imports whatever of the program the fork"
    " server had not imported, which took up to {}.",
}
"""What a start is, by start method; used if all were started by the same method."""

RULE = Rule(
    name="startup-longer",
    says="processes that took longer to start than to work",
    threshold=f"{limits.STARTING_PROCESSES} or more that took"
    f" {briefly(limits.STARTING_NANOSECONDS)} to start, all together, and"
    f" {limits.STARTING_TIMES:g} times as long as they worked",
    exempt="processes that live: they may have much to do yet; what waits for a lock or a queue"
    " counts as work",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
