"""Runs side by side: what was measured of each, as lines of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.phases import AWAY, PHASE_WORDS, Gain, Phase, Phases, gain, phases
from mpviz.trace.explain.time_report import document
from mpviz.trace.explain.timings import timings
from mpviz.trace.model.measures import Timing
from mpviz.trace.model.processes.identity import exit_in_words
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import Recording

SECONDS, COUNT, SHARE, TIMES, WORDS = "seconds", "count", "share", "times", "words"
"""The units of measures."""

LEAST_CHANGE = 0.05
"""Minimum share of the largest value by which runs differ; less is not worth a look."""
LEAST_SECONDS = 0.001
"""Minimum seconds by which they differ: no two runs take the same time."""

Figure = float | str | None
"""A value of a measure; None if a run has no such thing."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is compared."""

    label: str
    """Its parameter or its file, which tells it apart from the others."""
    state: RunState
    trouble: str = ""
    """What is missing of its recording; empty if it is whole."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the table."""

    group: str
    """run, time, wait, task, hold or finding."""
    name: str
    unit: str
    values: tuple[Figure, ...]
    """One value for each run, in their order."""

    @property
    def differs(self) -> bool:
        """Whether the runs differ by more than two equal runs would."""
        if self.unit in (WORDS, COUNT):
            return len(set(self.values)) > 1
        numbers = [float(value or 0) for value in self.values]
        most, least = max(numbers), min(numbers)
        enough = LEAST_SECONDS if self.unit == SECONDS else 0.0
        return most - least > max(enough, LEAST_CHANGE * most)


def read(path: Path, label: str) -> Run:
    """The run that is recorded in this file, at its end.

    :class:`mpviz.trace.record.recording.NotARecording` if the file is no recording.
    """
    recording = Recording(path)
    try:
        state, cursor = RunState(), recording.first.copy()
        while (events := cursor.read()) is not None:
            follow(state, events)
    finally:
        recording.close()
    return Run(label, state, cursor.trouble)


def compare(runs: Sequence[Run]) -> list[Measure]:
    """All measures of these runs, including those that are the same in all."""
    spent = [phases(run.state) for run in runs]
    gains = [gain(run.state, found) for run, found in zip(runs, spent, strict=True)]
    return [
        *_of_the_runs(runs, spent, gains),
        *_of_the_time(spent),
        *_of_the_timings(runs),
        *_of_the_findings(runs),
    ]


def _of_the_runs(
    runs: Sequence[Run], spent: Sequence[Phases], gains: Sequence[Gain]
) -> list[Measure]:
    def of_gain(value: Callable[[Gain], float]) -> tuple[Figure, ...]:
        return tuple(value(each) if each.serial else None for each in gains)

    return [
        Measure("run", "wall time", SECONDS, tuple(found.wall / 1e9 for found in spent)),
        Measure("run", "speed-up", TIMES, of_gain(lambda each: each.speed_up)),
        Measure("run", "efficiency", SHARE, of_gain(lambda each: each.efficiency)),
        Measure("run", "workers", COUNT, tuple(len(found.workers) for found in spent)),
        Measure("run", "workers at once", COUNT, tuple(each.at_once for each in gains)),
        Measure("run", "end", WORDS, tuple(_end(run.state) for run in runs)),
    ]


def _end(state: RunState) -> str:
    main = state.processes.get(state.main)
    if main is None:
        return state.failure or "never seen"
    return "still running" if main.alive else exit_in_words(main)


def _of_the_time(spent: Sequence[Phases]) -> list[Measure]:
    """The phases of all workers together, without those that took no time in any run."""
    totals = [found.total for found in spent]
    return [
        Measure("time", PHASE_WORDS[phase], SECONDS, tuple(total[phase] / 1e9 for total in totals))
        for phase in Phase
        if phase not in AWAY and any(total[phase] for total in totals)
    ]


def _of_the_timings(runs: Sequence[Run]) -> list[Measure]:
    """How often and how long tasks ran, processes waited and locks were held, by their names."""
    found = [{(each.what, each.name): each for each in timings(run.state)} for run in runs]
    names = list(dict.fromkeys(name for timed in found for name in timed))
    measures: list[Measure] = []
    for what, name in sorted(names, key=lambda each: ("task", "wait", "hold").index(each[0])):
        timed = [each.get((what, name)) for each in found]
        words = name if what == "task" else f"{what} {name}"
        for of, unit, figure in _FIGURES[what]:
            values = tuple(None if each is None else figure(each) for each in timed)
            measures.append(Measure(what, f"{words}, {of}", unit, values))
    return measures


_FIGURES: dict[str, tuple[tuple[str, str, Callable[[Timing], float]], ...]] = {
    "task": (
        ("number", COUNT, lambda each: each.times.count),
        ("p50", SECONDS, lambda each: each.times.quantile(0.5) / 1e9),
        ("p99", SECONDS, lambda each: each.times.quantile(0.99) / 1e9),
    ),
    "wait": (
        ("in all", SECONDS, lambda each: each.times.total / 1e9),
        ("p99", SECONDS, lambda each: each.times.quantile(0.99) / 1e9),
    ),
    "hold": (("p50", SECONDS, lambda each: each.times.quantile(0.5) / 1e9),),
}
"""The figures for each kind of timing."""


def _of_the_findings(runs: Sequence[Run]) -> list[Measure]:
    """The number of findings of each rule."""
    counts = [Counter(each.rule for each in run.state.findings.values()) for run in runs]
    rules = sorted({rule for count in counts for rule in count})
    return [
        Measure("finding", rule, COUNT, tuple(count[rule] for count in counts)) for rule in rules
    ]


def comparison_document(runs: Sequence[Run]) -> dict[str, Any]:
    """The comparison as plain data for JSON; times in seconds."""
    return {
        "runs": [
            {
                "label": run.label,
                "target": run.state.run.target if run.state.run else "",
                "argv": run.state.run.arguments if run.state.run else [],
                "exit_code": run.state.exit_code,
                "trouble": run.trouble or None,
                **document(run.state),
            }
            for run in runs
        ],
        "measures": [
            {
                "group": measure.group,
                "name": measure.name,
                "unit": measure.unit,
                "values": list(measure.values),
                "differs": measure.differs,
            }
            for measure in compare(runs)
        ],
    }
