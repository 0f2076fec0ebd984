"""CSV: one row for each task of a pool or executor, in the order of their ends."""

from __future__ import annotations

import csv
from types import SimpleNamespace

from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.export.tasks import TaskWatch
from mpviz.trace.model.primitives.pool_state import Pool, Task
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

NO_TASKS = (
    "the table has no rows: a row is a task of a pool or an executor, and none was seen to start"
)

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write(passage: Passage, output: Write) -> list[str]:
    """Write the table; tasks that never ended come last, with the outcome ``running``."""
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
    return [] if state.table(Task) else [NO_TASKS]


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
