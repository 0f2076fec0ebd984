"""The viewer's side of the rings: it finds them, takes records out, and decodes them.

How a ring is laid out, and why a record is whole when its number is there, is explained where it is
written: :mod:`mpviz_probe.wire.ring
<mpviz.probe.boot.mpviz_probe.wire.ring>`.
"""

from __future__ import annotations

import errno
import os
from itertools import compress
from struct import Struct
from typing import NamedTuple, cast

from mpviz.probe.boot.mpviz_probe.wire.ring import (
    HEAD,
    READ_WORD,
    READY,
    SIZE,
    SLOT_BYTES,
    SLOTS,
    SLOTS_AT,
    SUFFIX,
    VOID,
)
from mpviz.trace.collect.pages import Pages
from mpviz.trace.collect.ring_forms import Forms
from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.model.stretches import Columns, Stretch
from mpviz.trace.model.told import Form, RingRecord
from mpviz.trace.system.kernel import read_status
from mpviz.trace.system.run_folder import NO_ROOM, RunFolder

BLOCK = 512
"""Maximum number of records that are looked at in one step."""

FIRST_BLOCK = 32
"""The same for the first step: mostly, no more were written since the last look."""

AHEAD = 8
"""Number of slots behind a missing number that are searched for younger records.

A thread that takes a number and loses the interpreter before it writes leaves such a gap for a
while. This many threads may do so at once.
"""

LOOKS_AT_GAP = 250
"""Number of looks at a gap, a second or more, after which its thread is taken to be gone (exec)."""

LOOKS_AT_IDLE = 64
"""After each so many looks in vain, we check whether the process is still there."""

_WORDS = SLOT_BYTES // 8
# Places in a record, in words of 8 bytes, and of 4 for form and site.
_TIME, _THREAD, _VALUES, _NUMBER = 0, 1, (3, 4, 5), _WORDS - 1
_FORM, _SITE = 4, 5
_SIGNED = _THREAD, *_VALUES
"""The words that are negative only in few records, or in none."""
_STAMP = Struct("<q")
_DEAD = "ZX"
NEVER = 1 << 63
"""Later than every stamp."""

PIDS = 1 << 22
"""Lower bound of impossible pids (Linux, ``PID_MAX_LIMIT``)."""

NUMBERS = 1 << 40
"""Lower bound of impossible record numbers: twelve days at a record a microsecond."""

EAGER_LOOKS = 50
"""After this many looks, a file that is not yet a ring is looked at only once in as many looks."""

MOST_RINGS = 1 << 13
"""Maximum number of rings mapped at once; other processes use the pipe until there is room."""

RECORDS_AT_A_LOOK = 1 << 18
"""Records taken out in one look at all rings, or a few more: 16 MiB."""


class Taken(NamedTuple):
    """Records that were taken out of a ring."""

    ring: Ring
    first: int
    """The number of the first of them; each of the others has the next number."""
    records: bytes

    def decode(self, until: int) -> tuple[Stretch | list[RingRecord], int]:
        """Give these records, without those that went through the pipe.

        ``until``: when they had been taken out, so that a later stamp is forged. Also returns how
        many records were refused, because no probe writes such a record.
        """
        ring, first, records = self
        words, halves = memoryview(records).cast("q"), memoryview(records).cast("I")
        numbers = halves[_FORM :: 2 * _WORDS].tolist()
        times: list[int] = words[_TIME::_WORDS].tolist()
        threads: list[int] = words[_THREAD::_WORDS].tolist()
        forms = list(map(ring.forms.__getitem__, numbers))
        sites = halves[_SITE :: 2 * _WORDS]
        values = tuple(words[at::_WORDS] for at in _VALUES)
        in_order = sorted(times)
        all_fit = ring.forms.all_fit and not _has_signs(records)
        all_fit = all_fit and in_order[0] >= 0 and in_order[-1] <= until
        is_void = VOID in numbers
        main_thread = ring.main_thread
        is_main = threads.count(main_thread) == len(threads)
        if all_fit and is_main and not is_void and times == in_order:
            columns = Columns(ring.pid, first, times, cast("list[Form]", forms), sites, values)
            return Stretch(columns, 0, len(times)), 0
        told = zip(
            times,
            forms,
            [0 if thread == main_thread else thread for thread in threads],
            # The numbers in the slots were added up, and only their sum is known to be right.
            range(first, first + len(times)),
            sites.tolist(),
            *(column.tolist() for column in values),
            strict=False,
        )
        kept = cast("list[RingRecord]", list(compress(told, numbers) if is_void else told))
        if all_fit:
            return kept, 0
        fitting = [
            each for each in kept if 0 <= each[0] <= until and each[1] and each[1].fits(each)
        ]
        return fitting, len(kept) - len(fitting)


