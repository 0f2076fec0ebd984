"""CSV: one row for each task of a pool or executor, in the order in which they came to an end."""

from __future__ import annotations

import csv

from mpviz.trace.events import Event
from mpviz.trace.export.passage import ABOUT_THE_SPEAKER, Passage, Write
from mpviz.trace.primitives.pool import Pool, Task, TaskEnded, TaskStarted
from mpviz.trace.processes import described
from mpviz.trace.state import RunState

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
"""Times are seconds from the start of the run, durations seconds; what is not known is empty."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write(passage: Passage, output: Write) -> list[str]:
    """Write the table; those that never ended come last, and their outcome is ``running``."""
    writer = csv.writer(_Lines(output), lineterminator="\n")
    writer.writerow(COLUMNS)
    state = passage.state
    at_work: dict[str, Task] = {}
    origin = -1
    for event in passage.events():
        if origin < 0:
            origin = event.time
        if isinstance(event, TaskStarted):
            task = state.table(Task).get(state.by_pid[event.pid].task)
            if task is not None:
                at_work[task.id] = task
        else:
            for task in _ended(at_work, state, event):
                writer.writerow(_row(state, at_work.pop(task.id), origin))
    for task in at_work.values():
        writer.writerow(_row(state, task, origin))
    return []


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that looks like it gets a quote in front.

    >>> harmless("=1+1"), harmless("square")
    ("'=1+1", 'square')
    """
    return "'" + text if text.startswith(_FORMULAS) else text


class _Lines:
    """What the csv module writes to."""

    def __init__(self, output: Write) -> None:
        self.write = output


def _ended(at_work: dict[str, Task], state: RunState, event: Event) -> list[Task]:
    """The tasks that this event has brought to an end."""
    if isinstance(event, TaskEnded):
        worker = state.by_pid[event.pid].key
        return [task for task in at_work.values() if task.worker == worker and _has_ended(task)]
    if type(event) in ABOUT_THE_SPEAKER:
        return []
    return [task for task in at_work.values() if _has_ended(task)]


def _has_ended(task: Task) -> bool:
    return task.outcome != "running"


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
