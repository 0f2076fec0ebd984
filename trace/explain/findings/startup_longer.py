"""Rule: processes that took longer to start than to do all their work."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import pool_for_each_call
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.processes.worker_groups import WorkerGroup
from mpviz.trace.model.state import Finding, RunState

STARTING_NANOSECONDS = 1_000_000_000
"""Minimum time that all starts took together, nanoseconds."""

STARTING_PROCESSES = 4
"""Minimum number of processes that have ended: only then is it known how much work each did."""

STARTING_TIMES = 2.0
"""How many times as long as the work the starts took, at least."""


def _find(state: RunState) -> Iterator[Finding]:
    for group in state.table(WorkerGroup).values():
        pool = state.table(Pool).get(group.pool)
        if pool is not None and pool.failed_initializers and not pool.initialized:
            # Its workers never come to work, which another rule says.
            continue
        if _is_of_many_pools(state, group):
            continue
        # What other programs took is no cost of the starts.
        started = group.starting - group.starting_without_core
        if started < STARTING_NANOSECONDS:
            continue
        if started >= STARTING_TIMES * group.working:
            count = sum(group.ended.values())
            if count >= STARTING_PROCESSES:
                yield _finding(state, group, count)


def _is_of_many_pools(state: RunState, group: WorkerGroup) -> bool:
    """Whether another rule has found that one line makes many such pools: that is said once.

    A worker that its pool ended before it had begun has told neither its pool nor its function.
    """
    pool = state.table(Pool).get(group.pool)
    if pool is not None:
        return (pool_for_each_call.RULE.name, pool.made_at) in state.findings
    return not group.function and any(
        found.rule == pool_for_each_call.RULE.name and group.parent in found.processes
        for found in state.findings.values()
    )


def _nearly(state: RunState, group_id: str) -> bool:
    group = state.table(WorkerGroup).get(group_id)
    if group is None or _is_of_many_pools(state, group):
        return False
    return group.starting >= group.working


def _finding(state: RunState, group: WorkerGroup, count: int) -> Finding:
    pool = state.table(Pool).get(group.pool)
    who = plural(count, "worker") + f" of {pool.name}" if pool else plural(count, "process")
    work = f"to run {group.function}" if group.function and not pool else "to work"
    return Finding(
        subject=group.id,
        message=f"{who} took {briefly(group.starting)} to start and"
        f" {briefly(group.working)} {work}, all together",
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
    "fork": "Each start makes a copy of the parent, which took up to {}.",
    "spawn": "Each start is a new Python that imports the program again, which took up to {}.",
    "forkserver": "Each start makes a copy of the fork server, and imports what of the program that"
    " has not imported, which took up to {}.",
}
"""What a start is, by start method; used if all were started by the same method."""

RULE = Rule(
    name="startup-longer",
    says="processes that took longer to start than to work",
    threshold=f"{STARTING_PROCESSES} or more that took"
    f" {briefly(STARTING_NANOSECONDS)} to start, all together, and"
    f" {STARTING_TIMES:g} times as long as they worked",
    exempt="processes that are alive, which may still have much to do; starts that took long for"
    " want of a core; waits for a lock or a queue count as work",
    find=_find,
    stays=Stays.WITHDRAWN,
    nearly=_nearly,
)
