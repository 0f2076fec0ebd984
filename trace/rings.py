"""The viewer's side of the rings: finds them, takes out what was written, makes events of it.

How a ring is laid out, and why a record is whole when its number is there, is told where it is
written: :mod:`mpviz_probe.ring <mpviz.trace.probe.boot.mpviz_probe.ring>`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import msgspec

from mpviz.trace.events import Event, Unreadable
from mpviz.trace.kernel import read_status
from mpviz.trace.probe.boot.mpviz_probe import ring as layout

BLOCK = 512
"""Records that are looked at in one step."""

AHEAD = 8
"""How far behind a number that is missing it is looked for others.

A thread that has taken a number and lost the interpreter before it wrote leaves such a gap, for a
while; so this many threads may do so at once.
"""

LOOKS_AT_GAP = 250
"""After so many looks at a gap, a second or more, its thread is taken to be no more (exec)."""

LOOKS_AT_IDLE = 64
"""After so many looks in vain it is asked whether the process is still there."""

_WORDS = layout.SLOT_BYTES // 8
_NUMBER = _WORDS - 1
_DEAD = "ZX"
NEVER = 1 << 63
"""Later than every stamp."""


def _word(number: int) -> int:
    """Where the slot of this number begins, in words."""
    return layout.SLOTS_AT // 8 + number % layout.SLOTS * _WORDS


RingRecord: TypeAlias = "tuple[int, Form, int, int, int, int, int, int]"
"""A record as a ring has it: time, form, thread, number, site, and the values that the form names.

No event is made of it to fold it: that takes longer than all else that is done with it.
"""

Told: TypeAlias = "Event | list[RingRecord]"
"""What processes told: an event that came by the pipe, or records of rings in their order."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What the records of one kind about one object have in common."""

    pid: int
    kind: type[Event]
    object: str
    """The id of what they are about; empty where they are about nothing that has one."""
    copy: Callable[[], Event]
    """Makes such an event, with zeros for what each has of its own."""
    fields: tuple[str, ...]
    """The event's names for the site, where it has one, and for up to three more values."""
    fold: Callable[..., None]
    """Folds such a record: :data:`mpviz.trace.state.RingHandler`."""

    def event(self, record: RingRecord) -> Event:
        """Make the event that a record stands for."""
        event = self.copy()
        event.time, _, event.thread, event.number, *values = record
        for field, value in zip(self.fields, values, strict=False):
            setattr(event, field, value)
        return event


def as_event(told: Event | RingRecord) -> Event:
    """Give what was told as an event, by whichever way it came."""
    return told[1].event(told) if isinstance(told, tuple) else told


def as_events(told: Iterable[Told]) -> list[Event]:
    """Give all that was told as events, in its order."""
    events: list[Event] = []
    for each in told:
        if isinstance(each, list):
            events += [record[1].event(record) for record in each]
        else:
            events.append(each)
    return events


