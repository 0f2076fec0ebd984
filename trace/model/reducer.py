"""The fold: events in, RunState out; no clock, no I/O, no thread, so a replay is the run again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from operator import attrgetter, length_hint
from typing import Any, cast

from mpviz.trace.model import own_errors
from mpviz.trace.model.events import (
    COMMON_EVENTS,
    Event,
    Marked,
    Output,
    ProbeError,
    ProcessExited,
    ProcessSample,
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
    Waiting,
    WaitOver,
)
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.processes import (
    end_process,
    process_with_pid,
    signal_name,
)
from mpviz.trace.model.programs import take_in_command, take_in_start, take_in_title, watch_silence
from mpviz.trace.model.sampled import BUSY_PERCENT, count_look, read_waits_for_core, take_in_work
from mpviz.trace.model.state import (
    CORE_USES,
    CROWD_SAMPLES,
    MOST_SITES,
    Bind,
    Cores,
    CoreUse,
    FoldRecord,
    FormHandler,
    Handler,
    OutputLine,
    Process,
    RingHandler,
    RunState,
    Stuck,
    TableFullError,
    Wait,
    begin_wait,
    end_wait,
    note_signal,
    read_cpu,
    settle,
    settle_as_seen,
)
from mpviz.trace.model.stretches import SHORT, PartHandler, Stretch, parts_of
from mpviz.trace.model.told import Form, RingRecord, Told
from mpviz.trace.model.wait_kinds import WAIT_KINDS

_TOO_MANY_SITES = (
    f"the program was seen at more than {MOST_SITES:,} places in its source:"
    " the others have no file and no line"
)

ENDED_BY_CTRL_C = 10_000_000_000
"""A program that ends later than so many nanoseconds after a Ctrl-C may have gone on without it."""

MOST_UNSEEN = 1000
"""Maximum number of processes never seen whose exit codes and signals are kept."""

UNREADABLE_TOLD = 10
"""Number of unreadable records that are shown; the others are only counted."""


@dataclass(frozen=True)
class Watcher:
    """What explains the state at moments that do not come again; called in the middle of a fold."""

    while_it_runs: Callable[[RunState], None]
    """Is called after each sample, and before the end begins."""
    at_end: Callable[[RunState], None]
    stuck: Callable[[RunState], list[Stuck]]
    """Who waits for what may never come, if nobody is at work."""
    as_it_waits: Callable[[RunState, Process], Stuck | None]
    """What a process waits for; None if it does not wait."""


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
                _fold_stretch(state, each)
            else:
                _fold_records(state, each)
            state.recent.add(each)
            continue
        try:
            _fold_event(state, each, handlers)
        except Exception as error:
            _leave_out(state, type(each), error)
        while state.just_ended:
            # Also those whose end was noted before something failed.
            try:
                _tell_of_death(state, state.just_ended.pop(0), watcher)
            except Exception as error:
                _leave_out(state, type(each), error)
    return state


def _leave_out(state: RunState, kind: type[Event], error: Exception) -> None:
    """Note, once for each reason, that the state is incomplete."""
    if not isinstance(error, TableFullError):
        own_errors.tell(state, f"the fold of {kind.__name__}", error)
        return
    text = str(error)
    if text not in state.left_out:
        state.left_out.add(text)
        told = Trouble(time=state.now, pid=0, text=text, hides_losses=error.hides_losses)
        _trouble(state, told)


def _fold_stretch(state: RunState, stretch: Stretch) -> None:
    """Fold the records of one process that can be folded at once so, and the others one by one."""
    columns, start = stretch.columns, stretch.start
    process = state.by_pid.get(columns.pid)
    if process is None or len(stretch) < SHORT:
        _fold_one_by_one(state, stretch)
        return
    forms = columns.forms[start : stretch.end]
    alone = {form for form in set(forms) if not _has_part(form)}
    stops = [at for at, form in enumerate(forms, start) if form in alone] if alone else []
    if len(stops) * SHORT > len(forms):
        _fold_one_by_one(state, stretch)
        return
    for stop in stops:
        _fold_at_once(state, process, Stretch(columns, start, stop))
        _fold_one_by_one(state, Stretch(columns, stop, stop + 1))
        start = stop + 1
    _fold_at_once(state, process, Stretch(columns, start, stretch.end))


def _fold_one_by_one(state: RunState, stretch: Stretch) -> None:
    if stretch:
        _fold_records(state, stretch.records())


def _has_part(form: Form) -> bool:
    """Whether there is a way to fold many records of this form at once."""
    quick = _RING_HANDLERS.get(form.kind)
    return form.kind in _PART_HANDLERS and quick is not None and quick.fields == form.fields


def _fold_at_once(state: RunState, process: Process, stretch: Stretch) -> None:
    """Fold a stretch in which each record has a part handler."""
    if not _fold_parts(state, process, stretch):
        # The first records may end a wait, or be the first that use an object.
        columns, start, end = stretch.columns, stretch.start, stretch.end
        after = min(end, start + SHORT)
        _fold_one_by_one(state, Stretch(columns, start, after))
        rest = Stretch(columns, after, end)
        if not _fold_parts(state, process, rest):
            _fold_one_by_one(state, rest)


def _fold_parts(state: RunState, process: Process, stretch: Stretch) -> bool:
    """Fold each object's records at once; False if that would not leave the same state."""
    if len(stretch) < SHORT or 0 in process.waits:
        return False
    parts = parts_of(stretch, _PART_HANDLERS)
    if parts is None:
        return False
    folds: list[Callable[[], None]] = []
    for (handler, object_id), part in parts.items():
        fold_part = handler.bind(state, process, object_id, part)
        if fold_part is None:
            return False
        folds.append(fold_part)
    columns, last = stretch.columns, stretch.end - 1
    state.records += len(stretch)
    process.records += len(stretch)
    process.highest_number = max(process.highest_number, columns.first + last)
    state.now = max(state.now, columns.times[last])
    for fold_part in folds:
        try:
            fold_part()
        except Exception as error:
            _leave_out(state, columns.forms[last].kind, error)
    process.site = stretch.last_site() or process.site
    return True


