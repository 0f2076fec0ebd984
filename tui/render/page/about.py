"""What a process is and does now, in the sentences at the top of its page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.processes.identity import described, failure_in_words
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import mark
from mpviz.tui.render.rows import Part, Row, length, row
from mpviz.tui.render.states import in_words, state_style, unheeded

MOST_LINES = 2
"""Lines of the sentence."""


def about_rows(state: RunState, process: Process, now: int, width: int) -> list[Row]:
    """Its state in one sentence, then who it is."""
    name = [*mark(process), (f" {described(process)}: ", "strong")]
    indent = length(name)
    lines = textwrap.wrap(
        _sentence(state, process, now),
        max(20, width - 1),
        initial_indent="x" * indent,
        subsequent_indent=" ",
        max_lines=MOST_LINES,
        placeholder=" …",
    )
    style = state_style(process)
    rows = [row((" ", ""), *name, (lines[0][indent:], style))]
    rows += [row((f" {line}", style)) for line in lines[1:]]
    return [*rows, Row(_in_room(list(_facts(state, process)), width))]


def _sentence(state: RunState, process: Process, now: int) -> str:
    """What it does, for how long, and the signal that it has not heeded; or how it ended."""
    if not process.alive:
        lived = duration(max(0, process.ended - process.first_seen))
        return f"{failure_in_words(state, process)}, after {lived}"
    words = (
        f"{in_words(state, process, where=True)[0]}, for {duration(max(0, now - process.since))}"
    )
    return "; ".join([words, *unheeded(process, now)[:1]])


def _facts(state: RunState, process: Process) -> Iterator[tuple[Part, ...]]:
    """Whose child it is, its pid, how and when it was started, and what it runs."""
    parent = state.processes.get(process.parent)
    role = process.role
    if parent is not None:
        kind = "child" if role == "process" else role
        yield (f"{kind} of ", "dim"), *mark(parent), (f" {described(parent)}", "dim")
    elif role != "process":
        yield ((f"{role} process" if role == "main" else role, "dim"),)
    yield (("pid ", "dim"), (str(process.pid), "number"))
    by = f" by {process.start_method}" if process.start_method else ""
    at = moment(max(0, process.first_seen - state.origin), 10_000_000)
    yield ((f"started{by} at ", "dim"), (at, "number"))
    if process.function:
        yield (("runs ", "dim"), (process.function, "number"))
    if process.daemon:
        yield (("daemon", "dim"),)
    if process.python:
        yield ((f"Python {process.python}", "dim"),)
    if process.unobserved:
        yield ((process.unobserved, "warning"),)


def _in_room(facts: list[tuple[Part, ...]], width: int) -> tuple[Part, ...]:
    """As many facts as there is room for, two cells apart."""
    parts: list[Part] = []
    for fact in facts:
        if length(parts) + 2 + length(fact) > width:
            break
        parts += [("  " if parts else " ", ""), *fact]
    return tuple(parts)
