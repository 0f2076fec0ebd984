"""Where each panel goes: a pure function of the size of the screen and of what is to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

SMALLEST_WIDTH = 80
SMALLEST_HEIGHT = 17
"""Minimum size, in cells, of the space between header and footer for more than one panel."""

FRAME = 2
"""Rows of a panel's frame."""

TIMELINE = "timeline"
PAGE = "process"
"""The page of a process, which is only ever enlarged."""
LAB = "lab"
HERO = (LAB, TIMELINE)
"""Panels that have the middle of the screen, which the audience in a room looks at."""
TOP = ("cores", "processes")
FINDINGS = "findings"
CONTEXT = (FINDINGS, "why blocked", "stacks", "source", "output", "log", "time")
"""Panels that say what the program does, beside those of its objects (locks, queues …)."""

TWO_COLUMNS, FOUR_COLUMNS = 100, 160
"""Minimum width, in cells, for two and for four panels side by side below the timeline."""

ROOM_FOR_LAB = 32
"""Minimum rows for the lab as a band among others. In fewer it comes first: it lists the processes
itself, and says why each is as it is."""

ROOM_FOR_TOP, ROOM_FOR_ALL = 20, 24
"""Minimum rows for cores and processes above the timeline, and for that whatever the timeline has.

In fewer than the first, as below a long verdict, they lie behind a tab: the lanes need their rows
more, and say who waits. In fewer than the second, they do so if not all lanes would be in sight.
"""

MOST_STACKED = 3
"""How many panels may lie on top of each other."""

TO_READ = (FINDINGS, "why blocked", "stacks")
"""Panels that are read from the first line to the last."""

LOWEST: dict[str, tuple[int, int]] = {
    **dict.fromkeys(CONTEXT, (7, 7)),
    **dict.fromkeys(TO_READ, (7, 9 + FRAME)),
    **dict.fromkeys((*HERO, "tasks"), (1 + FRAME, 7)),
}
"""How low a panel may be where several share the height, frame included: as many rows as it could
fill, but no fewer than the first number and no more than the second."""
LOWEST_OF_OTHERS = (1 + FRAME, 3 + FRAME)
"""Panels of objects say what matters in three rows."""

_LEAST_TOP = 4 + FRAME
_LEAST_TIMELINE = 5 + FRAME
_LEAST_BOTTOM = 5 + FRAME


@dataclass(frozen=True, slots=True)
class Wanted:
    """A panel that is to be shown, and how many rows it could fill."""

    name: str
    height: int
    useful: tuple[int, ...] = ()
    """The heights in rows at which it leaves none blank, the lowest first; empty for any height."""
    matters: bool = False
    """Whether it lies in front of those behind the same tab bar, unless a person chose one."""


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
        first = sorted(names, key=lambda name: HERO.index(name) if name in HERO else len(HERO))
        return [Slot(0, 0, width, height, tuple(first))]
    rows = {each.name: each.height for each in wanted}
    if LAB in names and len(names) > 1 and height < ROOM_FOR_LAB:
        return _lab_first(width, height, wanted)
    useful = {each.name: each.useful for each in wanted}
    has_top = _has_room_for_top(height, useful)
    if not has_top:
        # As tabs, they come last.
        names = tuple(sorted(names, key=lambda name: name in TOP))
    bands = _bands(names, has_top)
    heights = _heights(height, bands, rows, useful.get(TIMELINE, ()))
    slots: list[Slot] = []
    y = 0
    for band, band_height in zip(bands, heights, strict=True):
        slots += _columns(band, rows, y=y, width=width, height=band_height)
        y += band_height
    return slots


