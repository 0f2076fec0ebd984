"""The folder of a run: private, held by a descriptor, and removed with all that is in it.

The observed program can move the folder, remove it or put a link in its place. The viewer only
reads and removes the folder that it made itself.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from mpviz.trace.system import leftovers, removal
from mpviz.trace.system.removal import MOST_NAMES

ACCOUNT_BYTES = 100

NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Numbers of the errors that say that no descriptor or no memory is left."""


class RunFolder:
    """A new folder that only our user can read."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self._path = path
        self._descriptor = leftovers.hold(path)

    def names(self) -> list[str]:
        """The names of the files in it now."""
        with os.scandir(self._descriptor) as entries:
            return [entry.name for entry in islice(entries, MOST_NAMES)]

    def open(self, name: str, flags: int) -> int:
        """Open a regular file in it, without waiting and without following a link.

        :class:`OSError` if it is not a regular file, or cannot be opened.
        """
        flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=self._descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(0, f"{name} is no regular file")
        return descriptor

    def read_text(self, name: str) -> str:
        """The content of a short file, or the text of a link; :class:`OSError` if it is neither."""
        with suppress(OSError):
            return os.readlink(name, dir_fd=self._descriptor)
        descriptor = self.open(name, os.O_RDONLY)
        try:
            return os.read(descriptor, ACCOUNT_BYTES).decode("ascii", "replace")
        finally:
            os.close(descriptor)

    def unlink(self, name: str) -> None:
        """Remove a file from it, if it still exists."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def remove(self) -> str:
        """Remove it with everything in it; returns what is left and why, empty if nothing is.

        May be called again.
        """
        if self._descriptor < 0:
            return ""
        try:
            return removal.remove(str(self._path), self._descriptor)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of ours for a moment; if we are killed meanwhile, the next run removes it."""
    path = leftovers.new_folder()
    folder = RunFolder(path)
    try:
        yield path
    finally:
        folder.remove()
