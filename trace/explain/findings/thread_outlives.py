"""Rule: a process that has done its work, and is kept alive by a thread that is no daemon."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.evidence import waits_without_timeout
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly, duration
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.looks import ThreadStack
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import is_helper, is_of_python, place_in_words
from mpviz.trace.model.state import Finding, RunState

OUTLIVES_NANOSECONDS = 4_000_000_000
"""Nanoseconds for which it is known to go on after the end of its function."""


def _find(state: RunState) -> Iterator[Finding]:
    for waiter, wait in waits_without_timeout(state):
        process = state.processes.get(wait.object) if wait.what == "process" else None
        if process is None or not process.alive or process.exiting < 0 or not process.resting:
            continue
        thread = _other_thread(process)
        if thread is not None:
            yield _finding(state, process, thread, waiter)


def _other_thread(process: Process) -> tuple[str, int, str] | None:
    """Where the only other thread of the program's own was begun, if the main thread waits for it.

    Python does that in ``threading._shutdown``, for threads that are no daemons. Of several
    threads, it is not known which are.
    """
    stacks = process.stacks
    if stacks is None or stacks.main is None or stacks.time < process.exiting:
        return None
    begun = [_outermost_own(each) for each in stacks.threads[:-1] if not is_helper(each)]
    is_waited_for = any(function == "_shutdown" for _, _, function in stacks.main.frames)
    return begun[0] if is_waited_for and len(begun) == 1 else None


def _outermost_own(stack: ThreadStack) -> tuple[str, int, str] | None:
    own = [frame for frame in stack.frames if not is_of_python(frame)]
    return own[-1] if own else None


def _finding(
    state: RunState, process: Process, thread: tuple[str, int, str], waiter: Process
) -> Finding:
    ended = duration(state.now - process.exiting)
    return Finding(
        subject=process.key,
        message=f"{described(process)} came to the end of its function {ended} ago, and its thread"
        f" goes on at {place_in_words(thread)}; {described(waiter)} waits to join the process",
        cause="A process ends only after all of its threads that are not daemons.",
        fix="Tell the thread to stop at the end of the function, by a threading.Event, and join it;"
        " or start it with daemon=True.",
        processes=(process.key, waiter.key),
        since=process.exiting,
    )


RULE = Rule(
    name="thread-outlives",
    says="a process kept alive by a thread after the end of its function",
    threshold=f"a look after that end has found the thread, somebody waits for the process, and it"
    f" has hardly used a core for {briefly(OUTLIVES_NANOSECONDS)}",
    exempt="daemon threads, for which no process waits; a thread that works; a process with several"
    " other threads; one at which mpviz cannot look",
    find=_find,
    stays=Stays.OVER,
    holds=OUTLIVES_NANOSECONDS,
    is_a_dead_end=True,
    asleep_since_then=True,
)
