"""A session with a program that already runs: looks at it, and ends nothing when it is closed."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGSTOP, SIGTERM, Signals
from typing import Any

from mpviz.trace.attach.looker import Looker
from mpviz.trace.attach.meaning import Meaning
from mpviz.trace.attach.roots import short_name
from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Marked, RunEnded, RunStarted, Trouble
from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.system import kernel
from mpviz.trace.system.allowance import allowed_cores, granted_cores
from mpviz.trace.system.send_signal import send_signal
from mpviz.trace.version import VERSION

LOOKS_A_SECOND = 4.0

_MOST_SOURCE = 4 << 20
"""Bytes of a source file that are read."""


class AttachedSession:
    """A program that ran before mpviz, and what is seen of it; one thread may use it."""

    _refusing: frozenset[str] = frozenset()
    """Keys of the processes that we may send no signal, since they are another user's."""

    def __init__(
        self,
        root: int,
        *,
        py_spy: str,
        silenced: frozenset[str] = frozenset(),
        rate: float = 10.0,
        record: Path | None = None,
        unasked: bool = False,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.state = RunState(silenced=silenced)
        self.over = False
        """Whether the program has ended, and all that was seen of it is folded."""
        self.root = root
        self.looks = 0
        """How many looks have been folded or wait to be."""
        started = kernel.start_time(root)
        if started is None:
            raise ProcessLookupError(0, f"there is no process {root}")
        self._started = started
        self._arrived: deque[Event] = deque()
        self._changed = threading.Condition()
        self._frozen: set[str] = set()
        self._recorder = Recorder(record, VERSION, unasked=unasked)
        self._rate = rate
        self._sampler: Sampler | None = None
        self._meaning = Meaning(root, _read_source)
        self.run_started = run_started_of(root)
        """What the program is called, and how it was started."""
        self._put(self.run_started)
        try:
            self._looker = Looker(
                root,
                1 / LOOKS_A_SECOND,
                self._take,
                self._tell_failure,
                py_spy=py_spy,
                prefix=prefix,
            )
        except BaseException:
            self._recorder.close()
            raise

    @property
    def behind(self) -> int:
        """What was seen and is not folded yet, in events."""
        return len(self._arrived)

    def step(self, budget: float) -> bool:
        """Fold what has arrived, for about ``budget`` seconds; True if there was anything."""
        deadline = time.monotonic() + budget
        changed = False
        while self._arrived and time.monotonic() < deadline:
            with self._changed:
                events = [self._arrived.popleft() for _ in range(min(100, len(self._arrived)))]
            follow(self.state, events)
            self._recorder.add(events)
            changed = True
            self._freeze_newcomers()
        if not changed:
            self._recorder.tidy()
            self._end_if_gone()
        return changed

    def wait(self, timeout: float) -> None:
        """Wait until something was seen, for at most ``timeout`` seconds."""
        with self._changed:
            if not self._arrived:
                self._changed.wait(timeout)

    @property
    def recorded(self) -> Path | None:
        """The file of the recording; None if nobody asked for one."""
        return self._recorder.path

    @property
    def record_problem(self) -> str:
        """Why the recording has ended before the run, or there is none; empty while it goes on."""
        return self._recorder.problem

    def record(self, path: Path) -> None:
        """Have all that was seen in this file; see :meth:`Recorder.keep`."""
        self._recorder.keep(path)

    def copy_recording(self, path: Path) -> None:
        """Write what was seen so far into this file too; see :meth:`Recorder.copy`."""
        self._recorder.copy(path)

    def freeze(self) -> None:
        """Stop every process of the program where it is (SIGSTOP)."""
        self.state.frozen = True
        self._freeze_newcomers()
        living = [key for key, each in self.state.processes.items() if each.alive]
        self.state.frozen = any(key not in self._refusing for key in living)
        if self.state.frozen:
            self._mark("freeze")
        else:
            self._frozen.clear()

    def thaw(self) -> None:
        """Let a frozen program go on (SIGCONT)."""
        self._mark("go on")
        self.state.frozen = False
        self._frozen.clear()
        for key in list(self.state.processes):
            self._send(key, SIGCONT)

    def signal(self, key: str, number: int) -> bool:
        """Send a signal to one process; False if it is gone, or another user's."""
        if not self._send(key, number):
            self._tell_not_allowed([key], number)
            return False
        pid = self.state.processes[key].pid
        now = time.monotonic_ns()
        self._put(Marked(time=now, pid=0, action="signal", child=pid, signal=number))
        return True

    def look(self, key: str) -> None:
        """The stacks of all processes are read at each look anyway."""

    def interrupt(self) -> None:
        """Send the program's first process what Ctrl-C sends."""
        self._mark("interrupt")
        self._send(self.state.main, SIGINT)
        self._tell_not_allowed([self.state.main], SIGINT)

    def terminate(self) -> None:
        """Ask the program's first process to end."""
        self._mark("stop")
        self._send(self.state.main, SIGTERM)
        self._tell_not_allowed([self.state.main], SIGTERM)

    def stop(self) -> None:
        """The same: what mpviz has not started, it does not end by force."""
        self.terminate()

    def write_stdin(self, text: str) -> bool:
        """Say that nothing can be written to a program that mpviz has not started."""
        return False

    def close(self) -> None:
        """Leave the program as it is; may be called again."""
        with ExitStack() as ends:
            ends.callback(self._recorder.close)
            self._stop_looking()
            if not self.over:
                self._put(RunEnded(time=time.monotonic_ns(), pid=0, exit_code=None, left=True))
                while self._arrived:
                    self.step(1.0)
                self.over = True

    def _take(self, told: dict[str, Any]) -> None:
        events = self._meaning.events(told)
        self.looks += 1
        for event in events:
            self._put(event)
        if self._sampler is None and not self.over:
            # Not before the first look: what a thread waits for began before any sample.
            self._sampler = Sampler(self._put, self.root, 1 / self._rate, self._started)

    def _put(self, event: Event) -> None:
        with self._changed:
            self._arrived.append(event)
            self._changed.notify_all()

    def _tell_failure(self, text: str) -> None:
        self._put(Trouble(time=time.monotonic_ns(), pid=0, text=clean(text)))

    def _stop_looking(self) -> None:
        self._looker.close()
        if self._sampler is not None:
            self._sampler.stop()

    def _end_if_gone(self) -> None:
        """End the session when no process of the program is left."""
        processes = self.state.processes.values()
        living = any(each.alive and not each.zombie for each in processes)
        if self.over or not self.looks or living or self._is_there():
            return
        self._stop_looking()
        self._put(RunEnded(time=time.monotonic_ns(), pid=0, exit_code=None))
        self.over = True
        while self._arrived:
            self.step(1.0)

    def _is_there(self) -> bool:
        """Whether the program's first process is still there, and not as a zombie."""
        status = kernel.read_status(self.root)
        return status is not None and status.started == self._started and status.status not in "ZX"

    def _freeze_newcomers(self) -> None:
        if not self.state.frozen:
            return
        newcomers = self.state.processes.keys() - self._frozen
        for key in newcomers:
            self._frozen.add(key)
            self._send(key, SIGSTOP)
        self._tell_not_allowed(newcomers, SIGSTOP)

    def _tell_not_allowed(self, keys: Iterable[str], number: int) -> None:
        """Say which of these processes did not get a signal because they are another user's."""
        pids = sorted(self.state.processes[key].pid for key in self._refusing.intersection(keys))
        if pids:
            listed = ", ".join(map(str, pids))
            self._tell_failure(
                f"{Signals(number).name} is not allowed, as another user's: pid {listed}"
            )

    def _send(self, key: str, number: int) -> bool:
        process = self.state.processes.get(key)
        if process is None or not process.alive or not process.started_ticks:
            return False
        try:
            return send_signal(process.pid, process.started_ticks, number)
        except PermissionError:
            self._refusing |= {key}
            return False

    def _mark(self, action: str) -> None:
        self._put(Marked(time=time.monotonic_ns(), pid=0, action=action))


def _read_source(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST_SOURCE)
    except OSError:
        return b""


def run_started_of(root: int) -> RunStarted:
    """What is known of a running program at the first look: its command line and its Python."""
    words = kernel.read_command(root)
    return RunStarted(
        time=time.monotonic_ns(),
        pid=0,
        target=clean(short_name(words) or kernel.read_name(root)),
        arguments=[clean(word) for word in words],
        python=clean(kernel.read_executable(root)),
        start_method="",
        cores=os.cpu_count() or 1,
        allowed=allowed_cores([root]),
        granted=granted_cores(root),
        version=VERSION,
        captured=False,
        attached=root,
    )
