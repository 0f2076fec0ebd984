"""What a process did in a span of its lane, in words."""

from __future__ import annotations

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.names import object_name
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

_DID = {
    Activity.STARTING: "was starting for {time}",
    Activity.RUNNING: "ran for {time}",
    Activity.TASK: "ran {what} for {time}",
    Activity.LOCK: "waited {time} for {what}",
    Activity.QUEUE: "waited {time} for {what}",
    Activity.PROCESS: "waited {time} for {what}",
    Activity.RESULT: "waited {time} for {what}",
    Activity.SIGNAL: "waited {time} for {what}",
    Activity.IDLE: "was idle for {time}",
    Activity.SLEEPING: "slept for {time}",
    Activity.STOPPED: "was stopped for {time}",
    Activity.ZOMBIE: "was a zombie for {time}",
    Activity.INITIALIZING: "ran its initializer {what} for {time}",
    Activity.ENDING: "was ending for {time}",
    Activity.ENDED: "has ended",
}


def in_words(state: RunState, process: Process, span: Span) -> str:
    """What a process did in a span, as the rest of a sentence that begins with its name."""
    time = duration(span.end - span.start)
    words = _DID[span.activity].format(time=time, what=what_of(state, span))
    if span.start == process.lane.start and span.activity is not Activity.ENDED:
        words += " so far"
    return words


def what_of(state: RunState, span: Span) -> str:
    """What a span's detail names: "task 12 of square", "lock counter", "Process-2"."""
    if span.activity is Activity.TASK:
        task = state.table(Task).get(span.detail)
        return f"task {task.number} of {task.function}" if task else "a task"
    if span.activity is Activity.INITIALIZING:
        return span.detail
    if span.activity is Activity.PROCESS:
        process = state.processes.get(span.detail)
        return described(process) if process else object_name(state, span.detail) or "a process"
    if span.activity is Activity.RESULT:
        return _results(state, span.detail)
    kinds = {Activity.LOCK: "lock", Activity.QUEUE: "queue"}
    kind = kinds.get(span.activity, "")
    name = object_name(state, span.detail)
    return f"{kind} {name}".strip() if name else f"a {kind or 'signal'}"


def _results(state: RunState, detail: str) -> str:
    pool, _, number = detail.rpartition("/")
    found = state.table(Pool).get(pool)
    job: Job | None = found.jobs.get(int(number)) if found and number.isdecimal() else None
    if found and job is None:
        return f"results of {found.name}"
    return f"the results of {job.function or job.call}" if job else "results"
