"""Puts what came by the pipe and what came by the rings into the order in which it happened.

The pipe has one order for all processes; a ring has its own process's. Every record is stamped
before it is written, and all processes read the same clock. So if one record was written before
another was stamped, which is what a cause and its effect are, then the first has the earlier stamp.

Sorting by stamps is all it takes, if the cause has been read when the effect is given out. The
viewer reads in passes: it looks at the clock, reads the pipe until it is empty, then every ring.
A record with a stamp from before that look at the clock has all its causes in this pass or in an
earlier one, since they were written before. Younger records wait for the next pass.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import itemgetter

from mpviz.trace.events import Event
from mpviz.trace.rings import Ring

_by_key = itemgetter(0)

RING_WEIGHT = 2
"""A record is half as long in a ring as in the pipe, and as much work to fold."""


@dataclass(slots=True)
class Pass:
    """What one look at the pipe and the rings brought."""

    lines: list[bytes]
    """Of the pipe, cut anywhere."""
    rings: list[tuple[Ring, bytes]]
    since: int
    """Of what was written before this moment nothing is left in a ring.

    :data:`mpviz.trace.rings.NEVER` where nothing more can come that belongs in front.
    """
    drained: bool
    """The pipe was read until it was empty."""
    weight: int = field(init=False)
    """Bytes, as they count in the backlog."""

    def __post_init__(self) -> None:
        in_rings = sum(len(records) for _, records in self.rings)
        self.weight = sum(map(len, self.lines)) + RING_WEIGHT * in_rings


class Sorter:
    """Takes passes one after another and gives the events out in order."""

    def __init__(self) -> None:
        self._half_line = b""
        self._latest = 0
        """The latest stamp that any line of the pipe had so far."""
        self._held: list[tuple[int, Event]] = []

    def sort(self, piece: Pass) -> list[Event]:
        """The events for which all is there that happened before them."""
        lines = self._whole_lines(piece.lines)
        if not piece.rings and not self._held:
            return lines
        keyed = self._held + self._in_order_of_the_pipe(lines)
        for ring, records in piece.rings:
            keyed += [(event.time, event) for event in ring.decode(records)]
        # Each part is in order already, or nearly so, and the sort makes use of that.
        keyed.sort(key=_by_key)
        # Of what is left in the pipe, nothing was written before what was read of it last.
        since = piece.since if piece.drained else min(piece.since, self._latest)
        complete = bisect_right(keyed, since, key=_by_key)
        self._held = keyed[complete:]
        return [event for _, event in keyed[:complete]]

    def _in_order_of_the_pipe(self, events: list[Event]) -> list[tuple[int, Event]]:
        """Give each the latest stamp so far: of two, the one that was written first comes first.

        A stamp may be older than its record, by much where it says when a thing began; no record
        was written before any stamp in front of it.
        """
        latest = self._latest
        keyed = []
        for event in events:
            if event.time > latest:
                latest = event.time
            keyed.append((latest, event))
        self._latest = latest
        return keyed

    def _whole_lines(self, pieces: list[bytes]) -> list[Event]:
        if not pieces:
            return []
        text = self._half_line + b"".join(pieces)
        end = text.rfind(b"\n") + 1
        self._half_line = text[end:]
        from mpviz.trace.decode import decode  # noqa: PLC0415 - there is a queue before it is needed

        return decode(text[:end])
