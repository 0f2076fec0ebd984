"""Rule: children that ended long ago, and that their parent has not joined."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.processes.identity import described, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, Finding, RunState

ZOMBIE_NANOSECONDS = 10_000_000_000
"""Minimum age of an ended child that nobody has joined, nanoseconds."""


def _find(state: RunState) -> Iterator[Finding]:
    if not state.zombies or state.frozen:
        return
    children: dict[str, list[Process]] = {}
    for key in state.zombies:
        zombie = state.processes[key]
        parent = state.by_pid.get(zombie.kernel_parent)
        is_old = state.now - _end_of(zombie) >= ZOMBIE_NANOSECONDS
        if is_old and parent is not None and _is_neglectful(parent):
            children.setdefault(parent.key, []).append(zombie)
    for key, zombies in children.items():
        if not _has_a_sibling_at_work(state, key, zombies):
            yield _finding(state, state.processes[key], zombies)


def _end_of(zombie: Process) -> int:
    return zombie.ended if zombie.ended >= 0 else zombie.since


def _is_neglectful(parent: Process) -> bool:
    """Whether a parent is an observed Python that runs, and neither exits nor joins just now.

    A parent that waits for anything without a time-out cannot join either.
    """
    is_joining = any(
        wait.until < 0 or wait.what in ("process", "workers") for wait in parent.waits.values()
    )
    is_ours = parent.alive and parent.probed and parent.role not in HELPERS
    return is_ours and not is_joining and not parent.stopped and parent.exiting < 0


def _has_a_sibling_at_work(state: RunState, parent: str, zombies: list[Process]) -> bool:
    """Whether an older child still works: all may be joined after that."""
    last = max(map(_end_of, zombies))
    return any(
        process.alive
        and process.parent == parent
        and not process.zombie
        and process.role not in HELPERS
        and process.first_seen <= last
        for process in state.processes.values()
    )


def _finding(state: RunState, parent: Process, zombies: list[Process]) -> Finding:
    keys = tuple(zombie.key for zombie in zombies)
    first = min(map(_end_of, zombies))
    seconds = ZOMBIE_NANOSECONDS // 1_000_000_000
    count = plural(len(keys), "child", "children")
    has = "has" if len(keys) == 1 else "have"
    return Finding(
        subject=parent.key,
        message=f"{count} of {described(parent)} {has} ended more than {seconds} s ago and"
        f" {has} not been joined: {names_of(state, keys)}",
        cause="The system keeps the pid and the exit status of a process until its parent asks for"
        " them. Nobody has checked whether these have failed.",
        fix="join() each process that you start and look at its exitcode; active_children() joins"
        " all that have ended. For processes of subprocess, call wait() or poll().",
        processes=(parent.key, *keys),
        since=first,
    )


RULE = Rule(
    name="zombies",
    says="children that have ended and were never joined, while their parent goes on",
    threshold=f"{briefly(ZOMBIE_NANOSECONDS)} after their end",
    exempt="children whose parent exits just now, waits without a time-out, or has older children"
    " still at work; those of the fork server, which joins them itself; withdrawn when they are"
    " joined after all",
    find=_find,
    stays=Stays.WITHDRAWN,
)
