"""Watches the tasks of a run while it passes: each is handed out once, when it has ended."""

from __future__ import annotations

from mpviz.trace.export.passage import ABOUT_THE_SPEAKER
from mpviz.trace.model.events import Event
from mpviz.trace.model.primitives.pool_events import TaskEnded, TaskStarted
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.state import RunState


class TaskWatch:
    """Is asked after every event which tasks have ended by it."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._at_work: dict[str, Task] = {}

    def ended(self, event: Event) -> list[Task]:
        """Those that were done, have raised, or were lost."""
        if isinstance(event, TaskStarted):
            return self._started(event)
        if type(event) in ABOUT_THE_SPEAKER and not isinstance(event, TaskEnded):
            return []
        ended = [task for task in self._at_work.values() if task.outcome != "running"]
        for task in ended:
            del self._at_work[task.id]
        return ended

    def still_running(self) -> list[Task]:
        """Those that had not ended by the end of the recording."""
        return list(self._at_work.values())

    def _started(self, event: TaskStarted) -> list[Task]:
        process = self._state.by_pid.get(event.pid)
        if process is None:
            # The fold has refused it: no process with this pid can have sent it.
            return []
        task = self._state.table(Task)[process.task]
        before = self._at_work.pop(task.id, None)
        self._at_work[task.id] = task
        # Under the number of one of which nobody told the end.
        return [before] if before is not None else []
