"""The signs of the phases, and bars that are made of them."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.explain.phases import Phase
from mpviz.trace.model.lane import Activity
from mpviz.tui.render.glyphs import ASCII_GLYPHS, GLYPHS
from mpviz.tui.render.palette import lane_style
from mpviz.tui.render.rows import Part

PHASE_ACTIVITIES: dict[Phase, Activity] = {
    Phase.STARTING: Activity.STARTING,
    Phase.INITIALIZING: Activity.INITIALIZING,
    Phase.WORKING_ON_CPU: Activity.RUNNING,
    Phase.WAITING_FOR_LOCK: Activity.LOCK,
    Phase.WAITING_FOR_QUEUE: Activity.QUEUE,
    Phase.WAITING_FOR_SIGNAL: Activity.SIGNAL,
    Phase.WAITING_FOR_RESULT: Activity.RESULT,
    Phase.WAITING_FOR_PROCESS: Activity.PROCESS,
    Phase.WAITING_FOR_TASK: Activity.IDLE,
    Phase.SLEEPING: Activity.SLEEPING,
    Phase.STOPPED: Activity.STOPPED,
    Phase.ZOMBIE: Activity.ZOMBIE,
    Phase.ENDING: Activity.ENDING,
}
"""Which sign and colour of the timeline a phase has."""

_OWN_SIGNS: dict[Phase, tuple[str, str, str]] = {
    Phase.WAITING_FOR_CORE: ("▚", "=", "history"),
    Phase.WORKING_OFF_CPU: ("▓", "%", "history"),
    Phase.WORKING_UNMEASURED: ("?", "?", "history"),
    Phase.NOT_THERE_YET: (" ", " ", ""),
    Phase.GONE: (" ", " ", ""),
}
"""Sign, sign in ASCII and style of what the timeline does not tell apart."""


def phase_sign(phase: Phase, ascii: bool) -> Part:
    """The glyph of a phase and the name of its style."""
    if phase in _OWN_SIGNS:
        glyph, in_ascii, style = _OWN_SIGNS[phase]
        return in_ascii if ascii else glyph, style
    activity = PHASE_ACTIVITIES[phase]
    return (ASCII_GLYPHS if ascii else GLYPHS)[activity], lane_style(activity)


def phase_bar(amounts: Sequence[int], whole: int, width: int, ascii: bool) -> list[Part]:
    """A bar of these nanoseconds by :class:`Phase`, ``whole`` of which are as long as the width.

    What is too short for a cell is not seen.
    """
    parts: list[Part] = []
    reached = position = 0
    for phase in Phase:
        reached += amounts[phase]
        edge = min(width, round(reached * width / whole)) if whole else 0
        if edge > position:
            glyph, style = phase_sign(phase, ascii)
            parts.append((glyph * (edge - position), style))
            position = edge
    return [*parts, (" " * (width - position), "")]
