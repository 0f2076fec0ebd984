"""Where each panel goes: a pure function of the size of the screen and of what is to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST_WIDTH = 80
SMALLEST_HEIGHT = 21
"""Of the space between header and footer; below it there is one panel at a time."""

FRAME = 2
"""Rows of a panel's frame."""

TIMELINE = "timeline"
TOP = ("cores", "processes")
CONTEXT = ("findings", "source", "output", "log")
"""Panels that say what the program does, beside those of its objects (locks, queues …)."""

_LEAST_TOP = 4 + FRAME
_LEAST_TIMELINE = 5 + FRAME
_LEAST_BOTTOM = 5 + FRAME


@dataclass(frozen=True, slots=True)
class Wanted:
    """A panel that is to be shown, and how many rows it could fill."""

    name: str
    height: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A rectangle of the screen, and the panels that share it as tabs."""

    x: int
    y: int
    width: int
    height: int
    panels: tuple[str, ...]


def is_small(width: int, height: int) -> bool:
    """Whether there is room for one panel only."""
    return width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT


def place(width: int, height: int, wanted: Sequence[Wanted], enlarged: str = "") -> list[Slot]:
    """Give every wanted panel its place; together they fill the space and none overlaps another."""
    names = tuple(each.name for each in wanted)
    if not names or width <= 0 or height <= 0:
        return []
    if enlarged in names:
        return [Slot(0, 0, width, height, (enlarged,))]
    if is_small(width, height):
        first = sorted(names, key=lambda name: name != TIMELINE)
        return [Slot(0, 0, width, height, tuple(first))]
    rows = {each.name: each.height for each in wanted}
    bands = _bands(names)
    heights = _heights(height, bands, rows)
    slots: list[Slot] = []
    y = 0
    for band, band_height in zip(bands, heights, strict=True):
        slots += _columns(band, y, width, band_height)
        y += band_height
    return slots


@dataclass(frozen=True, slots=True)
class _Band:
    """Panels side by side over the whole width."""

    kind: str
    names: tuple[str, ...]


def _bands(names: Sequence[str]) -> list[_Band]:
    top = tuple(name for name in TOP if name in names)
    rest = tuple(name for name in names if name not in TOP and name != TIMELINE)
    bands = [
        _Band("top", top),
        _Band(TIMELINE, (TIMELINE,) if TIMELINE in names else ()),
        _Band("bottom", rest),
    ]
    return [band for band in bands if band.names]


def _heights(height: int, bands: Sequence[_Band], rows: dict[str, int]) -> list[int]:
    """Share out the height: each band its least, then what it can fill, the rest to the last."""
    least = {"top": _LEAST_TOP, TIMELINE: _LEAST_TIMELINE, "bottom": _LEAST_BOTTOM}
    most = {"top": height * 3 // 10, TIMELINE: height * 4 // 10, "bottom": height}
    heights = [min(least[band.kind], height // len(bands)) for band in bands]
    left = height - sum(heights)
    # The hero first, then the processes above it; what explains them takes what is left.
    for kind in (TIMELINE, "top", "bottom"):
        for index, band in enumerate(bands):
            if band.kind == kind:
                could_fill = max(rows[name] for name in band.names) + FRAME
                limit = most[kind] if len(bands) > 1 else height
                more = max(0, min(left, min(could_fill, limit) - heights[index]))
                heights[index] += more
                left -= more
    heights[-1] += left
    return heights


def _columns(band: _Band, y: int, width: int, height: int) -> list[Slot]:
    if band.kind == "top":
        return _top(band.names, y, width, height)
    if band.kind == "bottom":
        return _bottom(band.names, y, width, height)
    return [Slot(0, y, width, height, band.names)]


def _top(names: tuple[str, ...], y: int, width: int, height: int) -> list[Slot]:
    if len(names) == 1:
        return [Slot(0, y, width, height, names)]
    left = max(28, min(72, width * 34 // 100))
    return [
        Slot(0, y, left, height, names[:1]),
        Slot(left, y, width - left, height, names[1:]),
    ]


def _bottom(names: tuple[str, ...], y: int, width: int, height: int) -> list[Slot]:
    """Objects to the left, context to the right; the larger the space, the fewer share a place."""
    objects = tuple(name for name in names if name not in CONTEXT)
    context = tuple(name for name in CONTEXT if name in names)
    if width < 100 or not objects or not context:
        columns = _column_count(width)
        groups = _shared_out(objects + context, columns)
        return _side_by_side(groups, y, width, height, 1)
    left = width // 2
    stacked = 2 if height >= 22 else 1
    columns = max(1, _column_count(width) // 2)
    return [
        *_side_by_side(_shared_out(objects, columns * stacked), y, left, height, stacked),
        *(
            Slot(slot.x + left, slot.y, slot.width, slot.height, slot.panels)
            for slot in _side_by_side(
                _shared_out(context, columns * stacked), y, width - left, height, stacked
            )
        ),
    ]


def _column_count(width: int) -> int:
    return 1 if width < 100 else 2 if width < 160 else 4


def _shared_out(names: tuple[str, ...], places: int) -> list[tuple[str, ...]]:
    """One panel a place while there are places; the last place has all others as tabs."""
    if len(names) <= places:
        return [(name,) for name in names]
    return [(name,) for name in names[: places - 1]] + [names[places - 1 :]]


def _side_by_side(
    groups: Sequence[tuple[str, ...]], y: int, width: int, height: int, stacked: int
) -> list[Slot]:
    """Place groups in columns of at most ``stacked``, from the left, filling the whole space."""
    columns = [groups[index : index + stacked] for index in range(0, len(groups), stacked)]
    slots: list[Slot] = []
    for column, inside in enumerate(columns):
        x, end = width * column // len(columns), width * (column + 1) // len(columns)
        for row, group in enumerate(inside):
            top, bottom = height * row // len(inside), height * (row + 1) // len(inside)
            slots.append(Slot(x, y + top, end - x, bottom - top, group))
    return slots
