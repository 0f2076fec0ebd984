"""Rule: tasks of a Pool that raised, and the program never asked how they went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.state import Finding, RunState

ERRORS_UNHEARD = 1
"""Jobs that failed, and about which nobody asked."""


def _find(state: RunState) -> Iterator[Finding]:
    main = state.processes.get(state.main)
    if main is None or main.ended_on_request:
        # It may still have wanted to ask.
        return
    for pool in state.table(Pool).values():
        jobs = {job.number for job in pool.jobs.values() if job.unheard}
        if len(jobs) >= ERRORS_UNHEARD and not pool.is_heard:
            yield _finding(state, pool, jobs)


def _finding(state: RunState, pool: Pool, jobs: set[int]) -> Finding:
    raised = [
        task
        for task in state.table(Task).values()
        if task.pool == pool.id and task.job in jobs and task.error
    ]
    kinds = Counter((task.function, task.error) for task in raised)
    told = [
        f"{plural(count, 'task')} of {function} raised {error}"
        for (function, error), count in kinds.most_common(2)
    ]
    more = f", and {len(kinds) - 2} more kinds of error" if len(kinds) > 2 else ""
    what = " and ".join(told) + more if told else f"{plural(len(jobs), 'job')} failed"
    return Finding(
        subject=pool.id,
        message=f"{what} in {pool.name}, and the program never asked for the results",
        cause="An error is kept until somebody asks for the result: without get() and without an"
        " error_callback, nobody sees it.",
        fix="Keep what apply_async or map_async returns, and call get() on it; or pass an"
        " error_callback that prints or logs the error.",
        processes=tuple(filter(None, (pool.process,))),
        objects=(pool.id,),
        since=min((task.started for task in raised), default=-1),
    )


RULE = Rule(
    name="errors-unheard",
    says="tasks of a Pool that raised, while nobody asks for their results",
    threshold=f"{ERRORS_UNHEARD} job at the end of the program",
    exempt="jobs with an error_callback; a pool of which the program has heard one error;"
    " executors, whose futures are not observed for that; a program that was asked to end",
    find=_find,
    stays=Stays.AS_IT_WAS,
    at_end=True,
)
