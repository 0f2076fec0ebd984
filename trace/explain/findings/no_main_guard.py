"""Rule: a program that starts processes when its file is imported, as each new process does."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, Finding, RunState

UNGUARDED = 1
"""Processes that could not start because of that."""


def _find(state: RunState) -> Iterator[Finding]:
    by_place: dict[int, list[Process]] = {}
    for process in state.processes.values():
        if process.unguarded >= 0:
            by_place.setdefault(process.unguarded_at, []).append(process)
    for site, failed in by_place.items():
        if len(failed) >= UNGUARDED:
            yield _finding(state, site, failed)


def _finding(state: RunState, site: int, failed: list[Process]) -> Finding:
    first = failed[0]
    helper = f"the {first.role}" if first.role in HELPERS and len(failed) == 1 else ""
    who = helper or plural(len(failed), "new process", "new processes")
    return Finding(
        subject=f"{first.parent} {site}",
        message=f"{who} failed with RuntimeError: {state.place(site) or 'the program'} starts"
        ' processes without if __name__ == "__main__"',
        cause="A process that is started by spawn or forkserver imports the program's file first,"
        " and there comes to the same line, which is to start processes again.",
        fix='Put that line, and whatever else the program does, below if __name__ == "__main__":'
        " and leave only imports and definitions outside.",
        processes=tuple(process.key for process in failed),
        since=first.unguarded,
    )


RULE = Rule(
    name="no-main-guard",
    says="a program that starts processes when its file is imported",
    threshold=f"{UNGUARDED} process that could not start because of that",
    exempt="processes that are started by fork, which import nothing",
    find=_find,
    stays=Stays.AS_IT_WAS,
    is_a_dead_end=True,
)
