"""Source files as they are now: read and coloured in a separate thread, never in the screen's.

A recording, or the code of a program, may name anything as its source: a pipe that nobody writes
to, a device without an end, a terminal. So only regular files are opened, up to a bounded size.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from zlib import crc32

from mpviz.tui.render.rows import Part

BYTES_READ = 4 << 20
"""The largest file that is read; the probe has the same bound, and says why."""

BYTES_COLOURED = 256 << 10
"""Size in bytes up to which a file is coloured, which takes some 2 s for each MB."""

LINES_SHOWN = 100_000
CHARACTERS_SHOWN = 500
"""Characters of one line that are shown."""

KEPT = 8
"""Number of files that are kept."""

LOOK_AGAIN_SECONDS = 1.0
"""Seconds between two looks at a file that is shown, because it may have changed."""

PATIENCE_SECONDS = 0.05
"""Seconds that a picture waits for a file shown for the first time; most take less."""

BEING_READ = "it is being read"

_BYTE = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Source:
    """A source file as it is now."""

    lines: tuple[tuple[Part, ...], ...]
    checksum: int = 0
    """CRC-32 of the file; 0 if that is not known."""
    error: str = ""
    """Why it cannot be read; there are no lines then."""


@dataclass
class _Known:
    source: Source
    asked: float
    """When it was last given to the thread, in seconds of the monotonic clock."""


class Sources:
    """Gives panels the files that have been read, and reads the others in its own thread."""

    def __init__(self, heard: Callable[[], None] = lambda: None) -> None:
        self.heard = heard
        """Called in the reading thread when a file has been read, or has changed."""
        self._known: dict[str, _Known] = {}
        self._asked: SimpleQueue[tuple[str, threading.Event]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, file: str) -> Source:
        """The file as it was last read; before that, its error is BEING_READ."""
        now = time.monotonic()
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = _Known(Source((), error=BEING_READ), now)
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
            self._give(file).wait(PATIENCE_SECONDS)
        elif now - known.asked > LOOK_AGAIN_SECONDS and known.source.error != BEING_READ:
            known.asked = now
            self._give(file)
        return known.source

    def _give(self, file: str) -> threading.Event:
        if self._thread is None:
            # A daemon, so that mpviz can end whatever this thread is doing.
            self._thread = threading.Thread(target=self._run, name="mpviz-sources", daemon=True)
            self._thread.start()
        is_read = threading.Event()
        self._asked.put((file, is_read))
        return is_read

    def _run(self) -> None:
        while True:
            file, is_read = self._asked.get()
            source = read(file)
            known = self._known.get(file)
            is_news = known is not None and known.source != source
            if known is not None:
                known.source = source
            is_read.set()
            if is_news:
                self.heard()


def read(file: str) -> Source:
    """The file, read again only if it has changed since; its error says what went wrong."""
    path = _on_disk(file)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        return Source((), error=_reason(error))
    if not stat.S_ISREG(status.st_mode):
        return Source((), error="it is no regular file")
    if status.st_size > BYTES_READ:
        return Source((), error=f"it has {status.st_size:,} bytes, too many to be shown")
    return _read(path, status.st_mtime_ns, status.st_size)


def read_lines(path: Path) -> tuple[tuple[Part, ...], ...]:
    """The lines of a source file; an unreadable one says so in its place."""
    source = read(str(path))
    return (((f"cannot be read: {source.error}", "dim"),),) if source.error else source.lines


@lru_cache(maxsize=KEPT)
def _read(path: Path, changed: int, size: int) -> Source:
    """Read a file; ``changed`` and ``size`` make a changed file miss the cache."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Source((), error="it is no regular file")
            content = opened.read(size)
    except OSError as error:
        return Source((), error=_reason(error))
    return Source(_lines(content.decode("utf-8", "replace"), size), crc32(content))


def _lines(text: str, size: int) -> tuple[tuple[Part, ...], ...]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n", LINES_SHOWN)
    shown = [line[:CHARACTERS_SHOWN] for line in lines[:LINES_SHOWN]]
    if size <= BYTES_COLOURED:
        return highlighted("\n".join(shown))
    return tuple(((line.expandtabs(4), "text"),) if line else () for line in shown)


def _on_disk(file: str) -> Path:
    """The path that a source's name stands for: ``\\xe9`` in it may be a byte outside UTF-8."""
    path = Path(file)
    if "\\x" not in file or os.path.lexists(path):
        return path
    octets = _BYTE.sub(lambda found: bytes([int(found[1], 16)]), os.fsencode(file))
    return Path(os.fsdecode(octets))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def highlighted(text: str) -> tuple[tuple[Part, ...], ...]:
    """Each line of Python source as parts with the styles of their kinds."""
    # 20 ms that the first picture does not have to wait for.
    from pygments.lexers.python import PythonLexer  # noqa: PLC0415
    from pygments.token import (  # noqa: PLC0415
        Comment,
        Keyword,
        Name,
        Number,
        Operator,
        String,
    )

    kinds = (
        (Comment, "code.comment"),
        (String, "code.string"),
        (Number, "code.number"),
        (Keyword, "code.keyword"),
        (Operator.Word, "code.keyword"),
        (Name.Builtin, "code.builtin"),
        (Name.Function, "code.name"),
        (Name.Class, "code.name"),
        (Name.Decorator, "code.name"),
    )
    lines: list[list[Part]] = [[]]
    for token, piece in PythonLexer(stripnl=False).get_tokens(text):
        style = next((style for kind, style in kinds if kind in token.split()), "text")
        first, *others = piece.split("\n")
        lines[-1].append((first.expandtabs(4), style))
        lines += [[(other.expandtabs(4), style)] for other in others]
    while lines and not any(text for text, _ in lines[-1]):
        lines.pop()
    return tuple(tuple(part for part in line if part[0]) for line in lines)


def first_definition(lines: tuple[tuple[Part, ...], ...]) -> int:
    """The number, from 0, of the line where the code itself begins, after doc and imports."""
    for number, line in enumerate(lines):
        if line and line[0][0] in ("def", "class", "async", "@"):
            return number
    return 0
