"""The threads and stacks of a process as plain data for the ``--json`` document."""

from __future__ import annotations

from typing import Any

from mpviz.trace.model.processes.looks import KernelThread, ThreadStack
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import own_frame
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words


def stacks_of(state: RunState, process: Process) -> dict[str, Any] | None:
    """The last look at where its threads stood, the innermost frame first; None without one."""
    stacks = process.stacks
    if stacks is None:
        return None
    return {
        "time": (stacks.time - state.origin) / 1e9,
        "reason": stacks.reason or None,
        "threads": [
            {
                "name": name_of_stack(process, each),
                "frames": [
                    {"file": file, "line": line, "function": function}
                    for file, line, function in each.frames
                ],
            }
            for each in stacks.threads
        ],
    }


def name_of_stack(process: Process, stack: ThreadStack) -> str:
    """The name of a thread; before Python 3.14 the stack itself does not tell it."""
    known = process.threads.named(stack.thread)
    return stack.name or (known.name if known is not None else "")


def threads_of(state: RunState, process: Process) -> list[dict[str, Any]]:
    """Its threads, the main thread first, the ended last; none if it never had a second one."""
    known, stacks = process.threads, process.stacks
    seen = {each.number: each for each in stacks.kernel} if stacks is not None else {}
    others: list[KnownThread] = []
    if len(known.living) > 1 or known.ended:
        others = [each for each in known.living.values() if each.number not in seen]
        others += [each for each in known.ended if each.number not in seen]
    others.sort(key=lambda each: (each.number != process.pid, each.until >= 0, each.since))
    return [
        *(_entry(state, process, known.living.get(each.number), each) for each in seen.values()),
        *(_entry(state, process, each, None) for each in others),
    ]


def _entry(
    state: RunState, process: Process, known: KnownThread | None, seen: KernelThread | None
) -> dict[str, Any]:
    """A thread that events and samples know, or the last look, or both."""
    file, line, function = _place(process, seen)
    wait = process.waits.get(_number_in_events(process, known, seen))
    seconds = [each.cpu_seconds for each in (known, seen) if each is not None]
    return {
        "id": known.number if known is not None else seen.number if seen is not None else 0,
        "name": (known.name if known else "") or (seen.name if seen else "") or None,
        "daemon": known.daemon if known is not None else None,
        "started": state.seconds(known.since) if known is not None else None,
        "ended": state.seconds(known.until) if known is not None else None,
        "status": (known.status if known is not None else "") or None,
        "cpu_seconds": max(seconds) if max(seconds) >= 0 else None,
        "asleep_in": (seen.place if seen is not None else "") or None,
        "call": (seen.call if seen is not None else "") or None,
        "file": file,
        "line": line,
        "function": function,
        "wait": wait_in_words(state, wait) if wait is not None else None,
    }


def _place(
    process: Process, seen: KernelThread | None
) -> tuple[str | None, int | None, str | None]:
    """The program's own line at which it stood."""
    stacks = process.stacks
    if stacks is None or seen is None:
        return None, None, None
    stack = next((each for each in stacks.threads if each.thread == seen.thread), None)
    frame = own_frame(stack) if stack is not None else None
    return frame or (None, None, None)


def _number_in_events(
    process: Process, known: KnownThread | None, seen: KernelThread | None
) -> int:
    """0 for the main thread; -1 if unknown."""
    if process.pid in {each.number for each in (known, seen) if each is not None}:
        return 0
    if known is not None and known.ident:
        return known.ident
    return seen.thread if seen is not None and seen.thread else -1
