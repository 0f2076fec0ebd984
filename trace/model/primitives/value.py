"""Value and Array in shared memory: their contents, who wrote, and which updates were lost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import SitedEvent, Whole
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.measures import Rate, Series
from mpviz.trace.model.names import name_object
from mpviz.trace.model.primitive import FoldRecord, ObjectReport, Primitive, RingHandler, all_of
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.value_updates import Content, Place, Reader, updates_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import Part, PartHandler

_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
# The types of msgspec bound a number to 63 bits, and a ``c_uint64`` needs 64.
_NO_CONTENT = "no element holds a number of more than 64 bits"


class ValueCreated(SitedEvent, tag="value.created", kw_only=True):
    """A synchronized Value or Array was created."""

    kind: str
    """Value or Array."""
    typecode: str
    length: Whole
    """Elements; 1 for a Value."""
    lock: str
    """The id of its own lock, which ``get_lock()`` returns."""
    initial: Content = None
    adopted: bool = False
    """Whether it was there before mpviz came; several processes may tell it then."""

    def __post_init__(self) -> None:
        if type(self.initial) is int and not _LEAST <= self.initial <= _MOST:
            raise ValueError(_NO_CONTENT)


class ValueRead(SitedEvent, tag="value.read", kw_only=True):
    """An element was read; sent while the value's own lock is held, so the order is true."""

    value: Content = None
    index: Whole = 0

    def __post_init__(self) -> None:
        if type(self.value) is int and not _LEAST <= self.value <= _MOST:
            raise ValueError(_NO_CONTENT)


class ValueWritten(SitedEvent, tag="value.written", kw_only=True):
    """An element was written; sent while the value's own lock is held."""

    value: Content = None
    before: Content = None
    """Its content just before."""
    index: Whole = 0

    def __post_init__(self) -> None:
        if (type(self.value) is int and not _LEAST <= self.value <= _MOST) or (
            type(self.before) is int and not _LEAST <= self.before <= _MOST
        ):
            raise ValueError(_NO_CONTENT)


DETAIL_LIMIT = 50_000
"""Maximum number of elements, and readers of elements, kept for a value: about 10 MB."""

NEVER_WRITTEN = 1 << 63
"""A version that no element ever has."""

MOST_CONTENTS = 3
"""Number of different contents that are kept for a value."""


@dataclass(slots=True)
class Element:
    """The history of one element, as far as stale writes depend on it."""

    version: int = 0
    """How many times it was written."""
    value: Content = None
    """Its content, by the last write or read."""
    writer: str = ""
    """Key of the process that wrote last."""
    others_version: int = 0
    """The last version that a process other than :attr:`writer` wrote."""
    readers: dict[str, Reader] = field(default_factory=dict)


@dataclass(slots=True)
class SharedValue:
    """A synchronized Value or Array of the program."""

    id: str
    name: str
    kind: str
    typecode: str
    length: int
    reads: int = 0
    writes: Rate = field(default_factory=Rate)
    stale_writes: int = 0
    lost_updates: int = 0
    undone_by: dict[str, int] = field(default_factory=dict)
    """Process key: how often it overwrote a newer whole number by an older one that it had read."""
    first_undone: int = -1
    """When that first happened, nanoseconds; -1 before."""
    contents: set[Content] = field(default_factory=set)
    """Different contents of its elements: the first three."""
    last: Content = None
    """The content of the last written element."""
    last_index: int = 0
    last_writer: str = ""
    history: Series = field(default_factory=Series)
    """The contents of a Value that holds numbers."""
    elements: dict[int, Element] = field(default_factory=dict)
    details: int = 0
    """Number of elements, and readers of elements, that are kept."""
    unchecked: int = 0
    """Reads and writes that were not checked for lost updates, for lack of room."""
    written_by: dict[str, int] = field(default_factory=dict)
    """Process key: writes."""


_NUMBER = (int, float)
"""Made once, because making ``int | float`` takes longer than checking a value."""


