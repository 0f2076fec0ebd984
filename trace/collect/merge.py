"""The merge: what came by the pipe, the rings and the socket, in the order in which it happened.

The pipe keeps the order of all processes, a ring that of its process, the socket that of the
supervisor, which reports how processes end. Every record is stamped before it is written, and all
processes read the same clock. A cause is written before its effect is stamped, so the cause has the
earlier stamp.

Sorting by stamps is therefore enough, if each effect is given out only when its causes have been
read. The viewer takes looks: it reads the clock, then the pipe until it is empty, then every ring,
then the socket. What was written before it read the clock is in this look or in an earlier one.
That moment is the *watermark*: a record with a stamp up to it has all its causes in the merge, and
comes out; a younger record waits for the next look. The watermark is earlier where something is
left unread: before the first stamp that is left in a ring, or at the last stamp that was read from
a pipe that was not empty, because what is left in the pipe was written after it.

So the exit of a process comes after all that the process told: it was written before the process
died, and the supervisor stamps the exit when it has seen the death.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias, cast

from mpviz.trace.collect.decode import PROGRAM, SUPERVISOR, decode
from mpviz.trace.collect.rings import NEVER, NUMBERS, PIDS, Taken
from mpviz.trace.model.events import Event, RecordsDropped, Unreadable
from mpviz.trace.model.stretches import LONGEST, Stretch, cut, merge, records_of
from mpviz.trace.model.told import RingRecord, Told

_Stamped: TypeAlias = "tuple[int, Event] | RingRecord"
"""A pair of stamp and event, or a record of a ring, which begins with its stamp."""

_stamp = itemgetter(0)

_PAIR = 2
"""Length of a pair of stamp and event; a record of a ring is longer."""

RING_WEIGHT = 2
"""A record is half as long in a ring as in the pipe, and as much work to fold."""

LINE_BYTES = 1 << 16
"""Bytes that no record exceeds; a longer line is skipped up to its end."""

HELD_RECORDS = 1 << 18
"""Maximum number of records that wait for earlier ones; beyond that, the oldest are given out.

They wait for a number that a process has taken and not yet written. The process may have been
stopped in between, and a hostile one on purpose.
"""

_HELD_STRETCHES = 1 << 10
"""Maximum number of stretches that wait; each is looked at in every look."""

SHORTEST_BYTES = 20
"""Bytes of the shortest possible record."""

_SHOWN_BYTES = 200


@dataclass(slots=True)
class Look:
    """What one look at all sources has brought."""

    began: int
    """When it began: what was written before is in it, in an earlier one, or left in its source."""
    until: int = 0
    """When all of it had been read; a later stamp in it is forged."""
    is_last: bool = False
    """Whether nothing more can come."""
    is_pipe_empty: bool = False
    """Whether the pipe was read until it was empty."""
    left_since: int = NEVER
    """The earliest stamp that is left in a ring; NEVER if there is none."""
    pipe: list[bytes] = field(default_factory=list)
    """Lines of the program's processes, cut anywhere."""
    rings: list[Taken] = field(default_factory=list)
    socket: list[bytes] = field(default_factory=list)
    """Lines of the supervisor, cut anywhere."""
    accounts: list[RecordsDropped] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """Bytes, as they count in the backlog."""
        in_rings = sum(len(taken.records) for taken in self.rings)
        return sum(map(len, self.pipe)) + sum(map(len, self.socket)) + RING_WEIGHT * in_rings


