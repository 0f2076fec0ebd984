"""The verdict: what is wrong, in the lines under the header that no panel and no tab can hide."""

from __future__ import annotations

import textwrap

from mpviz.trace.explain.findings import RULES
from mpviz.trace.explain.starved import is_starved_of_late, others_of_late
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.state import HELPERS, Finding, RunState
from mpviz.tui.render.glyphs import mark, moment_of
from mpviz.tui.render.results import result_rows
from mpviz.tui.render.rows import Part, Row, fitting, length, row
from mpviz.tui.render.view import View

MOST_LINES = 3
"""Lines of the sentence; a longer one ends in an ellipsis, and the findings panel has all of it."""

MOST_RESULTS = 2
"""Results that are shown below a finding."""

WIDEST = 140
"""Cells; a longer line is hard to read from the back of a room."""

_RANKS = {rule.name: rank for rank, rule in enumerate(RULES)}
_LEAST = 30
"""Cells; in fewer, nothing can be said."""


def verdict_rows(state: RunState, view: View, width: int) -> list[Row]:
    """What is wrong, and below it the results that the program has printed."""
    if width < _LEAST:
        return []
    wrong = _wrong(state, view, width)
    most = MOST_RESULTS if wrong else MOST_LINES
    return wrong + result_rows(state, moment_of(state, view), width, most)


def _wrong(state: RunState, view: View, width: int) -> list[Row]:
    """The gravest finding that is so now, in one to four rows; none if nothing is wrong.

    If other programs have the cores, that takes the place of a finding.
    """
    found = _by_gravity(state)
    if not found:
        return _outside(state, width)
    finding = found[0]
    badge = f" {finding.rule.replace('-', ' ').upper()} "
    room = min(width, WIDEST)
    last = _last_line(state, view, finding, len(found) - 1)
    said = _wrapped(finding.message, room - 1, len(badge) + 1, least=length(_fitting(last, 0)) + 1)
    first = said[0][len(badge) + 1 :]
    rows = [row((badge, "alarm"), (f" {first}", "head"))]
    rows += [row((f" {line}", "head")) for line in said[1:]]
    beside = length(rows[-1].parts)
    if beside + 1 + length(last) <= room or len(said) > MOST_LINES:
        rows[-1] = row(*rows[-1].parts, (" ", ""), *_fitting(last, room - beside - 1))
        return rows
    return [*rows, row(*_fitting(last, width))]


def gravest(state: RunState) -> Finding | None:
    """The finding that the verdict tells; None if nothing is wrong now."""
    return next(iter(_by_gravity(state)), None)


def _by_gravity(state: RunState) -> list[Finding]:
    return sorted(
        (finding for finding in state.findings.values() if finding.over < 0),
        key=lambda finding: (_RANKS.get(finding.rule, len(RULES)), finding.found),
    )


def _wrapped(text: str, room: int, indent: int, least: int) -> list[str]:
    """The sentence in lines; one more than the most if its end leaves ``least`` cells there.

    So the whole of a ring is read where a line is short, in as many rows.
    """
    lines = textwrap.wrap(text, room, initial_indent="x" * indent)
    if len(lines) == MOST_LINES + 1 and len(lines[-1]) + 1 + least <= room:
        return lines
    return textwrap.wrap(
        text, room, initial_indent="x" * indent, max_lines=MOST_LINES, placeholder=" …"
    )


def _outside(state: RunState, width: int) -> list[Row]:
    """Who has the cores, if not the program: then the fault is not its own."""
    if state.ended >= 0 or not is_starved_of_late(state):
        return []
    share = f"other programs have {others_of_late(state):.0%} of the cores"
    ways = [f" {share}, and this one waits for a core", f" {share}"]
    return [row((" STARVED ", "paused"), (fitting(ways, width - 9), "head"))]


def _last_line(state: RunState, view: View, finding: Finding, more: int) -> list[Part]:
    """Since when it is so, where its processes wait, and which key tells more."""
    lasted = duration(max(0, moment_of(state, view) - finding.since))
    parts: list[Part] = [(f" for {lasted}", "warning")]
    behind = _waiting_behind(state, finding) if finding.rule == "deadlock" else 0
    if behind:
        parts.append((f"  {behind} more wait", "text"))
    for key in finding.processes:
        process = state.processes.get(key)
        place = state.place(process.wait.site) if process and process.wait else ""
        if process is not None and place:
            is_told = f"{place.rpartition(':')[0]}:" in finding.message
            parts += [("  ", ""), *mark(process), ("" if is_told else f" {place}", "text")]
    words = f"  ! {more} more" if more else "  ! what to do"
    return [*parts, (words, "hint")]


def _waiting_behind(state: RunState, finding: Finding) -> int:
    """How many processes wait beside those of the finding."""
    return sum(
        each.alive and each.wait is not None and each.role not in HELPERS
        for key, each in state.processes.items()
        if key not in finding.processes
    )


def _fitting(parts: list[Part], width: int) -> list[Part]:
    """Without the places that have no room; the key stays."""
    *parts, key = parts
    while length([*parts, key]) > width and len(parts) > 1:
        parts.pop()
    return [*parts, key]
