"""The findings: what is wrong, why, and what to do about it."""

from __future__ import annotations

import textwrap

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.state import Finding, RunState
from mpviz.tui.panels.listing import Listing, from_top
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import moment_of
from mpviz.tui.render.rows import Part, Row, row
from mpviz.tui.render.verdict import gravest
from mpviz.tui.render.view import View

MARGIN = 2
"""Cells for the sign before each finding."""


def key_of(finding: Finding) -> str:
    """What a row of the finding is known by, and ``View.finding``."""
    return f"{finding.rule} {finding.subject}"


def findings(state: RunState) -> list[Finding]:
    """All that was found, what is so now before what is over."""
    return sorted(state.findings.values(), key=lambda finding: finding.over >= 0)


def _words(state: RunState, finding: Finding) -> tuple[str, ...]:
    return finding.rule, finding.message


LISTING = Listing[Finding](items=lambda state, view: findings(state), words=_words)


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """Each finding in full; without room for that, all but the chosen one in short."""
    listed = LISTING.listed(state, view, "findings")
    if not listed:
        return []
    chosen = next((each for each in listed if key_of(each) == view.finding), listed[0])
    rows = [line for each in listed for line in _in_full(state, view, each, width)]
    if len(rows) > height:
        rows = []
        for each in listed:
            if each is chosen:
                rows += _in_less(state, view, each, width)
            else:
                rows.append(_in_short(view, each, width))
    at = next((at for at, each in enumerate(rows) if each.key == key_of(chosen)), 0)
    scroll = view.scroll.get("findings", at if view.finding else 0)
    return from_top(rows, height, scroll)


def _in_full(state: RunState, view: View, finding: Finding, width: int) -> list[Row]:
    """What is wrong, why, and what to do; what is over is paler."""
    message, cause, fix = _parts(view, finding, width)
    return [*message, *cause, *fix, _when(state, view, finding, key_of(finding))]


def _in_less(state: RunState, view: View, finding: Finding, width: int) -> list[Row]:
    """With what to do before the cause.

    Of what the verdict under the header says in full, the first line tells which one it is.
    """
    message, cause, fix = _parts(view, finding, width)
    if finding is gravest(state):
        message = [_in_short(view, finding, width)]
    return [*message, *fix, *cause, _when(state, view, finding, key_of(finding))]


def _parts(view: View, finding: Finding, width: int) -> tuple[list[Row], list[Row], list[Row]]:
    style, pale = ("trouble", "") if finding.over < 0 else ("dim", "dim")
    key = key_of(finding)
    return (
        _wrapped(_sign(view, finding), (finding.message, style), width, key),
        _wrapped(("  ", ""), (finding.cause, pale), width, key),
        _wrapped(("→ ", "good"), (finding.fix, "good"), width, key),
    )


def _in_short(view: View, finding: Finding, width: int) -> Row:
    style = "trouble" if finding.over < 0 else "dim"
    text = textwrap.shorten(finding.message, max(10, width - MARGIN), placeholder=" …")
    return row(_sign(view, finding), (text, style), key=key_of(finding))


def _sign(view: View, finding: Finding) -> Part:
    if key_of(finding) == view.finding:
        return ("▸ ", "title")
    return ("! ", "trouble") if finding.over < 0 else ("· ", "dim")


def _wrapped(sign: Part, text: Part, width: int, key: str) -> list[Row]:
    words, style = text
    lines = textwrap.wrap(words, max(10, width - MARGIN)) or [""]
    first = row(sign, (lines[0], style), key=key)
    return [first, *(row((" " * MARGIN, ""), (line, style), key=key) for line in lines[1:])]


def _when(state: RunState, view: View, finding: Finding, key: str) -> Row:
    """Which rule says so, since when on the timeline, and for how long it has been so."""
    since = "at " + moment(finding.since - state.origin, 10_000_000)
    if 0 <= finding.since < state.origin:
        since = "before mpviz was attached"
    until = finding.over if finding.over >= 0 else moment_of(state, view)
    lasted = duration(max(0, until - finding.since))
    over = f", over after {lasted}" if finding.over >= 0 else f", {lasted} ago"
    return row((" " * MARGIN, ""), (f"{finding.rule}, {since}{over}", "dim"), key=key)


def title(state: RunState, view: View) -> str:
    """How many there are, and of how many that is over."""
    found = state.findings.values()
    over = sum(finding.over >= 0 for finding in found)
    words = plural(len(found), "finding")
    return words + (f", {over} over" if over else "")


def wanted_height(state: RunState, view: View) -> int:
    """As many rows as a finding takes in half of a usual terminal, for each."""
    return max(1, 10 * len(state.findings))


PANEL = Panel(
    name="findings",
    title=title,
    help=(
        "What is wrong, in red, with its cause, and behind the arrow what to do about it. Below "
        "are the rule and the time when it began, which the axis of the timeline marks with a !. A "
        "finding that is over is grey. The key ! goes from one to the next, selects its process, "
        "and shows that time. Each rule has a threshold well beyond what a healthy program does: "
        "mpviz rules lists them, and --silence NAME turns one off."
    ),
    body=draw,
    thing="finding",
    nothing="nothing was found",
    listing=LISTING,
    used=lambda state: bool(state.findings),
    wanted_height=wanted_height,
    matters=lambda state: bool(state.findings),
)
