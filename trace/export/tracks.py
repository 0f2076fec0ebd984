"""Numbers and names of the tracks of a Chrome trace: processes, threads, counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mpviz.trace.export.arrows import Moment
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

_LARGEST_PID = 1 << 22
"""On Linux; a higher number is no pid."""

CORES = _LARGEST_PID + 1
"""The track of the cores' counters, which the format treats as a process."""
QUEUES = _LARGEST_PID + 2
_LATER_LIVES = _LARGEST_PID + 10
"""The first track for processes whose pid had been used before."""
_THREADS = 1 << 25


class Tracks:
    """Assigns numbers to tracks."""

    def __init__(self) -> None:
        self._processes: dict[str, int] = {}
        self._threads: dict[tuple[str, int], int] = {}
        self._queues: dict[str, str] = {}

    def of(self, process: Process) -> int:
        """The track of a process: its pid, if no other process had it before."""
        track = self._processes.get(process.key)
        if track is None:
            is_first = process.key == str(process.pid)
            track = process.pid if is_first else _LATER_LIVES + process.number
            self._processes[process.key] = track
        return track

    def thread(self, process: Process, thread: int) -> int:
        """The track of a thread; the main thread has that of its process."""
        if not thread:
            return self.of(process)
        return self._threads.setdefault((process.key, thread), _THREADS + len(self._threads))

    def moment(self, process: Process, thread: int, time: int, size: int = -1) -> Moment:
        """The moment of something that a thread does."""
        return Moment(self.of(process), self.thread(process, thread), time, size)

    def queue(self, queue: Queue) -> str:
        """The unique name of a queue's counter."""
        name = self._queues.get(queue.id)
        if name is None:
            is_taken = queue.name in self._queues.values()
            name = f"{queue.name} ({queue.id})" if is_taken else queue.name
            self._queues[queue.id] = name
        return name

    def names(self, state: RunState) -> Iterator[dict[str, Any]]:
        """The events that name and order the tracks: first counters, then processes."""
        yield from _named(CORES, "cores: percent in use", -2)
        if self._queues:
            yield from _named(QUEUES, "queues: items", -1)
        for key, track in self._processes.items():
            process = state.processes[key]
            again = "" if key == str(process.pid) else f" (pid {process.pid} again)"
            yield from _named(track, described(process) + again, process.number)
            yield _name_of_thread(track, track, "what it does")
        numbers: dict[str, int] = {}
        for (key, _), track in self._threads.items():
            numbers[key] = number = numbers.get(key, 1) + 1
            yield _name_of_thread(self._processes[key], track, f"thread {number} waits")


def _named(track: int, name: str, order: int) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": track, "args": {"name": name}}
    order_of = {"ph": "M", "name": "process_sort_index", "pid": track}
    yield order_of | {"args": {"sort_index": order}}


def _name_of_thread(process: int, track: int, name: str) -> dict[str, Any]:
    event = {"ph": "M", "name": "thread_name", "pid": process, "tid": track}
    return event | {"args": {"name": name}}
