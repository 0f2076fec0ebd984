"""What several rules ask of a state: who waits, who is known, who is at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState

BUSY_SHARE = 0.7
"""Minimum share (0 to 1) of a process's samples that found it at work. A process that sleeps more
may wait for the world outside."""

BUSY_SAMPLES = 10
"""Minimum number of samples of it: before the first, a process only seems to be at work."""


def waits(state: RunState) -> Iterator[tuple[Process, Wait]]:
    """All waits of living processes."""
    for process in state.processes.values():
        if process.waits and process.alive:
            for wait in process.waits.values():
                yield process, wait


def waits_without_timeout(state: RunState) -> Iterator[tuple[Process, Wait]]:
    """The waits of living processes that do not give up by themselves."""
    return ((process, wait) for process, wait in waits(state) if wait.until < 0)


def known(state: RunState, keys: Iterable[str]) -> list[Process]:
    """The processes with these keys, without those that were never observed."""
    return [state.processes[key] for key in keys if key in state.processes]


def is_busy(process: Process) -> bool:
    """Whether most samples found it at work, however large its share of a core was."""
    busy, samples = process.busy_samples, process.samples
    return samples >= BUSY_SAMPLES and busy >= BUSY_SHARE * samples