class Ring:
    """One process's ring; :class:`OSError` or :class:`ValueError` where the file is none (yet)."""

    def __init__(self, descriptor: int) -> None:
        if os.fstat(descriptor).st_size != SIZE:
            raise ValueError("not of a ring's size")
        head = os.pread(descriptor, HEAD.size, 0)
        mark, read, self.pid, self.main_thread = HEAD.unpack(head)
        if mark != READY or not (
            0 <= read < NUMBERS and 0 < self.pid < PIDS and self.main_thread < NEVER
        ):
            raise ValueError("not ready")
        self._pages = Pages(descriptor, SIZE)
        self._next: int = read + 1
        self.forms = Forms(self._pages, self.pid)
        self.left_since = NEVER
        """The earliest stamp of the records not yet taken out; :data:`NEVER` if there are none.

        Records behind a gap count, too.
        """
        self.idle_looks = 0
        """How many looks in a row found nothing to take out."""
        self._has_made_room = True
        """Whether its process has been told how far the ring was read."""

    def take(self, most: int) -> Taken:
        """Take out what is complete, in order, at most so many records; make room for as many.

        :class:`OSError` if none could be taken out; a later error is met again by the next call.
        """
        pieces: list[bytes] = []
        first = self._next
        try:
            self._take_pieces(pieces, most)
            if pieces or not self._has_made_room:
                self._has_made_room = False
                self._pages.write_word(READ_WORD * 8, self._next - 1)
                self._has_made_room = True
        except OSError:
            if not pieces:
                raise
            # What is left, if anything, is about as old as the last record that was taken out.
            (self.left_since,) = _STAMP.unpack_from(pieces[-1], len(pieces[-1]) - SLOT_BYTES)
        return Taken(self, first, b"".join(pieces))

    def _take_pieces(self, pieces: list[bytes], most: int) -> None:
        block = FIRST_BLOCK
        while count := self._look(min(block, most)):
            # The numbers were read before what stands in front of them, and written after it.
            pieces.append(self._slots(self._next, count))
            self._next += count
            if count < block:
                break
            most -= count
            block = min(4 * block, BLOCK)

    def skip_gap(self) -> bool:
        """Give up the numbers in front of the next that is written; False where there is none."""
        written = [
            number
            for index, number in enumerate(_numbers(self._slots(0, SLOTS)))
            if self._next <= number < self._next + SLOTS and number % SLOTS == index
        ]
        if written:
            self._next = min(written)
        return bool(written)

    def _look(self, most: int) -> int:
        """Return how many of the next records are complete; note the stamps of those behind them.

        Numbers are taken in the order of stamps except by threads that lost the interpreter, so a
        few slots behind the first ``most`` are enough.
        """
        first = self._next
        slots = self._slots(first, most + 2 * AHEAD)
        numbers = _numbers(slots)
        complete = most
        # What is not yet written has an older number, so if one is missing, the sum is too small.
        if sum(numbers[:most]) != most * first + most * (most - 1) // 2:
            complete = next(at for at, number in enumerate(numbers) if number != first + at)
        self.left_since = NEVER
        behind = numbers[complete : complete + 2 * AHEAD]
        if max(behind) >= first + complete:
            stamps = memoryview(slots).cast("q")[complete * _WORDS + _TIME :: _WORDS].tolist()
            self.left_since = min(
                stamp
                for stamp, number in zip(stamps, behind, strict=False)
                if number >= first + complete
            )
        return complete

    def is_written(self) -> bool:
        """Whether there is anything in it that was not taken out, also behind a gap."""
        return self._look(1) > 0 or self.left_since != NEVER

    def _slots(self, number: int, count: int) -> bytes:
        """The slots for so many numbers from this one on."""
        index = number % SLOTS
        before_end = min(count, SLOTS - index)
        slots = self._pages.read(SLOTS_AT + index * SLOT_BYTES, before_end * SLOT_BYTES)
        if before_end < count:
            rest = (count - before_end) * SLOT_BYTES
            slots += self._pages.read(SLOTS_AT, rest)
        return slots


def _has_signs(records: bytes) -> bool:
    """Whether a thread or a value of these records is negative: its highest byte has the sign."""
    return not all(records[8 * at + 7 :: SLOT_BYTES].isascii() for at in _SIGNED)


def _numbers(slots: bytes) -> list[int]:
    """The last word of each slot, which is the number of its record."""
    numbers: list[int] = memoryview(slots).cast("q")[_NUMBER::_WORDS].tolist()
    return numbers