def _fold_records(state: RunState, records: list[RingRecord]) -> None:
    """Fold records from rings. There may be millions, so each costs one call, that of its handler.

    No such record ends a process, or creates what another one is about, so what is bound stays good
    for all of them.
    """
    waiting = iter(records)
    bound: dict[Form, tuple[Process, FoldRecord]] = {}
    while True:
        try:
            _fold_while_it_goes(state, waiting, bound)
            break
        except Exception as error:
            kind = records[len(records) - length_hint(waiting) - 1][1].kind
            _leave_out(state, kind, error)
    state.now = max(state.now, records[-1][0])


def _fold_while_it_goes(
    state: RunState, records: Iterator[RingRecord], bound: dict[Form, tuple[Process, FoldRecord]]
) -> None:
    for time, form, thread, number, site, first, second, third in records:
        try:
            process, fold_record = bound[form]
        except KeyError:
            event = form.event((time, form, thread, number, site, first, second, third))
            speaker = state.by_pid.get(form.pid) or _speaker(state, event)
            if speaker is None:
                _refuse(state, event)
                continue
            process, fold_record = bound[form] = speaker, _bound(state, speaker, form)
        state.records += 1
        process.records += 1
        if number > process.highest_number:
            process.highest_number = number
        fold_record(time, thread, site, first, second, third)


def _bound(state: RunState, process: Process, form: Form) -> FoldRecord:
    """The function that folds the records of a form; they count also if it cannot be made."""
    try:
        return form.bind(state, process, form.object)
    except Exception as error:
        _leave_out(state, form.kind, error)
        return _count_only


def _count_only(*_: int) -> None:
    """Fold a record about something that is not kept."""


@dataclass(frozen=True)
class _Handlers:
    of_processes: dict[type[Event], Handler]
    """For what processes and the supervisor tell."""
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
            Sample: partial(_sample, watcher),
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
            process = _speaker(state, event)
            if process is None:
                _refuse(state, event)
                return
        state.records += 1
        process.records += 1
        if event.number > process.highest_number:
            process.highest_number = event.number
        if event.dropped:
            process.dropped = event.dropped
        handler(state, process, event)
        state.recent.add(event)


def _speaker(state: RunState, event: Event) -> Process | None:
    """Resolve a sender that is not (yet) an observed process; None if this pid cannot be one.

    The supervisor and the viewer do not belong to the program, and send no such records.
    """
    if state.supervisor is None and isinstance(event, ProgramStarted | ProgramFailed):
        state.supervisor = Process("supervisor", event.pid, 0, event.time, name="mpviz")
    if state.supervisor is not None and event.pid == state.supervisor.pid:
        return state.supervisor if isinstance(event, _BY_THE_SUPERVISOR) else None
    return process_with_pid(state, event.pid, event.time) if event.pid else None


