"""The transport: a thread reads what processes tell, and the viewer gets it in order.

Why not ``multiprocessing.Queue``: this is a tool for terminating processes, and a process that dies
while it holds that queue's write lock freezes it for all (``terminate`` in CPython's documentation
warns of it; in a trial 8 of 30 kills of a writer did). Here a record is one atomic write to a FIFO,
or one slot of a ring that its process shares with us: there is no lock that a death could take with
it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.wire.ring import SLOTS
from mpviz.trace.collect.accounts import Accounts
from mpviz.trace.collect.merge import Look, Merge
from mpviz.trace.collect.pace import IDLE_SECONDS, Pace
from mpviz.trace.collect.rings import Rings
from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.model.events import Event, Output, RecordsDropped, Sample
from mpviz.trace.model.told import Told
from mpviz.trace.system.removal import MOST_NAMES
from mpviz.trace.system.run_folder import FIFO_NAME, RunFolder, new_path

BACKLOG_BYTES = 48 << 20
"""Maximum number of bytes that lie unread in memory; then writers have to wait, and then drop."""

SLOW_BYTES = 32 << 20
"""With more than so many unread bytes only a trickle is read, so that writers wait a little for
every record. That holds them up to the pace of the fold; only those that wait for 50 ms in vain
drop a record."""

TRICKLE_BYTES = 1 << 14
TRICKLE_RECORDS = 1 << 9
"""Records of each ring that are read then."""
TRICKLE_SECONDS = 0.01

OUTPUT_BYTES = 500
"""About the size of an event of a source that can be held up, as it counts in the backlog."""

EVENT_BYTES = 100
"""Size of any other event, as a batch counts it."""

RECORD_BYTES = 16
"""The same for a record from a ring, which takes a sixth of the time to fold."""

_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
"""Bytes of one reading: so few that a look at the pipe reads about as much as it should."""
_F_SETPIPE_SZ = 1031
_READING = "the reading of what processes tell"


class Transport:
    """The reading end: a FIFO and rings in a private folder, and the supervisor's socket.

    Observed processes write with :func:`mpviz_probe.wire.put` and ``send``. The viewer's own
    events, such as samples, come in by :meth:`put` here and keep their place among the others.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or new_path()
        self._folder = RunFolder(self.directory)
        self.path = self.directory / FIFO_NAME
        self._pipe = self._keep_open = -1
        self._troubles = Troubles(self.put)
        self._rings = Rings(self._folder, self._troubles)
        self._accounts = Accounts(self._folder)
        self._socket: socket.socket | None = None
        self._supervisor_has_spoken = True
        self._arrived: deque[Look | Event] = deque()
        self._backlog = 0
        self._samples: deque[tuple[int, Sample]] = deque()
        """Samples that wait until all is read that was in the pipe when they were taken.

        That is so when this many bytes have been read, or the pipe was empty at a later look.
        """
        self._read = 0
        """Bytes that have been read from the pipe."""
        self._merge = Merge()
        self._in_order: Iterator[Told] = iter(())
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mpviz-transport", daemon=True)
        try:
            self._make_pipe()
            self._thread.start()
        except BaseException:
            # The disk is full, or there are too many threads.
            self._closing = True
            self.close()
            raise

    def _make_pipe(self) -> None:
        os.mkfifo(self.path, 0o600)
        self._pipe = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # With a writer of our own, the end of the last observed process is no end of file.
        self._keep_open = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        _enlarge(self._pipe)

    def hear(self, control: socket.socket, supervisor: int) -> None:
        """Read the socket of the supervisor with this pid from now on.

        Its first record says that the program was started, and has to precede the program's own.
        """
        self._merge.supervisor = supervisor
        self._supervisor_has_spoken = False
        self._socket = control

    def put(self, event: Event) -> None:
        """Add an event of the viewer's own, after all that has been read so far.

        A sample comes after all that was written before it was taken, read or not: what it saw of
        a process would else precede what the process had told already.
        """
        with self._changed:
            if isinstance(event, Sample) and not self._closing:
                self._samples.append((self._read + _PIPE_BYTES + _READ_BYTES, event))
            else:
                self._hand_over(event)

    def put_slowly(self, event: Event) -> None:
        """Like :meth:`put`, but wait while too much lies unread; for a source that can wait."""
        with self._changed:
            while self._backlog > BACKLOG_BYTES and not self._closing:
                self._changed.wait()
            self._hand_over(event)

    def get(self, timeout: float = 0.0, limit: int = _PIPE_BYTES) -> list[Told]:
        """Give the next events in their order, about ``limit`` bytes of them.

        Waits up to ``timeout`` seconds for the first; an empty list means that there is none.
        """
        batch: list[Told] = []
        size = 0
        while size < limit:
            told = next(self._in_order, None)
            if told is not None:
                batch.append(told)
                size += _size(told)
                continue
            arrived = self._take(0.0 if batch else timeout)
            if arrived is None:
                break
            self._in_order = iter(
                self._merge.add(arrived) if isinstance(arrived, Look) else [arrived]
            )
        return batch

    def _take(self, timeout: float) -> Look | Event | None:
        """What has arrived next; None if nothing does within so many seconds."""
        with self._changed:
            if not self._arrived and timeout > 0:
                self._changed.wait(timeout)
            if not self._arrived:
                return None
            arrived = self._arrived.popleft()
            self._backlog -= _weight(arrived)
            self._changed.notify_all()
            return arrived

    def _hand_over(self, arrived: Look | Event) -> None:
        self._arrived.append(arrived)
        self._backlog += _weight(arrived)
        self._changed.notify_all()

    @property
    def backlog(self) -> int:
        """Bytes that were read and not yet fetched with :meth:`get`."""
        return self._backlog

    def finish(self) -> None:
        """Read all that is in the pipe now and stop reading; for when no writer is left."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def close(self) -> str:
        """Stop reading, and remove the FIFO and its directory with everything in it.

        Records not yet fetched can still be fetched. Returns what could not be removed, as a
        sentence. May be called again.
        """
        self.finish()
        for descriptor in (self._pipe, self._keep_open):
            if descriptor >= 0:
                os.close(descriptor)
        self._pipe = self._keep_open = -1
        return self._folder.remove()

    def _run(self) -> None:
        """Take looks until :meth:`finish`, as seldom as the writers allow."""
        pace = Pace()
        pause, looked = IDLE_SECONDS, 0
        slowly = closing = has_waiting = False
        while not closing:
            closing = self._pause(pause, slowly)
            slowly = self._backlog > SLOW_BYTES and not closing
            look = Look(time.monotonic_ns(), is_last=closing)
            with self._troubles.instead_of_errors(_READING, hides_losses=True):
                self._look(look, slowly)
            look.until = time.monotonic_ns()
            with self._changed:
                if look.weight or look.accounts or has_waiting:
                    self._hand_over(look)
                self._hand_over_samples(look)
            has_waiting = bool(look.rings or look.socket or look.accounts)
            elapsed, looked = (look.began - looked) / 1e9, look.began
            pause = pace.pause(look, elapsed, has_more=self._rings.has_more)
            if slowly:
                pause = TRICKLE_SECONDS

    def _pause(self, seconds: float, slowly: bool) -> bool:
        """Wait until the next look is due, and there is room for it; say whether it is the last.

        If the fold is behind, it sets the pace: the next look is due as soon as it has made room.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or (slowly and self._backlog <= SLOW_BYTES), seconds
            )
            self._changed.wait_for(lambda: self._closing or self._backlog <= BACKLOG_BYTES)
            return self._closing

    def _hand_over_samples(self, look: Look) -> None:
        """Hand over the samples that come after all that was written before they were taken."""
        while self._samples:
            enough, sample = self._samples[0]
            is_known = look.is_pipe_empty and sample.time <= look.began
            if not (is_known or look.is_last or self._read >= enough):
                break
            self._samples.popleft()
            self._hand_over(sample)

    def _look(self, look: Look, slowly: bool) -> None:
        """Take what all sources have, in the order that :mod:`mpviz.trace.collect.merge` needs."""
        if not self._supervisor_has_spoken:
            look.socket += self._read_socket()
            if not (self._supervisor_has_spoken or look.is_last):
                return
        look.pipe, look.is_pipe_empty = self._read_pipe(
            TRICKLE_BYTES if slowly else 2 * _PIPE_BYTES
        )
        names = self._map_rings(look.is_last)
        if look.is_last:
            look.rings = self._rings.take_all()
        else:
            look.rings, look.left_since = self._rings.take(TRICKLE_RECORDS if slowly else SLOTS)
        look.socket += self._read_socket()
        if look.is_last or self._samples:
            look.accounts = self._read_accounts(names)

    def _map_rings(self, closing: bool) -> list[str]:
        """Map new rings, and return the names of all files in the run's folder."""
        try:
            names = self._folder.names()
        except OSError as error:
            self._rings.report_unmapped(error.strerror, closing)
            return []
        self._rings.look(names, closing)
        if len(names) >= MOST_NAMES:
            self._troubles.report(
                f"there are {MOST_NAMES:,} or more foreign files in the folder of this run:"
                " records that processes put there may be missed",
                hides_losses=True,
            )
        if not self._leads_here():
            self._troubles.report(
                "the program has moved or removed the folder of this run:"
                " processes that start from now on send no records, and others may stop",
                hides_losses=True,
            )
        return names

    def _leads_here(self) -> bool:
        """Say whether the path of the FIFO still leads to ours."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._pipe))
        except OSError:
            return False

    def _read_accounts(self, names: list[str]) -> list[RecordsDropped]:
        try:
            return self._accounts.read(names)
        except OSError as error:
            self._troubles.report(
                f"mpviz cannot read how many records were dropped: {error.strerror}",
                hides_losses=True,
            )
            return []

    def _read_socket(self) -> list[bytes]:
        """Everything that the supervisor has sent since the last look; it is never much."""
        pieces: list[bytes] = []
        while self._socket is not None:
            try:
                piece = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                # The supervisor's death has reset it, or we have closed it.
                piece = b""
            if piece:
                pieces.append(piece)
            else:
                self._socket = None
            self._supervisor_has_spoken = True
        return pieces

    def _read_pipe(self, most: int) -> tuple[list[bytes], bool]:
        """What is in the pipe, about ``most`` bytes of it, and whether it was empty then.

        At the end ``most`` is more than a pipe holds, so that is all of it: a process that is out
        of our reach may still be writing.
        """
        pieces: list[bytes] = []
        while most > 0:
            wanted = min(most, _READ_BYTES)
            try:
                piece = os.read(self._pipe, wanted)
            except BlockingIOError:
                return pieces, True
            pieces.append(piece)
            self._read += len(piece)
            most -= len(piece)
            if not self._closing and len(piece) < wanted:
                # What is written meanwhile is left for the next time.
                return pieces, True
        return pieces, False


def _weight(arrived: Look | Event) -> int:
    """Bytes, as they count in the backlog."""
    return (
        arrived.weight if isinstance(arrived, Look) else OUTPUT_BYTES * isinstance(arrived, Output)
    )


def _size(told: Told) -> int:
    """Bytes, as a batch counts them."""
    if isinstance(told, Event):
        return OUTPUT_BYTES if isinstance(told, Output) else EVENT_BYTES
    return RECORD_BYTES * len(told)


def _enlarge(descriptor: int) -> None:
    """Make the pipe as large as the system lets a user have it; Linux only."""
    for size in (1 << 20, 1 << 19, 1 << 18, 1 << 17):
        try:
            fcntl.fcntl(descriptor, _F_SETPIPE_SZ, size)
        except OSError:
            # Over the user's limit for all pipes together; half as much may fit.
            continue
        return
