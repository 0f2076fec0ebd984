"""Threads in pictures and reports: below their process, each as high as its share of a core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.tui.exports import core_lack
from mpviz.tui.exports.shapes import HEIGHT, WIDTH, kind
from mpviz.tui.render.lanes.thread_lanes import share_of_core, thread_name, threads_with_lanes
from mpviz.tui.render.view import View

STEP = 4
"""Units of a lane's width that have one height."""

LIFE = 4
"""Height of the line that lasts as long as the thread."""

LANE_WORDS = "share of a core that a thread had"

Piece = tuple[int, int, float, float]
"""Where it begins and ends, and the shares of a core (0 to 1) that it had, and that it lacked."""


@dataclass(frozen=True, slots=True)
class ThreadLane:
    """The lane of one thread."""

    name: str
    share: float
    """Of a core (0 to 1), while it lived."""
    shapes: str
    """SVG in a box of WIDTH by HEIGHT."""


def thread_lanes(process: Process, start: int, end: int) -> list[ThreadLane]:
    """The lanes of the threads of a process that works in threads; else none."""
    return [
        ThreadLane(
            thread_name(process, thread),
            share_of_core(thread, start, end),
            _shapes(thread, start, end),
        )
        for thread in threads_with_lanes(View(), process)
    ]


def _shapes(thread: KnownThread, start: int, end: int) -> str:
    until = min(end, thread.until) if thread.until >= 0 else end
    scale = WIDTH / max(1, end - start)
    left, right = max(0.0, (thread.since - start) * scale), (until - start) * scale
    if right <= left:
        return ""
    pieces = list(_pieces(thread, start, scale, (int(left), int(right) + 1)))
    had = "".join(_block(begin, stop, 1 - share, share) for begin, stop, share, _ in pieces)
    lacked = "".join(_block(begin, stop, 1 - one - two, two) for begin, stop, one, two in pieces)
    work = kind(Activity.RUNNING)
    life = f'<rect class="{work}" x="{left:.1f}" y="{HEIGHT - LIFE}" width="{right - left:.1f}"'
    return (
        f'{life} height="{LIFE}"/>'
        + (f'<path class="{work}" d="{had}"/>' if had else "")
        + (f'<path class="{core_lack.CLASS}" d="{lacked}"/>' if lacked else "")
    )


def _pieces(
    thread: KnownThread, start: int, scale: float, columns: tuple[int, int]
) -> Iterator[Piece]:
    """The shares in quarters, which look calm; neighbours alike are one piece."""
    last: Piece | None = None
    for left in range(*columns, STEP):
        right = min(left + STEP, columns[1])
        begin, stop = start + int(left / scale), start + int(right / scale)
        had, lacked = thread.times.between(begin, stop)
        shares = _quarters(had / max(1, stop - begin)), _quarters(lacked / max(1, stop - begin))
        shares = shares[0], min(shares[1], 1 - shares[0])
        if last is not None and last[2:] == shares:
            last = last[0], right, *shares
            continue
        if last is not None:
            yield last
        last = left, right, *shares
    if last is not None:
        yield last


def _quarters(share: float) -> float:
    return min(4, round(4 * share)) / 4


def _block(left: int, right: int, top: float, height: float) -> str:
    """A part of a path, in shares of the height; empty if it has none."""
    if height <= 0:
        return ""
    width = right - left
    return f"M{left} {HEIGHT * top:.0f}h{width}v{HEIGHT * height:.0f}h-{width}z"
