"""A recording: a run as lines of JSON in a gzip file, and how it is read again.

The first line says what the file is, every other is an event as :mod:`mpviz.trace.model.events` has
it, in the order in which the viewer of the run folded them: what the probe told and what the
sampler read, nothing that was made of it. ``zcat FILE | jq`` and ``pandas.read_json(FILE,
lines=True, compression="gzip")`` read it as it is; without compression mpviz reads it as well.

Who reads a recording trusts nothing in it: it is decoded into events, each field of its type, and
strings are made harmless; a line that is no event is shown as one that is unreadable.
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
"""Goes up when a reader of before would misread what is written now."""

_READ_BYTES = 1 << 15
_TEXT_BYTES = 1 << 17
"""How much text is made of what was read at one step, whatever it was compressed from."""
_LINE_BYTES = 8 << 20
"""No event is so long: a sample of ten thousand processes is a tenth of it."""
_GZIP = 31
"""For zlib: a gzip file's header and trailer around the data."""
_GZIP_MARK = b"\x1f\x8b"
_BEGINNING = b'{"k":"mpviz.recording",'


class Header(msgspec.Struct, tag_field="k", tag="mpviz.recording", kw_only=True):
    """The first line of a recording."""

    format: int
    version: str
    """Of the mpviz that wrote it."""
    began: str
    """Date and time of the moment :attr:`time` in UTC, as ISO 8601 has it."""
    time: Time = msgspec.field(name="t")
    """Nanoseconds of the clock that all events of the recording are stamped with."""


class NotARecording(ValueError):  # noqa: N818 - it reads as what it says
    """The file cannot be replayed; the text says why in one line."""


@dataclass
class Cursor:
    """A place in a recording, from which its events can be read on; a copy stays where it is."""

    descriptor: int
    offset: int = 0
    """Bytes of the file that were read."""
    unpacker: zlib._Decompress | None = None
    """None where the file is not compressed."""
    within: bool = False
    """The file is compressed, and the end of what was compressed together is still to come."""
    half_line: bytes = b""
    trouble: str = ""
    """Why nothing can be read from here on, though the file goes on or should."""
    last_time: int = 0
    """The stamp of the last event, for lines that are none."""

    def copy(self) -> Cursor:
        """The same place; what is read from one of the two does not move the other."""
        unpacker = self.unpacker.copy() if self.unpacker is not None else None
        return replace(self, unpacker=unpacker)

    def read(self) -> list[Event] | None:
        """The next events, which may be none; None at the end of what can be read."""
        # Behind the first line there may be others that came with it.
        text = b"" if b"\n" in self.half_line else self._read_text()
        if text is None:
            return None
        lines, self.half_line = _whole_lines(self.half_line + text)
        if len(self.half_line) > _LINE_BYTES:
            self.trouble = "a line in it has no end"
            return None
        events = decode(lines, self.last_time)
        if events:
            self.last_time = events[-1].time
        return events

    def read_line(self) -> bytes:
        """The next line, whatever it is; what there is of it where the file ends within it."""
        while b"\n" not in self.half_line and len(self.half_line) < _LINE_BYTES:
            text = self._read_text()
            if text is None:
                line, self.half_line = self.half_line, b""
                return line
            self.half_line += text
        line, _, self.half_line = self.half_line.partition(b"\n")
        return line

    def _read_text(self) -> bytes | None:
        """Some more of the text; None where there is no more."""
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
            # At the end of the file there may still be some that did not fit in before.
            text = unpacker.decompress(data, _TEXT_BYTES)
        except zlib.error:
            self.trouble = f"it is damaged at byte {self.offset:,} or before"
            return None
        self.within = (self.within or bool(data)) and not unpacker.eof
        if unpacker.eof:
            # A gzip file may be several in a row: what follows begins as the first did.
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
    """A file that is a recording, open for reading; :class:`NotARecording` where it is none."""

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
        """What the first line says, and the place behind it."""
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
        # A pipe would wait for its writer.
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


def _whole_lines(text: bytes) -> tuple[bytes, bytes]:
    """What ends in a line break, and what comes after."""
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]
