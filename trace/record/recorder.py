"""Records a run while it goes on: into a file, or out of sight until somebody asks for one.

However the viewer ends, what was written is good up to its last line. If a file was asked for, text
is compressed and given to the kernel at most a fifth of a second after it came.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import time
import zlib
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

import msgspec

from mpviz.trace.model import own_errors
from mpviz.trace.model.told import Told, as_events
from mpviz.trace.record.recording import FORMAT, Header
from mpviz.trace.system.destination import PRIVATE

UNASKED_BYTES = 256 << 20
"""Maximum bytes that are kept in a temporary file of a run that nobody asked to record: 20 million
events."""

WAITING_BYTES = 16 << 20
"""Maximum bytes of text that wait for an idle moment if nobody asked for the recording.

Compressing takes a third of what folding does. A program that fills all cores would lose records
for a recording that nobody may want; so a run that tells this much without a pause is no longer
kept.
"""

TOO_MUCH = "the run has told too much to be kept unasked: mpviz run --record FILE"

TIDIED_BYTES = 256 << 10
"""Bytes of text that are compressed in an idle moment: a millisecond of work."""

FLUSH_SECONDS = 0.2
"""Maximum seconds until all that was told is in the file, if one was asked for."""

_IN_MEMORY_BYTES = 4 << 20
_GZIP = 31
_LEVEL = 1
"""A ninth of the size; the best level makes it a tenth, in four times the time (measured)."""

_encoder = msgspec.json.Encoder()


class Recorder:
    """Takes the events of a run in order, batch by batch; errors of the disk end the recording.

    ``path``: the file that was asked for, :class:`OSError` if it cannot be written. ``unasked``:
    without a path, keep the run in a temporary file, for :meth:`keep`; else it is not kept.
    """

    def __init__(self, path: Path | None, version: str, *, unasked: bool = True) -> None:
        self.path = path
        """The file of the recording; None while nobody has asked for one."""
        self.problem = "" if path or unasked else "it is not kept"
        """Why there is no recording, or it has ended before the run; empty while it goes on."""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._written = 0
        self._flushed = time.monotonic()
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._file: IO[bytes] | None = None
        if path:
            self._file = _create(path)
        elif unasked:
            self._file = _out_of_sight()
        self._take(_encoder.encode(_header(version)) + b"\n")

    def add(self, told: Iterable[Told]) -> None:
        """Record these; they are in the file soon after."""
        if self._file is None:
            return
        try:
            self._take(_encoder.encode_lines(as_events(told)))
        except Exception as error:
            # The run goes on without a recording.
            self._end(own_errors.in_words("the recording", error))
            return
        if self.path is not None:
            self._write_what_waits()
        elif self._waiting_bytes > WAITING_BYTES:
            self._end(TOO_MUCH)

    def tidy(self) -> None:
        """Write some of the text that waits; for a moment in which there is nothing else to do."""
        self._write_what_waits(TIDIED_BYTES)
        if self.path is not None:
            self._flush()

    def bring_up_to_date(self) -> None:
        """Have all that was told in the file, if one was asked for: who reads it misses nothing."""
        if self.path is not None:
            self._write_what_waits()
            self._flush()

    def keep(self, path: Path) -> None:
        """Keep the recording in this file from now on, with all that was told before.

        :class:`OSError` if it cannot be written; then the recording stays where it was.
        """
        self._write_what_waits()
        if self._file is None:
            raise OSError(0, self.problem)
        target = _create(path)
        try:
            self._copy_to(target)
        except OSError:
            target.close()
            raise
        self._file.close()
        self._file, self.path = target, path
        self._flush()

    def copy(self, path: Path) -> None:
        """Write what was told so far into this file too, as a whole recording; this one goes on.

        :class:`OSError` if it cannot be written, or the run is not kept any more.
        """
        self._write_what_waits()
        if self.problem:
            raise OSError(0, self.problem)
        # What the packer holds back and the end of the file, without an end of it here.
        end = self._packer.copy().flush() if self._file is not None else b""
        with _create(path) as target:
            self._copy_to(target)
            _write_all(target, end)

    def _copy_to(self, target: IO[bytes]) -> None:
        """Copy what is written so far."""
        if self.path is not None:
            if not self.path.is_file():
                raise OSError(0, f"what went to {self.path} cannot be read again")
            with self.path.open("rb") as written:
                _copy(written, target)
            return
        kept = self._file
        if kept is None:
            raise OSError(0, self.problem)
        kept.seek(0)
        try:
            _copy(kept, target)
        finally:
            kept.seek(0, io.SEEK_END)

    def close(self) -> None:
        """Write what waits and end the file; may be called again."""
        if self._file is None:
            return
        if self.path is not None:
            self._write_what_waits()
            self._write(self._packer.flush())
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, text: bytes) -> None:
        self._waiting.append(text)
        self._waiting_bytes += len(text)

    def _write_what_waits(self, most: int = sys.maxsize) -> None:
        """Write all text that waits, or about so many bytes of it."""
        least = self._waiting_bytes - most
        while self._waiting and self._waiting_bytes > least:
            text = self._waiting.popleft()
            self._waiting_bytes -= len(text)
            self._write(self._packer.compress(text))
        if self.path is not None and time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._write(self._packer.flush(zlib.Z_SYNC_FLUSH))

    def _write(self, data: bytes) -> None:
        if self._file is None or not data:
            return
        self._written += len(data)
        if self.path is None and self._written > UNASKED_BYTES:
            self._end(TOO_MUCH)
            return
        try:
            _write_all(self._file, data)
        except OSError as error:
            self._end(error.strerror or str(error))

    def _end(self, problem: str) -> None:
        self.problem = problem
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._file is not None:
            self._file.close()
            self._file = None


def _header(version: str) -> Header:
    moment = time.monotonic_ns()
    began = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return Header(format=FORMAT, version=version, began=began, time=moment)


def _out_of_sight() -> IO[bytes]:
    """A file without a name, which stays in memory while it is small."""
    return cast("IO[bytes]", SpooledTemporaryFile(_IN_MEMORY_BYTES))


def _create(path: Path) -> IO[bytes]:
    """Open an emptied file for writing, without a buffer; a pipe needs to have a reader."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK
    return io.FileIO(os.open(path, flags, PRIVATE), "wb")


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while piece := source.read(1 << 20):
        _write_all(target, piece)


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        # A disk that fills up takes a part at first.
        written = file.write(view)
        if not written:
            raise BlockingIOError(errno.EAGAIN, "its reader is too slow")
        view = view[written:]
