"""How often the viewer looks at pipe and rings: as seldom as it may."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.probe.boot.mpviz_probe.wire.ring import SLOT_BYTES, SLOTS
from mpviz.trace.collect.merge import Look

DRAIN_SECONDS = 0.004
"""Seconds between two looks at a pipe that is in use, or at a ring that fills fast.

A reader that sleeps in ``poll`` would be woken up by every single write, at the writer's expense:
3.3 µs a record instead of 1.6 µs with a look now and then (measured once, by hand). At 100 MB a
second this leaves a pipe of 1 MiB less than half full.
"""

IDLE_SECONDS = 0.03
"""The same while little comes. A look costs some 500 µs, on a core that the program may need.

A process that suddenly writes as fast as it can fills its ring in 20 ms, and waits for 50 ms
before it does without the ring.
"""

BUSY_BYTES = 1 << 15
"""Minimum number of bytes in one look at the pipe for which the pipe counts as in use."""

RECORDS_TO_WAIT_FOR = SLOTS // 8
"""The next look should come when this many records are in the ring that fills fastest."""

_PACE_KEPT = 0.98
"""Share of the greatest pace seen before that is kept at each look."""


@dataclass(slots=True)
class Pace:
    """How fast records come, and how long to pause for them."""

    fastest: float = 0.0
    """Records a second in the ring that filled fastest of late.

    It falls slowly: a process that loses its core for a moment fills its ring as fast afterwards.
    """

    def pause(self, look: Look, elapsed: float, *, has_more: bool = False) -> float:
        """Seconds until the next look, if this one came ``elapsed`` seconds after the last.

        ``has_more`` says that a ring may have more than was taken, so its pace is not known.
        """
        most = max((len(taken.records) for taken in look.rings), default=0) // SLOT_BYTES
        self.fastest = max(_PACE_KEPT * self.fastest, most / elapsed)
        if has_more or sum(map(len, look.pipe)) >= BUSY_BYTES:
            return DRAIN_SECONDS
        wanted = RECORDS_TO_WAIT_FOR / max(1.0, self.fastest)
        return min(IDLE_SECONDS, max(DRAIN_SECONDS, wanted))
