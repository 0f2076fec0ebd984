"""The columns of time: their widths, and which are in sight."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (100, 125, 150, 200, 250, 300, 400, 500, 600, 800)
"""Column widths are these times a power of ten, so that zooming returns to the same grids."""
NARROWEST = 1_000
"""Nanoseconds; nothing that is observed is finer."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns in sight."""

    origin: int
    """Nanoseconds at which column 0 begins."""
    width: int
    """Nanoseconds in a column."""
    first: int
    """The number of the first column in sight."""
    count: int
    ascii: bool = False
    """Which glyphs the columns are drawn with."""

    def start(self, column: int) -> int:
        """When this column (counted from the first in sight) begins."""
        return self.origin + (self.first + column) * self.width

    def column(self, time: int) -> int:
        """The column that this time falls into, counted from the first in sight."""
        return (time - self.origin) // self.width - self.first


def column_width(span: int, columns: int) -> int:
    """The narrowest width of a grid at which so many columns show at least this span."""
    wanted = max(NARROWEST, -(-span // max(1, columns)))
    scale = 10
    while True:
        for step in STEPS:
            if step * scale >= wanted:
                return step * scale
        scale *= 10
