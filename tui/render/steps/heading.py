"""The first line of the stepper: what runs, how far it is, and whether it stands."""

from __future__ import annotations

from mpviz.trace.stepping.steps import Moment
from mpviz.tui.render.rows import Part, Row, length


def heading_row(
    moment: Moment, target: str, width: int, *, is_busy: bool, choices: int, every: bool
) -> Row:
    """The line; without room, what matters least is left out first."""
    left: list[Part] = [(" mpviz ", "brand"), ("  step ", "text"), (target, "head")]
    shown, style = mode(moment, is_busy)
    right: list[Part] = [(f" {shown} ", style), (f"  step {len(moment.steps)} ", "head")]
    extras = [
        f"{choices} choice{'s' * (choices != 1)}" if choices else "",
        "stops at each step" if every else "",
    ]
    for extra in extras:
        if extra and length(left) + length(right) + len(extra) + 4 <= width:
            left.append((f"   {extra}", "dim"))
    gap = max(1, width - length(left) - length(right))
    return Row((*left, (" " * gap, ""), *right))


def mode(moment: Moment, is_busy: bool) -> tuple[str, str]:
    """How the run stands, in a word or two, and their style."""
    if moment.end is not None:
        return "ended", "over"
    if is_busy:
        return "going", "live"
    if moment.next and not moment.possible:
        return "deadlock" if not moment.outside else "outside", "alarm"
    return "your turn", "paused"
