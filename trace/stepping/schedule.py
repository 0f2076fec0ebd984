"""A schedule: the steps of a run in a short JSON file, which one can read, edit and take again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpviz.trace.launch.start import Target
from mpviz.trace.stepping.steps import Moment, Step

STEPS = "steps"


class NoSchedule(ValueError):
    """The file is no schedule; the text says why in one line."""


def written(target: Target, moment: Moment, fails: str) -> str:
    """The text of a schedule file: what ran, its steps, and what went wrong, if anything did."""
    document: dict[str, Any] = {
        "program": target.name,
        "arguments": target.arguments,
        "python": target.python,
        "start method": target.start_method or "",
        STEPS: [line_of(step) for step in moment.steps],
        "fails": fails,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def line_of(step: Step) -> str:
    """A step as a line: who, what, of what, and whether its time-out happened; then where."""
    operation = step.operation
    words = [operation.task, operation.verb, operation.target or "-"]
    words += ["timeout"] if step.choice.outcome == "timeout" else []
    return "  ".join(filter(None, [" ".join(words), operation.site]))


@dataclass(frozen=True)
class Schedule:
    """What a file says."""

    steps: list[list[str]]
    """Each as task, verb, target and perhaps "timeout"."""
    target: Target
    """What ran when it was written."""


def read_schedule(file: Path) -> Schedule:
    """The schedule in this file; :class:`NoSchedule` if there is none."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        lines = document[STEPS]
        target = Target(
            [str(word) for word in document["arguments"]],
            name=str(document["program"]),
            start_method=str(document["start method"]) or None,
            python=str(document["python"]),
            directory=Path.cwd(),
        )
    except OSError as error:
        raise NoSchedule(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise NoSchedule(f"{file} is no schedule: it has no steps of a program") from None
    steps = [str(line).partition("  ")[0].split() for line in lines]
    for number, words in enumerate(steps, 1):
        if len(words) not in (3, 4) or words[3:] not in ([], ["timeout"]):
            raise NoSchedule(f"{file}: step {number} is not of the form: task verb target")
    return Schedule(steps, target)


def differs(moment: Moment, words: Sequence[str]) -> str:
    """Why a step of a schedule cannot be taken now, in words; empty if it can."""
    task, verb, target = words[:3]
    operation = moment.next.get(task)
    name = moment.names.get(task, task)
    if operation is None:
        return f"{name} is not there"
    if (operation.verb, operation.target or "-") != (verb, target):
        does = f"{operation.verb} {moment.names.get(operation.target, operation.target)}".strip()
        return f"{name} is about to do something else: {does}, at {operation.site}"
    outcome = words[3] if len(words) > 3 else "go"
    if not any((each.task, each.outcome) == (task, outcome) for each in moment.possible):
        return f"{name} {moment.blocked.get(task, 'has no time-out now')}"
    return ""
