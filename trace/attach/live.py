"""A session with a program that ran already, and has taken in the probe since."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from mpviz.probe import BOOT
from mpviz.trace.attach.entering import CannotEnter, enter, write_script
from mpviz.trace.attach.session import AttachedSession, run_started_of
from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.collect.transport import Transport
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, RunEnded, Trouble
from mpviz.trace.model.processes.commands import is_python
from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.system import kernel
from mpviz.trace.version import VERSION

BATCH_BYTES = 32 << 10
_LEAVE_SECONDS = 0.3
"""Seconds for which a process is given the chance to take back what can be taken back."""

_PASSES = 20
"""How often the program is searched for processes that have no probe yet."""


class LiveSession(AttachedSession):
    """A program that ran before mpviz, and tells what it does from now on."""

    def __init__(
        self,
        root: int,
        *,
        silenced: frozenset[str] = frozenset(),
        rate: float = 10.0,
        record: Path | None = None,
        unasked: bool = False,
    ) -> None:
        self.state = RunState(silenced=silenced)
        self.over = False
        self.root = root
        self.looks = 0
        started = kernel.start_time(root)
        if started is None:
            raise ProcessLookupError(0, f"there is no process {root}")
        self._started = started
        self._frozen: set[str] = set()
        self._changed = threading.Condition()
        self._entered: dict[int, int] = {}
        self._sampler: Sampler | None = None
        self.run_started = run_started_of(root)
        with ExitStack() as made:
            self._recorder = Recorder(record, VERSION, unasked=unasked)
            made.callback(self._recorder.close)
            self._transport = Transport()
            made.callback(self._transport.close)
            self._put(self.run_started)
            self._enter_all()
            self._sampler = Sampler(self._put, root, 1 / rate, started)
            made.pop_all()

    @property
    def behind(self) -> int:
        """Bytes that have been read and are not folded yet."""
        return self._transport.backlog

    def step(self, budget: float) -> bool:
        """Fold what has arrived, for about ``budget`` seconds; True if there was anything."""
        deadline = time.monotonic() + budget
        changed = False
        while time.monotonic() < deadline:
            events = self._transport.get(limit=BATCH_BYTES)
            if not events:
                break
            follow(self.state, events)
            self._recorder.add(events)
            changed = True
            self._freeze_newcomers()
        if not changed:
            self._recorder.tidy()
            self._end_if_gone()
        return changed

    def wait(self, timeout: float) -> None:
        """Wait for a moment: there may be more to fold then."""
        time.sleep(timeout)

    def close(self) -> None:
        """Leave the program as it is; may be called again."""
        with ExitStack() as ends:
            ends.callback(self._transport.close)
            ends.callback(self._recorder.close)
            self._stop_looking()
            if not self.over:
                self._leave_all()
                self._end(RunEnded(time=time.monotonic_ns(), pid=0, exit_code=None, left=True))

    def _put(self, event: Event) -> None:
        self._transport.put(event)

    def _stop_looking(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()

    def _end_if_gone(self) -> None:
        """End the session when no process of the program is left."""
        processes = self.state.processes.values()
        known = {(each.pid, each.started_ticks) for each in processes if each.alive}
        known |= self._entered.items()
        if self.over or any(_is_there(pid, started) for pid, started in known):
            return
        self._stop_looking()
        self._end(RunEnded(time=time.monotonic_ns(), pid=0, exit_code=None))

    def _end(self, ended: RunEnded) -> None:
        self.over = True
        self._transport.finish()
        self._transport.put(ended)
        while events := self._transport.get(limit=BATCH_BYTES):
            follow(self.state, events)
            self._recorder.add(events)

    def _enter_all(self) -> None:
        """Have all processes take in the probe, the first one first; it has to."""
        script = write_script(
            self._transport.directory, "enter", str(BOOT), str(self._transport.path), self.root
        )
        refused: set[int] = set()
        for _ in range(_PASSES):
            new = [each for each in self._python_processes() if each.pid not in self._entered]
            new = [each for each in new if each.pid not in refused]
            if not new:
                return
            for status in new:
                try:
                    enter(status.pid, script)
                    self._entered[status.pid] = status.started
                except CannotEnter as reason:
                    if status.pid == self.root:
                        raise OSError(f"process {status.pid} {reason}") from None
                    refused.add(status.pid)
                    self._tell_refused(status.pid, str(reason))

    def _tell_refused(self, pid: int, reason: str) -> None:
        if kernel.read_status(pid) is not None:
            text = f"process {pid} {reason}; what it does is not told"
            self._put(Trouble(time=time.monotonic_ns(), pid=0, text=clean(text)))

    def _python_processes(self) -> Iterator[kernel.ProcessStatus]:
        """The program's processes that run Python, parents first; no resource tracker."""
        below = kernel.Descendants(self.root)
        root = kernel.read_status(self.root)
        found = ([root] if root is not None else []) + below.look(everything=True)
        for status in found:
            name = kernel.read_executable(status.pid).rsplit("/", 1)[-1]
            ours = status.status not in "ZX" and not kernel.is_tracker(status.pid)
            if status.pid == self.root or (ours and is_python(name)):
                yield status

    def _leave_all(self) -> None:
        """Have the processes close what they opened, those that are at work or can be woken."""
        path = str(self._transport.path)
        script = write_script(self._transport.directory, "leave", path)
        for status in list(self._python_processes()):
            with suppress(CannotEnter):
                enter(status.pid, script, seconds=_LEAVE_SECONDS)


def _is_there(pid: int, started: int) -> bool:
    """Whether a process is still there, and not as a zombie."""
    status = kernel.read_status(pid)
    return status is not None and status.started == started and status.status not in "ZX"
