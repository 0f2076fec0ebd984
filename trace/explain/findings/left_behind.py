"""Rule: children that outlive the first process of the program."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.processes.identity import described, exit_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import HELPERS, Finding, RunState

LEFT_BEHIND = 1
"""Minimum number of processes that are still there after the program's end."""

_NAMED = 4


def _find(state: RunState) -> Iterator[Finding]:
    main = state.processes.get(state.main)
    if main is None or main.ended_on_request:
        return
    if any(sender == "mpviz" for _, sender, _ in main.signals):
        return
    left = [process for process in state.processes.values() if _is_left(state, process)]
    if len(left) >= LEFT_BEHIND:
        yield _finding(main, left)


def _is_left(state: RunState, process: Process) -> bool:
    if not process.left_behind or process.role in (*HELPERS, "program"):
        return False
    # The fork of a fork is how a program makes a daemon on purpose.
    return bool(process.start_method) or process.parent == state.main


def _end_of(main: Process) -> str:
    words = exit_in_words(main)
    return f"had {words}" if words.startswith("ended") else f"had ended with {words}"


def _finding(main: Process, left: list[Process]) -> Finding:
    named = [f"{described(process)} ({process.left_behind})" for process in left[:_NAMED]]
    named += [f"{len(left) - _NAMED} more"] * (len(left) > _NAMED)
    count = plural(len(left), "process was", "processes were")
    return Finding(
        subject="program",
        message=f"{count} still there when {described(main)} {_end_of(main)}: {', '.join(named)}",
        cause="At its exit a program ends its daemons and joins its other processes. It does"
        " neither if it is killed or leaves by os._exit, nor for children of os.fork.",
        fix="Let the first process end in order: close and join what it has started, then return"
        " or raise. A child that must not outlive its parent can wait for"
        " multiprocessing.parent_process().sentinel.",
        processes=tuple(process.key for process in left),
        since=main.ended,
    )


RULE = Rule(
    name="left-behind",
    says="processes that are still there after the program's first process has ended",
    threshold="a quarter of a second after that end",
    exempt="multiprocessing's own helpers; daemons, which a program ends before itself; other"
    " programs that it started; forks of forks, which are daemons on purpose (a single fork that is"
    " meant to stay looks like a fault); programs that mpviz sent a signal, or a Ctrl-C",
    find=_find,
    stays=Stays.AS_IT_WAS,
    at_end=True,
)
