"""Makes the next run of a talk ready while its question is being asked.

A program that is started for the first time waits for its interpreter and its modules to be read
from the disk. So that happens before: an interpreter of the same kind imports what programs of
processes import, and reads the program's own files, without running them. Linux keeps what was
read in memory.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from mpviz.probe import BOOT
from mpviz.scenarios import catalogue
from mpviz.trace.launch.start import Target

MODULES = (
    "concurrent.futures.process",
    "multiprocessing.connection",
    "multiprocessing.managers",
    "multiprocessing.pool",
    "multiprocessing.queues",
    "multiprocessing.shared_memory",
    "multiprocessing.sharedctypes",
    "multiprocessing.spawn",
    "multiprocessing.synchronize",
    "runpy",
)

MOST_FILES = 2_000
"""Maximum number of files of a program's folder that are read."""

CODE = f"""\
import contextlib, sys
for file in sys.argv[1:]:
    with contextlib.suppress(OSError):
        open(file, "rb").read()
for name in {MODULES!r}:
    with contextlib.suppress(ImportError):
        __import__(name)
"""


class Warmth:
    """At most one process that reads ahead; :meth:`end` ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self, target: Target) -> None:
        """Read ahead what this run will need; if that cannot be, the run will be no worse off."""
        self.end()
        with suppress(OSError):
            # Isolated: a foreign queue.py in the current folder must not be imported.
            command = [target.python, "-I", "-c", CODE] if target.python else ["cat"]
            self._process = subprocess.Popen(
                [*command, *files_of(target)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=target.directory,
            )
            # It must not take a core from anything.
            os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)

    @property
    def is_done(self) -> bool:
        """Whether all has been read."""
        return self._process is None or self._process.poll() is not None

    def end(self) -> None:
        """Read no further."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def files_of(target: Target) -> list[str]:
    """The files that the run will read: the probe's, and the scenarios' or the program's own."""
    folders = [BOOT, *([Path(catalogue.__file__).parent] if target.scenario else [])]
    files = [str(file) for folder in folders for file in folder.rglob("*.py*")]
    for word in target.arguments:
        file = Path(target.directory or ".") / word
        # What cannot be read is not warmed.
        with suppress(OSError):
            if file.is_file():
                files.append(str(file))
    return files[:MOST_FILES]
