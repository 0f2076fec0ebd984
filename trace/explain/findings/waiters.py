"""Who waits for what: what several rules ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, Wait
from mpviz.trace.model.state import RunState


def waits(state: RunState) -> Iterator[tuple[Process, Wait]]:
    """All waits of living processes."""
    for process in state.processes.values():
        if process.waits and process.alive:
            for wait in process.waits.values():
                yield process, wait


def waits_without_end(state: RunState) -> Iterator[tuple[Process, Wait]]:
    """Those of them that do not give up by themselves."""
    return ((process, wait) for process, wait in waits(state) if wait.until < 0)


def known(state: RunState, keys: Iterable[str]) -> list[Process]:
    """The processes with these keys, as far as they are observed ones."""
    return [state.processes[key] for key in keys if key in state.processes]


def names(state: RunState, keys: Iterable[str], limit: int = 3) -> str:
    """Some processes as a person lists them: "a", "a and b", "a, b, c and 4 more"."""
    words = [described(process) for process in known(state, keys)]
    if len(words) > limit + 1:
        words = [*words[:limit], f"{len(words) - limit} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
