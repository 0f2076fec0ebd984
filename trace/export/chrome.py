"""Chrome trace JSON, which Perfetto and ``chrome://tracing`` open.

The format is "Trace Event Format" (Google, 2016): ``B`` and ``E`` around what a process does, ``X``
for what happens at one moment, ``s`` and ``f`` for the two ends of an arrow, ``C`` for counters,
``i`` for what went wrong, ``M`` for names. Times are microseconds from the first event.
"""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from mpviz.trace.export.arrows import Moment
from mpviz.trace.export.causes import Arrow, Causes, Point
from mpviz.trace.export.lanes import LaneWatch
from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.export.tracks import CORES, QUEUES, Tracks
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.lane import WORDS, Activity
from mpviz.trace.model.names import object_name
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.primitives.queue import ItemGot, ItemLost, ItemPut, Queue, QueueCreated
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

_encode = msgspec.json.Encoder().encode


def write(passage: Passage, output: Write) -> list[str]:
    """Write the trace; return what a person has to know about it, a sentence each."""
    with TemporaryFile("w+", encoding="utf-8") as arrows:
        trace = _Trace(passage, output, arrows)
        return trace.write()


def why_no_arrows(state: RunState) -> str:
    """Why causes are not certain; empty if they are."""
    missing = state.lost + state.unreadable + state.probe_errors
    if missing:
        return plural(missing, "event is missing", "events are missing")
    if state.hidden_losses:
        return "events may be missing"
    blind = [process for process in state.processes.values() if process.unobserved]
    return f"{described(blind[0])} tells nothing of what it does" if blind else ""


