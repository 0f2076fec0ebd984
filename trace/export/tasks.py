"""Watches the tasks of a run as its events pass: each is returned once, when it has ended."""

from __future__ import annotations

from mpviz.trace.export.passage import ABOUT_THE_SPEAKER
from mpviz.trace.model.events import Event
from mpviz.trace.model.primitives.pool_events import TaskEnded, TaskStarted
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.state import RunState


class TaskWatch:
    """Finds the tasks that each event has ended."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._at_work: dict[str, Task] = {}

    def ended(self, event: Event) -> list[Task]:
        """The tasks that this event has ended, whatever their outcome."""
        if isinstance(event, TaskStarted):
            return self._started(event)
        if type(event) in ABOUT_THE_SPEAKER and not isinstance(event, TaskEnded):
            return []
        ended = [task for task in self._at_work.values() if task.outcome != "running"]
        for task in ended:
            del self._at_work[task.id]
        return ended

    def still_running(self) -> list[Task]:
        """The tasks that had not ended by the end of the recording."""
        return list(self._at_work.values())

    def _started(self, event: TaskStarted) -> list[Task]:
        process = self._state.by_pid.get(event.pid)
        if process is None:
            # The fold has refused the event: no process with this pid can have sent it.
            return []
        task = self._state.table(Task)[process.task]
        before = self._at_work.pop(task.id, None)
        self._at_work[task.id] = task
        # An earlier task with the same id has ended unseen.
        return [before] if before is not None else []
