"""What a process did in a span of its lane, in words."""

from __future__ import annotations

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.names import object_name, with_kind
from mpviz.trace.model.primitives.pool_state import Job, Pool, Task
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

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


def ending_in_words(state: RunState, process: Process, span: Span) -> str:
    """Why a span ended and by whom, as the rest of the sentence: ", until anna released it".

    Of one that goes on, what it waits for still; empty if neither is known.
    """
    if span.start == process.lane.start:
        wait = process.wait
        words = (
            wait_in_words(state, wait) if wait is not None and wait.object == span.detail else ""
        )
        return words[words.index(", held by") :] if ", held by" in words else ""
    if span.activity is Activity.PROCESS:
        joined = state.processes.get(span.detail)
        ended = joined is not None and 0 <= joined.ended <= span.end
        return f", until that one ended: {exit_in_words(joined)}" if joined and ended else ""
    if span.activity is Activity.RESULT:
        return _last_task(state, span)
    if span.activity is Activity.TASK:
        task = state.table(Task).get(span.detail)
        return f", {task.outcome}" if task is not None and task.ended >= 0 else ""
    if span.activity in WAITS:
        ended_by = next(
            (
                each
                for each in reversed(state.passes)
                if (each.time, each.to) == (span.end, process.key)
            ),
            None,
        )
        by = state.processes.get(ended_by.by) if ended_by is not None else None
        return (
            f", until {described(by)} {ended_by.did}"
            if by and by is not process and ended_by
            else ""
        )
    return _what_followed(state, process, span)


WAITS = (Activity.LOCK, Activity.QUEUE, Activity.SIGNAL)


def _last_task(state: RunState, span: Span) -> str:
    """The task whose end brought the results of a job."""
    pool, _, number = span.detail.rpartition("/")
    ended = [
        task
        for task in state.table(Task).values()
        if task.pool == pool and str(task.job) == number and 0 <= task.ended <= span.end
    ]
    last = max(ended, key=lambda task: task.ended, default=None)
    worker = state.processes.get(last.worker) if last is not None else None
    return f", until {described(worker)} ended task {last.number}" if worker and last else ""


def _what_followed(state: RunState, process: Process, span: Span) -> str:
    after = next(process.lane.between(span.end, span.end + 1), None)
    if after is None or after.activity is Activity.ENDED or after.start != span.end:
        return ", until it ended" if 0 <= process.ended <= span.end else ""
    return f", then {_NEXT[after.activity].format(what=what_of(state, after))}"


_NEXT = {
    activity: words.replace(" for {time}", "").replace("{time} ", "")
    for activity, words in _DID.items()
}


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
    if not name:
        return f"a {kind or 'signal'}"
    return with_kind(kind, name) if kind else name


def _results(state: RunState, detail: str) -> str:
    pool, _, number = detail.rpartition("/")
    found = state.table(Pool).get(pool)
    job: Job | None = found.jobs.get(int(number)) if found and number.isdecimal() else None
    if found and job is None:
        return f"results of {found.name}"
    return f"the results of {job.function or job.call}" if job else "results"
