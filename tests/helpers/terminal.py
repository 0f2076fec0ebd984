"""mpviz on a terminal of its own, typed into and read as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

from helpers.command import CALL

PATIENCE = 30.0
ALTERNATE_SCREEN = (b"\x1b[?1049h", b"\x1b[?1049l")
MOUSE = (b"\x1b[?1000h", b"\x1b[?1000l")


class Terminal:
    """A program on a terminal of its own, and what it has drawn so far."""

    def __init__(
        self,
        *words: str,
        directory: Path,
        rows: int = 40,
        columns: int = 120,
        command: tuple[str, ...] = (sys.executable, "-c", CALL),
        environment: dict[str, str] | None = None,
    ) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.chdir(directory)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.environ["XDG_CONFIG_HOME"] = str(directory)
            os.environ.update(environment or {})
            os.execvp(command[0], [*command, *words])
        self.before = termios.tcgetattr(self.descriptor)
        self.drawn = b""
        self.status: int | None = None

    def see(self, text: str, patience: float = PATIENCE) -> None:
        """Read until this text has been drawn since the last look."""
        deadline = time.monotonic() + patience
        start = len(self.drawn)
        while text not in plain(self.drawn[start:]):
            assert time.monotonic() < deadline, plain(self.drawn)[-3000:]
            self.read()

    def read(self, seconds: float = 0.1) -> None:
        if select.select([self.descriptor], [], [], seconds)[0]:
            # EIO is how a terminal says that nobody has it open any more.
            with suppress(OSError):
                self.drawn += os.read(self.descriptor, 1 << 16)

    def settle(self) -> None:
        """Read until nothing has been drawn for a second, so that the picture stands still."""
        drawn, since = len(self.drawn), time.monotonic()
        while time.monotonic() - since < 1:
            self.read()
            if len(self.drawn) > drawn:
                drawn, since = len(self.drawn), time.monotonic()

    def take_again(self) -> None:
        """Read until mpviz has taken the terminal once more than so far."""
        deadline = time.monotonic() + PATIENCE
        taken = self.drawn.count(ALTERNATE_SCREEN[0])
        while self.drawn.count(ALTERNATE_SCREEN[0]) == taken:
            assert time.monotonic() < deadline
            self.read()

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def wait(self) -> int:
        """Read on until the program has ended; its exit status as a shell would give it."""
        deadline = time.monotonic() + PATIENCE
        while self.status is None:
            assert time.monotonic() < deadline, plain(self.drawn)[-3000:]
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
        # A read gives 4 KiB at most, and more than that may still wait in the terminal.
        drawn = -1
        while len(self.drawn) > drawn:
            drawn = len(self.drawn)
            self.read()
        return self.status

    def assert_as_it_was(self) -> None:
        """Modes, screen and mouse are what they were before."""
        assert termios.tcgetattr(self.descriptor)[:4] == self.before[:4]
        for on, off in (ALTERNATE_SCREEN, MOUSE):
            assert self.drawn.rfind(off) > self.drawn.rfind(on) >= 0

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.descriptor)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def plain(drawn: bytes) -> str:
    """What was drawn without the escape sequences."""
    return re.sub(
        r"\x1b(\[[0-?]*[ -/]*[@-~]|[\]P].*?(\x07|\x1b\\)|[=>])",
        "",
        drawn.decode("utf-8", "replace"),
    )
