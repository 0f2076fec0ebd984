"""Lines into events: where strings of observed programs enter, and the only place to clean them."""

from __future__ import annotations

import time
from typing import Any, Union

import msgspec

from mpviz.trace.model.events import Event, Unreadable
from mpviz.trace.model.fold.handlers import IN_RINGS
from mpviz.trace.model.fold.reducer import EVENTS
from mpviz.trace.model.sources import FROM_SUPERVISOR, FROM_VIEWER
from mpviz.trace.model.text import LIMIT, clean


class Source:
    """The events that are accepted from one source."""

    def __init__(self, events: tuple[type[Event], ...]) -> None:
        self.event: Any = Union[events]  # noqa: UP007 - a tuple that is made at run time
        self.decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(self.event)


def _without(*kinds: type[Event]) -> tuple[type[Event], ...]:
    return tuple(kind for kind in EVENTS if kind not in kinds)


RECORDING = Source(EVENTS)
SUPERVISOR = Source(_without(*FROM_VIEWER))
PROGRAM = Source(_without(*FROM_VIEWER, *FROM_SUPERVISOR))
RING = Source(IN_RINGS)

_plain = msgspec.json.Decoder()
_BLANK = b" \t\r"


def decode(lines: bytes, before: int | None = None, *, source: Source = RECORDING) -> list[Event]:
    """Turn whole lines into events; a line that is no event becomes an :class:`Unreadable`.

    So does an event that this source cannot know of. Blank lines are skipped. ``before``: for lines
    of the past, the time of the event before them, nanoseconds. Then an unreadable line gets the
    time of the event before it, else the present.
    """
    if _is_plain(lines) and not _has_long_line(lines):
        try:
            return source.decoder.decode_lines(lines)
        except (msgspec.DecodeError, RecursionError):
            # One of the lines is bad: they are decoded one by one.
            pass
    events: list[Event] = []
    for line in lines.split(b"\n"):
        if line.strip(_BLANK):
            event = _decode_line(line, source)
            if isinstance(event, Unreadable) and event.time < 0:
                event.time = time.monotonic_ns() if before is None else before
            elif before is not None:
                before = event.time
            events.append(event)
    return events


def _is_plain(text: bytes) -> bool:
    """Whether nothing in it needs cleaning: JSON has control characters only as escapes."""
    return text.isascii() and b"\\" not in text and b"\x7f" not in text


def _has_long_line(text: bytes) -> bool:
    """Whether a line in it may have a string that has to be cut."""
    at = 0
    while len(text) - at > LIMIT:
        at = text.rfind(b"\n", at, at + LIMIT) + 1
        if not at:
            return True
    return False


def _decode_line(line: bytes, source: Source) -> Event:
    """The event in a line; if there is none, an :class:`Unreadable` that has no time yet."""
    try:
        if _is_plain(line) and len(line) < LIMIT:
            return source.decoder.decode(line)
        event: Event = msgspec.convert(_cleaned(_plain.decode(line)), source.event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = clean(line[:200].decode("utf-8", "backslashreplace"))
        return Unreadable(time=-1, pid=0, text=text)
    return event


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(element) for element in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(element) for key, element in value.items()}
    return value
