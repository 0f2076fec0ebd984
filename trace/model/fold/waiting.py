"""The fold of waits: a thread begins to wait, and goes on."""

from __future__ import annotations

from mpviz.trace.model.events import Waiting, WaitOver
from mpviz.trace.model.primitive import Bind, FoldRecord
from mpviz.trace.model.processes.process import Process, begin_wait, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import WAIT_KINDS


def wait_begins(state: RunState, process: Process, event: Waiting) -> None:
    """Fold the beginning of a wait that was told as an event."""
    begin = beginning_of_wait_for_job(event)(state, process, event.object)
    begin(event.time, event.thread, event.site, event.job, event.limit)


def beginning_of_wait_for_job(event: Waiting) -> Bind:
    """Make the handler for waits like this one, with any object, job and limit."""
    bind_target = beginning_of_wait(event)

    def bind(state: RunState, process: Process, target: str) -> FoldRecord:
        begins: dict[int, FoldRecord] = {}

        def begin(time: int, thread: int, site: int, job: int, limit: int, *_: int) -> None:
            begin_for_job = begins.get(job)
            if begin_for_job is None:
                whole = f"{target}/{job}" if job >= 0 else target
                begin_for_job = begins[job] = bind_target(state, process, whole)
            begin_for_job(time, thread, site, limit)

        return begin

    return bind


def beginning_of_wait(event: Waiting) -> Bind:
    """Make the handler for waits like this one, with any object and limit."""
    what, turn, begun = event.what, event.turn, event.begun
    kind = WAIT_KINDS.get(what)
    if kind is None:
        return _count_unknown_waits(what)
    activity = kind.activity
    woken = what.removeprefix("wake-")

    def bind(state: RunState, process: Process, target: str) -> FoldRecord:
        if what == "process":
            child = state.by_pid.get(int(target)) if target.isdecimal() else None
            target = child.key if child else target

        def begin(time: int, thread: int, site: int, limit: int, *_: int) -> None:
            wait = process.waits.get(thread)
            if wait is None or (wait.what, wait.object) != (what, target):
                # A get may wait for its turn and then for data, which counts as one wait.
                until = time + limit * 1_000_000 if limit > 0 else -1
                is_own = wait is not None and (wait.what, wait.object) == (woken, target)
                wait = Wait(what, target, time, activity, site, until, own=is_own)
                begin_wait(process, thread, wait)
            if turn:
                wait.turn = True
                if begun:
                    wait.begun = time
            if site:
                process.site = site
            settle(process, time)

        return begin

    return bind


def _count_unknown_waits(what: str) -> Bind:
    def bind(state: RunState, process: Process, target: str) -> FoldRecord:
        def count(*_: int) -> None:
            state.probe_errors += 1
            state.last_probe_error = f"a wait of an unknown kind: {what}"

        return count

    return bind


def wait_ends(state: RunState, process: Process, event: WaitOver) -> None:
    """Fold the end of a wait that was told as an event."""
    ending_of_wait(state, process, "")(event.time, event.thread)


def ending_of_wait(state: RunState, process: Process, _: str) -> FoldRecord:
    """Make the handler for the ends of waits of any kind."""
    waits = process.waits

    def end(time: int, thread: int, *_: int) -> None:
        wait = end_wait(process, thread) if waits else None
        if wait is not None:
            WAIT_KINDS[wait.what].ended(state, wait, time - wait.since)
            settle(process, time)

    return end
