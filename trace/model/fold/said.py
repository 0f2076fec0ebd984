"""What a program says of itself in lines that it prints: its parts, and its results.

A line that begins with ``## `` names the part of the program that begins there, and ``##`` alone
ends it. A line that begins with ``=> `` is a result. Both count on standard output only, and not in
processes that multiprocessing started: workers that all say the same name no part of the program.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import OutputLine, RunState

PART = "##"
RESULT = "=> "

LONGEST = 200
"""Characters of a name or result that are kept."""

MOST = 1_000
"""Maximum number of parts, and of results, that are kept: the first."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the program from this time on, up to the next part."""

    since: int
    """Nanoseconds."""
    name: str
    """Empty between two parts."""


@dataclass(frozen=True, slots=True)
class Result:
    """Something that came out, in the program's words."""

    time: int
    """Nanoseconds."""
    text: str


def take_in_line(state: RunState, line: OutputLine) -> None:
    """Note the part that a whole line names, or the result that it gives."""
    if not line.text.startswith((PART, RESULT)) or line.stream != "stdout":
        return
    process = state.processes.get(line.process)
    if process is None or _is_started_by_multiprocessing(process):
        return
    if line.text.startswith(RESULT):
        results = state.table(Result)
        text = line.text.removeprefix(RESULT).strip()[:LONGEST]
        if text and len(results) < MOST:
            results[str(len(results))] = Result(line.time, text)
        return
    rest = line.text.removeprefix(PART)
    if rest.strip() and not rest.startswith(" "):
        return
    parts = state.table(Part)
    name, last = rest.strip()[:LONGEST], next(reversed(parts.values()), None)
    if len(parts) < MOST and name != (last.name if last is not None else ""):
        parts[str(len(parts))] = Part(line.time, name)


def _is_started_by_multiprocessing(process: Process) -> bool:
    return bool(process.start_method or process.pool)
