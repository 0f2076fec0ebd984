"""A still picture is what the state was, whatever is folded afterwards."""

from __future__ import annotations

import pickle
from dataclasses import is_dataclass

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event
from mpviz.trace.model.state import RunState
from mpviz.trace.record.snapshot import _FINISHED, snapshot


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_snapshot_stays_as_the_state_was(stream: list[Event], share: float) -> None:
    cut = int(len(stream) * share)
    state = follow(RunState(), stream[:cut])
    as_it_was = pickle.loads(pickle.dumps(state))
    picture = snapshot(state)
    follow(state, stream[cut:])
    assert picture == as_it_was
    assert (picture == state) == (share == 1.0)


def test_the_same_process_stays_one(stream: list[Event]) -> None:
    picture = snapshot(follow(RunState(), stream))
    for process in picture.processes.values():
        assert picture.by_pid[process.pid] is process


@pytest.mark.parametrize(
    "kind", sorted(filter(is_dataclass, _FINISHED), key=lambda each: each.__name__)
)
def test_what_a_snapshot_shares_can_never_change(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
