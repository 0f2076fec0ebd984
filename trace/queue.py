"""EventQueue: many processes put, one viewer gets.

Why not ``multiprocessing.Queue``: this is a tool for terminating processes, and a process that dies
while it holds that queue's write lock freezes it for all (``terminate`` in CPython's documentation
warns of it; in a trial 8 of 30 kills of a writer did). Here a record is one atomic write to a FIFO:
there is no lock that a death could take away.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Union

import msgspec

from mpviz.trace.events import Event, Output, Unreadable
from mpviz.trace.fold import EVENTS
from mpviz.trace.text import clean

QUEUE_NAME = "events"
"""The FIFO's name in its directory."""

BACKLOG_BYTES = 48 << 20
"""How much may lie unread in memory before writers are made to wait, and then to drop."""

SLOW_BYTES = 32 << 20
"""From here on only a trickle is read, so that writers wait a little for every record.

That holds them up to the pace of the fold; they drop only who waits for 50 ms in vain.
"""

TRICKLE_BYTES = 1 << 14
TRICKLE_SECONDS = 0.01

OUTPUT_BYTES = 500
"""What an event of a source that can be held up counts for in the backlog, about its size."""

DRAIN_SECONDS = 0.004
"""Between two looks at a pipe that is in use.

A reader that sleeps in ``poll`` would have every single write wake it up, and it is the writer who
pays for that: 3.3 µs a record against 1.6 µs when it just looks now and then (measured once,
by hand). At 100 MB a second this leaves a pipe of 1 MiB less than half full.
"""

IDLE_SECONDS = 0.02
"""The same while little comes: each look costs some 150 µs, so 250 a second are 4 % of a core."""

BUSY_BYTES = 1 << 15
"""From so many bytes at one look on, the next look comes sooner."""

_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
"""Small enough that what :meth:`EventQueue.get` is asked for is about what it gives."""
_F_SETPIPE_SZ = 1031

_AnyEvent: Any = Union[EVENTS]  # noqa: UP007 - a tuple that is made at run time
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_AnyEvent)
_plain = msgspec.json.Decoder()


class EventQueue:
    """The viewer's end: a FIFO in a private directory, drained by a thread into memory.

    ``put`` of the observed processes is :func:`mpviz_probe.wire.put`; the viewer's own events, such
    as samples, come in through :meth:`put` here and keep their place among the others.
    """

    def __init__(self, directory: Path | None = None) -> None:
        if directory is None:
            self.directory = Path(tempfile.mkdtemp(prefix="mpviz-"))
        else:
            self.directory = directory
            directory.mkdir(mode=0o700)
        self.path = self.directory / QUEUE_NAME
        os.mkfifo(self.path, 0o600)
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # With a writer of our own, the end of the last observed process is no end of file.
        self._keep_open = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        _enlarge(self._descriptor)
        self._inbox: deque[bytes | Event] = deque()
        self._backlog = 0
        self._rest = b""
        self._arrived = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._drain, name="mpviz-queue", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Add an event of the viewer's own, after all that has been read so far."""
        with self._arrived:
            self._inbox.append(event)
            self._arrived.notify()

    def put_slowly(self, event: Event) -> None:
        """Like :meth:`put`, but wait while too much lies unread: for who can be held up."""
        with self._arrived:
            while self._backlog > BACKLOG_BYTES and not self._closing:
                self._arrived.wait()
            self._backlog += OUTPUT_BYTES
            self._inbox.append(event)
            self._arrived.notify_all()

    def get(self, timeout: float = 0.0, limit: int = _PIPE_BYTES) -> list[Event]:
        """The next events in the order in which they came, about ``limit`` bytes of them.

        Waits up to ``timeout`` seconds for the first; an empty list means that there is none.
        """
        batch: list[bytes | Event] = []
        size = 0
        with self._arrived:
            if not self._inbox and timeout > 0:
                self._arrived.wait(timeout)
            while self._inbox and size < limit:
                piece = self._inbox.popleft()
                batch.append(piece)
                size += (
                    len(piece)
                    if isinstance(piece, bytes)
                    else OUTPUT_BYTES * isinstance(piece, Output)
                )
            self._backlog -= size
            if size:
                self._arrived.notify_all()
        events: list[Event] = []
        for piece in batch:
            if isinstance(piece, bytes):
                events += self._decode(piece)
            else:
                events.append(piece)
        return events

    @property
    def backlog(self) -> int:
        """Bytes that were read and not yet fetched with :meth:`get`."""
        return self._backlog

    def finish(self) -> None:
        """Read all that is in the pipe now and stop reading; for when no writer is left."""
        with self._arrived:
            if self._closing:
                return
            self._closing = True
            self._arrived.notify_all()
        self._thread.join()

    def close(self) -> None:
        """Stop reading, remove the FIFO and its directory; what was not fetched is still there."""
        self.finish()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            os.close(self._keep_open)
            self._descriptor = self._keep_open = -1
        self.path.unlink(missing_ok=True)
        if self.directory.exists():
            self.directory.rmdir()

    def _drain(self) -> None:
        pause = IDLE_SECONDS
        while True:
            with self._arrived:
                if not self._closing:
                    self._arrived.wait_for(lambda: self._closing, pause)
                while self._backlog > BACKLOG_BYTES and not self._closing:
                    self._arrived.wait()
                closing = self._closing
                slowly = self._backlog > SLOW_BYTES and not closing
            pieces = self._read(TRICKLE_BYTES if slowly else 2 * _PIPE_BYTES)
            size = sum(map(len, pieces))
            if pieces:
                with self._arrived:
                    self._inbox.extend(pieces)
                    self._backlog += size
                    self._arrived.notify_all()
            if closing:
                return
            if slowly:
                pause = TRICKLE_SECONDS
            else:
                pause = DRAIN_SECONDS if size >= BUSY_BYTES else IDLE_SECONDS

    def _read(self, most: int) -> list[bytes]:
        """What is in the pipe now, about ``most`` bytes of it; all of it when nobody writes."""
        pieces: list[bytes] = []
        while most > 0 or self._closing:
            wanted = _READ_BYTES if self._closing else min(most, _READ_BYTES)
            try:
                piece = os.read(self._descriptor, wanted)
            except BlockingIOError:
                return pieces
            pieces.append(piece)
            most -= len(piece)
            if not self._closing and len(piece) < wanted:
                # What is written meanwhile is left for the next time.
                return pieces
        return pieces

    def _decode(self, piece: bytes) -> list[Event]:
        piece = self._rest + piece
        end = piece.rfind(b"\n") + 1
        self._rest = piece[end:]
        return decode(piece[:end])


def decode(lines: bytes) -> list[Event]:
    """Turn whole lines into events; a line that is none becomes an :class:`Unreadable`.

    This is where strings of observed programs enter, and the only place where they are cleaned.
    """
    if lines.isascii() and b"\\" not in lines and b"\x7f" not in lines:
        # Without an escape there is no character in it that JSON would not let pass bare.
        try:
            return _decoder.decode_lines(lines)
        except (msgspec.DecodeError, RecursionError):
            pass
    return [_decode_line(line) for line in lines.split(b"\n") if line]


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


def _enlarge(descriptor: int) -> None:
    """Make the pipe as large as the system lets a user have it; Linux only."""
    for size in (1 << 20, 1 << 19, 1 << 18, 1 << 17):
        try:
            fcntl.fcntl(descriptor, _F_SETPIPE_SZ, size)
        except OSError:
            # Over the user's limit for all pipes together; half as much may fit.
            continue
        return
