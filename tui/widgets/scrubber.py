"""The scrubber: where in a recording the picture is, when much happened, and a way to go there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual import events
from textual.message import Message

from mpviz.trace.model.measures import Density
from mpviz.tui.render.rows import Part, Row, finished, fit, length
from mpviz.tui.widgets.rows_view import RowsView

HEIGHTS = "▁▂▃▄▅▆▇█"

_CLOCK = re.compile(r"(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*s?")


@dataclass(frozen=True, slots=True)
class Place:
    """What the scrubber shows of a replay; times in nanoseconds."""

    start: int
    end: int
    moment: int
    position: int
    """Events up to here."""
    known: int
    """Events that have been read."""
    playing: bool
    speed: float
    marks: Sequence[int]
    troubles: Sequence[int]
    density: Density
    share_read: float
    """Share of the file that has been read, 0 to 1."""
    going_to: int
    """A moment that is asked for and not read yet; -1 for none."""
    trouble: str
    """What is missing of the recording."""
    happened: str
    """The last event, in words."""


def scrubber_rows(
    place: Place, width: int, ascii_only: bool = False, has_bar: bool = True
) -> list[Row]:
    """The scrubber with the moment on it, and below what happened last and which event it was.

    Without the bar, all of it is one row: the timeline shows where the moment is.
    """
    if not has_bar:
        return finished([_one_row(place, width, ascii_only)], width, 1, ascii_only)
    first, last = bar_columns(place, width)
    left, right = _ends(place, ascii_only)
    row = Row((*left, *_bar(place, last - first, ascii_only), *right))
    return finished([row, _happened(place, width)], width, 2, ascii_only)


def bar_columns(place: Place, width: int) -> tuple[int, int]:
    """The columns from and to which the run itself is drawn."""
    left, right = _ends(place, False)
    return length(left), max(length(left) + 1, width - length(right))


def time_at(place: Place, width: int, x: int) -> int:
    """The moment in the middle of a column; the ends of the run beyond its ends."""
    first, last = bar_columns(place, width)
    share = (x - first + 0.5) / (last - first)
    return place.start + int(min(1.0, max(0.0, share)) * (place.end - place.start))


def speed_in_words(speed: float) -> str:
    """``1x``, ``0.25x``, ``1/64x``."""
    return f"{speed:g}x" if speed >= 0.1 else f"1/{round(1 / speed)}x"


def moment_from(text: str, place: Place) -> int | None:
    """The moment that a person means, nanoseconds; None if it is none.

    ``3.2`` seconds of the run, ``1:05.5``, ``+0.5`` and ``-0.5`` from here, ``50%``, ``end``.
    """
    text = text.strip().lower()
    if text in ("start", "end"):
        return place.start if text == "start" else place.end
    if text.endswith("%"):
        share = _number(text[:-1])
        return None if share is None else place.start + int(share / 100 * (place.end - place.start))
    sign, rest = (text[0], text[1:].strip()) if text[:1] in ("+", "-") else ("", text)
    seconds = _seconds(rest)
    if seconds is None:
        return None
    distance = int(seconds * 1e9)
    return {"": place.start, "+": place.moment, "-": place.moment - 2 * distance}[sign] + distance


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(text: str) -> float | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    seconds = 0.0
    for part in filter(None, match.groups()):
        seconds = 60 * seconds + float(part)
    return seconds if seconds < 1e9 else None


def _clock(nanoseconds: int) -> str:
    """``0.250 s``, ``2:05.250``: to the millisecond, and always in seconds."""
    minutes, milliseconds = divmod(nanoseconds // 1_000_000, 60_000)
    seconds = f"{milliseconds / 1000:06.3f}"
    return f"{minutes}:{seconds}" if minutes else f"{seconds.removeprefix('0')} s"


def _ends(place: Place, ascii_only: bool) -> tuple[list[Part], list[Part]]:
    """What stands before and behind the run: the moment and the speed, and how long it is."""
    sign = ("> " if ascii_only else "▶ ") if place.playing else ("||" if ascii_only else "❚❚")
    total, here = _clock(place.end - place.start), _clock(place.moment - place.start)
    room = max(len(total), len(here), 7)
    left = [
        (f" {sign} ", "live" if place.playing else "paused.sign"),
        (f"{speed_in_words(place.speed):>6} ", "text"),
        (f"{here:>{room}} ", "head"),
    ]
    return left, [(f" {total} ", "text")]


def _bar(place: Place, width: int, ascii_only: bool) -> list[Part]:
    span = max(1, place.end - place.start)
    edges = [place.start + span * column // width for column in range(width + 1)]
    counts = [place.density.between(*edge) for edge in pairwise(edges)]
    most = max(counts, default=0.0) or 1.0
    here = _column(place.moment, place, width)
    cells = [
        (_height(count / most), "scrubber.past" if column <= here else "scrubber.to.come")
        for column, count in enumerate(counts)
    ]
    for trouble in place.troubles:
        cells[_column(trouble, place, width)] = ("!", "wrong")
    for mark in place.marks:
        cells[_column(mark, place, width)] = ("^" if ascii_only else "◆", "key")
    cells[here] = ("┃", "scrubber.here")
    return cells


def _column(time: int, place: Place, width: int) -> int:
    share = (time - place.start) / max(1, place.end - place.start)
    return max(0, min(width - 1, int(share * width)))


def _height(share: float) -> str:
    """A column as high as the square root, so that rare events are seen beside frequent ones."""
    return HEIGHTS[min(len(HEIGHTS) - 1, int(math.sqrt(share) * len(HEIGHTS)))] if share else " "


def _one_row(place: Place, width: int, ascii_only: bool) -> Row:
    left, right = _ends(place, ascii_only)
    total: list[Part] = [(f"of {right[0][0].strip()} ", "text")]
    start = [*left, *total]
    rest = _happened(place, max(0, width - length(start)))
    return Row((*start, *rest.parts))


def _happened(place: Place, width: int) -> Row:
    right: list[Part] = []
    if place.going_to >= 0:
        right.append((f"  going to {_clock(place.going_to - place.start)}", "key"))
    if place.share_read < 1:
        right.append((f"  reading {place.share_read:.0%}", "key"))
    if place.trouble:
        right.append((f"  {place.trouble}", "wrong"))
    right.append((f"  event {place.position:,} of {place.known:,} ", "dim"))
    room = max(0, width - length(right))
    return Row(((fit(" " + place.happened, room), "text"), *right))


class Scrubber(RowsView):
    """Shows where a replay is; a click or a drag along it goes to a moment."""

    @dataclass
    class Touched(Message):
        """The mouse is at this moment, in nanoseconds, with its button down."""

        moment: int

    def __init__(self, place: Callable[[], Place], ascii_only: bool) -> None:
        super().__init__(id="scrubber")
        self._place = place
        self._ascii = ascii_only
        self._held = False
        self._has_bar = False

    def show_bar(self, has_bar: bool) -> None:
        """Show the bar, which is needed where the timeline is not in sight, or hide it."""
        if has_bar is not self._has_bar:
            self._has_bar = has_bar
            self.styles.height = 2 if has_bar else 1

    def rows(self, width: int, height: int) -> list[Row]:
        """One line, or two with the bar."""
        return scrubber_rows(self._place(), width, self._ascii, self._has_bar)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the bar."""
        if not self._has_bar:
            return
        self._held = True
        self.capture_mouse()
        self._touch(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse, even outside the line."""
        if self._held:
            self._touch(event.x)

    def on_mouse_up(self) -> None:
        """Let go."""
        self._held = False
        self.release_mouse()

    def _touch(self, x: int) -> None:
        self.post_message(self.Touched(time_at(self._place(), self.size.width, x)))
