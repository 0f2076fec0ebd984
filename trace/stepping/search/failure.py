"""What counts as a failure of a run, and which of it a moment shows."""

from __future__ import annotations

from collections.abc import Collection

from mpviz.trace.stepping.lost import Updates
from mpviz.trace.stepping.steps import Moment

EXIT, DEADLOCK, LOST_UPDATE = "exit", "deadlock", "lost-update"

KINDS = {
    EXIT: "the program, or one of its processes, ends with another exit code than 0",
    DEADLOCK: "nobody can go on, although some processes are there",
    LOST_UPDATE: "a process writes over what another has written since it read",
}
"""By name: what it is."""


class Watch:
    """Looks at the moments of one run, each once, for the kinds of failures that are wanted."""

    def __init__(self, until: Collection[str]) -> None:
        self._until = until
        self._updates = Updates()
        self._seen = 0
        self._has_lost = False

    def failure(self, moment: Moment) -> str:
        """The kind of failure that this moment shows; empty if it shows none."""
        for number in range(self._seen, len(moment.steps)):
            self._has_lost |= self._updates.add(number, moment.steps[number]) is not None
        self._seen = len(moment.steps)
        end = moment.end
        if EXIT in self._until and end is not None and (end.status or end.failed):
            return EXIT
        if DEADLOCK in self._until and moment.is_deadlock:
            return DEADLOCK
        return LOST_UPDATE if LOST_UPDATE in self._until and self._has_lost else ""
