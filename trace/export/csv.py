"""CSV: one row for each task of a pool or executor, in the order of their ends.

Tasks that no worker has begun come last; of them nothing is known but their job.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from types import SimpleNamespace

from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.export.tasks import TaskWatch
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState

COLUMNS = (
    "pool",
    "call",
    "job",
    "task",
    "function",
    "items",
    "worker",
    "pid",
    "submitted_s",
    "started_s",
    "ended_s",
    "queued_s",
    "took_s",
    "outcome",
    "error",
)
"""Times are seconds from the start of the run, durations are seconds; unknown cells are empty."""

NO_TASKS = "the table has no rows: a row is a task of a pool or an executor, and none was seen"

MOST_NOT_BEGUN = 100_000
"""Maximum number of rows for tasks that no worker has begun."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write(passage: Passage, output: Write) -> list[str]:
    """Write the table; after the tasks that ended come those ``running``, then those not begun."""
    writer = csv.writer(SimpleNamespace(write=output), lineterminator="\n")
    writer.writerow(COLUMNS)
    state = passage.state
    tasks = TaskWatch(state)
    origin = -1
    for event in passage.events():
        if origin < 0:
            origin = event.time
        for task in tasks.ended(event):
            writer.writerow(_row(state, task, origin))
    for task in tasks.still_running():
        writer.writerow(_row(state, task, origin))
    not_begun = 0
    for row in islice(_not_begun(state, origin), MOST_NOT_BEGUN):
        writer.writerow(row)
        not_begun += 1
    notes = [] if state.table(Task) or not_begun else [NO_TASKS]
    if not_begun == MOST_NOT_BEGUN:
        notes.append(f"of the tasks that no worker has begun, {MOST_NOT_BEGUN:,} are in the table")
    return notes


def _not_begun(state: RunState, origin: int) -> Iterator[list[str]]:
    """A row for each task that was submitted, and that no worker has begun."""
    for pool in state.table(Pool).values():
        for job in pool.jobs.values():
            for outcome, tasks in (
                ("cancelled", job.cancelled),
                ("never run", job.never_run),
                ("queued", job.queued),
            ):
                row = _row_of_job(pool, job, origin, outcome)
                for _ in range(tasks):
                    yield row


def _row_of_job(pool: Pool, job: Job, origin: int, outcome: str) -> list[str]:
    known = {
        "pool": harmless(pool.name),
        "call": harmless(job.call),
        "job": str(job.number),
        "function": harmless(job.function),
        "submitted_s": _seconds(job.submitted - origin),
        "outcome": outcome,
    }
    return [known.get(column, "") for column in COLUMNS]


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: a quote is put before one that looks like it.

    >>> harmless("=1+1"), harmless("square")
    ("'=1+1", 'square')
    """
    return "'" + text if text.startswith(_FORMULAS) else text


def _row(state: RunState, task: Task, origin: int) -> list[str]:
    pool = state.table(Pool)[task.pool]
    job = pool.jobs.get(task.job)
    worker = state.processes[task.worker]
    return [
        harmless(pool.name),
        harmless(job.call) if job is not None else "",
        str(task.job),
        str(task.number),
        harmless(task.function),
        str(task.items),
        harmless(described(worker)),
        str(worker.pid),
        _seconds(task.submitted - origin),
        _seconds(task.started - origin),
        _seconds(task.ended - origin) if task.ended >= 0 else "",
        _seconds(task.started - task.submitted),
        _seconds(task.ended - task.started) if task.ended >= 0 else "",
        task.outcome,
        harmless(task.error),
    ]


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.9f}"
