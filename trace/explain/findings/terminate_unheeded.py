"""Rule: a process that was terminated and goes on, while somebody waits for its end."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, duration
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.identity import described, terminated_at
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import own_frame
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import Finding, RunState

UNHEEDED_HOLD_NANOSECONDS = 3_000_000_000
"""Nanoseconds for which it has hardly used a core, though it had one."""

UNHEEDED_NANOSECONDS = 2_000_000_000
"""Nanoseconds since the SIGTERM, before these."""

UNHEEDED_IN_TASK_NANOSECONDS = 7_000_000_000
"""The same for a worker of a pool that has a task, which it may be about to finish."""

UNHEEDED_IN_HANDLER_NANOSECONDS = 60_000_000_000
"""The same if it may still be in its handler, and waits there until a time."""


def _find(state: RunState) -> Iterator[Finding]:
    for waiter, wait in waits_without_timeout(state):
        if wait.what != "process":
            continue
        process = state.processes.get(wait.object)
        if process is None or not process.alive or not process.resting or process.exiting >= 0:
            continue
        sent = terminated_at(process)
        if 0 <= sent <= state.now - _patience(state, process, sent):
            yield _finding(state, process, sent, waiter, wait)


def _patience(state: RunState, process: Process, sent: int) -> int:
    """Nanoseconds for which it may go on after the SIGTERM for a reason."""
    if _waits_until_a_time(process, sent) and not _is_at_its_function(state, process, sent):
        return UNHEEDED_IN_HANDLER_NANOSECONDS
    return UNHEEDED_IN_TASK_NANOSECONDS if process.task else UNHEEDED_NANOSECONDS


def _waits_until_a_time(process: Process, sent: int) -> bool:
    """Whether its main thread wakes by itself, or may do so as far as is known."""
    wait = process.waits.get(0)
    if wait is not None:
        return wait.until >= 0
    stacks = process.stacks
    if stacks is None or stacks.time < sent or stacks.reason:
        return True
    return process.asleep_in != "lock" or "clock" in stacks.sleeps


def _is_at_its_function(state: RunState, process: Process, sent: int) -> bool:
    """Whether a look since then found it at the function that it was given to do.

    A signal handler that it is still in would stand further in on the stack.
    """
    stacks = process.stacks
    if stacks is None or stacks.main is None or stacks.time < sent:
        return False
    frame = own_frame(stacks.main)
    task = state.table(Task).get(process.task)
    function = task.function if task is not None else process.function
    return frame is not None and _last_part(frame[2]) == _last_part(function)


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _finding(state: RunState, process: Process, sent: int, waiter: Process, wait: Wait) -> Finding:
    place = f", at {state.place(wait.site)}" if wait.site in state.sites else ""
    return Finding(
        subject=process.key,
        message=f"{described(process)} was sent SIGTERM {duration(state.now - sent)} ago and goes"
        f" on, and {described(waiter)} waits to join it{place}",
        cause="The process handles SIGTERM, blocks or ignores it. A forked process has the signal"
        " handlers of its parent, and a handler that only sets a flag ends nothing.",
        fix="Restore the default handler first in the child's function, or in the initializer of a"
        " pool: signal.signal(signal.SIGTERM, signal.SIG_DFL). Or look at the flag there, or call"
        " kill() when join(timeout) has not ended it.",
        processes=(process.key, waiter.key),
        since=sent,
    )


RULE = Rule(
    name="terminate-unheeded",
    says="a process that goes on after terminate(), while somebody waits for its end",
    threshold=f"it has hardly used a core for {briefly(UNHEEDED_HOLD_NANOSECONDS)}, from"
    f" {briefly(UNHEEDED_NANOSECONDS)} after the SIGTERM on; a worker of a pool that has a task,"
    f" from {briefly(UNHEEDED_IN_TASK_NANOSECONDS)} on; one that may still be in its handler,"
    f" and waits there until a time, from {briefly(UNHEEDED_IN_HANDLER_NANOSECONDS)} on",
    exempt="a process that works, or tidies up at its end, or is waited for with a time-out",
    find=_find,
    stays=Stays.OVER,
    holds=UNHEEDED_HOLD_NANOSECONDS,
    is_a_dead_end=True,
)
