"""The terminal: given back as it was, however mpviz ends, and never waited for when it is gone."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

WAIT_SECONDS = 0.1
"""Between two looks at whether a terminal that takes no more is still worth waiting for."""

LEAVING_SECONDS = 0.5
"""How long a terminal may take nothing while we leave, before the rest is thrown away."""

_SMALL_PIECE = 512
"""Bytes that a terminal with any room takes at once, where a write could wait for more room."""

_AS_IT_WAS = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1016l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""What Textual's own driver writes when it stops, in its order."""


class Outlet:
    """The file that the driver's thread writes to: it never raises, and waits only while it may.

    A terminal whose window is closed, or that does not read, would end that thread or hold it, and
    then everything else.
    """

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._encoding = encoding
        self._waiting: list[str] = []
        self.leaving = False
        """Nobody waits for what is still to be drawn."""
        self.gone = False
        """Nothing can be written any more."""
        try:
            # A description of our own: not to block is for us alone, not for the shell.
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = os.open(os.ttyname(descriptor), flags)
            self._piece = 1 << 16
        except OSError:
            self._descriptor = descriptor
            self._piece = _SMALL_PIECE

    def fileno(self) -> int:
        """The descriptor that is written to."""
        return self._descriptor

    def write(self, text: str) -> None:
        """Keep a text for :meth:`flush`."""
        self._waiting.append(text)

    def flush(self) -> None:
        """Write what was kept, as far as the terminal takes it."""
        data = memoryview("".join(self._waiting).encode(self._encoding, "backslashreplace"))
        self._waiting.clear()
        room = select.poll()
        room.register(self._descriptor, select.POLLOUT)
        patience = LEAVING_SECONDS
        while data and not self.gone and patience > 0:
            if not room.poll(WAIT_SECONDS * 1000):
                patience -= WAIT_SECONDS * self.leaving
                continue
            try:
                data = data[os.write(self._descriptor, data[: self._piece]) :]
            except BlockingIOError:
                patience -= WAIT_SECONDS * self.leaving
            except OSError:
                # EIO: the window is closed.
                self.gone = True


class Terminal(LinuxDriver):
    """Textual's driver, which a terminal that is lost does not end, nor SIGSTOP confuse.

    SIGTSTP is told, so that the terminal can be given back before the stop. SIGSTOP is not: on the
    SIGCONT after it Textual would take its own modes for those of before.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        # Textual draws on stderr, which the command line has found to be a terminal.
        drawn_on = sys.__stderr__
        assert drawn_on is not None
        self.outlet = Outlet(drawn_on.fileno(), drawn_on.encoding)
        self._file = self.outlet  # type: ignore[assignment]
        self._is_on = False
        self._is_suspending = False
        self._is_suspended = False
        self._continued = False
        """A SIGCONT has come that was not acted on yet."""
        self._attributes = _attributes(self.fileno)

    @property
    def is_hung_up(self) -> bool:
        """Whether the window is closed, or the line is cut."""
        if self.outlet.gone:
            return True
        state = select.poll()
        state.register(self.fileno, 0)
        return any(happened & select.POLLHUP for _, happened in state.poll(0))

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._is_on = True

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._is_on = False
        super().stop_application_mode()

    def give_back_at_once(self) -> None:
        """Give the terminal back without the help of any thread or loop; for a signal handler."""
        if self._attributes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._attributes)
        with suppress(OSError):
            os.write(self.outlet.fileno(), _AS_IT_WAS.encode("ascii"))

    def run_input_thread(self) -> None:
        """Read keys, until the terminal is gone."""
        # OSError: EIO is how a terminal says so; the app sees that it is hung up.
        with suppress(OSError):
            super().run_input_thread()

    def _sigtstp_application(self, *_: object) -> None:
        if self._is_suspending or self._is_suspended:
            return
        if not self._is_on:
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        self._is_suspending = True
        self.suspend_application_mode()
        self._is_suspending = False
        self._must_signal_resume = True
        if self._continued:
            # It took too long; a stop now would be one that nobody ends.
            self._continued = False
            self.resume_application_mode()
        else:
            self._is_suspended = True
            os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        if self._is_suspending:
            self._continued = True
        elif self._is_suspended:
            self._is_suspended = False
            self.resume_application_mode()
        elif self._is_on and not self._continued:
            self._continued = True
            asyncio.get_running_loop().call_soon_threadsafe(self._set_up_again)

    def _set_up_again(self) -> None:
        """Give the terminal back and take it anew: a shell may have used it meanwhile."""
        self._continued = False
        if self._is_on:
            self.suspend_application_mode()
            self.resume_application_mode()
            self._app.refresh(layout=True)


def _attributes(descriptor: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(descriptor)
    except termios.error:
        return None
