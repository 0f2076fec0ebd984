"""Rule: a manager that a signal ended, and a process that used its objects after that."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.primitives.manager import Manager, objects_of
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

_LOST_CONNECTION = (
    "BrokenPipeError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "EOFError",
    "FileNotFoundError",
)
"""What a call to a manager that is gone raises."""

FAILED_CALLERS = 1
"""Processes that failed with a connection error after the manager's end."""


def _find(state: RunState) -> Iterator[Finding]:
    for manager in state.table(Manager).values():
        server = state.processes.get(manager.server)
        if server is None or server.alive or (server.exit_code or 0) >= 0:
            continue
        if 0 <= state.told_to_end <= server.ended:
            # mpviz has ended the manager, as a person asked, and the rest of the program with it.
            continue
        callers = {key for each in objects_of(state, manager) for key in each.called_by}
        failed = [state.processes[key] for key in callers if _lost_it(state.processes[key], server)]
        if len(failed) >= FAILED_CALLERS:
            yield _finding(state, server, min(failed, key=lambda each: each.number))


def _lost_it(caller: Process, server: Process) -> bool:
    """Whether it failed with such an error, and not while the manager was still there.

    The end of a process that a fork server made is known only some samples later.
    """
    last = server.seen_alive if server.seen_alive >= 0 else server.ended
    return caller.failure.partition(":")[0] in _LOST_CONNECTION and caller.exiting >= last


def _finding(state: RunState, server: Process, failed: Process) -> Finding:
    place = state.place(failed.failed_at)
    where = f", at {place}" if place else ""
    return Finding(
        subject=server.key,
        message=f"the manager {described(server)} was {exit_in_words(server)}, and"
        f" {described(failed)} used its objects after that: {failed.failure}{where}",
        cause="A manager is a process like any other: a signal that goes to the whole group, as"
        " Ctrl-C or the SIGTERM of a service manager, ends it first, with all that is in it.",
        fix="Copy what you need out of the manager before the end (dict(shared)), or let the"
        " manager ignore the signal: SyncManager().start(signal.signal, (SIGTERM, SIG_IGN)).",
        processes=(server.key, failed.key),
        since=server.ended,
    )


RULE = Rule(
    name="manager-gone",
    says="a manager that a signal ended, and a process that used its objects after that",
    threshold=f"{FAILED_CALLERS} process that fails with a connection error after that",
    exempt="a manager that its shutdown() ends, or that mpviz ends; a process that handles the"
    " error",
    find=_find,
    stays=Stays.AS_IT_WAS,
    at_end=True,
)
