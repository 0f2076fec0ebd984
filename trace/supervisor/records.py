"""What the supervisor tells the viewer: records on the control socket, kept until they are sent.

The pipe of the observed processes drops records that do not fit. But only the supervisor knows how
a process ended, so its records wait here until they fit, as long as there is a viewer.
"""

import os
import select
from time import monotonic_ns

from mpviz_probe import wire  # type: ignore[import-not-found]

_ERRORS_TOLD = 10


class Records:
    """The supervisor's records, which it numbers itself."""

    def __init__(self, control: int, poll: select.epoll) -> None:
        self._control = control
        self._poll = poll
        self._pid = os.getpid()
        self._number = 0
        self._errors = 0
        self._unsent = bytearray()
        if control >= 0:
            os.set_blocking(control, False)

    def introduce(self) -> None:
        """Send the viewer our pid in a line of its own, before everything else."""
        try:
            os.write(self._control, b"%d\n" % self._pid)
        except OSError:
            # The viewer is already gone.
            return

    def tell(self, kind: bytes, fields: bytes, stamp: int | None = None) -> None:
        """Send a record, now or as soon as there is room; kind and fields as ``wire.put``'s."""
        if self._control < 0:
            return
        self._number += 1
        time = monotonic_ns() if stamp is None else stamp
        had_none = not self._unsent
        head = kind, time, self._pid, self._number
        self._unsent += b'{"k":"%b","t":%d,"p":%d,"n":%d,%b}\n' % (*head, fields)
        if had_none:
            self.send()

    def send(self) -> None:
        """Send as much as there is room for; the poll tells when there is room for more."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self._control, self._unsent)]
        except BlockingIOError:
            self._poll.modify(self._control, select.EPOLLIN | select.EPOLLOUT)
        except (BrokenPipeError, ConnectionResetError):
            # The viewer is gone; reading from the socket will show that too, and we react there.
            self._unsent.clear()
        else:
            self._poll.modify(self._control, select.EPOLLIN)

    def stop(self) -> None:
        """Send nothing more, because no viewer is left."""
        self._control = -1
        self._unsent.clear()

    def finish(self) -> None:
        """Wait until all is sent, or the viewer is gone."""
        room = select.poll()
        if self._unsent:
            room.register(self._control, select.POLLOUT)
        while self._unsent:
            room.poll()
            self.send()

    def tell_start(self, pid: int, started: int, stamp: int) -> None:
        """Report that the program's first process was started, at this stamp."""
        self.tell(b"program.started", b'"child":%d,"started":%d' % (pid, started), stamp)

    def tell_failure(self, sentence: str) -> None:
        """Report why the program was not started."""
        self.tell(b"program.failed", b'"error":%b' % wire.text(sentence))

    def tell_exit(self, pid: int, exit_code: int) -> None:
        """Report how a process ended."""
        self.tell(b"process.exited", b'"child":%d,"exit_code":%d' % (pid, exit_code))

    def tell_end(self, pid: int, exit_code: int) -> None:
        """Report how the program's first process ended."""
        self.tell(b"program.ended", b'"child":%d,"exit_code":%d' % (pid, exit_code))

    def tell_signal(self, pid: int, number: int, *, left_behind: bool) -> None:
        """Report a signal that is about to be sent to a process."""
        last = b"true" if left_behind else b"false"
        fields = b'"child":%d,"signal":%d,"left_behind":%b' % (pid, number, last)
        self.tell(b"warden.signalled", fields)

    def tell_error(self, error: Exception) -> None:
        """Report an error of our own; only the first ten are sent."""
        self._errors += 1
        if self._errors <= _ERRORS_TOLD:
            text = wire.text(f"{type(error).__name__}: {error}")
            self.tell(b"probe.error", b'"where":"supervisor","error":%b' % text)
