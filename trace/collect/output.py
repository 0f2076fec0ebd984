"""What the program writes to stdout and stderr, line by line, with the process that wrote it."""

from __future__ import annotations

import codecs
import os
import re
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, monotonic_ns, sleep

from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.model import own_errors
from mpviz.trace.model.events import Event, Output
from mpviz.trace.model.text import LIMIT, clean

PROMPT_SECONDS = 0.1
"""Seconds after which a line without an end is delivered as far as it has come."""

STOP_SECONDS = 0.5
"""Maximum seconds that a stop goes on reading from a program that goes on writing."""

OPEN_LINES = 1024
"""Maximum number of begun lines, one a process and stream; beyond that, the oldest are cut off."""

_READ_BYTES = 1 << 16
_PAUSE_AFTER_TROUBLE = 0.01
_CREDENTIALS = struct.Struct("=iII")  # pid, uid, gid: struct ucred, man 7 unix
_LINE_END = re.compile(r"(\r\n|\r|\n)")


@dataclass
class _Line:
    """The line that one process is writing to one stream."""

    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    text: str = ""
    """The part that was read and not delivered yet."""
    due: float = 0.0
    """When this part has to be delivered, in seconds of the monotonic clock."""
    read_at: int = 0
    """When its end was read, in nanoseconds of the monotonic clock."""
    is_begun: bool = False
    """Whether a part of it has been delivered."""
    after_return: bool = False
    """Whether the last character was a carriage return: a line feed right after belongs to it."""


class OutputReader:
    """A thread that reads the program's streams and hands on their lines.

    ``put`` is called in that thread, for one line at a time. Until it returns, nothing is read, and
    the program waits when the socket is full: a flood never piles up here.
    """

    def __init__(
        self, stdout: socket.socket, stderr: socket.socket, put: Callable[[Event], None]
    ) -> None:
        self._streams = {stdout.fileno(): ("stdout", stdout), stderr.fileno(): ("stderr", stderr)}
        self._put = put
        self._lines: dict[tuple[str, int], _Line] = {}
        self._troubles = Troubles(put)
        self._stopping, self._stop = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="mpviz-output", daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds for the end of both streams; say whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Deliver what has been written so far and end the thread; may be called again."""
        if self._stop >= 0:
            os.close(self._stop)
            self._stop = -1
            self._thread.join()
            os.close(self._stopping)

    def _run(self) -> None:
        poll = select.poll()
        for descriptor in (*self._streams, self._stopping):
            poll.register(descriptor, select.POLLIN)
        stop_at = float("inf")
        while self._streams and monotonic() < stop_at:
            ready = [descriptor for descriptor, _ in poll.poll(self._pause())]
            if self._stopping in ready:
                ready.remove(self._stopping)
                stop_at = min(stop_at, monotonic() + STOP_SECONDS) if ready else 0.0
            for descriptor in ready:
                if not self._read_or_report(*self._streams[descriptor]):
                    poll.unregister(descriptor)
                    del self._streams[descriptor]
            self._deliver_due()
        for name in ("stdout", "stderr"):
            self._close(name)

    def _pause(self) -> float | None:
        """Milliseconds until a begun line has to be delivered; None if there is none."""
        due = [line.due for line in self._lines.values() if line.text]
        return max(0.0, (min(due) - monotonic()) * 1000) if due else None

    def _read_or_report(self, name: str, stream: socket.socket) -> bool:
        """Read; an error is reported once, and reading goes on, or the program would wait."""
        try:
            return self._read(name, stream)
        except Exception as error:
            self._troubles.report(own_errors.in_words("the reading of output", error))
            sleep(_PAUSE_AFTER_TROUBLE)
            return True

    def _read(self, name: str, stream: socket.socket) -> bool:
        """Read once from a stream; False if all its writers are gone."""
        try:
            data, ancillary, _, _ = stream.recvmsg(
                _READ_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_DONTWAIT
            )
        except BlockingIOError:
            return True
        except ConnectionResetError:
            data = b""
        if not data:
            self._close(name)
            return False
        # One reading never mixes writers (man 7 unix, and tried).
        self._take(name, _writer(ancillary), data)
        return True

    def _take(self, name: str, pid: int, data: bytes) -> None:
        line = self._lines.get((name, pid)) or self._begin(name, pid)
        line.read_at = monotonic_ns()
        text = line.decoder.decode(data)
        if not text:
            return
        if line.after_return:
            text = text.removeprefix("\n")
        line.after_return = text.endswith("\r")
        was_empty = not line.text
        *ended, line.text = _LINE_END.split(line.text + text)
        for content, end in zip(ended[::2], ended[1::2], strict=True):
            # A carriage return at the very beginning is a progress bar's, not the end of a line.
            if content or line.is_begun or end != "\r":
                self._deliver(name, pid, line, content, ended=True)
        if was_empty or ended:
            line.due = monotonic() + PROMPT_SECONDS
        while len(line.text) > LIMIT:
            self._deliver(name, pid, line, line.text[:LIMIT], ended=False)
            line.text = line.text[LIMIT:]
        if not (line.text or line.is_begun or line.after_return or line.decoder.getstate()[0]):
            del self._lines[name, pid]

    def _begin(self, name: str, pid: int) -> _Line:
        while len(self._lines) >= OPEN_LINES:
            oldest = next(iter(self._lines))
            self._cut_off(*oldest, self._lines.pop(oldest))
        return self._lines.setdefault((name, pid), _Line())

    def _deliver_due(self) -> None:
        now = monotonic()
        for (name, pid), line in self._lines.items():
            if line.text and line.due <= now:
                self._deliver(name, pid, line, line.text, ended=False)
                line.text = ""

    def _close(self, name: str) -> None:
        """Deliver what is left of a stream that has ended."""
        for stream, pid in list(self._lines):
            if stream == name:
                self._cut_off(stream, pid, self._lines.pop((stream, pid)))

    def _cut_off(self, name: str, pid: int, line: _Line) -> None:
        rest = line.text + line.decoder.decode(b"", final=True)
        if rest:
            self._deliver(name, pid, line, rest, ended=False)

    def _deliver(self, name: str, pid: int, line: _Line, text: str, ended: bool) -> None:
        for begin in range(0, max(1, len(text)), LIMIT):
            is_whole = ended and begin + LIMIT >= len(text)
            piece = clean(text[begin : begin + LIMIT])
            self._put(Output(time=line.read_at, pid=pid, stream=name, text=piece, ended=is_whole))
        line.is_begun = not ended


def _writer(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The pid of the process that wrote, as the kernel attests it; 0 if it does not."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            pid: int = _CREDENTIALS.unpack_from(data)[0]
            return pid
    return 0
