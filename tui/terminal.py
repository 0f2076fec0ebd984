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
"""Seconds between two checks of a terminal that accepts nothing, to see if we should still wait."""

LEAVING_SECONDS = 0.5
"""Seconds that a terminal may accept nothing while we leave, before we discard the rest."""

_SMALL_PIECE = 512
"""Bytes that a terminal with any room accepts at once; a longer write could wait for room."""

_AS_IT_WAS = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1016l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""What Textual's own driver writes when it stops, in the same order."""


class Outlet:
    """The file that the driver's thread writes to: it never raises, and waits only while it may.

    Otherwise a terminal that is closed or does not read would end or block that thread, and with it
    the whole app.
    """

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._encoding = encoding
        self._waiting: list[str] = []
        self.leaving = False
        """Whether we are leaving, so that pending output may be discarded."""
        self.gone = False
        """Whether the terminal is gone, so that nothing can be written any more."""
        try:
            # A separate open file description, so that only we write non-blocking, not the shell.
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
        """Write the kept text, as far as the terminal accepts it."""
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
    """Textual's driver, made to survive a lost terminal and a SIGSTOP.

    SIGTSTP can be handled, so the terminal is restored before the stop. SIGSTOP cannot: on the
    SIGCONT after it, Textual would mistake its own modes for the original ones.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        # Textual draws on stderr; the command line has checked that it is a terminal.
        drawn_on = sys.__stderr__
        assert drawn_on is not None
        self.outlet = Outlet(drawn_on.fileno(), drawn_on.encoding)
        self._file = self.outlet  # type: ignore[assignment]
        self._is_on = False
        self._is_suspending = False
        self._is_suspended = False
        self._continued = False
        """Whether a SIGCONT has arrived that was not yet handled."""
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
        """Restore the terminal without the help of any thread or loop. For a signal handler."""
        if self._attributes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._attributes)
        with suppress(OSError):
            os.write(self.outlet.fileno(), _AS_IT_WAS.encode("ascii"))

    def run_input_thread(self) -> None:
        """Read keys, until the terminal is gone."""
        # A terminal that is gone raises EIO; the app will notice the hang-up.
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
            # It took too long: after a stop now, nobody might continue us.
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
        """Restore the terminal and take it again: a shell may have used it meanwhile."""
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
