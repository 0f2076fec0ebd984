"""What a run came to: the ``--json`` document, and a short text for the end of a headless run."""

from __future__ import annotations

from typing import Any

from mpviz.trace.primitives import PRIMITIVES
from mpviz.trace.primitives.barrier import Barrier
from mpviz.trace.primitives.condition import Condition
from mpviz.trace.primitives.event import SharedEvent
from mpviz.trace.primitives.lock import locks_in_use
from mpviz.trace.primitives.manager import Manager, manager_name, objects_of
from mpviz.trace.primitives.memory import MemoryBlock
from mpviz.trace.primitives.pipe import pipes_made
from mpviz.trace.primitives.pool import Pool
from mpviz.trace.primitives.queue import Queue
from mpviz.trace.primitives.value import SharedValue
from mpviz.trace.processes import described, exit_in_words
from mpviz.trace.state import LogEntry, RunState, Stuck


def document(state: RunState) -> dict[str, Any]:
    """The state as plain data for JSON; times in seconds from the start of the run.

    Fields are added from version to version, never renamed.
    """
    sections: dict[str, Any] = {"run": _run(state)}
    for primitive in PRIMITIVES:
        if primitive.document is not None:
            sections.update(primitive.document(state))
    # These come with primitives and rules that are not written yet.
    sections |= {"findings": []}
    sections["cores"] = _cores(state)
    sections["stream"] = {
        "records": state.records,
        "lost": state.lost,
        "probe_errors": state.probe_errors,
        "unreadable": state.unreadable,
    }
    return sections


def summary(state: RunState) -> str:
    """A few lines that say how it went, one for each thing that the program used."""
    if state.failure:
        return f"mpviz: {state.failure}"
    return "\n".join(f"mpviz: {line}" for line in _lines(state))


def _run(state: RunState) -> dict[str, Any]:
    run = state.run
    main = state.processes.get(state.main)
    return {
        "target": run.target if run else "",
        "argv": run.arguments if run else [],
        "python": run.python if run else "",
        "python_version": main.python if main else "",
        "start_method": _start_method(state),
        "duration": _duration(state),
        "exit_code": state.exit_code,
        "error": state.failure or None,
        "hang": [_stuck(state, each) for each in state.stuck],
        "mpviz_version": run.version if run else "",
    }


def _stuck(state: RunState, stuck: Stuck) -> dict[str, Any]:
    process = state.processes[stuck.process]
    return {
        "pid": process.pid,
        "name": process.name,
        "what": stuck.what,
        "object": stuck.object,
        "since": (stuck.since - state.origin) / 1e9,
        "waits_for": stuck.words,
    }


def _start_method(state: RunState) -> str:
    """What was asked for, else what the program was seen to use, else nothing."""
    if state.run and state.run.start_method:
        return state.run.start_method
    seen = [process.start_method for process in state.processes.values()]
    return next((method for method in seen if method), "")


def _duration(state: RunState) -> float:
    end = state.ended if state.ended >= 0 else state.now
    return (end - state.origin) / 1e9


def _cores(state: RunState) -> list[dict[str, Any]]:
    cores = state.cores
    return [
        {"index": index, "mean_percent": total / max(1, cores.samples)}
        for index, total in enumerate(cores.percent_total)
    ]


def _trouble(state: RunState, entry: LogEntry) -> str:
    process = state.processes.get(entry.process)
    return f"{described(process)}: {entry.text}" if process else entry.text


def _lines(state: RunState) -> list[str]:
    main = state.processes.get(state.main)
    fate = exit_in_words(main) if main else "never seen"
    name = state.run.target if state.run else "run"
    count = len(state.processes)
    processes = "1 process" if count == 1 else f"{count} processes"
    lines = [f"{name}: {fate} after {_duration(state):.2f} s, {processes}"]
    for pool in state.table(Pool).values():
        done = sum(pool.done_by.values())
        broken = ", and is broken" if pool.broken else ""
        lines.append(f"pool {pool.name}: {done} tasks by {len(pool.workers)} workers{broken}")
    for queue in state.table(Queue).values():
        lines.append(
            f"queue {queue.name}: {queue.puts.count} put, {queue.gets.count} taken,"
            f" at most {queue.max_depth} in it"
        )
    for lock in locks_in_use(state):
        lines.append(
            f"{lock.kind.lower()} {lock.name}: taken {lock.acquisitions} times,"
            f" {lock.contended} after a wait, {lock.wait.total / 1e9:.2f} s waited in all"
        )
    for value in state.table(SharedValue).values():
        lost = f", {value.lost_updates} updates lost" if value.lost_updates else ""
        lines.append(f"{value.kind.lower()} {value.name}: {value.last}{lost}")
    lines += _signal_lines(state)
    lines += _lines_of_communication(state)
    lines += [
        f"!! stuck: {described(state.processes[each.process])} waits for {each.words}"
        for each in state.stuck
    ]
    lines += [f"!! {_trouble(state, entry)}" for entry in state.log if entry.trouble]
    if state.lost or state.probe_errors or state.unreadable:
        lines.append(
            f"!! {state.lost} of {state.records + state.lost} records lost, {state.probe_errors}"
            f" probe errors {state.last_probe_error}, {state.unreadable} unreadable"
        )
    else:
        lines.append(f"{state.records} records, none lost")
    return lines


def _signal_lines(state: RunState) -> list[str]:
    lines = [
        f"event {event.name}: set {event.sets} times, {event.waits} waits,"
        f" {event.wait.total / 1e9:.2f} s waited in all"
        for event in state.table(SharedEvent).values()
    ]
    for condition in state.table(Condition).values():
        lines.append(
            f"condition {condition.name}: {condition.notifies} notifies, {condition.unheard} of"
            f" them to nobody, {condition.wait.total / 1e9:.2f} s waited in all"
        )
    for barrier in state.table(Barrier).values():
        broken = ", broken" if barrier.broken else ""
        lines.append(
            f"barrier {barrier.name}: {barrier.rounds} rounds of {barrier.parties},"
            f" {barrier.wait.total / 1e9:.2f} s waited in all{broken}"
        )
    return lines


def _lines_of_communication(state: RunState) -> list[str]:
    lines = []
    for pipe in pipes_made(state):
        sent = sum(way.sends.count - way.refused for way in pipe.ways)
        received = sum(way.receives.count for way in pipe.ways)
        waited = sum(way.receive_wait.total for way in pipe.ways) / 1e9
        lines.append(
            f"pipe {pipe.name}: {sent} sent, {received} received, {waited:.2f} s waited for them"
        )
    for manager in state.table(Manager).values():
        waited = sum(each.wait.total for each in objects_of(state, manager)) / 1e9
        lines.append(
            f"manager {manager_name(state, manager)}: {manager.calls.count} calls,"
            f" {waited:.2f} s waited for answers"
        )
    for block in state.table(MemoryBlock).values():
        fate = "unlinked" if block.unlinked else "never unlinked"
        lines.append(f"shared memory {block.name}: {block.size} bytes, {fate}")
    return lines
