"""Puts what came by the pipe, the rings and the socket into the order in which it happened.

The pipe keeps the order of all processes, a ring that of its process, the socket that of the
supervisor, which reports how processes end. Every record is stamped before it is written, and all
processes read the same clock. A cause is written before its effect is stamped, so the cause has the
earlier stamp.

Sorting by stamps is all it takes, if the cause has been read when the effect is given out. The
viewer reads in passes: it looks at the clock, reads the pipe until it is empty, then every ring,
then the socket. A record with a stamp from before that look at the clock has all its causes in this
pass or in an earlier one, since they were written before. Younger records wait for the next pass.

So the exit of a process comes after all that the process told: it was
written before the process died, and the supervisor stamps the exit when it has seen the death.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias, cast

from mpviz.trace.collect.rings import NUMBERS, PIDS, Ring, Taken
from mpviz.trace.model.events import Event, RecordsDropped, Unreadable
from mpviz.trace.model.stretches import LONGEST, Stretch, cut, merge, records_of
from mpviz.trace.model.told import RingRecord, Told

_Keyed: TypeAlias = "tuple[int, Event] | RingRecord"
"""A pair of time and event from the pipe, or a record of a ring, which begins with its time."""

_EVENT_LENGTH = 2
"""Of the pair that an event is; a record of a ring is longer."""

_by_key = itemgetter(0)

RING_WEIGHT = 2
"""A record is half as long in a ring as in the pipe, and as much work to fold."""

LINE_BYTES = 1 << 16
"""Bytes that no record exceeds; a longer line is skipped up to its end."""

HELD_EVENTS = 1 << 18
"""Events that may wait for earlier ones; beyond that, the oldest are given out.

