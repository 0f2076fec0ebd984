"""Rule: a fork while other threads of the program run in the parent."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, plural
from mpviz.trace.model.processes.identity import described, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import Finding, RunState

FORK_WITH_THREADS = 1
"""Minimum number of other threads of the program at a fork."""

BARE_FORK_NANOSECONDS = 1_000_000_000
"""Minimum age of a child of os.fork, nanoseconds: by then a child that is to be another program has
become it (exec)."""


def _find(state: RunState) -> Iterator[Finding]:
    by_parent: dict[str, list[Process]] = {}
    for key in state.forked_beside_threads:
        child = state.processes[key]
        if child.parent in state.processes and _runs_on(state, child):
            by_parent.setdefault(child.parent, []).append(child)
    for key, children in by_parent.items():
        # The records of two children may come in either order.
        children.sort(key=lambda child: child.first_seen)
        yield _finding(state, state.processes[key], children)


def _runs_on(state: RunState, child: Process) -> bool:
    """Whether the child goes on as a copy of its parent, and does not become another program."""
    if child.start_method:
        return child.start_method == "fork"
    lived = (state.now if child.alive else child.ended) - child.first_seen
    return child.role != "program" and child.probed and lived >= BARE_FORK_NANOSECONDS


def _finding(state: RunState, parent: Process, children: list[Process]) -> Finding:
    first = children[0]
    keys = tuple(child.key for child in children)
    most = max(child.threads_at_fork for child in children)
    threads = plural(most, "other thread of it ran", "other threads of it ran")
    named = f" ({first.names_at_fork})" if first.names_at_fork else ""
    place = state.place(first.forked_at)
    return Finding(
        subject=parent.key,
        message=f"{described(parent)} forked {names_of(state, keys)} while {threads}{named}"
        + f", at {place}" * bool(place),
        cause="A fork copies all memory, but only the thread that forks. A lock that another"
        " thread holds at that moment stays locked in the child, where no thread will release it.",
        fix="Start the processes before the threads, or with the start method spawn or forkserver.",
        processes=(parent.key, *keys),
        since=first.first_seen,
    )


RULE = Rule(
    name="fork-with-threads",
    says="a fork while other threads of the program run",
    threshold=f"{FORK_WITH_THREADS} other thread",
    exempt="threads that run no function of the program's own, such as those of multiprocessing and"
    " concurrent.futures, and forks by such threads; the main thread, if another thread forks; a"
    f" child of os.fork that is another program within {briefly(BARE_FORK_NANOSECONDS)} (exec)",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
