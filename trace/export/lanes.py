"""Watches the lanes of a run as its events pass, for every change of activity, however brief."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mpviz.trace.export.passage import ABOUT_THE_SPEAKER
from mpviz.trace.model.events import Event
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

_Open = tuple[int, Activity, str]


class LaneWatch:
    """Finds the lanes that each event has changed."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._seen = 0
        self._open: dict[str, _Open | None] = {}
        """Process key: open span, for all processes that have not ended."""

    def changed(self, event: Event) -> Iterator[Process]:
        """The processes that this event has brought to another activity."""
        if type(event) in ABOUT_THE_SPEAKER and len(self._state.processes) == self._seen:
            process = self._state.by_pid.get(event.pid)
            # The supervisor is not a process of the program.
            keys = [process.key] if process is not None and process.key in self._open else []
        else:
            self._find_new()
            keys = list(self._open)
        for key in keys:
            process = self._state.processes[key]
            lane = process.lane
            span = (lane.start, lane.activity, lane.detail) if lane.start >= 0 else None
            if span != self._open[key]:
                if lane.activity is Activity.ENDED:
                    del self._open[key]
                else:
                    self._open[key] = span
                yield process

    def still_open(self) -> list[Process]:
        """The processes that had not ended by the end of the recording."""
        return [self._state.processes[key] for key, span in self._open.items() if span is not None]

    def _find_new(self) -> None:
        processes = self._state.processes
        new = len(processes) - self._seen
        self._seen += new
        for key in reversed(list(islice(reversed(processes), new))):
            self._open[key] = None