class _Trace:
    def __init__(self, passage: Passage, output: Write, arrows: IO[str]) -> None:
        self._passage, self._state = passage, passage.state
        self._output = output
        self._arrows = arrows
        """Arrows are written last, when it is known whether records are missing."""
        self._comma = ""
        self._origin = -1
        self._tracks = Tracks()
        self._lanes = LaneWatch(self._state)
        self._open: dict[int, int] = {}
        """Track: start of its open slice, nanoseconds."""
        self._threads: dict[tuple[str, int], Wait] = {}
        """The waits of other threads than the main thread."""
        self._causes = Causes(self._state, self._tracks)
        self._counted: dict[str, int] = {}
        """Counter: time of its last value, nanoseconds."""
        self._arrow_count = 0
        self._logged = 0
        """Number of log entries that have been written."""

    def write(self) -> list[str]:
        """Write the whole trace."""
        self._output('{"displayTimeUnit":"ms","traceEvents":[\n')
        for event in self._passage.events():
            if self._origin < 0:
                self._origin = event.time
            self._take(event)
        self._end()
        why = why_no_arrows(self._state)
        if not why:
            self._copy_arrows()
        about = _about(self._state, self._passage)
        self._output(f'\n],"otherData":{_encode(about).decode()}}}\n')
        return [f"no arrows: {why}"] if why and self._arrow_count else []

    def _take(self, event: Event) -> None:
        for process in self._lanes.changed(event):
            self._begin_what_it_does(process)
        if event.thread:
            self._take_thread(event)
        if isinstance(event, Sample):
            self._count_cores(event)
        elif isinstance(event, QueueCreated | ItemPut | ItemGot | ItemLost):
            self._count_items(event)
        self._causes.take(event)
        if self._causes.points or self._causes.arrows:
            self._draw_causes()
        if self._state.log_entries != self._logged:
            self._show_troubles()

    def _draw_causes(self) -> None:
        causes = self._causes
        for point in causes.points:
            self._point(point)
        for arrow in causes.arrows:
            self._arrow(arrow)
        causes.points.clear()
        causes.arrows.clear()

    # What processes do

    def _begin_what_it_does(self, process: Process) -> None:
        lane = process.lane
        track = self._tracks.of(process)
        self._close(track, track, lane.start)
        if lane.activity is Activity.ENDED:
            for key, thread in [each for each in self._threads if each[0] == process.key]:
                self._close(track, self._tracks.thread(process, thread), lane.start)
                del self._threads[key, thread]
            return
        name, more = _doing(self._state, process)
        kind = lane.activity.name.lower()
        self._begin(name, kind, (track, track), lane.start, more)

    def _take_thread(self, event: Event) -> None:
        """Show the waits of a thread in a lane of its own; what else it does is unknown."""
        process = self._state.by_pid.get(event.pid)
        if process is None:
            return
        wait = process.waits.get(event.thread)
        known = self._threads.get((process.key, event.thread))
        if wait is known:
            return
        track = self._tracks.of(process), self._tracks.thread(process, event.thread)
        if known is not None:
            self._close(*track, event.time)
            del self._threads[process.key, event.thread]
        if wait is not None:
            self._threads[process.key, event.thread] = wait
            more = {"waits for": wait_in_words(self._state, wait)}
            self._begin(_wait_name(self._state, wait), "thread", track, event.time, more)

    def _end(self) -> None:
        """Close what is open, and name everything."""
        now = self._state.now
        for process in self._lanes.still_open():
            track = self._tracks.of(process)
            self._close(track, track, now)
        for key, thread in self._threads:
            process = self._state.processes[key]
            self._close(self._tracks.of(process), self._tracks.thread(process, thread), now)
        for finding in self._state.findings.values():
            at = finding.since if finding.since >= 0 else finding.found
            self._instant(finding.message, "finding", "g", 0, at)
        for name in self._tracks.names(self._state):
            self._event(name)

    # Counters and instants

    def _count_cores(self, event: Sample) -> None:
        for index, percent in enumerate(event.cores):
            self._counter(f"core {index}", CORES, event.time, {"percent": percent})

    def _count_items(self, event: QueueCreated | ItemPut | ItemGot | ItemLost) -> None:
        queue = self._state.table(Queue).get(event.object)
        if queue is not None:
            name = self._tracks.queue(queue)
            self._counter(name, QUEUES, event.time, {"items": queue.depth})

    def _show_troubles(self) -> None:
        log = self._state.log
        new = min(len(log), self._state.log_entries - self._logged)
        self._logged = self._state.log_entries
        for index in range(len(log) - new, len(log)):
            entry = log[index]
            if entry.trouble:
                process = self._state.processes.get(entry.process)
                scope = "p" if process is not None else "g"
                track = self._tracks.of(process) if process is not None else 0
                self._instant(entry.text, "trouble", scope, track, entry.time)

    # The events of the form

    def _begin(
        self, name: str, kind: str, track: tuple[int, int], time: int, more: dict[str, Any]
    ) -> None:
        self._open[track[1]] = time
        event = {"ph": "B", "name": name, "cat": kind, "pid": track[0], "tid": track[1]}
        self._event(event | {"ts": self._moment(time)} | ({"args": more} if more else {}))

    def _close(self, process: int, thread: int, time: int) -> None:
        began = self._open.pop(thread, -1)
        if began >= 0:
            ts = self._moment(max(began, time))
            self._event({"ph": "E", "pid": process, "tid": thread, "ts": ts})

    def _point(self, point: Point) -> None:
        process, thread, time, _ = point.at
        event = {"ph": "X", "name": point.name, "cat": point.kind, "pid": process, "tid": thread}
        self._event(event | {"ts": self._moment(time), "dur": 0})

    def _arrow(self, arrow: Arrow) -> None:
        self._arrow_count += 1
        common = {"name": arrow.name, "cat": "arrow", "id": self._arrow_count}
        start = {"ph": "s", **common, **self._place(arrow.start)}
        end = {"ph": "f", "bp": "e", **common, **self._place(arrow.end)}
        self._arrows.write(f",\n{_encode(start).decode()},\n{_encode(end).decode()}")

    def _place(self, at: Moment) -> dict[str, Any]:
        return {"pid": at.process, "tid": at.thread, "ts": self._moment(at.time)}

    def _counter(self, name: str, process: int, time: int, values: dict[str, float]) -> None:
        # A time may be older than that of the previous value, after which this value holds.
        time = self._counted[name] = max(time, self._counted.get(name, 0))
        event = {"ph": "C", "name": name, "pid": process, "ts": self._moment(time)}
        self._event(event | {"args": values})

    def _instant(self, name: str, kind: str, scope: str, track: int, time: int) -> None:
        event = {"ph": "i", "name": name, "cat": kind, "s": scope, "pid": track, "tid": track}
        self._event(event | {"ts": self._moment(time)})

    def _moment(self, time: int) -> float:
        return max(0, time - self._origin) / 1000

    def _event(self, event: dict[str, Any]) -> None:
        self._output(self._comma + _encode(event).decode())
        self._comma = ",\n"

    def _copy_arrows(self) -> None:
        self._arrows.seek(0)
        while piece := self._arrows.read(1 << 16):
            self._output(piece)


def _doing(state: RunState, process: Process) -> tuple[str, dict[str, Any]]:
    """What a process does now: the name of a slice, and its arguments."""
    lane, wait = process.lane, process.wait
    if lane.activity is Activity.TASK:
        task = state.table(Task).get(lane.detail)
        if task is None:
            return "task", {}
        pool = state.table(Pool)[task.pool]
        return task.function or "task", {
            "task": task.number,
            "items": task.items,
            "pool": pool.name,
        }
    if wait is not None and wait.activity is lane.activity and wait.object == lane.detail:
        return _wait_name(state, wait), {"waits for": wait_in_words(state, wait)}
    return f"{WORDS[lane.activity]} {process.initializing}".rstrip(), {}


def _wait_name(state: RunState, wait: Wait) -> str:
    """The same name for all waits for one object, so that their times can be added up by name."""
    process = state.processes.get(wait.object) if wait.what == "process" else None
    name = described(process) if process is not None else object_name(state, wait.object)
    return f"wait: {wait.what} {name}".rstrip()


def _about(state: RunState, passage: Passage) -> dict[str, Any]:
    run, header = state.run, passage.recording.header
    return {
        "program": run.target if run is not None else "",
        "arguments": run.arguments if run is not None else [],
        "began": header.began,
        "recorded by": f"mpviz {header.version}",
        "cut off": passage.trouble,
    }
