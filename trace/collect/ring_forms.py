"""The forms of a ring: what the records of one kind about one object have in common.

The probe writes each form once, as JSON, and a program can write anything in its place. So a form
is accepted only for kinds of events that the probe sends by a form, and only fields that are whole
numbers may differ between its records.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import msgspec.inspect

from mpviz.probe.boot.mpviz_probe.wire.ring import FORM_BYTES, FORMS, FORMS_AT, VOID
from mpviz.trace.collect.pages import Pages
from mpviz.trace.model.events import Event, Unreadable
from mpviz.trace.model.told import Form

_WHOLE = -(1 << 63), (1 << 63) - 1
"""The least and the greatest number that fits into a slot."""

_SITE_AT = 4
"""Place of the site in a :data:`RingRecord`; the other values follow."""

_MOST_VALUES = 4
_OF_THE_RING = {field.name for field in msgspec.structs.fields(Event)}
"""Fields that the ring itself has for each record: time, process, number and thread."""


class Forms(dict[int, "Form | None"]):
    """The forms of a ring by their numbers, each read at its first use.

    None stands for a form that no probe writes, and for ``VOID``, which is no form.
    """

    def __init__(self, pages: Pages, pid: int) -> None:
        super().__init__({VOID: None})
        self._pages, self._pid = pages, pid
        self.all_fit = True
        """Whether every record without a negative value fits its form."""

    def __missing__(self, number: int) -> Form | None:
        if number >= FORMS:
            # There may be billions, so they get no entry.
            self.all_fit = False
            return None
        form = self[number] = _make_form(_form_text(self._pages, number), self._pid)
        if form is None or any(most < _WHOLE[1] for _, _, most in form.bounds):
            self.all_fit = False
        return form


def _form_text(pages: Pages, number: int) -> bytes:
    start = FORMS_AT + number * FORM_BYTES
    try:
        return pages.read(start, FORM_BYTES).rstrip(b"\0")
    except OSError:
        # The program has removed it since.
        return b""


def _make_form(text: bytes, pid: int) -> Form | None:
    """The form with this text; None if no probe writes such a form."""
    from mpviz.trace.model.fold.handlers import ring_handler  # noqa: PLC0415 - needed only once there is a ring

    names, _, line = text.partition(b"\n")
    event = _read_form(line, names.split(), pid)
    if event is None:
        return None
    kind = type(event)
    known = _whole_numbers(kind)
    try:
        told = [known[name] for name in names.split()]
    except KeyError:
        return None
    if len(told) > _MOST_VALUES:
        return None
    fields = tuple(name for name, _ in told)
    bounds = tuple((_SITE_AT + at, *bound) for at, (_, bound) in enumerate(told) if bound != _WHOLE)
    # This copies a Struct twice as fast as ``copy``; the type stubs do not know it.
    copy: Callable[[], Event] = event.__copy__  # type: ignore[attr-defined]
    handler = ring_handler(kind, fields, copy)
    return Form(pid, kind, getattr(event, "object", ""), copy, fields, handler, bounds)


def _read_form(line: bytes, names: list[bytes], pid: int) -> Event | None:
    """An event of this form with zeros for these fields; None if the form is invalid."""
    from mpviz.trace.collect.decode import RING, decode  # noqa: PLC0415 - needed only once there is a ring

    zeros = b"".join(b',"%b":0' % name for name in names)
    events = decode(line[:-1] + zeros + b',"t":0,"p":%d,"n":0,"d":0}' % pid, source=RING)
    if len(events) != 1 or isinstance(events[0], Unreadable):
        return None
    return events[0]


@cache
def _whole_numbers(kind: type[Event]) -> dict[bytes, tuple[str, tuple[int, int]]]:
    """The fields of an event that are whole numbers, by their names in JSON, with their bounds.

    Those that the ring itself has are left out.
    """
    types = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(kind)).fields
    return {
        field.encode_name.encode(): (field.name, bounds)
        for field in types
        if field.name not in _OF_THE_RING and (bounds := _bounds(field.type))
    }


def _bounds(of: msgspec.inspect.Type) -> tuple[int, int] | None:
    """The least and the greatest value of a field of this type; None if it is no whole number."""
    if isinstance(of, msgspec.inspect.UnionType):
        # What a shared value holds: any number, also one without a sign.
        return _WHOLE if any(map(_bounds, of.types)) else None
    if not isinstance(of, msgspec.inspect.IntType):
        return None
    least = _WHOLE[0] if of.ge is None else of.ge
    most = _WHOLE[1] if of.le is None else of.le
    return least, most
