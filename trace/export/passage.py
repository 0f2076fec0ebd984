"""A recording as it passes: each event is folded, and then exported with the state after it.

The state of a run is bounded, and thins out old data. Exports that have to be exact from first to
last are made from events as they pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Site
from mpviz.trace.model.fold.handlers import IN_RINGS
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import Recording

ABOUT_THE_SPEAKER = frozenset({Site, *IN_RINGS})
"""Frequent events, which change the activity of no process but their sender."""

Write = Callable[[str], object]
"""Takes the next piece of what is exported."""


def _report_to_nobody(share: float) -> None:
    """Ignore the progress."""


@dataclass
class Passage:
    """One pass through a recording, from its first event to the last readable one."""

    recording: Recording
    report: Callable[[float], None] = _report_to_nobody
    """Progress callback (0 to 1)."""
    state: RunState = field(default_factory=RunState)
    """The state after the events that have passed."""
    trouble: str = ""
    """What is missing of the recording, known at the end; empty if nothing is."""

    def events(self) -> Iterator[Event]:
        """Each event, just after its fold."""
        state = self.state
        for batch in self._batches():
            for event in batch:
                follow(state, (event,))
                yield event

    def to_the_end(self) -> RunState:
        """The state at the end, for exports that need nothing else."""
        for batch in self._batches():
            follow(self.state, batch)
        return self.state

    def _batches(self) -> Iterator[list[Event]]:
        cursor = self.recording.first.copy()
        while (events := cursor.read()) is not None:
            yield events
            self.report(cursor.offset / max(1, self.recording.size))
        self.trouble = cursor.trouble
