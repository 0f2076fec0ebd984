"""Puts what came by the pipe, the rings and the socket into the order in which it happened.

The pipe has one order for all processes; a ring has its own process's, the socket that of the
warden, who tells how processes end. Every record is stamped before it is written, and all processes
read the same clock. So if one record was written before another was stamped, which is what a cause
and its effect are, then the first has the earlier stamp.

Sorting by stamps is all it takes, if the cause has been read when the effect is given out. The
viewer reads in passes: it looks at the clock, reads the pipe until it is empty, then every ring,
then the socket. A record with a stamp from before that look at the clock has all its causes in this
pass or in an earlier one, since they were written before. Younger records wait for the next pass.

So the exit of a process comes after all that the process told: it was
written before the process died, and the warden stamps the exit when it has seen the death.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from mpviz.trace.events import Event, RecordsDropped, Unreadable
from mpviz.trace.rings import NUMBERS, PIDS, Ring, RingRecord, Told

_Keyed: TypeAlias = "tuple[int, Event] | RingRecord"
"""An event of the pipe behind its place in time, or a record of a ring, which begins with it."""

_by_key = itemgetter(0)

RUN = 2048
"""So many records of rings are folded at a stretch: 2 ms of work between two looks at a clock."""

RING_WEIGHT = 2
"""A record is half as long in a ring as in the pipe, and as much work to fold."""

LINE_BYTES = 1 << 16
"""No record is longer; what goes on for longer without a line's end is passed over."""

HELD_EVENTS = 1 << 18
"""So many events may wait for what happened before them; of more, the oldest are given out.

They wait for a number that a process has taken and not written. It may be stopped just there, and
may have meant to be.
"""

SHORTEST_BYTES = 20
"""No record is shorter."""

_SHOWN_BYTES = 200


@dataclass(slots=True)
class Pass:
    """What one look at the pipe, the rings and the socket brought."""

    lines: list[bytes]
    """Of the pipe, cut anywhere."""
    rings: list[tuple[Ring, bytes]]
    told: list[bytes]
    """Lines of the warden, cut anywhere."""
    dropped: list[RecordsDropped]
    """What processes have put down beside the pipe."""
    since: int
    """Of what was written before this moment nothing is left in a ring.

    :data:`mpviz.trace.rings.NEVER` where nothing more can come that belongs in front.
    """
    drained: bool
    """The pipe was read until it was empty."""
    until: int
    """When all of it had been read: no stamp in it is later, unless it is forged."""
    weight: int = field(init=False)
    """Bytes, as they count in the backlog."""

    def __post_init__(self) -> None:
        in_rings = sum(len(records) for _, records in self.rings)
        in_lines = sum(map(len, self.lines)) + sum(map(len, self.told))
        self.weight = in_lines + RING_WEIGHT * in_rings


