"""The folder of a run: private, held by a descriptor, and removed with all that is in it.

Its name has the pid and the start time of its viewer. Viewer and supervisor keep it locked (man 2
flock) as long as they live, also across containers. The observed program can move the folder,
remove it or put a link in its place. The viewer only reads and removes the folder that it made.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from mpviz.trace.system import kernel, removal
from mpviz.trace.system.removal import MOST_NAMES

FIFO_NAME = "events"
"""The FIFO's name in the folder of its run."""

ACCOUNT_BYTES = 100

NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Numbers of the errors that say that no descriptor or no memory is left."""

_NAME = re.compile(r"mpviz-(\d+)-(\d+)-[0-9a-f]{8}")


def new_path() -> Path:
    """An unused path for the folder of a run of ours."""
    pid = os.getpid()
    name = f"mpviz-{pid}-{kernel.start_time(pid) or 0}-{os.urandom(4).hex()}"
    return Path(tempfile.gettempdir()) / name


def owner_of(folder: str) -> tuple[int, int] | None:
    """Pid and start time of the viewer of a run, by its folder's name; None for any other name."""
    found = _NAME.fullmatch(folder)
    return (int(found[1]), int(found[2])) if found else None


def hold(folder: Path) -> int:
    """Mark this folder as in use, as long as the returned descriptor is open."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # Only a viewer that is about to remove the folder takes the lock exclusively.
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


class RunFolder:
    """A new folder that only our user can read."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self._path = path
        self._descriptor = hold(path)

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
    """A temporary folder of ours; if we are killed meanwhile, the next run removes it."""
    path = new_path()
    folder = RunFolder(path)
    try:
        yield path
    finally:
        folder.remove()