def _refuse(state: RunState, event: Event) -> None:
    kind = event.__struct_config__.tag
    _unreadable(state, Unreadable(time=event.time, pid=0, text=f"{kind} by pid {event.pid}"))


def _tell_of_death(state: RunState, process: Process, watcher: Watcher) -> None:
    process.last_wait = watcher.as_it_waits(state, process)
    for wait in process.waits.values():
        WAIT_KINDS[wait.what].ended(state, wait, process.ended - wait.since)
    for primitive in PRIMITIVES:
        if primitive.process_ended is not None:
            primitive.process_ended(state, process)
    process.waits.clear()


def _waiting(state: RunState, process: Process, event: Waiting) -> None:
    begin = _beginning_of_wait_for_job(event)(state, process, event.object)
    begin(event.time, event.thread, event.site, event.job, event.limit)


def _beginning_of_wait_for_job(event: Waiting) -> Bind:
    """Make the handler for waits like this one, for any object, job and limit."""
    bind_target = _beginning_of_wait(event)

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


def _beginning_of_wait(event: Waiting) -> Bind:
    """Make the handler for waits like this one, for any object and limit."""
    what, turn, begun = event.what, event.turn, event.begun
    kind = WAIT_KINDS.get(what)
    if kind is None:
        return _count_unknown_waits(what)
    activity = kind.activity

    def bind(state: RunState, process: Process, target: str) -> FoldRecord:
        if what == "process":
            child = state.by_pid.get(int(target)) if target.isdecimal() else None
            target = child.key if child else target

        def begin(time: int, thread: int, site: int, limit: int, *_: int) -> None:
            wait = process.waits.get(thread)
            if wait is None or (wait.what, wait.object) != (what, target):
                # A get may wait for its turn and then for data: that is one wait.
                until = time + limit * 1_000_000 if limit > 0 else -1
                wait = Wait(what, target, time, activity, site, until)
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


def _wait_over(state: RunState, process: Process, event: WaitOver) -> None:
    _ending_of_wait(state, process, "")(event.time, event.thread)


def _ending_of_wait(state: RunState, process: Process, _: str) -> FoldRecord:
    waits = process.waits

    def end(time: int, thread: int, *_: int) -> None:
        wait = end_wait(process, thread) if waits else None
        if wait is not None:
            WAIT_KINDS[wait.what].ended(state, wait, time - wait.since)
            settle(process, time)

    return end


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
        # Whatever others have told of it: the supervisor is its parent.
        process.exit_code = event.exit_code
    state.exit_code = event.exit_code
    if state.ending < 0:
        state.ending = event.time
        if event.time > state.interrupted + ENDED_BY_CTRL_C:
            # It was stuck at that Ctrl-C, but went on.
            state.stuck = []


def _supervisor_signalled(
    watcher: Watcher, state: RunState, supervisor: Process, event: SupervisorSignalled
) -> None:
    if event.child not in state.by_pid:
        # As with an exit: nobody has told or seen what it is.
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
        # It was there for less than a look takes, and nothing is known of it but that: a resource
        # tracker of a short run, say, which takes no probe along. It is shown only if a signal
        # killed it that mpviz did not send.
        _keep(state.unseen_ends, event.child, event.exit_code)
        return
    process = process_with_pid(state, event.child, event.time)
    if speaker.key == process.parent:
        process.joined = True
    end_process(state, process, event.time, event.exit_code)
    if speaker is state.supervisor:
        # It has it from the kernel; what others told may be forged.
        process.exit_code = event.exit_code


def _keep(numbers: dict[int, int], pid: int, number: int) -> None:
    """Remember this of a process that nobody has seen: the next look may see it as a zombie."""
    numbers[pid] = number
    if len(numbers) > MOST_UNSEEN:
        del numbers[next(iter(numbers))]


def _site(state: RunState, process: Process, event: Site) -> None:
    if len(state.sites) >= MOST_SITES and event.site not in state.sites:
        raise TableFullError(_TOO_MANY_SITES)
    state.sites[event.site] = event


def _ring_opened(state: RunState, process: Process, event: RingOpened) -> None:
    """It changes nothing that is true of the process."""


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
    _allow(cores, event.allowed)


def usable_cores(machine: int, allowed: Iterable[int], granted: float) -> int:
    """How many cores a program can keep busy at once; a part of a core counts as one."""
    count = max(1, len(set(allowed)) or machine)
    return math.ceil(granted) if 0 < granted < count else count


