"""The reducer: each event, or run of ring records, changes the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from mpviz.trace.model.events import (
    Event,
    FileLocksSeen,
    Marked,
    Output,
    ProbeError,
    ProcessExited,
    ProgramEnded,
    ProgramFailed,
    ProgramStarted,
    RecordsDropped,
    RingOpened,
    RingRefused,
    RunEnded,
    RunStarted,
    Sample,
    Site,
    SupervisorSignalled,
    Trouble,
    Unreadable,
)
from mpviz.trace.model.fold.handlers import HANDLERS
from mpviz.trace.model.fold.ring_records import fold_records, fold_stretch
from mpviz.trace.model.fold.said import take_in_line
from mpviz.trace.model.fold.samples import allow_cores, take_in_sample
from mpviz.trace.model.fold.senders import (
    leave_out,
    note_trouble,
    note_unreadable,
    refuse,
    speaker_of,
)
from mpviz.trace.model.primitive import Handler
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.primitives.file_lock import take_in_file_locks
from mpviz.trace.model.primitives.seen import LookTaken, take_in_look
from mpviz.trace.model.processes.identity import end_process, process_with_pid, signal_name
from mpviz.trace.model.processes.looks import StacksRead
from mpviz.trace.model.processes.process import Process, Stuck, note_signal, settle
from mpviz.trace.model.processes.programs import take_in_start
from mpviz.trace.model.processes.stacks import take_in_stacks
from mpviz.trace.model.sources import FROM_SUPERVISOR, FROM_VIEWER
from mpviz.trace.model.state import (
    ENDED_BY_CTRL_C,
    MOST_SITES,
    OutputLine,
    RunState,
    TableFullError,
)
from mpviz.trace.model.stretches import Stretch
from mpviz.trace.model.told import Told
from mpviz.trace.model.wait_kinds import WAIT_KINDS

_TOO_MANY_SITES = (
    f"the program was seen at more than {MOST_SITES:,} places in its source:"
    " the others have no file and no line"
)

MOST_UNSEEN = 1000
"""Maximum number of unseen processes whose exit codes and signals are kept."""


@dataclass(frozen=True)
class Watcher:
    """Functions that explain the state during a fold, at moments that do not come again."""

    while_it_runs: Callable[[RunState], None]
    """Is called after each sample, and before the end begins."""
    at_end: Callable[[RunState], None]
    stuck: Callable[[RunState], list[Stuck]]
    """The processes that wait, if none is at work."""
    as_it_waits: Callable[[RunState, Process], Stuck | None]
    """The wait of a process; None if it does not wait."""


NOBODY = Watcher(
    while_it_runs=lambda _: None,
    at_end=lambda _: None,
    stuck=lambda _: [],
    as_it_waits=lambda *_: None,
)
"""Explains nothing."""


def fold(state: RunState, told: Iterable[Told], watcher: Watcher = NOBODY) -> RunState:
    """Bring the state up to date with these events, in their order.

    A failure to fold an event is an error of ours. It is reported, and the rest is folded.
    """
    handlers = _handlers_for(watcher)
    for each in told:
        if not isinstance(each, Event):
            if isinstance(each, Stretch):
                fold_stretch(state, each)
            else:
                fold_records(state, each)
            state.recent.add(each)
            continue
        try:
            _fold_event(state, each, handlers)
        except Exception as error:
            leave_out(state, type(each), error)
        while state.just_ended:
            # Even if the fold of the event failed after it had noted an end.
            try:
                _end_waits(state, state.just_ended.pop(0), watcher)
            except Exception as error:
                leave_out(state, type(each), error)
    return state


@dataclass(frozen=True)
class _Handlers:
    of_processes: dict[type[Event], Handler]
    """For events that processes and the supervisor send."""
    of_the_viewer: dict[type[Event], Callable[[RunState, Any], None]]


@cache
def _handlers_for(watcher: Watcher) -> _Handlers:
    return _Handlers(
        {
            **_HANDLERS,
            ProgramEnded: partial(_program_ended, watcher),
            SupervisorSignalled: partial(_supervisor_signalled, watcher),
        },
        {
            **_VIEWER_HANDLERS,
            RunEnded: partial(_run_ended, watcher),
            Marked: partial(_marked, watcher),
            Sample: partial(_sampled, watcher),
        },
    )


def _fold_event(state: RunState, event: Event, handlers: _Handlers) -> None:
    if event.time > state.now:
        state.now = event.time
    kind = type(event)
    handler = handlers.of_processes.get(kind)
    if handler is None:
        handlers.of_the_viewer[kind](state, event)
    else:
        process = state.by_pid.get(event.pid)
        if process is None:
            process = speaker_of(state, event)
            if process is None:
                refuse(state, event)
                return
        state.records += 1
        process.records += 1
        if event.number > process.highest_number:
            process.highest_number = event.number
        if event.dropped:
            process.dropped = event.dropped
        handler(state, process, event)
        state.recent.add(event)


def _end_waits(state: RunState, process: Process, watcher: Watcher) -> None:
    process.last_wait = watcher.as_it_waits(state, process)
    for wait in process.waits.values():
        WAIT_KINDS[wait.what].ended(state, wait, process.ended - wait.since)
    for primitive in PRIMITIVES:
        if primitive.process_ended is not None:
            primitive.process_ended(state, process)
    process.waits.clear()


def _program_started(state: RunState, supervisor: Process, event: ProgramStarted) -> None:
    process = process_with_pid(state, event.child, event.time, event.started)
    process.started_ticks = event.started
    process.role = "main"
    process.name = "MainProcess"
    state.main = process.key
    if state.run is not None and not process.probed:
        take_in_start(state, process, event.time, state.run.arguments)
    if process.lane.start < 0:
        settle(process, event.time)
    state.note(event.time, process.key, f"starts as pid {event.child}")


def _program_failed(state: RunState, supervisor: Process, event: ProgramFailed) -> None:
    state.failure = event.error
    state.note(event.time, "", event.error, trouble=True)


def _program_ended(
    watcher: Watcher, state: RunState, supervisor: Process, event: ProgramEnded
) -> None:
    watcher.while_it_runs(state)
    process = state.processes.get(state.main)
    if process is not None:
        end_process(state, process, event.time, event.exit_code)
        # The supervisor is its parent, so this holds whatever others have told.
        process.exit_code = event.exit_code
    state.exit_code = event.exit_code
    if state.ending < 0:
        state.ending = event.time
        if event.time > state.interrupted + ENDED_BY_CTRL_C:
            # It went on after the Ctrl-C at which it was stuck.
            state.stuck = []


def _supervisor_signalled(
    watcher: Watcher, state: RunState, supervisor: Process, event: SupervisorSignalled
) -> None:
    if event.child not in state.by_pid:
        # As with an exit: nothing is known of it.
        _keep(state.signalled_unseen, event.child, event.signal)
        return
    process = process_with_pid(state, event.child, event.time)
    note_signal(process, event.time, "mpviz", event.signal)
    if event.left_behind and process.alive:
        process.left_behind = process.left_behind or _at_what(watcher, state, process)
        sent = f"so mpviz sends it {signal_name(event.signal)}"
        state.note(event.time, process.key, f"is there after the program's end, {sent}")


def _at_what(watcher: Watcher, state: RunState, process: Process) -> str:
    waits = watcher.as_it_waits(state, process)
    return process.state if waits is None else f"waiting for {waits.words}"


def _process_exited(state: RunState, speaker: Process, event: ProcessExited) -> None:
    is_unseen = speaker is state.supervisor and event.child not in state.by_pid
    if is_unseen and (event.exit_code >= 0 or event.child in state.signalled_unseen):
        # It lived shorter than one sample, so nothing else is known of it: it may be the resource
        # tracker of a short run, which has no probe. It is shown only if a signal killed it that
        # mpviz did not send.
        _keep(state.unseen_ends, event.child, event.exit_code)
        return
    process = process_with_pid(state, event.child, event.time)
    if speaker.key == process.parent:
        process.joined = True
    end_process(state, process, event.time, event.exit_code)
    if speaker is state.supervisor:
        # The supervisor knows it from the kernel; other records may be forged.
        process.exit_code = event.exit_code


def _keep(numbers: dict[int, int], pid: int, number: int) -> None:
    """Keep this for an unseen process, which the next sample may see as a zombie."""
    numbers[pid] = number
    if len(numbers) > MOST_UNSEEN:
        del numbers[next(iter(numbers))]


def _site(state: RunState, process: Process, event: Site) -> None:
    if not state.keep_site(event):
        raise TableFullError(_TOO_MANY_SITES)


def _ring_opened(state: RunState, process: Process, event: RingOpened) -> None:
    """Changes nothing in the state of the process."""


def _ring_refused(state: RunState, process: Process, event: RingRefused) -> None:
    process.slow_way = event.reason
    trouble = event.how == "denied"
    state.own_troubles += trouble
    text = "sends records through the pipe instead of shared memory, which is slower"
    state.note(event.time, process.key, f"{text}: {event.reason}", trouble=trouble)


def _probe_error(state: RunState, process: Process, event: ProbeError) -> None:
    state.probe_errors += 1
    state.last_probe_error = f"{event.where}: {event.error}"
    state.note(
        event.time, process.key, f"probe error in {event.where}: {event.error}", trouble=True
    )


def _run_started(state: RunState, event: RunStarted) -> None:
    state.run = event
    state.origin = event.time
    cores = state.cores
    cores.machine, cores.granted = event.cores, event.granted
    allow_cores(cores, event.allowed)


def _run_ended(watcher: Watcher, state: RunState, event: RunEnded) -> None:
    for process in state.processes.values():
        if process.alive and not event.left:
            # All are gone when the run ends; how this one ended nobody knows.
            end_process(state, process, event.time, None)
    state.ended, state.left = event.time, event.left
    if event.trouble:
        state.note(event.time, "", event.trouble, trouble=True)
    if event.exit_code is not None:
        state.exit_code = event.exit_code
    if state.ending < 0:
        state.ending = event.time
    state.recent.settle()
    watcher.at_end(state)


def _output(state: RunState, event: Output) -> None:
    writer = state.by_pid.get(event.pid)
    key = writer.key if writer else ""
    lines = state.output
    if lines and not lines[-1].ended and _continues(lines[-1], key, event.stream):
        last = lines[-1]
        last.text += event.text
        last.ended = event.ended
    else:
        pid = event.pid if writer is None else 0
        lines.append(OutputLine(event.time, key, event.stream, event.text, event.ended, pid))
        state.output_lines += 1
    if event.ended:
        take_in_line(state, lines[-1])


def _continues(line: OutputLine, process: str, stream: str) -> bool:
    return line.process == process and line.stream == stream and len(line.text) < 4096


MOST_BEFORE_END = 1_000_000_000
"""Nanoseconds before the end is asked for in which a dead end may seem over because of it."""

_BY_HAND = {
    "freeze": "is frozen by hand",
    "go on": "is resumed by hand",
    "interrupt": "is sent Ctrl-C by hand",
    "stop": "is being ended by hand",
}


def _marked(watcher: Watcher, state: RunState, event: Marked) -> None:
    target = state.by_pid.get(event.child)
    if event.action == "signal" and target is not None:
        note_signal(target, event.time, "mpviz", event.signal)
        state.note(event.time, target.key, f"is sent {signal_name(event.signal)} by hand")
        return
    if event.action in ("freeze", "go on"):
        state.frozen = event.action == "freeze"
    if event.action in ("stop", "interrupt") and state.ending < 0:
        watcher.while_it_runs(state)
        has_gone_on = event.time > state.interrupted + ENDED_BY_CTRL_C
        state.stuck = watcher.stuck(state) or ([] if has_gone_on else state.stuck)
        if event.action == "stop":
            state.ending = state.told_to_end = event.time
        else:
            state.interrupted = event.time
        _undo_ends(state, event.time)
    state.note(event.time, "", "the program " + _BY_HAND.get(event.action, event.action))


def _undo_ends(state: RunState, time: int) -> None:
    """Have the dead ends last that seemed over when the program was told to end.

    A Ctrl-C wakes all processes of a terminal at once, so they may run before mpviz tells of it.
    """
    for finding in state.findings.values():
        if finding.is_a_dead_end and finding.over >= time - MOST_BEFORE_END:
            finding.over = -1


def _records_dropped(state: RunState, event: RecordsDropped) -> None:
    process = process_with_pid(state, event.child, event.time)
    process.highest_number = max(process.highest_number, event.last)
    process.dropped = max(process.dropped, event.count)


def _sampled(watcher: Watcher, state: RunState, event: Sample) -> None:
    take_in_sample(state, event)
    watcher.while_it_runs(state)


_HANDLERS: dict[type[Event], Handler] = {
    **HANDLERS,
    ProgramStarted: _program_started,
    ProgramFailed: _program_failed,
    ProcessExited: _process_exited,
    Site: _site,
    RingOpened: _ring_opened,
    RingRefused: _ring_refused,
    ProbeError: _probe_error,
}

_VIEWER_HANDLERS: dict[type[Event], Any] = {
    RunStarted: _run_started,
    Output: _output,
    Unreadable: note_unreadable,
    RecordsDropped: _records_dropped,
    Trouble: note_trouble,
    StacksRead: take_in_stacks,
    FileLocksSeen: take_in_file_locks,
    LookTaken: take_in_look,
}

EVENTS: tuple[type[Event], ...] = tuple(dict.fromkeys((*FROM_SUPERVISOR, *FROM_VIEWER, *_HANDLERS)))
"""Every kind of event there is."""
