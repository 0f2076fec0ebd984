"""What this process does with its ring: forms and slots, making it, and giving it up.

A record that finds no slot, or does not fit into one, goes through the pipe.
"""

import os
from _thread import get_ident
from itertools import starmap
from time import monotonic_ns, sleep

from .. import wire
from ..guard import is_the_programs, raise_if_the_programs, seamless
from .texts import text

_RING_PAUSE = 1 << 14
"""How many records later the next ring is tried for, after one was refused or full."""

PAUSE_SECONDS = 0.0005
"""Seconds between two looks at whether another has done its part."""


def form(kind, fields, names=()):
    """Prepare a kind of record about one object; gives what :func:`mpviz_probe.wire.send` takes.

    ``kind`` and ``fields`` are as for ``put``. ``names`` are the fields that differ between
    records, as bytes: at most four whole numbers; the first has 32 bits, like a site.
    """
    if wire._layout is None:
        _load_ring()
    return _make_form(wire._layout, kind, fields, names)


def _make_form(layout, kind, fields, names=()):
    entry = b" ".join(names) + b'\n{"k":"%b"%b}' % (kind, b"," + fields if fields else b"")
    line = form_of_line(kind, fields, names)
    number = next(wire._form_numbers)
    if number == layout.FORMS:
        _tell_refusal(b"full", "it has room for %d kinds of records" % (layout.FORMS - 1))
    if number >= layout.FORMS or len(entry) > layout.FORM_BYTES:
        # The ring takes no tuple for a number, so what is sent in this form goes through the pipe.
        return line
    wire._lines[number] = line
    wire._forms[number] = entry
    memory = wire._ring
    if memory is not None:
        layout.write_form(memory, number, entry)
    return number


def form_of_line(kind, fields, names=()):
    """Prepare the same for the pipe, which has room for any number of forms."""
    values = b",".join(b'"%b":%%d' % name for name in names)
    fixed = fields.replace(b"%", b"%%")
    return kind, fixed + (b"," if fixed and values else b"") + values, len(names)


def _load_ring():
    from functools import partial
    from struct import error

    from . import ring

    wire._pack = ring.RECORD.pack_into
    wire._MASK = ring.SLOTS - 1
    wire._SLOT_BYTES = ring.SLOT_BYTES
    wire._SLOTS_AT = ring.SLOTS_AT
    wire._DOES_NOT_FIT = (error, TypeError)
    wire.over = partial(wire.send, _make_form(ring, b"wait.over", b""))
    # Last, since it says that all of this is there: an exception may come at any line.
    wire._layout = ring


def open_ring(number):
    """If there is no ring, make one for the records after the one with this number."""
    if wire._ring is None and wire._descriptor >= 0 and number >= wire._next_ring:
        _make_ring(number)


def _make_ring(number):
    # Another thread must not try the same meanwhile.
    wire._next_ring = number + _RING_PAUSE
    try:
        if wire._layout is None:
            _load_ring()
        ring = wire._layout
        memory = ring.create(os.path.dirname(wire.path), wire._pid, number)
        wire._first = 1 << 62
        # From now on, threads that take a number also fill its slot, so the ring begins after the
        # next number; and threads that prepare a form also write it into the ring.
        wire._ring = memory
        for each, entry in list(wire._forms.items()):
            ring.write_form(memory, each, entry)
        first = wire.put(b"ring.opened")
        if not first:
            raise OSError("the viewer is gone")
        ring.make_ready(memory, wire._pid, first, wire._main_thread)
        wire._limit = first + ring.SLOTS + 1
        wire._first = first
    except BaseException as error:
        # Whatever keeps this machine from having a ring: the pipe does as well, only slower.
        wire._ring = None
        wire._first = wire._limit = 0
        raise_if_the_programs(error)
        if isinstance(error, OSError) and error.errno:
            _tell_refusal(b"denied", os.strerror(error.errno))


def _tell_refusal(how, reason):
    """Report, once for each kind of refusal, why records go through the pipe."""
    if how not in wire._refusals:
        wire._refusals.add(how)
        wire.put(b"ring.refused", b'"how":"%b","reason":%b' % (how, text(reason)))


def has_room(number):
    """Whether the ring has a slot for this number, now or soon; if not, it is given up."""
    deadline = 0
    while number >= wire._limit:
        memory = wire._ring
        if memory is None:
            return False
        wire._limit = wire._layout.number_read(memory) + wire._layout.SLOTS + 1
        if number < wire._limit:
            break
        now = monotonic_ns()
        deadline = deadline or now + wire.PATIENCE_MILLISECONDS * 1_000_000
        if now >= deadline:
            wire._ring = None
            wire._limit = 0
            wire._next_ring = number + _RING_PAUSE
            return False
        sleep(PAUSE_SECONDS)
    return True


def _place(number):
    """Where in the ring the slot of a number begins, in bytes."""
    return (number & wire._MASK) * wire._SLOT_BYTES + wire._SLOTS_AT


def goes_into_ring(told, number, *values, stamp=0, thread=0):
    """Put a record into the ring if there is room for it by now; False if there is none."""
    if not has_room(number):
        return False
    if number <= wire._first:
        # The ring is being made at this moment, and it is not known yet what it begins with.
        return False
    times = stamp or monotonic_ns(), thread or get_ident()
    told.extend(starmap(wire._pack, ((wire._ring, _place(number), *times, *values, number),)))
    return True


def skip(number):
    """Tell the ring that this number is told elsewhere, unless its slot is that of another."""
    memory = wire._ring
    if memory is None:
        return
    place = _place(number)
    ring = wire._layout
    if ring.number_at(memory, place) < number and ring.number_read(memory) < number:
        wire._pack(memory, place, monotonic_ns(), 0, ring.VOID, 0, 0, 0, 0, number)


def is_in_ring(memory, number):
    """Whether a number that was written into this ring, if at all, is there or was read."""
    if not number or memory is None:
        return False
    return wire._layout.number_at(memory, _place(number)) >= number


def send_by_pipe(told, number, form, *values):
    """Write a record of a form to the pipe, and try for a ring again when it is time."""
    if wire._descriptor < 0:
        return
    kind, fields, count = wire._lines[form] if form.__class__ is int else form
    open_ring(wire.put(kind, fields % values[:count], number=number, told=told))


@seamless
def send_after_all(error, told, memory, number, form, *values, is_by_pipe=False):
    """Send a record by the pipe after this exception; raise it again unless the ring caused it.

    As with :func:`mpviz_probe.wire.fifo.put_after_all`, any exception that comes here is handled in
    the same way.
    """
    try:
        # An error of ours that comes here would come again.
        if is_the_programs(error) or (isinstance(error, wire._DOES_NOT_FIT) and not is_by_pipe):
            if told is None:
                told = [number] if is_in_ring(memory, number) else []
            if not told:
                send_by_pipe(told, number, form, *values)
    except BaseException as another:
        send_after_all(another, told, memory, number, form, *values, is_by_pipe=True)
    if is_the_programs(error) or is_by_pipe or not isinstance(error, wire._DOES_NOT_FIT):
        raise error
