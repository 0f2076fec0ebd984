"""How much of the screen each part of the stepper gets."""

from __future__ import annotations

from dataclasses import dataclass

FRAME = 2
"""Rows, and columns, of a frame."""

LEAST_BOTTOM = 4 + FRAME
"""Rows of the source, frame included; with less room for it, the list has that room."""

LEAST_FOR_OUTPUT = 90
"""Columns of the screen from which on the output stands beside the source."""


@dataclass(frozen=True)
class Plan:
    """Rows of each part, frames included, and columns of what stands at the right."""

    told: int
    """The sentences below the header."""
    lanes: int
    choices: int
    bottom: int
    """The source and the output; 0 if there is no room."""
    objects_width: int
    output_width: int


def plan(width: int, height: int, tasks: int) -> Plan:
    """Give each task two rows in the lanes and in the list, if there is room; else one."""
    told = min(2 if width >= 100 else 3, max(1, height // 8))
    room = height - 2 - told
    ways = [(2, 2), (1, 2), (1, 1)]
    lanes, choices = next(
        (
            (FRAME + 1 + lane * tasks, FRAME + entry * tasks)
            for lane, entry in ways
            if 2 * FRAME + 1 + (lane + entry) * tasks <= room
        ),
        (room // 2, room - room // 2),
    )
    # One more for a time-out; and the panel of the objects beside it should show some.
    choices = max(choices, min(FRAME + 6, room - lanes))
    bottom = room - lanes - choices
    if bottom < LEAST_BOTTOM:
        choices, bottom = choices + max(0, bottom), 0
    return Plan(
        told=told,
        lanes=lanes,
        choices=choices,
        bottom=bottom,
        objects_width=max(28, min(48, width * 32 // 100)),
        output_width=max(30, width * 36 // 100) if width >= LEAST_FOR_OUTPUT else 0,
    )
