"""Where the time went, in the ``--json`` document and at the end of a run without a screen."""

from __future__ import annotations

from typing import Any

from mpviz.trace.explain.phases import (
    AWAY,
    PHASE_WORDS,
    Gain,
    Phase,
    Phases,
    ProcessPhases,
    gain,
    phases,
)
from mpviz.trace.explain.starved import CoreTime, core_time, starved_in_words
from mpviz.trace.explain.timings import timings
from mpviz.trace.model.cores import throttled_in_words, why_so_few
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Timing
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState

LEAST_SHARE = 0.01
"""Phases with a smaller share (0 to 1) of the workers' time are left out of the summary."""


def document(state: RunState) -> dict[str, Any]:
    """What the ``--json`` document says of time: phases, cores, timings; times in seconds."""
    found = phases(state)
    return {
        "phases": {
            "wall": found.wall / 1e9,
            "workers": len(found.workers),
            "total": _seconds(found.total),
            **_gain(gain(state, found)),
            "processes": [
                *(_process(worker, "worker") for worker in found.workers),
                *([_process(found.main, "main")] if found.main else ()),
            ],
        },
        "core_time": _core_time(state, core_time(state, found)),
        "timings": [_timing(each) for each in timings(state)],
    }


def summary(state: RunState) -> list[str]:
    """A line for the phases of the workers, and one for the speed-up."""
    found = phases(state)
    if not found.workers:
        return []
    there = sum(worker.there for worker in found.workers)
    shares = sorted(
        ((found.total[phase] / there, phase) for phase in Phase if phase not in AWAY and there),
        reverse=True,
    )
    words = [f"{share:.0%} {PHASE_WORDS[phase]}" for share, phase in shares if share >= LEAST_SHARE]
    count = len(found.workers)
    workers = plural(count, "worker")
    lines = [f"time of {workers}, {duration(there)}: " + ", ".join(words)]
    return lines + [ways[0] for ways in verdict_in_words(state, found)]


def verdict_in_words(state: RunState, found: Phases) -> list[list[str]]:
    """What held the program up from outside, if anything, and then how much sharing has brought.

    Each is said in several ways, the longest first.
    """
    graded = gain_in_words(gain(state, found))
    return outside_in_words(state, found) + ([graded] if graded else [])


def outside_in_words(state: RunState, found: Phases) -> list[list[str]]:
    """What held the program up from outside: the limit of a control group, or other programs.

    At most one thing, in several ways, the longest first.
    """
    held_up = throttled_in_words(state.cores) or starved_in_words(core_time(state, found))
    return [held_up] if held_up else []


def gain_in_words(gained: Gain) -> list[str]:
    """The speed-up in words, the longest sentence first, or the reason why it is not known.

    "speed-up 1.9: 8.1 s of CPU time in 4.2 s, efficiency 48% with 4 workers at once, 2 cores";
    empty before there is any work, and for a program that hangs, which gets no grade.
    """
    if gained.hangs:
        return []
    if not gained.is_known:
        return _not_known(gained)
    if not gained.serial:
        return []
    least = "at least " if gained.is_lower_bound else ""
    speed_up = f"speed-up {least}{gained.speed_up:.1f}"
    what = "CPU time" if gained.by_cpu else "work, with its waits for disks and the network,"
    times = f"{duration(gained.serial)} of {what} in {duration(gained.window)}"
    efficiency = f"efficiency {gained.efficiency:.0%}"
    workers = plural(gained.at_once, "worker")
    few = gained.by_cpu and 0 < gained.cores < gained.at_once
    cores = f", {plural(gained.cores, 'core')}" if few else ""
    return [
        f"{speed_up}: {times}, {efficiency} with {workers} at once{cores}",
        f"{speed_up}: {times}, {efficiency} with {workers}",
        f"{speed_up}: {times}, {efficiency}",
        f"{speed_up}, {efficiency}",
    ]


def _not_known(gained: Gain) -> list[str]:
    """Sentences that the speed-up is not known, and why, the longest first."""
    if not gained.worked:
        return []
    unknown = "no speed-up is given"
    off, worked = duration(gained.unexplained), duration(gained.worked)
    if not gained.has_work:
        had = f"the workers had work for {worked}"
        return [f"{unknown}: {had} of {duration(gained.window)}", f"{unknown}: {had}", unknown]
    slept, why = _SLEEPS.get(
        gained.mostly_in, ("slept or waited", ", and mpviz cannot see for what")
    )
    return [
        f"{unknown}: of the {worked} that the workers had work, they {slept} for {off}{why}",
        f"{unknown}: the workers {slept} for {off} of {worked}{why}",
        f"{unknown}: the workers {slept} for {off} of {worked}",
        f"{unknown}: the workers mostly {slept}",
        unknown,
    ]


_SLEEPS = {
    "clock": ("slept", " (time.sleep, or a wait with a time-out)"),
    "lock": ("waited", " in locks between threads"),
    "file lock": ("waited", " for file locks"),
}
"""What workers did that used no CPU, and how that came, by what they slept in at most samples."""


def _seconds(amounts: tuple[int, ...]) -> dict[str, float]:
    return {phase.name.lower(): amounts[phase] / 1e9 for phase in Phase}


def _gain(gained: Gain) -> dict[str, Any]:
    return {
        "workers_at_once": gained.at_once,
        "workers_wall": gained.window / 1e9,
        "work": gained.worked / 1e9,
        "work_cpu": gained.on_cpu / 1e9,
        "work_without_core": gained.without_core / 1e9,
        "unexplained_sleep": gained.unexplained / 1e9,
        "serial_estimate": gained.serial / 1e9 if gained.is_known else None,
        "estimated_by": ("cpu" if gained.by_cpu else "time") if gained.is_known else None,
        "speed_up": gained.speed_up if gained.serial else None,
        "efficiency": gained.efficiency if gained.serial else None,
        "is_lower_bound": gained.is_lower_bound,
        "in_words": next(iter(gain_in_words(gained)), None),
    }


def _core_time(state: RunState, time: CoreTime) -> dict[str, Any]:
    return {
        "machine": state.cores.machine,
        "usable": time.usable,
        "granted": state.cores.granted or None,
        "limit": why_so_few(state.cores) or None,
        "periods": state.cores.periods or None,
        "throttled": state.cores.throttled if state.cores.periods else None,
        "program": time.own,
        "others": time.others,
        "ready_without": time.without / 1e9,
        "in_words": next(iter(throttled_in_words(state.cores) or starved_in_words(time)), None),
    }


def _process(found: ProcessPhases, role: str) -> dict[str, Any]:
    process = found.process
    return {
        "id": process.key,
        "pid": process.pid,
        "name": described(process),
        "counted_as": role,
        "phases": _seconds(found.amounts),
    }


def _timing(timing: Timing) -> dict[str, Any]:
    times = timing.times
    return {
        "what": timing.what,
        "name": timing.name,
        "object": timing.object,
        "count": times.count,
        "total": times.total / 1e9,
        "mean": times.mean / 1e9,
        "p50": times.quantile(0.5) / 1e9,
        "p90": times.quantile(0.9) / 1e9,
        "p99": times.quantile(0.99) / 1e9,
        "longest": times.longest / 1e9,
        "histogram": [[below / 1e9, count] for below, count in times.histogram()],
    }
