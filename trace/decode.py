"""Lines into events: where strings of observed programs enter, and the only place to clean them."""

from __future__ import annotations

import time
from typing import Any, Union

import msgspec

from mpviz.trace.events import Event, Unreadable
from mpviz.trace.fold import EVENTS
from mpviz.trace.text import clean

_AnyEvent: Any = Union[EVENTS]  # noqa: UP007 - a tuple that is made at run time
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_AnyEvent)
_plain = msgspec.json.Decoder()
_BLANK = b" \t\r"


def decode(lines: bytes) -> list[Event]:
    """Turn whole lines into events; a line that is none becomes an :class:`Unreadable`.

    Blank lines say nothing.
    """
    if lines.isascii() and b"\\" not in lines and b"\x7f" not in lines:
        # Without an escape there is no character in it that JSON would not let pass bare.
        try:
            return _decoder.decode_lines(lines)
        except (msgspec.DecodeError, RecursionError):
            pass
    return [_decode_line(line) for line in lines.split(b"\n") if line.strip(_BLANK)]


def _decode_line(line: bytes) -> Event:
    try:
        event: Event = msgspec.convert(_cleaned(_plain.decode(line)), _AnyEvent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = clean(line[:200].decode("utf-8", "backslashreplace"))
        return Unreadable(time=time.monotonic_ns(), pid=0, text=text)
    return event


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(element) for element in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(element) for key, element in value.items()}
    return value
