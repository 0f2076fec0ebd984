"""The reading end: a thread reads pipe, rings and socket, and the viewer gets events in order.

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
from collections.abc import Callable
from pathlib import Path

from mpviz.probe.boot.mpviz_probe.wire import ring as layout
from mpviz.trace.collect.accounts import Accounts
from mpviz.trace.collect.pace import IDLE_SECONDS, Pace
from mpviz.trace.collect.reordering import Pass, Sorter
from mpviz.trace.collect.rings import NEVER, Rings, Taken
from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.model import own_errors
from mpviz.trace.model.events import Event, Output, RecordsDropped, Sample
from mpviz.trace.model.told import Told
from mpviz.trace.system.leftovers import QUEUE_NAME, new_folder
from mpviz.trace.system.removal import MOST_NAMES
from mpviz.trace.system.run_folder import RunFolder

BACKLOG_BYTES = 48 << 20
"""How much may lie unread in memory before writers are made to wait, and then to drop."""


SLOW_BYTES = 32 << 20
"""From here on only a trickle is read, so that writers wait a little for every record.

That holds them up to the pace of the fold; they drop only who waits for 50 ms in vain.
"""


TRICKLE_BYTES = 1 << 14


TRICKLE_RECORDS = 1 << 9
"""Of each ring."""


TRICKLE_SECONDS = 0.01


RING_RECORDS = layout.SLOTS
"""How many records at most are taken out of a ring at one look: all."""


OUTPUT_BYTES = 500
"""What an event of a source that can be held up counts for in the backlog, about its size."""


_PIPE_BYTES = 1 << 20


_READ_BYTES = 1 << 16
"""Small enough that what :meth:`EventQueue.get` is asked for is about what it gives."""


_F_SETPIPE_SZ = 1031


EVENT_BYTES = 100
"""Size of an event from the pipe, as a batch counts it."""


RECORD_BYTES = 16
"""The same for a record from a ring, which takes a sixth of the time to fold."""


class EventQueue:
    """The viewer's end: a FIFO in a private directory, drained by a thread into memory.

    ``put`` of the observed processes is :func:`mpviz_probe.wire.put`; the viewer's own events, such
    as samples, come in through :meth:`put` here and keep their place among the others.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or new_folder()
        self._folder = RunFolder(self.directory)
        self.path = self.directory / QUEUE_NAME
        self._descriptor = self._keep_open = -1
        self._troubles = Troubles(self.put)
        self._rings = Rings(self._folder, self._troubles)
        self._accounts = Accounts(self._folder)
        self._control: socket.socket | None = None
        self._supervisor_has_spoken = True
        self._inbox: deque[Pass | Event] = deque()
        self._samples: deque[Sample] = deque()
        self._backlog = 0
        self._sorter = Sorter()
        self._sorted: deque[Told] = deque()
        self._arrived = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._drain, name="mpviz-queue", daemon=True)
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
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # With a writer of our own, the end of the last observed process is no end of file.
        self._keep_open = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        _enlarge(self._descriptor)

    def hear(self, control: socket.socket, supervisor: int) -> None:
        """Read the socket of the supervisor with this pid from now on.

        Its first record says that the program was started, and has to precede the program's own.
        """
        self._sorter.supervisor = self._rings.supervisor = self._accounts.supervisor = supervisor
        self._supervisor_has_spoken = False
        self._control = control

    def put(self, event: Event) -> None:
        """Add an event of the viewer's own, after all that has been read so far.

        A sample comes after all that was written before it was taken, read or not: what it saw of
        a process would else be put before what the process had told already.
        """
        with self._arrived:
            if isinstance(event, Sample) and not self._closing:
                self._samples.append(event)
                return
            self._inbox.append(event)
            self._arrived.notify()

    def put_slowly(self, event: Event) -> None:
        """Like :meth:`put`, but wait while too much lies unread: for who can be held up."""
        with self._arrived:
            while self._backlog > BACKLOG_BYTES and not self._closing:
                self._arrived.wait()
            self._backlog += OUTPUT_BYTES
            self._inbox.append(event)
            self._arrived.notify_all()

    def get(self, timeout: float = 0.0, limit: int = _PIPE_BYTES) -> list[Told]:
        """Give the next events in their order, about ``limit`` bytes of them.

        Waits up to ``timeout`` seconds for the first; an empty list means that there is none.
        """
        events: list[Told] = []
        size = 0
        while size < limit:
            if self._sorted:
                size += self._serve(events, limit - size)
                continue
            piece = self._next(0.0 if events else timeout)
            if piece is None:
                break
            if isinstance(piece, Pass):
                self._sorted.extend(self._sorter.sort(piece))
            else:
                events.append(piece)
                size += OUTPUT_BYTES * isinstance(piece, Output)
        return events

    def _serve(self, told: list[Told], limit: int) -> int:
        """Move sorted records of about this many bytes to the batch; return the bytes moved."""
        size = 0
        while self._sorted and size < limit:
            each = self._sorted.popleft()
            told.append(each)
            size += EVENT_BYTES if isinstance(each, Event) else RECORD_BYTES * len(each)
        return size

    def _next(self, timeout: float) -> Pass | Event | None:
        """What has come next; None where nothing comes within so many seconds."""
        with self._arrived:
            if not self._inbox and timeout > 0:
                self._arrived.wait(timeout)
            if not self._inbox:
                return None
            piece = self._inbox.popleft()
            size = (
                piece.weight
                if isinstance(piece, Pass)
                else OUTPUT_BYTES * isinstance(piece, Output)
            )
            self._backlog -= size
            if size:
                self._arrived.notify_all()
            return piece

    @property
    def backlog(self) -> int:
        """Bytes that were read and not yet fetched with :meth:`get`."""
        return self._backlog

    def finish(self) -> None:
        """Read all that is in the pipe now and stop reading; for when no writer is left."""
        with self._arrived:
            if self._closing:
                return
            self._closing = True
            self._arrived.notify_all()
        self._thread.join()

    def close(self) -> str:
        """Stop reading, and remove the FIFO and its directory with everything in it.

        Records not yet fetched can still be fetched. Returns what could not be removed, as a
        sentence. May be called again.
        """
        self.finish()
        for descriptor in (self._descriptor, self._keep_open):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._keep_open = -1
        return self._folder.remove()

    def _drain(self) -> None:
        pause = IDLE_SECONDS
        owed = slowly = False
        read = marked = enough = settled = looked = 0
        pace = Pace()
        while True:
            with self._arrived:
                self._arrived.wait_for(self._may_go_on(slowly), pause)
                while self._backlog > BACKLOG_BYTES and not self._closing:
                    self._arrived.wait()
                closing = self._closing
                slowly = self._backlog > SLOW_BYTES and not closing
            began = time.monotonic_ns()
            if read >= enough:
                # What was written before the mark was in the pipe then, and has been read since.
                settled, marked, enough = marked, began, read + _PIPE_BYTES
            piece = self._read_or_tell(slowly, closing)
            read += sum(map(len, piece.lines))
            if piece.drained:
                settled = began
            with self._arrived:
                if piece.weight or piece.dropped or owed:
                    self._inbox.append(piece)
                    self._backlog += piece.weight
                    self._arrived.notify_all()
                while self._samples and (closing or self._samples[0].time <= settled):
                    self._inbox.append(self._samples.popleft())
                    self._arrived.notify_all()
            # Records of a ring or the socket may have to wait for records of the next pass.
            owed = bool(piece.rings or piece.told or piece.dropped)
            if closing:
                return
            if slowly:
                pause = TRICKLE_SECONDS
            else:
                pause = pace.pause(piece, (began - looked) / 1e9, has_more=self._rings.has_more)
            looked = began

    def _may_go_on(self, slowly: bool) -> Callable[[], bool]:
        """Return a function that says whether to end the pause between two looks early.

        If the fold is behind, it sets the pace: we read again as soon as it has made room.
        """
        if slowly:
            return lambda: self._closing or self._backlog <= SLOW_BYTES
        return lambda: self._closing

    def _read_or_tell(self, slowly: bool, closing: bool) -> Pass:
        """Read once; an error of ours is reported, and does not stop the reading."""
        try:
            return self._read(slowly, closing)
        except Exception as error:
            text = own_errors.in_words("the reading of what processes tell", error)
            self._troubles.tell(text, hides_losses=True)
            return Pass([], [], [], [], NEVER, False, time.monotonic_ns())

    def _read(self, slowly: bool, closing: bool) -> Pass:
        """Look once at the pipe, all rings and the socket; see
        :mod:`mpviz.trace.collect.reordering`."""
        began = time.monotonic_ns()
        first = [] if self._supervisor_has_spoken else self._read_supervisor()
        if not (self._supervisor_has_spoken or closing):
            return Pass([], [], [], [], NEVER, False, began)
        lines, drained = self._read_pipe(TRICKLE_BYTES if slowly else 2 * _PIPE_BYTES)
        names = self._look_around(closing)
        rings, left_since = self._read_rings(slowly, closing)
        told = first + self._read_supervisor()
        dropped = self._read_accounts(names) if closing or self._samples else []
        since = NEVER
        if not closing and (rings or told or dropped or left_since != NEVER):
            since = min(began, left_since - 1)
        until = time.monotonic_ns()
        return Pass(lines, rings, told, dropped, since, drained or closing, until)

    def _look_around(self, closing: bool) -> list[str]:
        """Map new rings, and return the names of all files in the run's folder."""
        try:
            names = self._folder.names()
        except OSError as error:
            self._rings.tell_unmapped(error.strerror, closing)
            return []
        self._rings.look(names, closing)
        if len(names) >= MOST_NAMES:
            self._troubles.tell(
                f"there are {MOST_NAMES:,} or more foreign files in the folder of this run:"
                " records that processes put there may be missed",
                hides_losses=True,
            )
        if not self._leads_here():
            self._troubles.tell(
                "the program has moved or removed the folder of this run:"
                " processes that start from now on send no records, and others may stop",
                hides_losses=True,
            )
        return names

    def _leads_here(self) -> bool:
        """Say whether the path of the FIFO still leads to ours."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def _read_rings(self, slowly: bool, closing: bool) -> tuple[list[Taken], int]:
        if closing:
            return self._rings.take_all(), NEVER
        return self._rings.take(TRICKLE_RECORDS if slowly else RING_RECORDS)

    def _read_accounts(self, names: list[str]) -> list[RecordsDropped]:
        try:
            return self._accounts.read(names)
        except OSError as error:
            self._troubles.tell(
                f"mpviz cannot read how many records were dropped: {error.strerror}",
                hides_losses=True,
            )
            return []

    def _read_supervisor(self) -> list[bytes]:
        """Everything that the supervisor has sent since the last look; it is never much."""
        pieces: list[bytes] = []
        while self._control is not None:
            try:
                piece = self._control.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                # The supervisor's death has reset it, or we have closed it.
                piece = b""
            if piece:
                pieces.append(piece)
            else:
                self._control = None
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
                piece = os.read(self._descriptor, wanted)
            except BlockingIOError:
                return pieces, True
            pieces.append(piece)
            most -= len(piece)
            if not self._closing and len(piece) < wanted:
                # What is written meanwhile is left for the next time.
                return pieces, True
        return pieces, False


def _enlarge(descriptor: int) -> None:
    """Make the pipe as large as the system lets a user have it; Linux only."""
    for size in (1 << 20, 1 << 19, 1 << 18, 1 << 17):
        try:
            fcntl.fcntl(descriptor, _F_SETPIPE_SZ, size)
        except OSError:
            # Over the user's limit for all pipes together; half as much may fit.
            continue
        return
