"""A recording as it passes: each event is folded, and then looked at with the state it has made.

What is true of a run is kept in bounded space and thinned where it grows old. Events are not: what
has to be exact from the first to the last is made from them, while they pass.
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
"""What is told most often: it changes what no process but the one that tells it does."""

Write = Callable[[str], object]
"""Takes the next piece of what is exported."""


def _tell_nobody(share: float) -> None:
    """Nobody waits for it."""


@dataclass
class Passage:
    """One way through a recording, from its first event to the last that can be read."""

    recording: Recording
    tell: Callable[[float], None] = _tell_nobody
    """Is told every now and then how much of the file has been read, 0 to 1."""
    state: RunState = field(default_factory=RunState)
    """What is true after the events that have passed."""
    trouble: str = ""
    """What is missing of the recording, once it has passed; empty where it is whole."""

    def events(self) -> Iterator[Event]:
        """Each event, when the state has just become what it makes of it."""
        state = self.state
        for batch in self._batches():
            for event in batch:
                follow(state, (event,))
                yield event

    def to_the_end(self) -> RunState:
        """What is true at the end, for those who look at nothing else."""
        for batch in self._batches():
            follow(self.state, batch)
        return self.state

    def _batches(self) -> Iterator[list[Event]]:
        cursor = self.recording.first.copy()
        while (events := cursor.read()) is not None:
            yield events
            self.tell(cursor.offset / max(1, self.recording.size))
        self.trouble = cursor.trouble
