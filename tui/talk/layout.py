"""Where the timeline and the one panel of the stage go: the timeline on top, as high as can be."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.tui.layout import FRAME, TIMELINE, TO_READ, Slot, Wanted

LEAST_TIMELINE = 4 + FRAME
"""Rows that the timeline keeps, frame included: some of its lanes, and the axis."""

LEAST_PANEL = 2 + FRAME
"""Rows of the panel, frame included; with less room for it, it is a tab behind the timeline.

So it is where its rows are those that the last lanes need: the lanes are what the room looks at.
"""

GOOD_PANEL = 4 + FRAME
"""Rows of the panel that a timeline which could be higher leaves to it."""

MOST_OF_PANEL = 0.45
"""Share of the height that the panel may take from a timeline that could be higher.

One that is read from its first line to its last may take all that the lanes can do without.
"""


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
    all_lanes = min(by_name[TIMELINE].useful, default=4) + FRAME
    if height - LEAST_PANEL < all_lanes <= height:
        return [Slot(0, 0, width, height, names)]
    lowest = max(LEAST_TIMELINE, min(all_lanes, height - LEAST_PANEL))
    asked = max(LEAST_PANEL, panel.height + FRAME)
    share = height if panel.name in TO_READ else int(height * MOST_OF_PANEL)
    room = max(lowest, height - min(asked, max(GOOD_PANEL, share)))
    useful = [each + FRAME for each in by_name[TIMELINE].useful if each + FRAME <= room]
    # What the timeline cannot use is the panel's.
    top = max(useful, default=room)
    return [
        Slot(0, 0, width, top, (TIMELINE,)),
        Slot(0, top, width, height - top, (panel.name,)),
    ]
