"""Lost updates in the steps that were taken: who overwrote what another had written meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mpviz.trace.stepping.steps import Step


@dataclass(frozen=True)
class Lost:
    """An update that another task has overwritten with what it had read before."""

    target: str
    read: int
    """The step, from 0, in which the overwriting task read."""
    others_read: int
    """That in which the other task had read; -1 if it had not."""
    written: int
    """That in which the other task wrote."""
    overwritten: int
    """That in which its write was lost."""

    @property
    def steps(self) -> frozenset[int]:
        """All of them."""
        return frozenset({self.read, self.others_read, self.written, self.overwritten} - {-1})


class Updates:
    """Follows the values of a run step by step."""

    def __init__(self) -> None:
        self._reads: dict[tuple[str, str, str], tuple[int, str]] = {}
        """By task, value and element: the step in which it was read, and what was read."""
        self._writes: dict[tuple[str, str], tuple[int, int, str, str]] = {}
        """By value and element: the step of the last write and of its reading, task and content."""

    def add(self, number: int, step: Step) -> Lost | None:
        """What this step has lost: its task had read before another one wrote something else.

        A task that has not read since its own last write sets the value; that is no update.
        """
        operation = step.operation
        if operation.kind != "value" or operation.verb not in ("read", "write"):
            return None
        written_to = (operation.target, operation.element)
        place = (operation.task, *written_to)
        if operation.verb == "read":
            self._reads[place] = (number, step.result)
            return None
        read, known = self._reads.pop(place, (-1, ""))
        last, others_read, other, content = self._writes.get(written_to, (-1, -1, "", ""))
        written = step.result or operation.detail
        self._writes[written_to] = (number, read, operation.task, written)
        if 0 <= read < last and other != operation.task and content != known:
            return Lost(operation.target, read, others_read, last, number)
        return None


def lost_updates(steps: Iterable[Step]) -> list[Lost]:
    """All updates that were lost, in order."""
    updates = Updates()
    found = (updates.add(number, step) for number, step in enumerate(steps))
    return [lost for lost in found if lost is not None]
