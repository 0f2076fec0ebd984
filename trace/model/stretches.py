"""Stretches: consecutive records of one process, as columns, which are merged and folded at once.

A process with a core to itself writes thousands of records before another process writes one. What
these have in common is looked up once for the whole stretch, and no record becomes an object.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mpviz.trace.model.events import Event
    from mpviz.trace.model.processes.process import Process
    from mpviz.trace.model.state import RunState
    from mpviz.trace.model.told import Form, RingRecord

SHORT = 16
"""A stretch of fewer records is cheaper to fold record by record."""

LONGEST = 2048
"""Maximum number of records that are folded at once: 1 to 2 ms of work."""

_PATIENCE = 2
"""After this many short stretches in a row, the records of all processes are sorted instead."""

_BLOCK = 256
"""Number of records of one process that are sorted before the next search for a stretch."""

_MOST_MERGED = 64
"""Maximum number of stretches that are compared one by one; more are sorted."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Records from one ring, in the order of their times. Each column has one item per record.

    All are of the main thread, and each fits its form.
    """

    pid: int
    first: int
    """The number of the first record; each of the others has the next number."""
    times: list[int]
    """Nanoseconds."""
    forms: list[Form]
    sites: memoryview[int]
    values: tuple[memoryview[int], ...]
    """Three columns, whose meaning the forms give."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The records from ``start`` up to ``end`` in these columns."""

    columns: Columns
    start: int
    end: int

    def __len__(self) -> int:
        """How many records it has."""
        return self.end - self.start

    def records(self) -> list[RingRecord]:
        """The records as tuples."""
        columns, start, end = self.columns, self.start, self.end
        first = columns.first
        return list(
            zip(
                columns.times[start:end],
                columns.forms[start:end],
                repeat(0),
                range(first + start, first + end),
                columns.sites[start:end].tolist(),
                *(values[start:end].tolist() for values in columns.values),
                strict=False,
            )
        )

    def last_site(self) -> int:
        """The last place in the source that was told; 0 if none was."""
        sites, forms = self.columns.sites, self.columns.forms
        for at in range(self.end - 1, self.start - 1, -1):
            if sites[at] and "site" in forms[at].fields:
                return sites[at]
        return 0


def cut(stretches: Iterable[Stretch], since: int) -> tuple[list[Stretch], list[Stretch]]:
    """Part the records with stamps up to ``since``, in nanoseconds, from the later ones."""
    earlier: list[Stretch] = []
    later: list[Stretch] = []
    for each in stretches:
        at = bisect_right(each.columns.times, since, each.start, each.end)
        if at > each.start:
            earlier.append(Stretch(each.columns, each.start, at))
        if at < each.end:
            later.append(_tail(each, at))
    return earlier, later


def _tail(stretch: Stretch, at: int) -> Stretch:
    """The records of a stretch from this place on; a copy if they are few of many.

    Without the copy, a few held records would keep all records of the same reading in memory.
    """
    columns, end = stretch.columns, stretch.end
    if (end - at) * 8 > len(columns.times):
        return Stretch(columns, at, end)
    tail = Columns(
        columns.pid,
        columns.first + at,
        columns.times[at:end],
        columns.forms[at:end],
        _copied(columns.sites[at:end]),
        tuple(_copied(values[at:end]) for values in columns.values),
    )
    return Stretch(tail, 0, end - at)


def _copied(column: memoryview[int]) -> memoryview[int]:
    return memoryview(array(column.format, column.tolist()))


def records_of(stretches: Iterable[Stretch]) -> list[RingRecord]:
    """The records of these stretches, one after the other."""
    return [record for each in stretches for record in each.records()]


def merge(stretches: list[Stretch]) -> list[Stretch | list[RingRecord]]:
    """Put the records into the order of their times, in pieces of at most :data:`LONGEST`.

    While processes take turns so often that stretches are short, the records are sorted one by one.
    """
    merged: list[Stretch | list[RingRecord]] = []
    if len(stretches) > _MOST_MERGED:
        _add(merged, _in_order(stretches))
        return merged
    rest, heads = list(stretches), _heads(stretches)
    short_ones = 0
    while heads:
        _, order = heads[0]
        columns, start, end = rest[order].columns, rest[order].start, rest[order].end
        stop = min(end, start + LONGEST)
        if len(heads) > 1:
            stop = max(start + 1, bisect_left(columns.times, min(heads[1:3])[0], start, stop))
        if stop - start >= SHORT:
            merged.append(Stretch(columns, start, stop))
            short_ones = 0
        elif short_ones < _PATIENCE:
            _add(merged, Stretch(columns, start, stop).records())
            short_ones += 1
        else:
            earlier, rest = cut(rest, min(map(_end_of_block, filter(None, rest))))
            _add(merged, _in_order(earlier))
            heads = _heads(rest)
            continue
        rest[order] = Stretch(columns, stop, end)
        if stop < end:
            heapreplace(heads, (columns.times[stop], order))
        else:
            heappop(heads)
    return merged


