"""Rule: a thread that waits for an import which itself waits for the processes it has started."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.looks import ThreadStack
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import place_in_words
from mpviz.trace.model.state import Finding, RunState

IMPORT_NANOSECONDS = 1_000_000_000
"""Nanoseconds for which a thread is known to stand in the lock of an import."""

_IMPORTLIB = "<frozen importlib._bootstrap>"


def _find(state: RunState) -> Iterator[Finding]:
    by_module: dict[str, list[Process]] = {}
    for process in state.processes.values():
        if process.alive and _waits_for_import(process):
            module = _module_at_work(process) or _module_at_work(
                state.processes.get(process.parent)
            )
            by_module.setdefault(module, []).append(process)
    for module, waiting in by_module.items():
        first = waiting[0]
        others = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        wait = "wait" if others else "waits"
        where = f" of the module at {module}" if module else ""
        yield Finding(
            subject=first.key,
            message=f"{described(first)}{others} {wait} for the import{where} to end, and that"
            " import waits for its processes",
            cause="While a module is being imported, its import lock is held, also in a process"
            " that is forked meanwhile. Whatever else needs the module waits for that lock.",
            fix="Start processes in a function, and call it below"
            ' if __name__ == "__main__": never in the body of a module.',
            processes=tuple(process.key for process in waiting),
        )


def _waits_for_import(process: Process) -> bool:
    stacks = process.stacks
    if stacks is None or stacks.time < process.since or not process.resting:
        return False
    if stacks.sleeps & {"clock", "disk", "network"}:
        # It may be the import that sleeps, and goes on.
        return False
    return any(_is_in_lock(each) for each in stacks.threads)


def _is_in_lock(stack: ThreadStack) -> bool:
    """Whether its innermost frame takes the lock of a module (Lib/importlib/_bootstrap.py)."""
    if not stack.frames:
        return False
    file, _, function = stack.frames[0]
    return file == _IMPORTLIB and function in ("acquire", "__enter__")


def _module_at_work(process: Process | None) -> str:
    """The innermost line of a module's body that the main thread is at; empty if none is known."""
    stacks = process.stacks if process is not None else None
    if stacks is None or stacks.main is None:
        return ""
    bodies = [
        frame
        for frame, caller in zip(stacks.main.frames, stacks.main.frames[1:], strict=False)
        if frame[2] == "<module>" and caller[0] == _IMPORTLIB
    ]
    return place_in_words(bodies[0]).removesuffix(" in <module>") if bodies else ""


RULE = Rule(
    name="import-lock",
    says="a module that starts processes in its body, and these need the module",
    threshold="a thread stands in the lock of an import, in a process that stands still for"
    f" {briefly(IMPORT_NANOSECONDS)}",
    exempt="an import that goes on",
    find=_find,
    stays=Stays.OVER,
    holds=IMPORT_NANOSECONDS,
    is_a_dead_end=True,
)
