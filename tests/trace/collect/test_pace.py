"""The viewer looks at rings before they are full, and no more often than that takes."""

from __future__ import annotations

from typing import cast

import pytest

from mpviz.probe.boot.mpviz_probe.wire import ring as layout
from mpviz.trace.collect.merge import Look
from mpviz.trace.collect.pace import BUSY_BYTES, DRAIN_SECONDS, IDLE_SECONDS, Pace
from mpviz.trace.collect.rings import Ring, Taken


@pytest.mark.parametrize(
    ("records", "elapsed", "pause"),
    [
        (0, 0.03, IDLE_SECONDS),
        (100, 0.03, IDLE_SECONDS),
        # At this pace an eighth of the ring is filled in 8 ms.
        (1024, 0.004, 0.008),
        (2048, 0.01, 0.01),
        (4096, 0.004, DRAIN_SECONDS),
    ],
)
def test_the_next_look_comes_before_the_fullest_ring_is_full(
    records: int, elapsed: float, pause: float
) -> None:
    assert Pace().pause(taken(1, records), elapsed) == pytest.approx(pause)


def test_a_process_that_loses_its_core_for_a_moment_is_not_taken_for_slow() -> None:
    pace = Pace()
    pace.pause(taken(4096), 0.004)
    pauses = [pace.pause(taken(), 0.004) for _ in range(500)]
    assert pauses[0] == DRAIN_SECONDS
    assert pauses == sorted(pauses)
    assert pauses[-1] == IDLE_SECONDS


def test_a_ring_that_may_have_more_is_looked_at_as_soon_as_it_may_be() -> None:
    """With many rings, a look takes so few records of each that their pace is not seen."""
    pace = Pace()
    for _ in range(10):
        assert pace.pause(taken(512), 0.03, has_more=True) == DRAIN_SECONDS


def test_a_pipe_that_is_in_use_is_looked_at_as_soon_as_it_may_be() -> None:
    look = taken()
    look.pipe.append(bytes(BUSY_BYTES))
    assert Pace().pause(look, 0.03) == DRAIN_SECONDS


def taken(*counts: int) -> Look:
    """A look that took so many records out of each ring."""
    ring = cast(Ring, None)
    rings = [Taken(ring, 1, bytes(layout.SLOT_BYTES * count)) for count in counts]
    return Look(1, rings=rings)
