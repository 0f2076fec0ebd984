"""The answer of a step, with the numbers that were measured in its run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mpviz.trace.explain.phases import Phase, gain, phases
from mpviz.trace.explain.starved import core_time
from mpviz.trace.model.fold.said import Result
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import RunState
from mpviz.trace.stepping.lost import lost_updates
from mpviz.trace.stepping.steps import Moment
from mpviz.tui.render.steps.verdict import verdict

VARIABLE = re.compile(r"\{([\w-]+)\}")
"""A place in an answer for a number, by its name."""


COUNTED = {"finding", "lost-updates", "most-in-queue"}
"""What an answer may name that does not depend on how many cores were free."""


def answer_lines(lines: Sequence[str], numbers: Mapping[str, str], state: RunState) -> list[str]:
    """These lines with their numbers; a line is left out if the run did not give one of them.

    ``numbers``: by name, patterns with one group that find each in the program's output.
    """
    return _filled(lines, lambda name: _value(name, numbers, state))


def answer_of_steps(
    lines: Sequence[str], numbers: Mapping[str, str], moment: Moment, output: Sequence[str]
) -> list[str]:
    """The same of a run that was stepped through, whose last lines of output are these."""
    told = verdict(moment)
    lost = len(lost_updates(moment.steps))
    printed = [line.strip() for line in output if line.strip()]
    values = {
        "finding": told.words if told.is_bad else "",
        "steps": str(len(moment.steps)),
        "lost-updates": str(lost) if lost else "",
        "printed": printed[-1] if printed else "",
    }
    text = "\n".join(output)
    for name, pattern in numbers.items():
        found = re.findall(pattern, text)
        values[name] = str(found[-1]) if found else ""
    return _filled(lines, values.__getitem__)


def unfair(lines: Sequence[str], state: RunState) -> str:
    """That other programs took the cores while what these lines tell was measured; else empty."""
    used = core_time(state, phases(state))
    if not used.is_starved or not any(set(VARIABLE.findall(line)) - COUNTED for line in lines):
        return ""
    share = f"{min(1.0, used.others / used.reach):.0%}"
    return f"Other programs had {share} of the cores: these numbers are not fair"


def _filled(lines: Sequence[str], value: Callable[[str], str]) -> list[str]:
    """These lines with what stands for their names; without those of which one is not known."""
    known = {name: value(name) for line in lines for name in VARIABLE.findall(line)}
    return [
        VARIABLE.sub(lambda found: known[found[1]], line)
        for line in lines
        if all(known[name] for name in VARIABLE.findall(line))
    ]


def _value(name: str, numbers: Mapping[str, str], state: RunState) -> str:
    if name in numbers:
        found = re.findall(numbers[name], _printed(state))
        return str(found[-1]) if found else ""
    return MEASURED[name](state)


def _printed(state: RunState) -> str:
    """What the program has written, without what its own output has dropped."""
    return "\n".join(line.text for line in state.output)


def _finding(state: RunState) -> str:
    """The latest finding that is still so, else the latest."""
    found = sorted(state.findings.values(), key=lambda each: (each.over < 0, each.found))
    return found[-1].message if found else ""


def _seconds(state: RunState) -> str:
    return duration(max(0, state.end - state.origin)) if state.run is not None else ""


def _result(state: RunState) -> str:
    results = list(state.table(Result).values())
    return results[-1].text if results else ""


def _last_line(state: RunState) -> str:
    told = [line.text.strip() for line in state.output if line.text.strip()]
    return told[-1] if told else ""


def _speed_up(state: RunState) -> str:
    gained = gain(state, phases(state))
    return f"{gained.speed_up:.1f}" if gained.serial else ""


def _efficiency(state: RunState) -> str:
    gained = gain(state, phases(state))
    return f"{gained.efficiency:.0%}" if gained.serial else ""


def _lost_updates(state: RunState) -> str:
    lost = sum(value.lost_updates for value in state.table(SharedValue).values())
    return f"{lost:,}" if lost else ""


def _waited_for_locks(state: RunState) -> str:
    waited = phases(state).total[Phase.WAITING_FOR_LOCK]
    return duration(waited) if waited else ""


def _most_in_queue(state: RunState) -> str:
    most = max((queue.max_depth for queue in state.table(Queue).values()), default=0)
    return f"{most:,}" if most else ""


MEASURED: dict[str, Callable[[RunState], str]] = {
    "finding": _finding,
    "seconds": _seconds,
    "result": _result,
    "printed": _last_line,
    "speed-up": _speed_up,
    "efficiency": _efficiency,
    "lost-updates": _lost_updates,
    "waited-for-locks": _waited_for_locks,
    "most-in-queue": _most_in_queue,
}
"""What any answer may name; empty if the run gives no such number."""

OF_STEPS = ("finding", "steps", "lost-updates", "printed")
"""What an answer may name after steps of the room."""