def _allow(cores: Cores, allowed: list[int]) -> None:
    """Note which cores the program may run on from now on; an empty list changes nothing."""
    if allowed:
        cores.allowed = frozenset(allowed)
    cores.count = usable_cores(cores.machine, cores.allowed, cores.granted)


def _run_ended(watcher: Watcher, state: RunState, event: RunEnded) -> None:
    for process in state.processes.values():
        if process.alive:
            # All are gone when the run ends; of this one nobody learned how.
            end_process(state, process, event.time, None)
    state.ended = event.time
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
        return
    lines.append(OutputLine(event.time, key, event.stream, event.text, event.ended))
    state.output_lines += 1


def _continues(line: OutputLine, process: str, stream: str) -> bool:
    return line.process == process and line.stream == stream and len(line.text) < 4096


_BY_HAND = {
    "freeze": "frozen by hand",
    "go on": "goes on",
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
            state.ending = event.time
        else:
            state.interrupted = event.time
    state.note(event.time, "", "the program " + _BY_HAND.get(event.action, event.action))


def _unreadable(state: RunState, event: Unreadable) -> None:
    state.unreadable += 1
    if state.unreadable <= UNREADABLE_TOLD:
        state.note(event.time, "", f"unreadable record: {event.text}", trouble=True)


def _records_dropped(state: RunState, event: RecordsDropped) -> None:
    process = process_with_pid(state, event.child, event.time)
    process.highest_number = max(process.highest_number, event.last)
    process.dropped = max(process.dropped, event.count)


def _trouble(state: RunState, event: Trouble) -> None:
    state.own_troubles += 1
    state.note(event.time, "", event.text, trouble=True)
    if event.hides_losses:
        state.hidden_losses.append(event.text)


def _sample(watcher: Watcher, state: RunState, event: Sample) -> None:
    cores = state.cores
    shares: list[dict[str, float]] = [{} for _ in event.cores]
    wanted = had = 0.0
    state.zombies = []
    for sample in event.processes:
        process = _sampled(state, event.time, sample)
        if process is None:
            continue
        had += sample.cpu_percent / 100
        if 0 <= sample.core < len(shares) and sample.cpu_percent > 0:
            shares[sample.core][process.key] = sample.cpu_percent
        if process.began >= 0:
            wanted += process.demand
    cores.history.append(
        (event.time, [CoreUse(*use) for use in zip(event.cores, shares, strict=True)])
    )
    cores.times.append(event.time)
    while len(cores.history) * len(event.cores) > CORE_USES and len(cores.history) > CROWD_SAMPLES:
        cores.history.popleft()
    cores.wanted.append(wanted)
    cores.had.append(had)
    cores.own_total += 100 * had
    cores.samples += 1
    if len(cores.percent_total) != len(event.cores):
        cores.percent_total = [0.0] * len(event.cores)
        cores.machine = len(event.cores)
        _allow(cores, event.allowed)
    elif event.allowed:
        _allow(cores, event.allowed)
    for index, percent in enumerate(event.cores):
        cores.percent_total[index] += percent
    for time, process in state.missing:
        end_process(state, process, time, None)
    # The records that it wrote last may still be on their way, and the news of how it ended.
    state.missing = [(event.time, state.by_pid[pid]) for pid in event.gone if pid in state.by_pid]
    watcher.while_it_runs(state)


def _sampled(state: RunState, time: int, sample: ProcessSample) -> Process | None:
    is_new = sample.pid not in state.by_pid
    unseen_end = state.unseen_ends.get(sample.pid)
    our_signal = state.signalled_unseen.get(sample.pid)
    try:
        process = process_with_pid(state, sample.pid, time, sample.started)
    except TableFullError as error:
        _leave_out(state, Sample, error)
        return None
    if sample.status == "Z":
        process.kernel_parent = sample.parent
        state.zombies.append(process.key)
    if not process.alive:
        return None
    process.started_ticks = sample.started
    if not process.parent and process.key != state.main:
        parent = state.by_pid.get(sample.parent)
        process.parent = parent.key if parent else ""
    if sample.command:
        take_in_command(state, process, time, sample)
    elif sample.executable and not process.name:
        # It is a zombie: only the kernel's name for it is left.
        process.name, process.role = sample.executable, "program"
    if sample.title:
        take_in_title(process, sample.title)
    if is_new and unseen_end is not None and sample.status == "Z":
        if our_signal is not None:
            note_signal(process, time, "mpviz", our_signal)
        end_process(state, process, time, unseen_end)
        return None
    process.kernel_parent = sample.parent
    process.status = sample.status
    process.zombie = sample.status == "Z"
    process.stopped = sample.status in ("T", "t")
    before = take_in_work(process, time, sample)
    process.samples += 1
    process.busy_samples += sample.status == "R" or sample.cpu_percent >= BUSY_PERCENT
    process.cpu_percent = sample.cpu_percent
    process.rss = sample.rss
    process.peak_rss = max(process.peak_rss, sample.rss)
    process.core = sample.core
    process.cpu.add(time, sample.cpu_percent)
    watch_silence(state, process, time)
    settle_as_seen(process, time, before)
    read_cpu(process, time, sample.cpu_seconds)
    read_waits_for_core(process, time, sample)
    count_look(process, sample.status == "R")
    return process


_FIELDS_OF_WAITS = ("site",), ("site", "limit")
_FIELDS_OF_WAITS_FOR_JOBS = "site", "job", "limit"


def ring_handler(kind: type[Event], fields: tuple[str, ...], copy: Callable[[], Event]) -> Bind:
    """Make the handler for ring records that stand for events of this kind.

    ``fields`` are the event's names for the values of a record; ``copy`` makes an event with zeros.
    """
    quick = _RING_HANDLERS.get(kind)
    if quick is not None and quick.fields == fields:
        return quick.bind
    of_form = _FORM_HANDLERS.get(kind)
    if of_form is not None and of_form.fields == fields:
        return of_form.bind(copy())
    if kind is Waiting:
        wait = cast("Waiting", copy())
        if fields == _FIELDS_OF_WAITS_FOR_JOBS:
            return _beginning_of_wait_for_job(wait)
        if fields in _FIELDS_OF_WAITS and wait.job < 0 and not wait.limit:
            return _beginning_of_wait(wait)
    if kind is WaitOver:
        return _ending_of_wait
    handler = _HANDLERS[kind]

    def bind(state: RunState, process: Process, _: str) -> FoldRecord:
        def fold_record(time: int, thread: int, *values: int) -> None:
            event = copy()
            event.time, event.thread = time, thread
            for field, value in zip(fields, values, strict=False):
                setattr(event, field, value)
            handler(state, process, event)

        return fold_record

    return bind


def _of_event(quick: RingHandler) -> Handler:
    """Make the handler of an event from the handler of a ring record."""
    bind = quick.bind
    values = attrgetter("time", "thread", *quick.fields)

    def handle(state: RunState, process: Process, event: Any) -> None:
        bind(state, process, event.object)(*values(event))

    return handle


def _of_event_and_form(quick: FormHandler) -> Handler:
    """Make the handler of an event from the handler of a ring record whose form says more."""
    values = attrgetter("time", "thread", *quick.fields)

    def handle(state: RunState, process: Process, event: Any) -> None:
        quick.bind(event)(state, process, event.object)(*values(event))

    return handle


_BY_THE_SUPERVISOR = (
    ProgramStarted,
    ProgramFailed,
    ProgramEnded,
    SupervisorSignalled,
    ProcessExited,
    ProbeError,
)

_HANDLERS: dict[type[Event], Handler] = {
    Waiting: _waiting,
    WaitOver: _wait_over,
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
    Unreadable: _unreadable,
    RecordsDropped: _records_dropped,
    Trouble: _trouble,
}
_RING_HANDLERS: dict[type[Event], RingHandler] = {}
_FORM_HANDLERS: dict[type[Event], FormHandler] = {}
_PART_HANDLERS: dict[type[Event], PartHandler] = {}
for _primitive in PRIMITIVES:
    _HANDLERS.update(_primitive.handlers)
    _RING_HANDLERS.update(_primitive.ring_handlers)
    _FORM_HANDLERS.update(_primitive.form_handlers)
    _PART_HANDLERS.update(
        {_kind: _part for _part in _primitive.part_handlers for _kind in _part.kinds}
    )
_HANDLERS.update({_kind: _of_event(_each) for _kind, _each in _RING_HANDLERS.items()})
_HANDLERS.update({_kind: _of_event_and_form(_each) for _kind, _each in _FORM_HANDLERS.items()})

EVENTS: tuple[type[Event], ...] = tuple(dict.fromkeys((*COMMON_EVENTS, *_HANDLERS)))
"""Every kind of event there is."""

IN_RINGS: tuple[type[Event], ...] = (
    Waiting,
    WaitOver,
    *_RING_HANDLERS,
    *_FORM_HANDLERS,
    *(kind for primitive in PRIMITIVES for kind in primitive.in_rings),
)
"""Every kind of event that the probe sends by a form."""
