"""How long things took: a row for each with its quantiles and a histogram, on one scale for all."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.measures import Timing
from mpviz.tui.render.formatting import DURATION_WIDTH, count
from mpviz.tui.render.glyphs import chart
from mpviz.tui.render.rows import Part, Row, fit_name, right, row

QUANTILES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
STYLES = {"task": "activity.task", "wait": "activity.lock", "hold": "activity.running"}
WIDEST_NAME = 28
WIDEST_HISTOGRAM = 60
NARROWEST_SCALE = 16
"""Buckets, so that there is a power of ten on it: from the shortest to 16 times as long."""
_KIND = 5
_COUNT = 9
_QUARTERS = 4
"""Buckets of a distribution for each doubling; the bucket's number is its place on the scale."""
_TICK_ROOM = 9
MOST_SHOWN = 100
"""Number of rows to ask for; the costliest come first."""


def timing_rows(timings: Sequence[Timing], total: int, width: int) -> list[Row]:
    """A heading with the scale, a row for each, and how many more there are; none for none."""
    if not timings:
        return []
    longest = max(len(timing.name) for timing in timings)
    name = max(8, min(WIDEST_NAME, longest, width // 4)) + 1
    numbers = _KIND + name + _COUNT + len(QUANTILES) * (DURATION_WIDTH + 1)
    room = min(WIDEST_HISTOGRAM, width - numbers - 2)
    first, last = _scale(timings)
    heads = "".join(right(word, DURATION_WIDTH + 1) for _, word in QUANTILES)
    parts: list[Part] = [
        ("how long".ljust(_KIND + name), "dim"),
        (right("times", _COUNT), "dim"),
        (heads, "dim"),
    ]
    if room >= 8:
        parts.append(("  " + _ticks(first, last, room), "dim"))
    rows = [Row(tuple(parts))]
    for timing in timings:
        style = STYLES.get(timing.what, "")
        line: list[Part] = [
            (timing.what.ljust(_KIND), style),
            (fit_name(timing.name, name), ""),
            (right(count(timing.times.count), _COUNT), "number"),
        ]
        line += [
            (right(duration(timing.times.quantile(share)), DURATION_WIDTH + 1), "number")
            for share, _ in QUANTILES
        ]
        if room >= 8:
            line.append(("  " + _histogram(timing, first, last, room), style))
        rows.append(row(*line, key=timing.object))
    hidden = total - len(timings)
    return (
        [*rows, row((f" and {count(hidden)} more that cost less", "dim"))] if hidden > 0 else rows
    )


def _scale(timings: Sequence[Timing]) -> tuple[int, int]:
    """The buckets that the histograms show, up to the one before the last."""
    first = min(min(timing.times.buckets) for timing in timings)
    last = max(max(timing.times.buckets) for timing in timings) + 1
    room = max(0, NARROWEST_SCALE - (last - first))
    return max(0, first - room // 2), last + room - room // 2


def _histogram(timing: Timing, first: int, last: int, room: int) -> str:
    """How often it took how long: blocks from short to long."""
    amounts = [0.0] * room
    for bucket, number in timing.times.buckets.items():
        # A bucket that is wider than a cell is spread over all that it covers.
        start = (bucket - first) * room // (last - first)
        end = max(start + 1, (bucket + 1 - first) * room // (last - first))
        for cell in range(start, end):
            amounts[cell] += number / (end - start)
    return chart([amount or None for amount in amounts], max(amounts), 1)[0]


def _ticks(first: int, last: int, room: int) -> str:
    """The powers of ten that lie on this stretch of buckets, each where it is."""
    line = [" "] * room
    free = 0
    for power in range(12):
        place = _place(10**power)
        if not first <= place < last:
            continue
        cell = int((place - first) * room / (last - first))
        text = "╷" + _power_in_words(power)
        if cell >= free and cell + len(text) <= room:
            line[cell : cell + len(text)] = text
            free = cell + _TICK_ROOM
    return "".join(line)


def _place(nanoseconds: int) -> float:
    """Where on the scale of buckets a duration lies."""
    bits = nanoseconds.bit_length()
    return bits * _QUARTERS + (nanoseconds / (1 << (bits - 1)) - 1) * _QUARTERS


def _power_in_words(power: int) -> str:
    unit, digits = divmod(power, 3)
    return f"{10**digits} {('ns', 'µs', 'ms', 's')[unit]}"
