"""Follows a run: the events are folded, and the rules look at the state on the way."""

from __future__ import annotations

from collections.abc import Iterable

from mpviz.trace.explain.findings import look_at_end, look_while_it_runs
from mpviz.trace.explain.stalls import as_it_waits, stuck
from mpviz.trace.model.fold.reducer import Watcher, fold
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import Told

_WATCHER = Watcher(look_while_it_runs, look_at_end, stuck, as_it_waits)


def follow(state: RunState, told: Iterable[Told]) -> RunState:
    """Bring the state up to date with these events, in their order, with all findings."""
    return fold(state, told, _WATCHER)
