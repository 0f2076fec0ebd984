"""The frame around a panel, drawn as rows like the panel, so that only what changed is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpviz.tui.render.rows import Part, Row, crop, length

_ROUND = "╭─╮│╰╯"
_ASCII = "+-+|++"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame says and how it looks."""

    title: tuple[Part, ...]
    end: tuple[Part, ...] = ()
    """At the right end of the top line, if there is room."""
    foot: tuple[Part, ...] = ()
    """In the bottom line: what is under the mouse."""
    border: str = "frame"
    ascii: bool = False


def framed(rows: Sequence[Row], frame: Frame, width: int, height: int) -> list[Row]:
    """These rows within a frame, exactly ``height`` of ``width`` cells."""
    if width < 4 or height < 3:
        return [Row(crop((), width)) for _ in range(height)]
    signs = _ASCII if frame.ascii else _ROUND
    wall = (signs[3], frame.border)
    result = [Row(_edge(signs[:3], frame.border, frame.title, frame.end, width=width))]
    for index in range(height - 2):
        row = rows[index] if index < len(rows) else Row(())
        result.append(Row((wall, *crop(row.parts, width - 2), wall), row.key))
    foot = signs[4] + signs[1] + signs[5]
    result.append(Row(_edge(foot, frame.border, (), frame.foot, width=width)))
    return result


def _edge(
    signs: str, border: str, title: Sequence[Part], end: Sequence[Part], *, width: int
) -> tuple[Part, ...]:
    """A line of the frame from corner to corner; ``signs`` are the left corner, line, right one."""
    room = width - 4
    title = _cut(title, room)
    used, wanted = length(title), length(end)
    if wanted > room - used - 1:
        end, wanted = (), 0
    fill = signs[1] * (room - used - wanted)
    left, right = signs[0] + signs[1], signs[1] + signs[2]
    return ((left, border), *title, (fill, border), *end, (right, border))


def _cut(parts: Sequence[Part], width: int) -> tuple[Part, ...]:
    """These parts in at most ``width`` cells."""
    return tuple(parts) if length(parts) <= width else crop(parts, width)