class Rings:
    """All rings in the folder of a run."""

    def __init__(self, folder: RunFolder, troubles: Troubles) -> None:
        self._folder = folder
        self._troubles = troubles
        self._rings: list[Ring] = []
        self._looks: dict[str, int] = {}
        """How often each file that is not (yet) a ring was looked at."""
        self.has_more = False
        """Whether the last look may have left records in a ring because there were so many."""

    def look(self, names: list[str], closing: bool) -> None:
        """Map the rings among these files, and remove the files to mark the rings as in use.

        ``closing`` says that this is the last look: a ring that is not mapped now is lost.
        """
        looks = {name: self._looks.get(name, 0) for name in names if name.endswith(SUFFIX)}
        for name, before in looks.items():
            looks[name] += 1
            if not closing:
                if len(self._rings) >= MOST_RINGS:
                    self.report_unmapped(f"{MOST_RINGS:,} are in use", closing)
                    break
                if before >= EAGER_LOOKS and before % EAGER_LOOKS:
                    continue
            try:
                self._take_in(name)
            except OSError as error:
                self.report_unmapped(error.strerror, closing)
                if error.errno in NO_ROOM:
                    break
        self._looks = looks

    def report_unmapped(self, reason: str | None, closing: bool) -> None:
        """Report that new rings cannot be mapped; at the last look, this costs what is in them."""
        if closing:
            self._troubles.report(
                f"mpviz could not read the rings of some processes ({reason}):"
                " the records in them are lost",
                hides_losses=True,
            )
        else:
            self._troubles.report(
                f"mpviz cannot map new rings ({reason}): processes whose ring is new will soon use"
                " the pipe instead, which is slower"
            )

    def _take_in(self, name: str) -> None:
        """Map this ring, if it is one; :class:`OSError` if there is no room for it."""
        try:
            descriptor = self._folder.open(name, os.O_RDWR)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            # It was removed since, or is not a file.
            return
        try:
            ring = Ring(descriptor)
        except ValueError:
            # It is still being made; the next look will find it.
            return
        finally:
            os.close(descriptor)
        self._folder.unlink(name)
        self._rings.append(ring)

    def take(self, most: int) -> tuple[list[Taken], int]:
        """Take about ``most`` records out of each; return the earliest stamp that is left, too."""
        taken: list[Taken] = []
        left_since = NEVER
        most = min(most, max(BLOCK, RECORDS_AT_A_LOOK // max(1, len(self._rings))))
        self.has_more = False
        for ring in list(self._rings):
            try:
                piece = self._take_from(ring, most)
            except OSError as error:
                if self._report_unread(ring, error):
                    self._rings.remove(ring)
                continue
            if piece.records:
                taken.append(piece)
                self.has_more |= len(piece.records) >= most * SLOT_BYTES
            elif _is_left(ring):
                # What it wrote last was written before it died, and now all of it is taken.
                self._rings.remove(ring)
            left_since = min(left_since, ring.left_since)
        return taken, left_since

    def take_all(self) -> list[Taken]:
        """Take what there is, also behind numbers that are missing, now that nobody writes.

        The rings are let go, and are unmapped when their records have been folded.
        """
        taken: list[Taken] = []
        rings, self._rings = self._rings, []
        for ring in rings:
            # A process out of our reach, such as another user's, may still be writing.
            left = SLOTS
            try:
                while left > 0 and ring.skip_gap() and (piece := ring.take(left)).records:
                    left -= len(piece.records) // SLOT_BYTES
                    taken.append(piece)
            except OSError as error:
                self._report_unread(ring, error, closing=True)
        return taken

    def _take_from(self, ring: Ring, most: int) -> Taken:
        taken = ring.take(most)
        ring.idle_looks = 0 if taken.records else ring.idle_looks + 1
        if not taken.records and ring.left_since != NEVER and _gap_stays(ring):
            ring.skip_gap()
            taken = ring.take(most)
        return taken

    def _report_unread(self, ring: Ring, error: OSError, *, closing: bool = False) -> bool:
        """Report why a ring cannot be read; say whether it never will be."""
        # A page that is behind the end of its file cannot be read: see pages.py.
        is_cut_short = error.errno == errno.EFAULT
        if is_cut_short:
            self._troubles.report(
                f"the ring of process {ring.pid} was cut short while it was in use:"
                " its records in that ring are lost",
                hides_losses=True,
            )
        else:
            text = f"mpviz cannot read the ring of process {ring.pid}: {error.strerror}"
            self._troubles.report(text, hides_losses=closing)
        return is_cut_short


def _is_left(ring: Ring) -> bool:
    """Whether its process has ended, and nothing is left in it."""
    if ring.idle_looks % LOOKS_AT_IDLE or not _is_dead(ring.pid):
        return False
    # It may have written since the last look, just before it died.
    return not (ring.is_written() or ring.skip_gap())


def _gap_stays(ring: Ring) -> bool:
    """Whether nobody is left to write the number that is missing."""
    status = read_status(ring.pid)
    if status is None or status.status in _DEAD:
        return True
    if status.status in "Tt":
        # It is stopped, perhaps by a debugger, and will use that number when it continues.
        ring.idle_looks = 0
    return ring.idle_looks > LOOKS_AT_GAP


def _is_dead(pid: int) -> bool:
    status = read_status(pid)
    return status is None or status.status in _DEAD
