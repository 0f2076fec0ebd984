"""Rule: an executor that broke since a worker died, with the worker that died first."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.names import with_kind
from mpviz.trace.model.primitives.pool_events import ENDS_WORKERS
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.processes.identity import described, ended_badly, failure_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

DEAD_WORKERS = 1
"""Workers that died, and that the executor did not end itself."""


def _find(state: RunState) -> Iterator[Finding]:
    for pool in state.table(Pool).values():
        if not pool.broken or pool.ended in ENDS_WORKERS:
            continue
        dead = [state.processes[key] for key in pool.workers]
        # The executor ends the others by SIGTERM.
        dead = [each for each in dead if not each.alive and ended_badly(each)]
        if len(dead) >= DEAD_WORKERS:
            yield _finding(state, pool, min(dead, key=lambda each: each.ended))


def _finding(state: RunState, pool: Pool, first: Process) -> Finding:
    task = state.table(Task).get(pool.lost_with.get(first.key, ""))
    at = f" in task {task.number} of {task.function}" if task is not None else ""
    site = state.place(first.site)
    where = f", at {site}" if site and task is not None else ""
    others = len(pool.lost_with) - (first.key in pool.lost_with)
    lost = f"; {plural(others, 'other task')} at work went with it" if others > 0 else ""
    return Finding(
        subject=pool.id,
        message=f"{with_kind('executor', pool.name)} is broken since"
        f" {described(first)} died{at} ({failure_in_words(state, first)}){where}{lost}",
        cause="An executor that loses a worker fails all calls that are not done, with"
        " BrokenProcessPool, and does not say which call was to blame.",
        fix="Find out what ended that worker: too much memory (SIGKILL), a crash in C (SIGSEGV,"
        " SIGABRT), an exit of its own. Run the one call alone, with python -X faulthandler.",
        processes=(first.key,),
        objects=tuple(filter(None, (pool.id, task.id if task is not None else ""))),
        since=first.ended,
    )


RULE = Rule(
    name="broken-executor",
    says="an executor that is broken, with the worker that died first, and its task",
    threshold=f"{DEAD_WORKERS} worker that the executor did not end itself",
    exempt="an executor whose workers the program ends itself, by terminate_workers() or"
    " kill_workers()",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