class Sorter:
    """Takes passes one after another and gives the events out in order.

    ``warden`` is the pid of the warden, in whose name nobody else may speak; 0 where there is none.
    """

    def __init__(self, warden: int = 0) -> None:
        self.warden = warden
        self._pipe = _Lines()
        self._socket = _Lines()
        self._latest = 0
        """The latest stamp that any line of the pipe had so far."""
        self._held: list[_Keyed] = []

    def sort(self, piece: Pass) -> Sequence[Told]:
        """What was told, as far as all is there that happened before it."""
        lines = self._decode_pipe(piece)
        if not (piece.rings or piece.told or piece.dropped or self._held):
            return lines
        keyed: list[_Keyed] = self._held + self._in_order_of_the_pipe(lines)
        for ring, records in piece.rings:
            keyed += ring.decode(records)
        # Last, so that of two with the same stamp the end of a process is the later one.
        keyed += [(event.time, event) for event in self._decode_socket(piece)]
        keyed += [(event.time, event) for event in piece.dropped]
        # Each part is in order already, or nearly so, and the sort makes use of that.
        keyed.sort(key=_by_key)
        if keyed and not 0 <= keyed[0][0] <= keyed[-1][0] <= piece.until:
            keyed = _without_forged_times(keyed, piece.until)
        # Of what is left in the pipe, nothing was written before what was read of it last.
        since = piece.since if piece.drained else min(piece.since, self._latest)
        complete = bisect_right(keyed, since, key=_by_key)
        complete = max(complete, len(keyed) - HELD_EVENTS)
        self._held = keyed[complete:]
        del keyed[complete:]
        return _joined(keyed)

    def _in_order_of_the_pipe(self, events: list[Event]) -> list[_Keyed]:
        """Give each the latest stamp so far: of two, the one that was written first comes first.

        A stamp may be older than its record, by much where it says when a thing began; no record
        was written before any stamp in front of it.
        """
        latest = self._latest
        keyed: list[_Keyed] = []
        for event in events:
            if event.time > latest:
                latest = event.time
            keyed.append((latest, event))
        self._latest = latest
        return keyed

    def _decode_pipe(self, piece: Pass) -> list[Event]:
        if not piece.lines:
            return []
        # There is a queue before this is needed.
        from mpviz.trace.decode import PROGRAM, decode  # noqa: PLC0415

        until, warden = piece.until, self.warden
        text, short = _without_short_lines(self._pipe.whole(piece.lines))
        events = decode(text, source=PROGRAM)
        if short:
            words = f"{short} lines that are too short for a record"
            events.append(Unreadable(time=until, pid=0, text=words))
        for index, event in enumerate(events):
            pid = event.pid
            if (
                event.time > until
                or not 0 < pid < PIDS
                or pid == warden
                or not 0 <= event.number < NUMBERS
                or not 0 <= event.dropped < NUMBERS
            ):
                events[index] = _refused(event, until)
        return events

    def _decode_socket(self, piece: Pass) -> list[Event]:
        if not piece.told:
            return []
        from mpviz.trace.decode import WARDEN, decode  # noqa: PLC0415 - as above

        return decode(self._socket.whole(piece.told), source=WARDEN)


def _refused(event: Event, until: int) -> Event:
    """What is put in the place of a record that cannot be true."""
    if isinstance(event, Unreadable):
        event.time = min(event.time, until)
        return event
    text = f"{event.__struct_config__.tag} that cannot be: time {event.time}, pid {event.pid}"
    if event.number:
        text += f", number {event.number}, dropped {event.dropped}"
    return Unreadable(time=until, pid=0, text=text)


def _without_forged_times(keyed: list[_Keyed], until: int) -> list[_Keyed]:
    """Leave out, and say so, what a ring had from before all time or after now."""
    kept = [each for each in keyed if 0 <= each[0] <= until]
    text = f"{len(keyed) - len(kept)} records of rings with times that cannot be"
    return [*kept, (until, Unreadable(time=until, pid=0, text=text))]


def _without_short_lines(text: bytes) -> tuple[bytes, int]:
    """Leave out the lines that can be no record, where there are very many, and count them.

    Each would become an event: a million of a pass of 2 MiB, and seconds in which no key is heard.
    """
    if text.count(b"\n") * SHORTEST_BYTES <= len(text):
        return text, 0
    lines = text.split(b"\n")
    long = [line for line in lines if len(line) >= SHORTEST_BYTES]
    return b"\n".join(long), sum(map(bool, lines)) - len(long)


class _Lines:
    """Cuts what comes in pieces into whole lines."""

    def __init__(self) -> None:
        self._half = b""
        self._passes_over = False
        """In the middle of a line that is too long."""

    def whole(self, pieces: list[bytes]) -> bytes:
        """The lines that have come to their end; of one that is too long the beginning, once."""
        text = self._half + b"".join(pieces)
        self._half = b""
        if self._passes_over:
            _, line_end, text = text.partition(b"\n")
            self._passes_over = not line_end
        end = text.rfind(b"\n") + 1
        half = text[end:]
        if len(half) <= LINE_BYTES:
            self._half = half
            return text[:end]
        self._passes_over = True
        return text[:end] + half[:_SHOWN_BYTES]


def _joined(keyed: list[_Keyed]) -> list[Told]:
    """Events and, between them, the records that came by rings, at most :data:`RUN` in a run."""
    told: list[Told] = []
    start = 0
    for at, each in enumerate(keyed):
        if len(each) == 2:
            told += _runs(keyed, start, at)
            told.append(each[1])
            start = at + 1
    return told + _runs(keyed, start, len(keyed))


def _runs(keyed: list[_Keyed], start: int, end: int) -> list[Told]:
    return [keyed[at : min(at + RUN, end)] for at in range(start, end, RUN)]  # type: ignore[misc]