def _unknown(state: RunState, value_id: str) -> SharedValue:
    """Add a value whose creation was not observed."""
    value = SharedValue(value_id, value_id, "Value", "", 1)
    state.table(SharedValue)[value_id] = value
    return value


def _element_at(value: SharedValue, index: int) -> Element:
    """The element with this index; a negative one is the whole array, which has no history."""
    return Element() if index < 0 else value.elements.get(index) or _new_element(value, index)


def _new_element(value: SharedValue, index: int) -> Element:
    element = Element()
    if _has_room(value):
        value.elements[index] = element
    return element


def _new_reader(value: SharedValue, element: Element, key: str) -> Reader | None:
    if not _has_room(value):
        return None
    reader = element.readers[key] = Reader()
    return reader


def _has_room(value: SharedValue) -> bool:
    """Whether there is room for one more element or reader; if not, count an unchecked use."""
    if value.details >= DETAIL_LIMIT:
        value.unchecked += 1
        return False
    value.details += 1
    return True


def _created(state: RunState, process: Process, event: ValueCreated) -> None:
    if event.adopted and event.object in state.table(SharedValue):
        return
    name = name_object(state, event.site, event.kind)
    value = SharedValue(event.object, name, event.kind, event.typecode, event.length)
    value.last = event.initial
    value.contents.add(event.initial)
    if isinstance(event.initial, _NUMBER):
        value.history.add(event.time, event.initial)
    state.table(SharedValue)[event.object] = value
    locks = state.table(Lock)
    if event.lock not in locks:
        locks[event.lock] = Lock(event.lock, f"{name}.get_lock()", "RLock", 1, owned=True)


def _reading(state: RunState, process: Process, value_id: str) -> FoldRecord:
    value = state.table(SharedValue).get(value_id) or _unknown(state, value_id)
    key = process.key
    # The element that was read last, which is mostly read next, too.
    at: int | None = None
    element, reader = Element(), Reader()

    def read(time: int, thread: int, site: int, content: Content, index: int = 0, *_: int) -> None:
        nonlocal at, element, reader
        value.reads += 1
        if index != at:
            element = _element_at(value, index)
            known = element.readers.get(key)
            if known is None and index >= 0:
                known = _new_reader(value, element, key)
            at, reader = (index, known) if known is not None else (None, Reader())
        element.value = content
        reader.version = element.version
        reader.value = content
        reader.at = time
        reader.written = False
        if site:
            process.site = site

    return read


def _writing(state: RunState, process: Process, value_id: str) -> FoldRecord:
    value = state.table(SharedValue).get(value_id) or _unknown(state, value_id)
    key, contents, writes = process.key, value.contents, value.writes
    updates = updates_of(state, value_id)
    written_by = value.written_by
    written_by.setdefault(key, 0)
    history = value.history if value.length == 1 else None
    nobody = Reader(NEVER_WRITTEN)
    # As in _reading.
    at: int | None = None
    element, reader = Element(), nobody

    def written(
        time: int, thread: int, site: int, before: Content, content: Content, index: int
    ) -> None:
        nonlocal at, element, reader
        # What Rate and Series do for nearly all records is done here, which halves their cost.
        if writes.begins <= time < writes.ends:
            writes.in_step += 1
        else:
            writes.add(time)
        written_by[key] += 1
        if index != at:
            element = _element_at(value, index)
            reader = element.readers.get(key, nobody)
            at = None if reader is nobody else index
        if element.writer != key:
            element.others_version = element.version
            element.writer = key
        is_stale = element.others_version > reader.version
        since = updates.next_lost if is_stale else updates.next_latest
        if (not is_stale or _written_over(value, key, time, before, reader)) and time >= since:
            place = Place(key, value_id, index)
            updates.keep(place, time, reader, before, content, is_stale)
        reader.written = True
        element.version += 1
        element.value = value.last = content
        value.last_index = index
        value.last_writer = key
        if len(contents) < MOST_CONTENTS:
            contents.add(content)
        if history is not None and isinstance(content, _NUMBER):
            if time < history.ends:
                history.last = content
                if time > history.until:
                    history.until = time
                if content > history.highest:
                    history.highest = content
            else:
                history.add(time, content)
        if site:
            process.site = site

    return written


