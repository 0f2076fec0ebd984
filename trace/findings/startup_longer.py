"""Rule: processes that took longer to start than for all they then did."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.crews import Crew
from mpviz.trace.findings import limits
from mpviz.trace.findings.rule import Rule, Stays
from mpviz.trace.findings.wording import counted, duration, is_said
from mpviz.trace.primitives.pool_state import Pool
from mpviz.trace.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for crew in state.table(Crew).values():
        if crew.starting < limits.STARTING_NANOSECONDS:
            continue
        times = 1.0 if is_said(state, "startup-longer", crew.id) else limits.STARTING_TIMES
        if crew.starting >= times * crew.working:
            count = sum(crew.ended.values())
            if count >= limits.STARTING_PROCESSES:
                yield _finding(state, crew, count)


def _finding(state: RunState, crew: Crew, count: int) -> Finding:
    pool = state.table(Pool).get(crew.pool)
    who = counted(count, "worker") + f" of {pool.name}" if pool else counted(count, "process")
    what = "" if pool or not crew.function else f" for {crew.function}"
    return Finding(
        rule="startup-longer",
        subject=crew.id,
        message=f"{who} took {duration(crew.starting)} to start and worked{what}"
        f" {duration(crew.working)}, all together",
        cause=_cause(crew, pool),
        fix="Start few processes and give each of them more to do"
        + (", or do so little work without a pool." if pool else ": a Pool keeps its workers."),
        processes=tuple(dict.fromkeys(filter(None, (crew.parent, crew.slowest)))),
        objects=(crew.pool,) if pool else (),
        since=state.processes[crew.slowest].first_seen,
    )


def _cause(crew: Crew, pool: Pool | None) -> str:
    slowest = duration(crew.longest_start)
    if pool is not None and pool.initializer:
        return f"Each has to start and to run {pool.initializer} first, which took up to {slowest}."
    if set(crew.ended) == {"fork"}:
        return f"Each start is a copy of the parent, which took up to {slowest}."
    return (
        "Each is a new Python that imports the program anew before it begins, which took up to"
        f" {slowest}."
    )


RULE = Rule(
    name="startup-longer",
    says="processes that took longer to start than to work",
    threshold=f"{limits.STARTING_PROCESSES} or more that took"
    f" {duration(limits.STARTING_NANOSECONDS)} to start, all together, and"
    f" {limits.STARTING_TIMES:g} times as long as they worked",
    exempt="processes that live: they may have much to do yet; what waits for a lock or a queue"
    " counts as work",
    find=_find,
    stays=Stays.WITHDRAWN,
)
