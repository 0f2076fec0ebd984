"""A recording: a run as lines of JSON in a gzip file, and how it is read again.

The first line says what the file is. Every other line is an event, see
:mod:`mpviz.trace.model.events`, in the order in which the viewer of the run folded them: what the
probe told and what the sampler read, and nothing derived from it. ``zcat FILE | jq`` and
``pandas.read_json(FILE, lines=True, compression="gzip")`` read it as it is; mpviz also reads it
without compression.

The reader trusts nothing in it: each field has to be of its type, strings are made harmless, and a
line that is no event is shown as an unreadable one.
"""

from __future__ import annotations

import os
import stat
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mpviz.trace.collect.decode import decode
from mpviz.trace.model.events import Event, Time
from mpviz.trace.model.text import clean

FORMAT = 1
"""Version of the format; goes up when older readers would misread what is written now."""

_READ_BYTES = 1 << 15
_TEXT_BYTES = 1 << 17
"""Maximum bytes of text that are unpacked in one step."""
_LINE_BYTES = 8 << 20
"""Bytes that no event exceeds: a sample of ten thousand processes has a tenth of it."""
_GZIP = 31
"""Tells zlib that a gzip file's header and trailer are around the data."""
_GZIP_MARK = b"\x1f\x8b"
_BEGINNING = b'{"k":"mpviz.recording",'


class Header(msgspec.Struct, tag_field="k", tag="mpviz.recording", kw_only=True):
    """The first line of a recording."""

    format: int
    version: str
    """The version of the mpviz that wrote it."""
    began: str
    """The moment :attr:`time` as date and time in UTC (ISO 8601)."""
    time: Time = msgspec.field(name="t")
    """Nanoseconds of the clock that stamps all events of the recording."""


class NotARecording(ValueError):
    """The file cannot be replayed; the text says why, in one line."""


@dataclass
class Cursor:
    """A place in a recording from which its events can be read; a copy stays where it is."""

    descriptor: int
    offset: int = 0
    """Bytes of the file that were read."""
    unpacker: zlib._Decompress | None = None
    """None if the file is not compressed."""
    within: bool = False
    """Whether the end of the compressed data is still to come."""
    half_line: bytes = b""
    trouble: str = ""
    """Why nothing can be read from here on, though the file goes on or should."""
    last_time: int = 0
    """The time of the last event, for lines that are unreadable."""

    def copy(self) -> Cursor:
        """A cursor at the same place; reading from one of the two does not move the other."""
        unpacker = self.unpacker.copy() if self.unpacker is not None else None
        return replace(self, unpacker=unpacker)

    def read(self) -> list[Event] | None:
        """The next events, if any; None at the end of what can be read."""
        # The first line may have come with others behind it.
        text = b"" if b"\n" in self.half_line else self._read_text()
        if text is None:
            return None
        text = self.half_line + text
        end = text.rfind(b"\n") + 1
        lines, self.half_line = text[:end], text[end:]
        if len(self.half_line) > _LINE_BYTES:
            self.trouble = "a line in it has no end"
            return None
        events = decode(lines, self.last_time)
        if events:
            self.last_time = events[-1].time
        return events

    def read_line(self) -> bytes:
        """The next line, whatever it is, up to the end of the file."""
        while b"\n" not in self.half_line and len(self.half_line) < _LINE_BYTES:
            text = self._read_text()
            if text is None:
                line, self.half_line = self.half_line, b""
                return line
            self.half_line += text
        line, _, self.half_line = self.half_line.partition(b"\n")
        return line

    def _read_text(self) -> bytes | None:
        """Some more text; None if there is no more."""
        if self.trouble:
            return None
        text = self._unpack(self.unpacker) if self.unpacker is not None else self._read_file()
        if text is None or (not text and self.unpacker is None):
            if self.half_line or self.within:
                self.trouble = self.trouble or "it is cut off"
            return None
        return text

    def _unpack(self, unpacker: zlib._Decompress) -> bytes | None:
        data = unpacker.unconsumed_tail or self._read_file()
        try:
            # Even at the end of the file, there may be text that did not fit before.
            text = unpacker.decompress(data, _TEXT_BYTES)
        except zlib.error:
            self.trouble = f"it is damaged at byte {self.offset:,} or before"
            return None
        self.within = (self.within or bool(data)) and not unpacker.eof
        if unpacker.eof:
            # A gzip file may be several in a row; the next one begins here.
            self.offset -= len(unpacker.unused_data)
            self.unpacker = zlib.decompressobj(_GZIP)
        return text if text or data else None

    def _read_file(self) -> bytes:
        try:
            data = os.pread(self.descriptor, _READ_BYTES, self.offset)
        except OSError as error:
            self.trouble = f"it cannot be read on: {error.strerror}"
            return b""
        self.offset += len(data)
        return data


class Recording:
    """A recording that is open for reading; :class:`NotARecording` if the file is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = _open(path)
        try:
            self.size = os.fstat(self._descriptor).st_size
            """Bytes of the file, when it was opened."""
            self.header, self.first = self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self) -> tuple[Header, Cursor]:
        """The header in the first line, and the place behind it."""
        if not self.size:
            raise NotARecording(f"{self.path} is empty: nothing was recorded in it")
        cursor = Cursor(self._descriptor)
        if os.pread(self._descriptor, 2, 0) == _GZIP_MARK:
            cursor.unpacker = zlib.decompressobj(_GZIP)
        line = cursor.read_line()
        header = _header_of(line)
        if header is None:
            was_begun = line.startswith(_BEGINNING) or _BEGINNING.startswith(line)
            why = "is cut off before its first event" if was_begun else "is no recording of mpviz"
            raise NotARecording(f"{self.path} {why}")
        if header.format > FORMAT:
            raise NotARecording(
                f"{self.path} was written by mpviz {header.version[:40]}, in a newer form"
                " than this one reads: update mpviz"
            )
        return header, cursor


def _open(path: Path) -> int:
    try:
        # Without O_NONBLOCK, a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotARecording(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise NotARecording(f"{path} cannot be read: {words}") from None
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    what = "a directory" if stat.S_ISDIR(kind) else "no regular file"
    raise NotARecording(f"{path} is {what}, not a recording")


def _header_of(line: bytes) -> Header | None:
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    header.version, header.began = clean(header.version), clean(header.began)
    return header