def _add(merged: list[Stretch | list[RingRecord]], records: list[RingRecord]) -> None:
    """Add records, which are in order, to the last list or as a new one."""
    last = merged[-1] if merged else None
    if isinstance(last, list) and len(last) + len(records) <= LONGEST:
        last += records
    else:
        merged += [records[at : at + LONGEST] for at in range(0, len(records), LONGEST)]


def _heads(stretches: list[Stretch]) -> list[tuple[int, int]]:
    """A heap of (time of the first record, index) for all stretches that have records."""
    heads = [
        (each.columns.times[each.start], order) for order, each in enumerate(stretches) if each
    ]
    heapify(heads)
    return heads


def _end_of_block(stretch: Stretch) -> int:
    return stretch.columns.times[min(stretch.start + _BLOCK, stretch.end) - 1]


def _in_order(stretches: Iterable[Stretch]) -> list[RingRecord]:
    """All records in the order of their times."""
    records = records_of(stretches)
    records.sort(key=itemgetter(0))
    return records


Places: TypeAlias = "range | list[int]"
"""Where records are in their columns, in their order."""


@dataclass(slots=True)
class Part:
    """The records of a stretch that are about one object."""

    columns: Columns
    places: dict[type[Event], Places]

    def at(self, kind: type[Event]) -> Places:
        """The places of the records of this kind; empty if there are none."""
        return self.places.get(kind, range(0))

    def times(self, places: Places) -> list[int]:
        """The times of the records at these places, nanoseconds."""
        times = self.columns.times
        if isinstance(places, range):
            return times[places.start : places.stop : places.step]
        return list(map(times.__getitem__, places))

    def site(self, place: int) -> int:
        """The number of the site that the record at this place tells; 0 for none."""
        is_told = "site" in self.columns.forms[place].fields
        return self.columns.sites[place] if is_told else 0

    def values(self, number: int, places: Places) -> list[int]:
        """The first, second or third value after the site of these records."""
        column = self.columns.values[number]
        if isinstance(places, range):
            return column[places.start : places.stop : places.step].tolist()
        return list(map(column.__getitem__, places))


BindPart: TypeAlias = "Callable[[RunState, Process, str, Part], Callable[[], None] | None]"
"""Makes the function that folds a part of a stretch; None if it has to be folded by records."""


@dataclass(frozen=True, eq=False)
class PartHandler:
    """Folds records of these kinds about one object at once.

    It leaves the same state as their :class:`~mpviz.trace.model.primitive.RingHandler` for each
    record, but for the process's site, which is set for all of them.
    """

    kinds: tuple[type[Event], ...]
    bind: BindPart


def parts_of(
    stretch: Stretch, handlers: dict[type[Event], PartHandler]
) -> dict[tuple[PartHandler, str], Part] | None:
    """The parts of a stretch by handler and object.

    None if two forms say the same, so that the order of their records would be lost.
    """
    parts: dict[tuple[PartHandler, str], Part] = {}
    for form, places in _places_of_forms(stretch).items():
        of = handlers[form.kind], form.object
        part = parts.get(of)
        if part is None:
            part = parts[of] = Part(stretch.columns, {})
        elif form.kind in part.places:
            return None
        part.places[form.kind] = places
    return parts


def _places_of_forms(stretch: Stretch) -> Mapping[Form, Places]:
    start, end = stretch.start, stretch.end
    forms = stretch.columns.forms[start:end]
    # So many records mostly come from a loop, in which the same forms repeat.
    first = forms[0]
    step = forms.index(first, 1) if first in forms[1:] else len(forms)
    loop = forms[:step]
    if len(set(loop)) == step and forms[step:] == forms[:-step]:
        return {form: range(start + at, end, step) for at, form in enumerate(loop)}
    places: defaultdict[Form, list[int]] = defaultdict(list)
    for place, form in enumerate(forms, start):
        places[form].append(place)
    return places