class Merge:
    """Takes looks one after another and gives out in order what is older than the watermark.

    ``supervisor``: the pid of the supervisor, which tells only by its socket; 0 if there is none.
    """

    def __init__(self, supervisor: int = 0) -> None:
        self.supervisor = supervisor
        self._pipe, self._socket = _Lines(), _Lines()
        self._latest = 0
        """The latest stamp that any line of the pipe had so far."""
        self._held: list[_Stamped] = []
        self._held_stretches: list[Stretch] = []
        self._holds_events = False
        """Whether there may be events among what is held, and not only records of rings."""

    def add(self, look: Look) -> Sequence[Told]:
        """The records and events that come out now, in order."""
        events = self._read_pipe(look)
        if not (look.rings or look.socket or look.accounts or self._held or self._held_stretches):
            return events
        singles = self._held + self._in_order_of_the_pipe(events)
        stretches, refused = self._read_rings(look, singles)
        # Last, so that the end of a process follows a record with the same stamp.
        accounts = [each for each in look.accounts if each.child != self.supervisor]
        last = [*self._read_socket(look), *accounts, *refused]
        watermark = self._watermark(look)
        old, old_later = cut(self._held_stretches, watermark)
        new, new_later = cut(stretches, watermark)
        self._held_stretches = old_later + new_later
        count = len(singles) + sum(map(len, self._held_stretches))
        if count > HELD_RECORDS or len(self._held_stretches) > _HELD_STRETCHES:
            # All become single records, of which the oldest are given out.
            old, new, self._held_stretches = old + old_later, new + new_later, []
        elif not (singles or last):
            return merge(old + new)
        # What was held came before what is new, which matters where stamps are equal.
        singles = [*records_of(old), *singles, *records_of(new)]
        singles += [(event.time, event) for event in last]
        # Each part is in order already, or nearly so, and the sort makes use of that.
        singles.sort(key=_stamp)
        older = bisect_right(singles, watermark, key=_stamp)
        older = max(older, len(singles) - HELD_RECORDS)
        self._held = singles[older:]
        has_events = bool(events or last or self._holds_events)
        self._holds_events = has_events and bool(self._held)
        return _without_stamps(singles[:older]) if has_events else _runs(singles, 0, older)

    def _watermark(self, look: Look) -> int:
        """The stamp up to which all causes have been read; see the top of this module."""
        if look.is_last:
            return NEVER
        watermark = min(look.began, look.left_since - 1)
        if look.left_since == NEVER and not (look.rings or look.socket or look.accounts):
            # Only the pipe had anything, and it is in order.
            watermark = NEVER
        return watermark if look.is_pipe_empty else min(watermark, self._latest)

    def _read_pipe(self, look: Look) -> list[Event]:
        if not look.pipe:
            return []
        until, supervisor = look.until, self.supervisor
        text, short = _without_short_lines(self._pipe.whole(look.pipe))
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

    def _in_order_of_the_pipe(self, events: list[Event]) -> list[_Stamped]:
        """Give each the latest stamp so far: of two, the one that was written first comes first.

        A stamp may be older than its record, by much where it says when a thing began; no record
        was written before any stamp in front of it.
        """
        latest = self._latest
        stamped: list[_Stamped] = []
        for event in events:
            if event.time > latest:
                latest = event.time
            stamped.append((latest, event))
        self._latest = latest
        return stamped

    def _read_rings(
        self, look: Look, singles: list[_Stamped]
    ) -> tuple[list[Stretch], list[Unreadable]]:
        """The stretches that the rings gave, and an event for each ring with refused records.

        Records that are no stretch are added to ``singles``.
        """
        stretches: list[Stretch] = []
        refused: list[Unreadable] = []
        for taken in look.rings:
            if taken.ring.pid == self.supervisor:
                continue
            records, count = taken.decode(look.until)
            if isinstance(records, Stretch):
                stretches.append(records)
            else:
                singles += records
            if count:
                pid = taken.ring.pid
                text = f"{count:,} records in the ring of process {pid} that no probe writes"
                refused.append(Unreadable(time=look.until, pid=0, text=text))
        return stretches, refused

    def _read_socket(self, look: Look) -> list[Event]:
        return decode(self._socket.whole(look.socket), source=SUPERVISOR) if look.socket else []


def _refused(event: Event, until: int) -> Event:
    """The unreadable record that replaces a record that cannot be true."""
    if isinstance(event, Unreadable):
        event.time = min(event.time, until)
        return event
    text = f"impossible {event.__struct_config__.tag}: time {event.time}, pid {event.pid}"
    if event.number:
        text += f", number {event.number}, dropped {event.dropped}"
    return Unreadable(time=until, pid=0, text=text)


def _without_short_lines(text: bytes) -> tuple[bytes, int]:
    """If very many lines are too short for a record, leave them out, and count them.

    Each would become an event. A look at 2 MiB could have a million, and keys would wait for
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


def _without_stamps(stamped: list[_Stamped]) -> list[Told]:
    """Events and, between them, runs of records from rings, at most :data:`LONGEST` in each."""
    told: list[Told] = []
    # Nearly all are records, so events are searched as bytes, which is faster.
    lengths = bytes(map(len, stamped))
    start = 0
    while (at := lengths.find(_PAIR, start)) >= 0:
        told += _runs(stamped, start, at)
        told.append(cast("Event", stamped[at][1]))
        start = at + 1
    return told + _runs(stamped, start, len(stamped))


def _runs(stamped: list[_Stamped], start: int, end: int) -> list[Told]:
    return [stamped[at : min(at + LONGEST, end)] for at in range(start, end, LONGEST)]  # type: ignore[misc]