They wait for a number that a process has taken and not yet written. The process may have been
stopped in between, and a hostile one on purpose.
"""

_HELD_STRETCHES = 1 << 10
"""So many stretches may be held; each is looked at in every pass."""

SHORTEST_BYTES = 20
"""Bytes of the shortest possible record."""

_SHOWN_BYTES = 200


@dataclass(slots=True)
class Pass:
    """What one look at the pipe, the rings and the socket brought."""

    lines: list[bytes]
    """Of the pipe, cut anywhere."""
    rings: list[Taken]
    told: list[bytes]
    """Lines of the supervisor; the last one may be incomplete."""
    dropped: list[RecordsDropped]
    """What processes wrote into files beside the pipe."""
    since: int
    """Of what was written before this moment nothing is left in a ring.

    :data:`mpviz.trace.collect.rings.NEVER` where nothing more can come that belongs in front.
    """
    drained: bool
    """The pipe was read until it was empty."""
    until: int
    """When all of it had been read; a later stamp in it is forged."""
    weight: int = field(init=False)
    """Bytes, as they count in the backlog."""

    def __post_init__(self) -> None:
        in_rings = sum(len(taken.records) for taken in self.rings)
        in_lines = sum(map(len, self.lines)) + sum(map(len, self.told))
        self.weight = in_lines + RING_WEIGHT * in_rings


class Sorter:
    """Takes passes one after another and gives the events out in order.

    ``supervisor`` is the pid of the supervisor, which only the supervisor may use; 0 if there is
    none.
    """

    def __init__(self, supervisor: int = 0) -> None:
        self.supervisor = supervisor
        self._pipe = _Lines()
        self._socket = _Lines()
        self._latest = 0
        """The latest stamp that any line of the pipe had so far."""
        self._held: list[_Keyed] = []
        self._stretches: list[Stretch] = []
        """Records of rings that are held, too."""
        self._has_events = False
        """Whether there may be events among what is sorted or held."""

    def sort(self, piece: Pass) -> Sequence[Told]:
        """The events for which everything that happened before is known."""
        lines = self._decode_pipe(piece)
        if not (piece.rings or piece.told or piece.dropped or self._held or self._stretches):
            return lines
        keyed: list[_Keyed] = self._held + self._in_order_of_the_pipe(lines)
        held, self._stretches = self._stretches, []
        refused = self._decode_rings(piece, keyed)
        # Last, so that the end of a process follows a record with the same stamp.
        last = [*self._decode_socket(piece), *piece.dropped, *refused]
        # Of what is left in the pipe, nothing was written before what was read of it last.
        since = piece.since if piece.drained else min(piece.since, self._latest)
        old, old_later = cut(held, since)
        new, new_later = cut(self._stretches, since)
        self._stretches = old_later + new_later
        count = len(keyed) + sum(map(len, self._stretches))
        if count > HELD_EVENTS or len(self._stretches) > _HELD_STRETCHES:
            # All in one list, of which the oldest are given out.
            old, new, self._stretches = old + old_later, new + new_later, []
        elif not (keyed or last):
            return merge(old + new)
        # What was held came before what is new, which matters where stamps are equal.
        keyed = [*records_of(old), *keyed, *records_of(new)]
        keyed += [(event.time, event) for event in last]
        self._has_events = bool(lines or last) or (self._has_events and bool(self._held))
        return self._sorted(keyed, since, piece.until)

    def _sorted(self, keyed: list[_Keyed], since: int, until: int) -> list[Told]:
        """Those up to ``since`` in the order of their stamps; the others are held."""
        # Each part is in order already, or nearly so, and the sort makes use of that.
        keyed.sort(key=_by_key)
        if keyed and not 0 <= keyed[0][0] <= keyed[-1][0] <= until:
            keyed = _without_forged_times(keyed, until)
            self._has_events = True
        complete = bisect_right(keyed, since, key=_by_key)
        complete = max(complete, len(keyed) - HELD_EVENTS)
        self._held = keyed[complete:]
        del keyed[complete:]
        return _joined(keyed) if self._has_events else _runs(keyed, 0, len(keyed))

    def _decode_rings(self, piece: Pass, keyed: list[_Keyed]) -> list[Event]:
        """Add the records of rings to the stretches, or to ``keyed`` if they are no stretch.

        Returns an event for each ring with records that were refused.
        """
        refused: list[Event] = []
        for taken in piece.rings:
            records, count = taken.decode()
            if count:
                refused.append(_refused_records(taken.ring, count, piece.until))
            if isinstance(records, list):
                keyed += records
                continue
            times = records.columns.times
            if 0 <= times[0] <= times[-1] <= piece.until:
                self._stretches.append(records)
            else:
                keyed += records.records()
        return refused

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
        # Imported late, because the queue is needed before this is.
        from mpviz.trace.collect.decode import PROGRAM, decode  # noqa: PLC0415

        until, supervisor = piece.until, self.supervisor
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
                or pid == supervisor
                or not 0 <= event.number < NUMBERS
                or not 0 <= event.dropped < NUMBERS
            ):
                events[index] = _refused(event, until)
        return events

    def _decode_socket(self, piece: Pass) -> list[Event]:
        if not piece.told:
            return []
        from mpviz.trace.collect.decode import SUPERVISOR, decode  # noqa: PLC0415 - needed later than the transport

        return decode(self._socket.whole(piece.told), source=SUPERVISOR)


def _refused(event: Event, until: int) -> Event:
    """The unreadable record that replaces a record that cannot be true."""
    if isinstance(event, Unreadable):
        event.time = min(event.time, until)
        return event
    text = f"impossible {event.__struct_config__.tag}: time {event.time}, pid {event.pid}"
    if event.number:
        text += f", number {event.number}, dropped {event.dropped}"
    return Unreadable(time=until, pid=0, text=text)


def _refused_records(ring: Ring, count: int, until: int) -> Unreadable:
    """One unreadable record for so many that no probe writes."""
    text = f"{count:,} records in the ring of process {ring.pid} that no probe writes"
    return Unreadable(time=until, pid=0, text=text)


def _without_forged_times(keyed: list[_Keyed], until: int) -> list[_Keyed]:
    """Replace records of rings whose time is negative or in the future by a count of them."""
    kept = [each for each in keyed if 0 <= each[0] <= until]
    text = f"{len(keyed) - len(kept)} records of rings with impossible times"
    return [*kept, (until, Unreadable(time=until, pid=0, text=text))]


def _without_short_lines(text: bytes) -> tuple[bytes, int]:
    """If very many lines are too short for a record, leave them out, and count them.

    Each would become an event. A pass of 2 MiB could have a million, and keys would wait for
    seconds.
    """
    if text.count(b"\n") * SHORTEST_BYTES <= len(text):
        return text, 0
    lines = text.split(b"\n")
    long = [line for line in lines if len(line) >= SHORTEST_BYTES]
    return b"\n".join(long), sum(map(bool, lines)) - len(long)


class _Lines:
    """Joins pieces of a stream, and cuts them into whole lines."""

    def __init__(self) -> None:
        self._half = b""
        self._passes_over = False
        """Whether the stream is in the middle of a line that is too long."""

    def whole(self, pieces: list[bytes]) -> bytes:
        """The complete lines, and once the beginning of a line that is too long."""
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
    """Events and, between them, runs of records from rings, at most :data:`LONGEST` in each."""
    told: list[Told] = []
    # Nearly all are records, so the events are looked for as bytes, four times as fast.
    lengths = bytes(map(len, keyed))
    start, at = 0, lengths.find(_EVENT_LENGTH)
    while at >= 0:
        told += _runs(keyed, start, at)
        told.append(cast("Event", keyed[at][1]))
        start = at + 1
        at = lengths.find(_EVENT_LENGTH, start)
    return told + _runs(keyed, start, len(keyed))


def _runs(keyed: list[_Keyed], start: int, end: int) -> list[Told]:
    return [keyed[at : min(at + LONGEST, end)] for at in range(start, end, LONGEST)]  # type: ignore[misc]