def _updating(
    state: RunState, process: Process, value_id: str, part: Part
) -> Callable[[], None] | None:
    """Fold that a process reads and writes one element, without another process in between."""
    value = state.table(SharedValue).get(value_id)
    read, written = part.at(ValueRead), part.at(ValueWritten)
    indexes = {*part.values(1, read), *part.values(2, written)}
    element = value.elements.get(min(indexes)) if value is not None else None
    reader = element.readers.get(process.key) if element is not None else None
    if value is None or element is None or reader is None or len(indexes) > 1:
        return None
    key = process.key
    if written:
        behind_others = element.version if element.writer != key else element.others_version
        if behind_others > reader.version and not (read and read[0] < written[0]):
            # It overwrites what others wrote: what is lost depends on each single record.
            return None
    (index,) = indexes

    def fold_updates() -> None:
        value.reads += len(read)
        if written:
            place = Place(key, value_id, index)
            updates_of(state, value_id).keep_some(place, reader, part, read, written)
        if read:
            (content,) = part.values(0, read[-1:])
            reader.version = element.version + bisect_left(written, read[-1])
            reader.value, reader.written = content, False
            (reader.at,) = part.times(read[-1:])
        if written:
            _fold_writes(value, key, part.times(written), part.values(1, written), index)
            if element.writer != key:
                element.others_version, element.writer = element.version, key
            element.version += len(written)
            element.value = value.last
            reader.written = not read or read[-1] < written[-1]
        if read and not (written and read[-1] < written[-1]):
            element.value = reader.value

    return fold_updates


def _fold_writes(
    value: SharedValue, key: str, times: list[int], contents: list[int], index: int
) -> None:
    value.writes.add_all(times)
    value.written_by[key] = value.written_by.get(key, 0) + len(times)
    value.last, value.last_index, value.last_writer = contents[-1], index, key
    for content in contents:
        if len(value.contents) >= MOST_CONTENTS:
            break
        value.contents.add(content)
    if value.length == 1:
        value.history.add_all(times, contents)


def _written_over(value: SharedValue, key: str, time: int, before: Content, reader: Reader) -> bool:
    """Count a stale write; whether it undid what others had added."""
    value.stale_writes += 1
    if isinstance(before, int) and isinstance(reader.value, int):
        lost = before - reader.value
        value.lost_updates += lost
        # A process that has not read since its own last write sets it, which is no update.
        if lost and not reader.written:
            value.undone_by[key] = value.undone_by.get(key, 0) + 1
            if value.first_undone < 0:
                value.first_undone = time
            return True
    return False


def _entry(state: RunState, value: SharedValue) -> dict[str, Any]:
    return {
        "id": value.id,
        "name": value.name,
        "kind": value.kind,
        "typecode": value.typecode,
        "length": value.length,
        "reads": value.reads,
        "writes": value.writes.count,
        "stale_writes": value.stale_writes,
        "lost_updates": value.lost_updates,
        "unchecked": value.unchecked,
        "last": value.last,
    }


def _line(state: RunState, value: SharedValue) -> str:
    lost = f", {plural(value.lost_updates, 'update')} lost" if value.lost_updates else ""
    unchecked = f", {plural(value.unchecked, 'use')} not checked" if value.unchecked else ""
    return f"{value.kind.lower()} {value.name}: {value.last}{lost}{unchecked}"


PRIMITIVE = Primitive(
    handlers={ValueCreated: _created},
    ring_handlers={
        ValueRead: RingHandler(_reading, ("site", "value", "index")),
        ValueWritten: RingHandler(_writing, ("site", "before", "value", "index")),
    },
    part_handlers=(PartHandler((ValueRead, ValueWritten), _updating),),
    report=ObjectReport(
        thing="value",
        things="values",
        objects=all_of(SharedValue),
        weight=lambda value: (value.lost_updates, value.writes.count),
        entry=_entry,
        line=_line,
    ),
)