def _lab_first(width: int, height: int, wanted: Sequence[Wanted]) -> list[Slot]:
    """The lab as high as it can fill, beside the timeline or above it, and all else as tabs."""
    rows = {each.name: each.height for each in wanted}
    others = [name for name in rows if name not in HERO and name not in TOP]
    others += [name for name in TOP if name in rows]
    timeline = [name for name in rows if name == TIMELINE]
    if width < TWO_COLUMNS:
        high = min(rows[LAB] + FRAME, height - _LEAST_TIMELINE)
        below = Slot(0, high, width, height - high, (*timeline, *others))
        return [Slot(0, 0, width, high, (LAB,)), below]
    left, right = _split(Slot(0, 0, width, height, ()), width // 2, (LAB,), (*timeline, *others))
    if not timeline or not others:
        return [left, *_stacked(right, rows)]
    high = max(_LEAST_TIMELINE, height // 2)
    above = replace(right, height=high, panels=(TIMELINE,))
    below = replace(right, y=high, height=height - high, panels=tuple(others))
    return [left, above, below]


@dataclass(frozen=True, slots=True)
class _Band:
    """Panels side by side over the whole width."""

    kind: str
    names: tuple[str, ...]


def _has_room_for_top(height: int, useful: dict[str, tuple[int, ...]]) -> bool:
    if TIMELINE not in useful or height >= ROOM_FOR_ALL:
        return True
    all_lanes = min(useful[TIMELINE], default=0) + FRAME
    return height >= max(ROOM_FOR_TOP, _LEAST_TOP + all_lanes + _LEAST_BOTTOM)


def _bands(names: Sequence[str], has_top: bool) -> list[_Band]:
    top = tuple(name for name in TOP if name in names and has_top)
    hero = tuple(name for name in HERO if name in names)
    rest = tuple(name for name in names if name not in top and name not in HERO)
    bands = [_Band("top", top), _Band("hero", hero), _Band("bottom", rest)]
    return [band for band in bands if band.names]


def _heights(
    height: int, bands: Sequence[_Band], rows: dict[str, int], useful: tuple[int, ...]
) -> list[int]:
    """Share out the height: each band its least, then what it can fill, the rest to the last.

    The timeline gets the largest of its ``useful`` heights for which there is room.
    """
    least = {"top": _LEAST_TOP, "hero": _LEAST_TIMELINE, "bottom": _LEAST_BOTTOM}
    is_lab = any(LAB in band.names for band in bands)
    has_more = is_lab or bands[0].kind != "top"
    hero = height * 13 // 20 if has_more else height * 12 // 20
    most = {"top": height * 3 // 10, "hero": hero, "bottom": height}
    heights = [min(least[band.kind], height // len(bands)) for band in bands]
    left = height - sum(heights)
    # The hero first, then the processes above it; what explains them takes what is left.
    for kind in ("hero", "top", "bottom"):
        for index, band in enumerate(bands):
            if band.kind == kind:
                could_fill = max(rows[name] for name in band.names) + FRAME
                limit = most[kind] if len(bands) > 1 else height
                if band.names == (TIMELINE,):
                    room = min(limit, heights[index] + left)
                    could_fill = max(
                        (each + FRAME for each in useful if each + FRAME <= room),
                        default=could_fill,
                    )
                more = max(0, min(left, min(could_fill, limit) - heights[index]))
                heights[index] += more
                left -= more
    heights[-1] += left
    return heights


def _columns(band: _Band, rows: dict[str, int], *, y: int, width: int, height: int) -> list[Slot]:
    space = Slot(0, y, width, height, band.names)
    if band.kind == "top":
        return _top(space)
    if band.kind == "hero" and LAB in band.names and width >= TWO_COLUMNS:
        return _halved(space, rows)
    if band.kind == "bottom":
        return _bottom(space, rows)
    return [space]


def _top(space: Slot) -> list[Slot]:
    if len(space.panels) == 1:
        return [space]
    left = max(28, min(72, space.width * 34 // 100))
    return _split(space, left, space.panels[:1], space.panels[1:])


def _bottom(space: Slot, rows: dict[str, int]) -> list[Slot]:
    """Objects to the left, context to the right; the larger the space, the fewer share a place.

    Without room for both, findings come first: they say what all else only shows.
    """
    objects = tuple(name for name in space.panels if name not in CONTEXT)
    context = tuple(name for name in CONTEXT if name in space.panels)
    if space.width < TWO_COLUMNS:
        found = tuple(name for name in context if name == FINDINGS)
        others = tuple(name for name in context if name != FINDINGS)
        return _stacked(replace(space, panels=found + objects + others), rows)
    if not objects or not context:
        space = replace(space, panels=objects + context)
        return _halved(space, rows) if space.width >= FOUR_COLUMNS else _stacked(space, rows)
    if space.width < FOUR_COLUMNS:
        halves = _split(space, space.width // 2, objects, context)
        return [slot for half in halves for slot in _stacked(half, rows)]
    if len(objects) <= MOST_STACKED and _wanted(objects, rows) <= space.height:
        # One column is enough for them; the source and the output can use the width.
        left, right = _split(space, space.width // 3, objects, context)
        return [*_stacked(left, rows), *_halved(right, rows)]
    halves = _split(space, space.width // 2, objects, context)
    return [slot for half in halves for slot in _halved(half, rows)]


def _wanted(names: Sequence[str], rows: dict[str, int]) -> int:
    return sum(rows[name] + FRAME for name in names)


def _halved(space: Slot, rows: dict[str, int]) -> list[Slot]:
    """Two columns, unless there is but one panel."""
    if len(space.panels) == 1:
        return [space]
    middle = len(space.panels) // 2
    halves = _split(space, space.width // 2, space.panels[:middle], space.panels[middle:])
    return [slot for half in halves for slot in _stacked(half, rows)]


def _split(space: Slot, at: int, left: tuple[str, ...], right: tuple[str, ...]) -> list[Slot]:
    return [
        replace(space, width=at, panels=left),
        replace(space, x=space.x + at, width=space.width - at, panels=right),
    ]


def _stacked(space: Slot, rows: dict[str, int]) -> list[Slot]:
    """One above the other, as many as there is room for; the last place has the rest as tabs."""
    groups: list[tuple[str, ...]] = [space.panels]
    for count in range(min(len(space.panels), MOST_STACKED), 0, -1):
        groups = [*((name,) for name in space.panels[: count - 1]), space.panels[count - 1 :]]
        if sum(_least(group, rows) for group in groups) <= space.height:
            break
    heights = [_least(group, rows) for group in groups]
    left = max(0, space.height - sum(heights)) if len(groups) > 1 else 0
    for index, group in enumerate(groups):
        more = min(left, max(rows[name] for name in group) + FRAME - heights[index])
        heights[index] += max(0, more)
        left -= max(0, more)
    heights[-1] = space.height - sum(heights[:-1])
    slots: list[Slot] = []
    y = space.y
    for group, height in zip(groups, heights, strict=True):
        slots.append(replace(space, y=y, height=height, panels=group))
        y += height
    return slots


def _least(names: Sequence[str], rows: dict[str, int]) -> int:
    """How low a place for these panels may be."""
    bounds = {name: LOWEST.get(name, LOWEST_OF_OTHERS) for name in names}
    return max(max(least, min(rows[name] + FRAME, most)) for name, (least, most) in bounds.items())
