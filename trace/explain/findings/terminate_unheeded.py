"""Rule: a process that was terminated and goes on, while somebody waits for its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, duration
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, Wait
from mpviz.trace.model.state import Finding, RunState

UNHEEDED_NANOSECONDS = 5_000_000_000
"""Nanoseconds since the SIGTERM."""

UNHEEDED_IN_TASK_NANOSECONDS = 10_000_000_000
"""The same for a worker of a pool that has a task, which it may be about to finish."""


def _find(state: RunState) -> Iterator[Finding]:
    for waiter, wait in waits_without_timeout(state):
        if wait.what != "process":
            continue
        process = state.processes.get(wait.object)
        if process is None or not process.alive or not process.resting:
            continue
        sent = _terminated_at(process)
        patience = UNHEEDED_IN_TASK_NANOSECONDS if process.task else UNHEEDED_NANOSECONDS
        if 0 <= sent <= state.now - patience and process.exiting < 0:
            yield _finding(state, process, sent, waiter, wait)


def _terminated_at(process: Process) -> int:
    """When a process of the program first sent it SIGTERM, nanoseconds; -1 for never."""
    sent = (
        time
        for time, sender, number in process.signals
        if number == signal.SIGTERM and sender != "mpviz"
    )
    return next(sent, -1)


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
    threshold=f"it is there {briefly(UNHEEDED_NANOSECONDS)} after the SIGTERM; a worker of a pool"
    f" that has a task, {briefly(UNHEEDED_IN_TASK_NANOSECONDS)}",
    exempt="a process that works, or tidies up at its end, or is waited for with a time-out",
    find=_find,
    stays=Stays.OVER,
    is_a_dead_end=True,
)
