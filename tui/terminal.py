"""The terminal: given back as it was, however mpviz ends, and never waited for when it is gone."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from mpviz.trace.system.kernel import read_status

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
        self.spell: Callable[[str], str] = str
        """What a text becomes before it is written, for terminals that do not show all signs."""
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
        text = self.spell("".join(self._waiting))
        data = memoryview(text.encode(self._encoding, "backslashreplace"))
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
    """Textual's driver, made to survive a lost terminal, and to stop and go on as a shell's job.

    Textual's signal handlers stop and start its threads, and wait for locks that the interrupted
    code may hold. Ours only note the signal and wake the loop. SIGTSTP can be handled, so the
    terminal is restored before the stop. SIGSTOP cannot: on the SIGCONT after it, Textual would
    mistake its own modes for the original ones. In the background, the terminal is let alone, but
    all else goes on.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        # Signal handlers, which come with Textual's own part, use these.
        self._loop = asyncio.get_running_loop()
        self._is_busy = False
        """Whether we are giving the terminal back, are stopped, or are taking it again."""
        self._has_to_stop = False
        """Whether a SIGTSTP has arrived, and no SIGCONT after it."""
        self._is_on = False
        super().__init__(app, **options)
        # Textual draws on stderr; the command line has checked that it is a terminal.
        drawn_on = sys.__stderr__
        assert drawn_on is not None
        self.outlet = Outlet(drawn_on.fileno(), drawn_on.encoding)
        # Textual needs only write, flush and fileno.
        self._file = self.outlet  # type: ignore[assignment]
        self._kept: list[Any] | None = None
        """The original modes, if we could not restore them when we lost the terminal."""
        self._ours: list[Any] | None = None
        """The modes that we have set."""
        self._owed: list[Any] | None = None
        """The original modes, while those that we have restored differ from them by NOFLSH."""

    @property
    def is_hung_up(self) -> bool:
        """Whether the window is closed, or the line is cut."""
        if self.outlet.gone:
            return True
        state = select.poll()
        state.register(self.fileno, 0)
        return any(happened & select.POLLHUP for _, happened in state.poll(0))

    def start_application_mode(self) -> None:
        """Take the terminal, unless we are in the background: then :meth:`take_if_ours` does so."""
        if self._is_in_background():
            return
        writer = self._writer_thread
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # Textual returns without a word if we are put into the background just then.
        self._is_on = self._writer_thread is not writer
        if self._is_on:
            self._ours = _attributes(self.fileno)
            if self._kept is not None:
                self.attrs_before, self._kept = self._kept, None

    def take_if_ours(self) -> None:
        """Take the terminal if the shell has put us into the foreground; to be called often."""
        if not (self._is_on or self._is_busy or self.outlet.leaving or self._loop.is_closed()):
            self.resume_application_mode()
            self._app.refresh(layout=True)

    def stop_application_mode(self) -> None:
        """Give the terminal back, if we have it; :meth:`settle` has to follow."""
        if not self._is_on:
            return
        if not self._has_our_modes():
            # They are those of the shell by now.
            self.attrs_before, self._kept = None, self.attrs_before
        elif self.attrs_before is not None:
            # On a Ctrl-C, the kernel discards what we have written and the window has not read:
            # it would never learn that the screen has ended.
            self._owed = self.attrs_before
            self.attrs_before = [*self._owed]
            self.attrs_before[tty.LFLAG] |= termios.NOFLSH
        with _never_stopped():
            super().stop_application_mode()
        self._is_on = False

    def settle(self) -> None:
        """Restore the last of the original modes; the window has had time to read."""
        if self._owed is not None and _attributes(self.fileno) == self.attrs_before:
            with suppress(termios.error), _never_stopped():
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._owed)
        self._owed = None

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        super().suspend_application_mode()
        self.settle()

    def disable_input(self) -> None:
        """Read no more keys; Textual discards those that wait, which may be the shell's by now."""
        if self._is_on:
            with _never_stopped():
                super().disable_input()

    def write(self, data: str) -> None:
        """Draw, if we have the terminal."""
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().write(data)

    def give_back_at_once(self) -> None:
        """Restore the terminal without the help of any thread or loop. For a signal handler."""
        if not self._is_on:
            return
        modes = self._owed or self.attrs_before
        if modes is not None and self._has_our_modes():
            # The terminal may be gone.
            with suppress(termios.error), _never_stopped():
                termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
        with suppress(OSError):
            os.write(self.outlet.fileno(), _AS_IT_WAS.encode("ascii"))

    def run_input_thread(self) -> None:
        """Read keys, until the terminal is gone."""
        # A terminal that is gone raises EIO; the app will notice the hang-up.
        with suppress(OSError):
            super().run_input_thread()

    def _sigtstp_application(self, *_: object) -> None:
        self._has_to_stop = True
        self._wake(self._stop_if_asked)

    def _sigcont_application(self, *_: object) -> None:
        self._has_to_stop = False
        if not self._is_busy:
            self._wake(self._set_up_again)

    def _wake(self, work: Callable[[], None]) -> None:
        """Have the loop do this soon, and now if there is no loop any more."""
        if self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def _stop_if_asked(self) -> None:
        """Give the terminal back, stop, and take the terminal again when we are continued."""
        if self._is_busy or not self._has_to_stop:
            return
        self._is_busy = True
        self.suspend_application_mode()
        # That takes a moment. If we were continued meanwhile, nobody might do so after a stop now.
        if self._has_to_stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        self._is_busy = False
        self._must_signal_resume = True
        self.take_if_ours()

    def _set_up_again(self) -> None:
        """Restore the terminal and take it again: a shell may have used it meanwhile."""
        if self._is_on:
            self._is_busy = True
            self.suspend_application_mode()
            self._is_busy = False
        self.take_if_ours()

    def _has_our_modes(self) -> bool:
        return not self._is_in_background() or _attributes(self.fileno) == self._ours

    def _is_in_background(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) != os.getpgrp()
        except OSError:
            # It is no terminal, or not the one that we were started from.
            return False


def is_job() -> bool:
    """Whether a shell could continue us after a stop.

    A process group of which no parent is a member of another group of the session is an orphan, and
    the kernel would ignore a SIGTSTP (POSIX, 11.1.4).
    """
    pid, group = os.getpid(), os.getpgrp()
    while True:
        status = read_status(pid)
        try:
            if status is None or os.getsid(status.parent) != os.getsid(0):
                return False
            if os.getpgid(status.parent) != group:
                return True
        except OSError:
            return False
        pid = status.parent


@contextmanager
def _never_stopped() -> Iterator[None]:
    """Let the kernel not stop us if we change a terminal from the background."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attributes(descriptor: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(descriptor)
    except termios.error:
        return None
