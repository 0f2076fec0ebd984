"""The scrubber: where the picture is, drawn, and the moments that a person can type."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mpviz.trace.model.measures import Density
from mpviz.tui.widgets.scrubber import (
    Place,
    bar_columns,
    moment_from,
    scrubber_rows,
    speed_in_words,
    time_at,
)

SECOND = 1_000_000_000


def place(**changes: object) -> Place:
    """Ten seconds from 100 s on, busy in the first two and quiet in the last."""
    density = Density()
    density.add([100 * SECOND + step * SECOND // 50 for step in range(100)])
    density.add([100 * SECOND + step * SECOND for step in range(2, 10)])
    there = Place(
        start=100 * SECOND,
        end=110 * SECOND,
        moment=105 * SECOND,
        position=104,
        known=108,
        playing=True,
        speed=1.0,
        marks=[],
        troubles=[],
        density=density,
        share_read=1.0,
        going_to=-1,
        trouble="",
        happened="Process-2 lock.acquired counter",
    )
    return replace(there, **changes)


def texts(there: Place, width: int = 100, ascii_only: bool = False) -> list[str]:
    return [row.text for row in scrubber_rows(there, width, ascii_only)]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_it_is_two_lines_as_wide_as_the_screen(width: int, ascii_only: bool) -> None:
    rows = texts(place(marks=[101 * SECOND], troubles=[109 * SECOND]), width, ascii_only)
    assert [len(row) for row in rows] == [width, width]
    assert not ascii_only or all(row.isascii() for row in rows)


def test_it_says_where_how_fast_and_what_happened_last() -> None:
    first, second = texts(place(speed=0.25))
    assert "▶" in first
    assert "0.25x" in first
    assert "5.000 s" in first
    assert first.endswith(" 10.000 s ")
    assert second.startswith(" Process-2 lock.acquired counter")
    assert second.endswith("event 104 of 108 ")
    assert "❚❚" in texts(place(playing=False))[0]


def test_busy_parts_of_the_scrubber_are_higher_and_the_moment_is_marked() -> None:
    there = place()
    (row, _) = scrubber_rows(there, 100)
    first, last = bar_columns(there, 100)
    bar = row.text[first:last]
    busy, quiet = bar[: (last - first) // 5], bar[(last - first) // 4 :]
    assert max(busy) > max(quiet.replace(" ", ""))
    (chosen,) = [text for text, style in row.parts if style == "scrubber.here"]
    assert len(chosen) == 1
    before = sum(
        len(text) for text, _ in row.parts[: [s for _, s in row.parts].index("scrubber.here")]
    )
    assert before - first == pytest.approx((last - first) / 2, abs=1)


def test_marks_and_troubles_have_signs_of_their_own() -> None:
    first, _ = texts(place(marks=[102 * SECOND], troubles=[108 * SECOND]))
    begin, end = bar_columns(place(), 100)
    assert first.index("◆") - begin == pytest.approx((end - begin) * 0.2, abs=1)
    assert first.index("!") - begin == pytest.approx((end - begin) * 0.8, abs=1)


def test_what_is_missing_or_still_to_be_read_is_said() -> None:
    assert "it is cut off" in texts(place(trouble="it is cut off"))[1]
    reading = texts(place(share_read=0.43, going_to=108 * SECOND))[1]
    assert "reading 43%" in reading
    assert "going to 8.000 s" in reading


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_column_means_the_moment_that_is_drawn_there(width: int) -> None:
    first, last = bar_columns(place(), width)
    for x in range(first, last):
        there = place(moment=time_at(place(), width, x))
        row = scrubber_rows(there, width)[0]
        before = 0
        for text, style in row.parts:
            if style == "scrubber.here":
                break
            before += len(text)
        assert before == x
    assert time_at(place(), width, 0) == pytest.approx(100 * SECOND, abs=SECOND)
    assert time_at(place(), width, width) == pytest.approx(110 * SECOND, abs=SECOND)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3.2", 3.2),
        ("3.2 s", 3.2),
        (".5", 0.5),
        ("1:05", 65),
        ("1:02:03.5", 3723.5),
        ("+0.5", 5.5),
        ("-0.5", 4.5),
        (" - 1 ", 4.0),
        ("50%", 5.0),
        ("start", 0),
        ("END", 10),
    ],
)
def test_a_moment_can_be_typed(text: str, seconds: float) -> None:
    moment = moment_from(text, place())
    assert moment is not None
    assert (moment - 100 * SECOND) / SECOND == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "x", "1:2:3:4", "nan", "inf", "nan%", "--1", "1e400", "9" * 40]
)
def test_text_that_is_no_moment_is_refused(text: str) -> None:
    assert moment_from(text, place()) is None


def test_speeds_in_words() -> None:
    assert [speed_in_words(speed) for speed in (1, 0.25, 16, 1 / 64)] == [
        "1x",
        "0.25x",
        "16x",
        "1/64x",
    ]
