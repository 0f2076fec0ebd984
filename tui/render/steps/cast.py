"""Who takes part in a stepped run: the tasks, their names, their keys and their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpviz.trace.stepping.order import in_order
from mpviz.trace.stepping.steps import Choice, Moment
from mpviz.tui.render.palette import process_style

MAIN = "main"

KEYS = "0123456789"
"""The main process has 0, so that the first worker has 1."""


@dataclass(frozen=True)
class Member:
    """One task."""

    task: str
    name: str
    key: str
    """The digit that lets it go; empty for the eleventh task and those after it."""
    style: str
    """That of its process."""


def known_tasks(moment: Moment, known: Sequence[str] = ()) -> tuple[str, ...]:
    """These tasks and all others of this moment, new ones last: so no digit changes hands."""
    stepped = {step.operation.task for step in moment.steps}
    new = {*stepped, *moment.next, *moment.outside} - set(known)
    return (*known, *sorted(new, key=in_order))


def cast(moment: Moment, known: Sequence[str] = ()) -> tuple[Member, ...]:
    """The members, in the order in which they have become known."""
    tasks = known_tasks(moment, known)
    keys = keys_of(tasks)
    processes: dict[str, int] = {}
    members = []
    for task in tasks:
        process = processes.setdefault(process_of(task), len(processes) + 1)
        members.append(Member(task, name_of(moment, task), keys[task], process_style(process)))
    return tuple(members)


def keys_of(tasks: Sequence[str]) -> dict[str, str]:
    """The digit of each: a child's own number, and for all others what is free from 9 down."""
    free = list(KEYS)
    keys = dict.fromkeys(tasks, "")
    own = {task: _number(task) for task in tasks}
    for task in sorted(tasks, key=lambda task: own[task] is None):
        wanted = own[task] or (free[-1] if free else "")
        if wanted in free:
            free.remove(wanted)
            keys[task] = wanted
    return keys


def _number(task: str) -> str | None:
    """The digit of the main process, or of one of its first nine children; else None."""
    number = "0" if task == MAIN else task.removeprefix(f"{MAIN}.")
    return number if number in KEYS and number else None


def window(count: int, at: int, room: int) -> slice:
    """Which of so many rows to show where there is room for fewer: those around one of them."""
    first = max(0, min(at - room // 2, count - room))
    return slice(first, first + max(0, room))


def process_of(task: str) -> str:
    """The process that a task belongs to: itself, or that of a thread."""
    return task.partition("/")[0]


def name_of(moment: Moment, id: str) -> str:
    """The name of a task or an object for people."""
    return moment.names.get(id) or id


def short_name(moment: Moment, id: str) -> str:
    """The name of an object where there is little room: "counter lock" for its get_lock()."""
    return name_of(moment, id).replace(".get_lock()", " lock")


def is_timeout(choice: Choice) -> bool:
    """Whether it is that a time-out happens."""
    return choice.outcome == "timeout"
