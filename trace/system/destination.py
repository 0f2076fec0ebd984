"""Writes a file that a person asked for: beside its destination, and renamed when it is whole."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

STDOUT = "-"
PRIVATE = 0o600
"""Mode of new files: only the user may read a run's arguments and output. An existing file keeps
its mode."""


@contextmanager
def destination(path: str) -> Iterator[IO[str]]:
    """A file to write to, "-" for stdout; if something fails, the previous file stays as it was.

    :class:`OSError` if it cannot be written.
    """
    if path == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    # A link stays, and what it leads to is replaced.
    place = Path(path).resolve()
    if _is_regular(place) and os.access(place.parent, os.W_OK):
        with _beside(place) as file:
            yield file
    else:
        with place.open("w", encoding="utf-8", newline="") as file:
            yield file


@contextmanager
def _beside(place: Path) -> Iterator[IO[str]]:
    part = place.with_name(f".{place.name[:200]}.{os.urandom(4).hex()}.part")
    # A signal may come as soon as the file is there.
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            # A new file has no mode to keep.
            with suppress(FileNotFoundError):
                os.fchmod(descriptor, stat.S_IMODE(place.stat().st_mode))
            yield file
        part.replace(place)
    except BaseException:
        # It may be in its place already.
        with suppress(FileNotFoundError):
            part.unlink()
        raise


def _is_regular(place: Path) -> bool:
    """Whether there is a file that may be written, or nothing yet; a device is written into."""
    try:
        kind = place.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(21, os.strerror(21), str(place))
    if stat.S_ISREG(kind) and not os.access(place, os.W_OK):
        raise PermissionError(13, os.strerror(13), str(place))
    return stat.S_ISREG(kind)