class Ring:
    """One process's ring; :class:`OSError` or :class:`ValueError` where the file is none (yet)."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_size != layout.SIZE:
                raise ValueError("not of a ring's size")
            self._memory = mmap(descriptor, layout.SIZE)
        finally:
            os.close(descriptor)
        mark, read, self.pid, self._main_thread = layout.HEAD.unpack_from(self._memory)
        if mark != layout.READY:
            self._memory.close()
            raise ValueError("not ready")
        self._words = memoryview(self._memory).cast("q")
        self._next = read + 1
        self._forms: dict[int, Form] = {}
        self.idle_looks = 0
        """How many looks in a row found nothing to take out."""

    def take(self, most: int) -> bytes:
        """Take out what is complete, in order, about ``most`` records; make room for as many."""
        pieces: list[bytes] = []
        while most > 0 and (piece := self._take_block()):
            pieces.append(piece)
            most -= BLOCK
        if pieces:
            self._words[layout.READ_WORD] = self._next - 1
        return b"".join(pieces)

    def skip_gap(self) -> bool:
        """Give up the numbers in front of the next that is written; False where there is none."""
        for number in range(self._next, self._next + layout.SLOTS):
            if self._words[_word(number) + _NUMBER] == number:
                self._next = number
                return True
        return False

    def left_since(self) -> int:
        """The earliest stamp of what was written and not taken out; :data:`NEVER` for nothing.

        What stands behind a gap counts, too.
        """
        stamps = []
        # Numbers are taken in the order of stamps but for those threads, so the first ones will do.
        for number in range(self._next, self._next + 2 * AHEAD):
            word = _word(number)
            if self._words[word + _NUMBER] == number:
                stamps.append(self._words[word])
        return min(stamps, default=NEVER)

    def decode(self, records: bytes) -> list[RingRecord]:
        """Give what was taken out record by record, without those that went through the pipe."""
        forms, main_thread = self._forms, self._main_thread
        while True:
            try:
                return [
                    (
                        time,
                        forms[form],
                        0 if thread == main_thread else thread,
                        number,
                        site,
                        first,
                        second,
                        third,
                    )
                    for (
                        time,
                        thread,
                        form,
                        site,
                        first,
                        second,
                        third,
                        number,
                    ) in layout.RECORD.iter_unpack(records)
                    if form != layout.VOID
                ]
            except KeyError as unknown:
                number = unknown.args[0]
                forms[number] = self._form(number)

    def _take_block(self) -> bytes:
        first = self._next
        index = first % layout.SLOTS
        start = _word(first) + _NUMBER
        if self._words[start] != first:
            return b""
        count = min(BLOCK, layout.SLOTS - index)
        # The numbers are read before what stands in front of them, and were written after it.
        numbers = self._words[start : start + count * _WORDS : _WORDS].tolist()
        if numbers[-1] != first + count - 1 or numbers != list(range(first, first + count)):
            count = next(at for at, number in enumerate(numbers) if number != first + at)
        self._next += count
        return self._copy(index, count)

    def _copy(self, index: int, count: int) -> bytes:
        start = layout.SLOTS_AT + index * layout.SLOT_BYTES
        return self._memory[start : start + count * layout.SLOT_BYTES]

    def _form(self, number: int) -> Form:
        start = layout.FORMS_AT + number * layout.FORM_BYTES
        text = self._memory[start : start + layout.FORM_BYTES].rstrip(b"\0")
        names, _, line = text.partition(b"\n")
        zeros = b"".join(b',"%b":0' % name for name in names.split())
        from mpviz.trace.decode import PROGRAM, decode  # noqa: PLC0415 - as in passes
        from mpviz.trace.fold import ring_handler  # noqa: PLC0415

        (event,) = decode(
            line[:-1] + zeros + b',"t":0,"p":%d,"n":0}' % self.pid, source=PROGRAM
        ) or [Unreadable(time=0, pid=0, text="a record of no form")]
        called = {
            field.encode_name.encode(): field.name for field in msgspec.structs.fields(type(event))
        }
        fields = tuple(called[name] for name in names.split() if name in called)
        copy = cast("_Copied", event).__copy__
        fold = ring_handler(type(event), fields, copy)
        return Form(self.pid, type(event), getattr(event, "object", ""), copy, fields, fold)


class _Copied(Protocol):
    """What every Struct can do and its type stubs do not say; twice as fast as ``copy``."""

    def __copy__(self) -> Event: ...


class Rings:
    """All rings in the directory of a queue."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rings: list[Ring] = []

    def look(self) -> None:
        """Map the rings that have come since; their files are not needed any more then."""
        try:
            with os.scandir(self._directory) as entries:
                paths = [Path(entry) for entry in entries if entry.name.endswith(layout.SUFFIX)]
        except FileNotFoundError:
            # The warden has removed it, so nobody is left to make one.
            return
        for path in paths:
            try:
                ring = Ring(path)
            except (OSError, ValueError):
                # It is still being made, and comes with the next look.
                continue
            path.unlink()
            self._rings.append(ring)

    def take(self, most: int) -> tuple[list[tuple[Ring, bytes]], int]:
        """Take about ``most`` records out of each, and say since when there is more in any."""
        taken: list[tuple[Ring, bytes]] = []
        left_since = NEVER
        for ring in list(self._rings):
            records = ring.take(most)
            left = ring.left_since()
            ring.idle_looks = 0 if records else ring.idle_looks + 1
            if not records and left != NEVER and self._gap_stays(ring):
                ring.skip_gap()
                records = ring.take(most)
                left = ring.left_since()
            if records:
                taken.append((ring, records))
            elif ring.idle_looks % LOOKS_AT_IDLE == 0 and left == NEVER and _is_dead(ring.pid):
                # What it wrote last was written before it died, and now all of it is taken.
                self._rings.remove(ring)
            left_since = min(left_since, left)
        return taken, left_since

    def take_all(self) -> list[tuple[Ring, bytes]]:
        """Take what there is, also behind numbers that are missing, now that nobody writes."""
        taken: list[tuple[Ring, bytes]] = []
        for ring in self._rings:
            while ring.skip_gap():
                taken.append((ring, ring.take(layout.SLOTS)))
        return taken

    def close(self) -> None:
        """Remove the files that nobody has mapped."""
        for path in self._directory.glob(f"*{layout.SUFFIX}"):
            path.unlink()

    def _gap_stays(self, ring: Ring) -> bool:
        """Whether nobody is left to write the number that is missing."""
        status = read_status(ring.pid)
        if status is None or status.status in _DEAD:
            return True
        if status.status in "Tt":
            # It is stopped, if only by a debugger, and goes on with that number when it goes on.
            ring.idle_looks = 0
        return ring.idle_looks > LOOKS_AT_GAP


def _is_dead(pid: int) -> bool:
    status = read_status(pid)
    return status is None or status.status in _DEAD
