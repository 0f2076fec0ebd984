"""What samples say about the work of a process: how much of a core it used, lacked and wanted."""

from __future__ import annotations

from mpviz.trace.model.events import ProcessSample
from mpviz.trace.model.lane import AT_WORK
from mpviz.trace.model.processes.process import Process

RESTING_PERCENT = 5.0
"""Percent of a core. A process that is asleep at the sample and used less counts as sleeping."""

BUSY_PERCENT = 50.0
"""Minimum percent of a core to count as at work while the main thread sleeps."""

OF_LATE = 0.1
"""Weight (0 to 1) of the latest sample in an average over about ten samples."""

_ASLEEP = ("S", "D", "I")

_KNOWN_PLACES = ("lock", "file lock", "clock", "disk", "network", "else")
"""The words that samples have for what a thread sleeps in."""

_SLEPT_ON_PURPOSE = ("clock", "disk", "network", "file lock")
"""Places of sleep that are none of a wait for a primitive."""


def take_in_work(process: Process, time: int, sample: ProcessSample) -> int:
    """Add what a process did since its previous sample; return the time of that sample, or -1."""
    before, used = process.sampled, sample.cpu_percent
    asleep = sample.status in _ASLEEP
    if before < 0 or sample.without_core < 0:
        process.demand, lacked, main_used = float(sample.status == "R"), 0.0, used
    else:
        part = 1e11 / max(1, time - before)
        lacked = part * (sample.without_core - max(0.0, process.without_core))
        main_used = part * (sample.main_seconds - process.main_seconds)
        process.demand = _demand(process, used, lacked)
    process.lacked = min(1.0, _lacked_so_far(sample, lacked) / 100)
    is_starved = min(used / RESTING_PERCENT, lacked / BUSY_PERCENT, 2 * process.demand) >= 1
    process.at_work_since = before if used >= BUSY_PERCENT or is_starved else -1
    # A look takes a moment: the wait that it saw the process in may be over by its end.
    is_explained = process.has_waited and sample.asleep_in not in _SLEPT_ON_PURPOSE
    process.has_waited = False
    is_idle = used < RESTING_PERCENT and lacked < BUSY_PERCENT
    process.resting = asleep and is_idle and not is_explained
    if not process.resting:
        process.rested_since = -1
    elif process.rested_since < 0:
        process.rested_since = time
    process.asleep_in = sample.asleep_in if asleep else ""
    process.joining = (
        asleep
        and main_used < RESTING_PERCENT
        and (sample.asleep_in == "lock" or (process.resting and not sample.asleep_in))
    )
    process.main_seconds, process.sampled = sample.main_seconds, time
    return before


def _lacked_so_far(sample: ProcessSample, lacked: float) -> float:
    """Percent of the time in which it had no core, with a wait for one that still lasts.

    The kernel adds a wait only when it is over.
    """
    is_ready = sample.status == "R"
    return max(lacked, 100 - sample.cpu_percent) if is_ready else lacked


def _demand(process: Process, used: float, lacked: float) -> float:
    """How much of a core it would have used if it had never had to wait for one.

    That is the core time that it used, as a share of the time in which it did not wait for a core.
    It is an average of recent samples, because the kernel adds a wait only when it is over.
    """
    if process.used_of_late < 0:
        process.used_of_late, process.lacked_of_late = used, lacked
    else:
        process.used_of_late += OF_LATE * (used - process.used_of_late)
        process.lacked_of_late += OF_LATE * (lacked - process.lacked_of_late)
    used, lacked = process.used_of_late, process.lacked_of_late
    idle = max(0.0, 100 - used - lacked)
    return min(1.0, used / (used + idle)) if used > 0 else 0.0


def read_waits_for_core(process: Process, time: int, sample: ProcessSample) -> None:
    """Add the time, up to this moment, for which it was ready but had no core."""
    seconds = process.without_core = sample.without_core
    may_wait = sample.status == "R" and sample.cpu_percent <= 0
    if seconds >= 0 and process.lane.start >= 0 and not may_wait:
        process.readings.add_waits(round(seconds * 1e9), *process.lane.at_work_and_aside(time))


def add_core_times(process: Process, time: int, sample: ProcessSample, before: int) -> None:
    """Add for how long it was at work since the previous sample, and lacked a core for that.

    ``before``: the time of that sample, nanoseconds; -1 if this is the first. To be called before
    the sums of the process are those of this sample.
    """
    times, since = process.core_times, before if before >= 0 else process.first_seen
    if sample.without_core < 0 or process.lane.start < 0 or time <= since:
        return
    worked, _ = process.lane.at_work_and_aside(time)
    more, times.worked = max(0, worked - times.worked), worked
    used = round(1e9 * max(0.0, sample.cpu_seconds - process.cpu_seconds))
    lacked = round(1e9 * (sample.without_core - max(0.0, process.without_core)))
    if sample.status == "R" and not used and not lacked:
        # The kernel adds a wait only when it is over.
        lacked = more
    # So it may add more than fits into this time.
    lacked = min(max(0, lacked), (time - since) * max(1, sample.listed))
    times.add(since, time, max(more - lacked, used), lacked)


def count_look(process: Process, is_ready: bool) -> None:
    """Count a sample, and whether it shows work that would go on if there were a core."""
    activity, readings = process.lane.activity, process.readings
    if activity in AT_WORK:
        readings.looks += 1
        readings.ready += is_ready
        if not is_ready:
            place = process.asleep_in if process.asleep_in in _KNOWN_PLACES else ""
            readings.asleep_in[place] = readings.asleep_in.get(place, 0) + 1
