"""Rule: a forked process that waits for a lock which no thread of it can release."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.stalls import stands_in_a_lock
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.looks import ThreadStack
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import is_of_python, own_frame, place_in_words
from mpviz.trace.model.state import Finding, RunState

FORK_LOCK_NANOSECONDS = 1_000_000_000
"""Nanoseconds for which a process is known to stand in a lock outside multiprocessing."""


def _find(state: RunState) -> Iterator[Finding]:
    by_parent: dict[str, list[Process]] = {}
    for process in state.processes.values():
        if process.alive and _is_forked(process) and _stands_alone(process):
            by_parent.setdefault(process.parent, []).append(process)
    for parent, children in by_parent.items():
        yield _finding(state, state.processes.get(parent), children)


def _is_forked(process: Process) -> bool:
    return process.start_method == "fork" or (process.forked and not process.start_method)


def _stands_alone(process: Process) -> bool:
    """Whether its only Python thread stands in a lock that is none of multiprocessing."""
    stacks = process.stacks
    if stacks is None or len(stacks.threads) != 1 or not stands_in_a_lock(process):
        return False
    # The wait of an Event or a Condition makes its own lock, after the fork.
    frames = stacks.threads[0].frames
    is_wait = bool(frames) and frames[0][0].endswith("/threading.py") and frames[0][2] == "wait"
    return stacks.listed == 1 and not is_wait


def _place_of_fork(stack: ThreadStack) -> str:
    """The line of the program that started the process: a forked child has its parent's frames.

    They stand further out than ``_bootstrap`` (Lib/multiprocessing/process.py).
    """
    functions = [function for _, _, function in stack.frames]
    if "_bootstrap" not in functions:
        return ""
    outer = stack.frames[functions.index("_bootstrap") :]
    own = next((frame for frame in outer if not is_of_python(frame)), None)
    return place_in_words(own).partition(" ")[0] if own is not None else ""


def _finding(state: RunState, parent: Process | None, children: list[Process]) -> Finding:
    first = children[0]
    stack = first.stacks.main if first.stacks is not None else None
    frame = own_frame(stack) if stack is not None else None
    place = f" at {place_in_words(frame)}" if frame is not None else ""
    others = f" and {len(children) - 1} more like it" if len(children) > 1 else ""
    threads = f" while another thread ran ({first.names_at_fork})" if first.names_at_fork else ""
    forked = state.place(first.forked_at) or (_place_of_fork(stack) if stack is not None else "")
    where = f", at {forked}" if forked else ""
    by = described(parent) if parent is not None else "its parent"
    wait = "waits" if len(children) == 1 else "wait"
    return Finding(
        subject=first.key,
        message=f"{described(first)}{others} {wait} for a lock{place} that none of its threads"
        f" can release: {by} forked it{threads}{where}",
        cause="A fork copies the memory, locks included, but only the thread that forks. A lock"
        " that another thread of the parent held at that moment stays locked in the child for"
        " ever; so do the locks and teams of threads of C libraries such as OpenMP and BLAS.",
        fix="Use the start method spawn or forkserver; or start the processes before any thread,"
        " and before the first call of a library that starts threads.",
        processes=(*(child.key for child in children), *([parent.key] if parent else [])),
        since=first.since,
    )


RULE = Rule(
    name="lock-held-at-fork",
    says="a forked process waits for a lock that a thread of its parent held at the fork",
    threshold="its only thread stands in a lock that is none of multiprocessing, for"
    f" {briefly(FORK_LOCK_NANOSECONDS)}",
    exempt="a process that another start method has made; one that has several Python threads, of"
    " which another may release the lock; a wait for the lock of an import",
    find=_find,
    stays=Stays.OVER,
    holds=FORK_LOCK_NANOSECONDS,
    is_a_dead_end=True,
)
