"""Where the timeline and the one panel of the stage go: the timeline on top, as high as can be."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.tui.layout import FRAME, TIMELINE, Slot, Wanted

LEAST_TIMELINE = 4 + FRAME
"""Rows that the timeline keeps, frame included: some of its lanes, and the axis."""

LEAST_PANEL = 2 + FRAME
"""Rows of the panel, frame included; with less room for it, it is a tab behind the timeline."""

GOOD_PANEL = 4 + FRAME
"""Rows of the panel that a timeline which could be higher leaves to it."""

MOST_OF_PANEL = 0.45
"""Share of the height that the panel may take from a timeline that could be higher."""


def stage_slots(
    width: int, height: int, wanted: Sequence[Wanted], enlarged: str = ""
) -> list[Slot]:
    """The timeline and the panel below it; one of them alone, if it is enlarged or the only one."""
    by_name = {each.name: each for each in wanted}
    names = tuple(by_name)
    if not names or width <= 0 or height <= 0:
        return []
    if enlarged in names:
        return [Slot(0, 0, width, height, (enlarged,))]
    panel = next((each for each in wanted if each.name != TIMELINE), None)
    if len(names) == 1 or panel is None or height < LEAST_TIMELINE + LEAST_PANEL:
        return [Slot(0, 0, width, height, names)]
    lowest = min(by_name[TIMELINE].useful, default=4) + FRAME if TIMELINE in by_name else 0
    lowest = max(LEAST_TIMELINE, min(lowest, height - LEAST_PANEL))
    asked = max(LEAST_PANEL, panel.height + FRAME)
    most = max(GOOD_PANEL, int(height * MOST_OF_PANEL))
    room = max(lowest, height - min(asked, most))
    useful = [each + FRAME for each in by_name[TIMELINE].useful if each + FRAME <= room]
    # What the timeline cannot use is the panel's, if that can.
    top = max(useful, default=room) if asked > most else room
    return [
        Slot(0, 0, width, top, (TIMELINE,)),
        Slot(0, top, width, height - top, (panel.name,)),
    ]
