"""The fold of samples: what the system says of processes and cores at a moment."""

from __future__ import annotations

import math

from mpviz.trace.model.events import ProcessSample, Sample
from mpviz.trace.model.fold.cpu_use import (
    BUSY_PERCENT,
    add_core_times,
    count_look,
    read_waits_for_core,
    take_in_work,
)
from mpviz.trace.model.fold.senders import leave_out
from mpviz.trace.model.processes.identity import end_process, process_with_pid
from mpviz.trace.model.processes.process import Process, note_signal, read_cpu, settle_as_seen
from mpviz.trace.model.processes.programs import take_in_command, take_in_title, watch_silence
from mpviz.trace.model.state import (
    CORE_HISTORY,
    CROWD_SAMPLES,
    Cores,
    CoreUse,
    RunState,
    TableFullError,
)

MOST_CORE_USES = CORE_HISTORY * 128
"""Maximum samples times cores kept as history; with more than 128 cores, fewer samples are kept."""


def allow_cores(cores: Cores, allowed: list[int]) -> None:
    """Note the cores that the program may run on from now on; an empty list changes nothing."""
    if allowed:
        cores.allowed = frozenset(allowed)
    # A fraction of a core counts as one.
    cores.count = math.ceil(cores.capacity)


def take_in_sample(state: RunState, event: Sample) -> None:
    """Add a sample of the cores and of each process to the state."""
    cores = state.cores
    shares: list[dict[str, float]] = [{} for _ in event.cores]
    wanted = runnable = had = 0.0
    state.zombies = []
    for sample in event.processes:
        process = _take_in_process(state, event.time, sample)
        if process is None:
            continue
        had += sample.cpu_percent / 100
        if 0 <= sample.core < len(shares) and sample.cpu_percent > 0:
            shares[sample.core][process.key] = sample.cpu_percent
        if process.began >= 0:
            wanted += process.demand
            runnable += process.threads_at_once
    cores.history.append(
        (event.time, [CoreUse(*use) for use in zip(event.cores, shares, strict=True)])
    )
    cores.times.append(event.time)
    while len(cores.history) > max(CROWD_SAMPLES, MOST_CORE_USES // max(1, len(event.cores))):
        cores.history.popleft()
    cores.wanted.append(wanted)
    cores.runnable.append(runnable)
    cores.had.append(had)
    cores.own_total += 100 * had
    cores.samples += 1
    cores.periods, cores.throttled = event.periods, event.throttled
    if len(cores.percent_total) != len(event.cores):
        cores.percent_total = [0.0] * len(event.cores)
        cores.machine = len(event.cores)
        allow_cores(cores, event.allowed)
    elif event.allowed:
        allow_cores(cores, event.allowed)
    for index, percent in enumerate(event.cores):
        cores.percent_total[index] += percent
    for time, process in state.missing:
        end_process(state, process, time, None)
    # Their last records may still be on the way, and so may the news of how they ended.
    state.missing = [(event.time, state.by_pid[pid]) for pid in event.gone if pid in state.by_pid]


def _take_in_process(state: RunState, time: int, sample: ProcessSample) -> Process | None:
    is_new = sample.pid not in state.by_pid
    unseen_end = state.unseen_ends.get(sample.pid)
    our_signal = state.signalled_unseen.get(sample.pid)
    try:
        process = process_with_pid(state, sample.pid, time, sample.started)
    except TableFullError as error:
        leave_out(state, Sample, error)
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
        # It is a zombie, of which only the kernel's name is left.
        process.name, process.role = sample.executable, "program"
    if sample.title:
        take_in_title(process, sample.title)
    if is_new and unseen_end is not None and sample.status == "Z":
        if our_signal is not None:
            note_signal(process, time, "mpviz", our_signal)
        end_process(state, process, time, unseen_end)
        return None
    _take_in_use(state, process, time, sample)
    return process


def _take_in_times_of_threads(
    process: Process, time: int, sample: ProcessSample, before: int
) -> None:
    alone = (-1, -1)
    if sample.listed == 1 and sample.main_seconds >= 0 and sample.without_core >= 0:
        alone = round(sample.main_seconds * 1e9), round(sample.without_core * 1e9)
    since = before if before >= 0 else process.first_seen
    main = process.pid, process.first_seen
    process.threads.take_in_times((since, time), main, alone, sample.times)


def _take_in_use(state: RunState, process: Process, time: int, sample: ProcessSample) -> None:
    process.kernel_parent = sample.parent
    process.status = sample.status
    process.zombie = sample.status == "Z"
    process.stopped = sample.status in ("T", "t")
    process.seen_alive = process.seen_alive if process.zombie else time
    before = take_in_work(process, time, sample)
    process.samples += 1
    process.busy_samples += sample.status == "R" or sample.cpu_percent >= BUSY_PERCENT
    process.cpu_percent = sample.cpu_percent
    process.rss = sample.rss
    process.peak_rss = max(process.peak_rss, sample.rss)
    process.core = sample.core
    process.cpu.add(time, sample.cpu_percent)
    process.memory.add(time, sample.rss)
    if sample.listed > 1 or (sample.listed and process.threads.living):
        process.threads.take_in(
            time, sample.listed, sample.threads, (process.pid, process.first_seen)
        )
    _take_in_times_of_threads(process, time, sample, before)
    watch_silence(state, process, time)
    settle_as_seen(process, time, before)
    add_core_times(process, time, sample, before)
    read_cpu(process, time, sample.cpu_seconds)
    read_waits_for_core(process, time, sample)
    count_look(process, sample.status == "R")
