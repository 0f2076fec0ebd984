"""Words, tags, bars and rows: the small things that all panels are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from helpers.story import Story
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Series
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.tui.panels.listing import from_bottom, from_top
from mpviz.tui.render.formatting import DURATION_WIDTH, moment, rate, size
from mpviz.tui.render.glyphs import (
    big_digits,
    chart,
    columns_of,
    mark,
    process_matches,
    stacked_bar,
    tag,
)
from mpviz.tui.render.rows import Row, crop, finished, fit, fitting, in_ascii, length, right, row
from mpviz.tui.render.view import View


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (-5, "0 ms"),
        (0, "0 ms"),
        (400, "1 µs"),
        (2_100, "2 µs"),
        (20_000, "0.02 ms"),
        (1_920_000, "1.92 ms"),
        (12_340_000, "12.3 ms"),
        (340_000_000, "340 ms"),
        (999_700_000, "1.0 s"),
        (1_300_000_000, "1.3 s"),
        (59_960_000_000, "1:00"),
        (125_000_000_000, "2:05"),
        (3_725_000_000_000, "1:02:05"),
    ],
)
def test_durations(nanoseconds: int, words: str) -> None:
    assert duration(nanoseconds) == words


@given(st.integers(0, 35_000 * 10**9))
def test_a_duration_fits_its_column(nanoseconds: int) -> None:
    assert len(duration(nanoseconds)) <= DURATION_WIDTH


@pytest.mark.parametrize(
    ("number", "words"),
    [(512, "512 B"), (9_400_000, "9.4 MB"), (99_960_000, "100 MB"), (999_600, "1.0 MB")],
)
def test_sizes(number: int, words: str) -> None:
    assert size(number) == words


def test_rates_and_plurals() -> None:
    assert [rate(0), rate(0.42), rate(31.2), rate(12_400)] == ["0/s", "0.4/s", "31/s", "12.4k/s"]
    assert [plural(1, "task"), plural(2, "process", "processes")] == ["1 task", "2 processes"]


def test_moments_are_as_fine_as_their_step() -> None:
    assert moment(0) == "0"
    assert moment(250_000_000, 50_000_000) == "250 ms"
    assert moment(1_250_000_000, 50_000_000) == "1.25 s"
    assert moment(2_000_000_000, 10**9) == "2 s"
    assert moment(130_500_000_000, 500_000_000) == "2:10.5"
    assert moment(1_234_560_000, 10_000) == "1,234.56 ms"


@pytest.mark.parametrize(
    ("name", "role", "expected"),
    [
        ("MainProcess", "main", "M"),
        ("Process-3", "process", "3"),
        ("ForkPoolWorker-12", "worker", "12"),
        ("SpawnPoolWorker-2", "worker", "2"),
        ("ForkProcess-7", "process", "7"),
        ("Process-1:2", "process", "1:2"),
        ("consumer-2", "process", "c2"),
        ("worker-A", "process", "wA"),
        ("worker_7", "process", "w7"),
        ("Plato", "process", "e"),
        ("resource tracker", "resource tracker", "R"),
        ("世界-3", "process", "e"),
    ],
)
def test_a_tag_can_be_found_again_in_the_name(name: str, role: str, expected: str) -> None:
    process = Process("5", 5, 5, 0, name=name, role=role)
    assert tag(process) == expected


def test_a_mark_is_hollow_after_the_end() -> None:
    process = Process("5", 5, 5, 0, name="Process-4")
    assert mark(process) == (("●4", "process.5"),)
    process.ended = 10
    assert mark(process, 3) == (("○4  ", "process.5"),)


def test_a_bar_of_two_colours_meets_in_one_cell() -> None:
    parts = stacked_bar(8, [(0.5 + 1 / 16, "a"), (0.25, "b")])
    assert parts == [("████", "a"), ("▌", "a on b"), ("█", "b"), ("▌", "b"), ("·", "track")]


@given(
    st.integers(1, 60),
    st.lists(st.floats(0, 1), max_size=8).filter(lambda shares: sum(shares) <= 1),
)
def test_a_bar_is_as_wide_as_it_was_asked_to_be(width: int, shares: list[float]) -> None:
    parts = stacked_bar(width, [(share, f"s{index}") for index, share in enumerate(shares)])
    assert length(parts) == width


def test_a_share_that_is_there_at_all_is_seen() -> None:
    assert stacked_bar(10, [(0.0001, "a")])[0] == ("▏", "a")


def test_a_sparkline_shows_what_is_small_and_leaves_out_what_is_unknown() -> None:
    assert chart([None, 0, 0.1, 4, 8], 8, 1) == [" ▁▁▄█"]
    assert chart([0, None], 0, 1) == ["▁ "]
    assert chart([None, 0, 3, 4, 8], 8, 2) == ["    █", " ▁▆██"]


@pytest.mark.parametrize("values", [[0.0, 1.0, -1.0, 1e308, -1e308], [1 << 63]])
def test_a_chart_of_extreme_numbers_stays_within_its_width(values: list[float]) -> None:
    for highest in (5e-324, 1.0, 1e308):
        assert [len(line) for line in chart(values, highest, 2)] == [len(values)] * 2


def test_a_series_in_columns_keeps_its_peaks() -> None:
    series = Series(width=1)
    for time, value in ((100, 1), (140, 9), (141, 1), (190, 3)):
        series.add(time, value)
    assert columns_of(series, 100, 200, 5) == [1, 1, 9, 1, 3]
    assert columns_of(series, 0, 200, 4) == [None, None, 9, 3]


def test_big_digits_are_three_rows_of_one_width() -> None:
    rows = big_digits("1,204")
    assert rows is not None
    assert len({len(each) for each in rows}) == 1
    assert big_digits("1e5") is None


def test_fit_and_right_measure_cells_not_characters() -> None:
    assert fit("日本語", 4) == "日 …"
    assert right("日本", 6) == "  日本"
    assert fit("abc", 0) == ""
    assert fitting(["a long way", "short"], 6) == "short "
    assert fitting(["a long way", "shorter"], 4) == "sho…"


def test_crop_keeps_the_styles_of_what_is_left() -> None:
    assert crop([("abc", "x"), ("def", "y")], 4) == (("abc", "x"), ("d", "y"))
    assert crop([("ab", "x")], 4) == (("ab", "x"), ("  ", ""))


@given(st.text(max_size=40))
def test_ascii_keeps_the_cells(text: str) -> None:
    rows = finished([row(text)], 20, 1, True)
    assert rows[0].text.isascii()
    assert rows[0].text.isprintable()
    assert len(rows[0].text) == 20


def test_signs_have_substitutes_of_their_own() -> None:
    assert in_ascii("●○✓✗▸▒░ é世") == "*o+X>x: ???"


def test_control_characters_never_come_through() -> None:
    assert finished([row("a\x1b[31mb\x07\tc")], 12, 1)[0].text == "ab·    c    "


def test_a_list_says_what_it_hides() -> None:
    rows = [row(str(number)) for number in range(10)]
    assert [each.text for each in from_top(rows, 4, 0)] == ["0", "1", "2", " ▾ 7 more"]
    assert from_top(rows, 4, 99)[-1].text == " ▴ 7 above"
    assert from_top(rows, 4, 2)[-1].text == " ▾ 5 more   ▴ 2 above"
    assert from_top(rows, 10, 3) == rows


def test_a_log_ends_at_the_bottom_and_says_what_is_newer() -> None:
    def make(index: int) -> Row:
        return row(str(index))

    assert [each.text for each in from_bottom(10, 3, 0, make)] == ["7", "8", "9"]
    assert [each.text for each in from_bottom(10, 3, 2, make)] == ["6", "7", " ▾ 2 newer"]
    assert [each.text for each in from_bottom(10, 3, 99, make)] == ["0", "1", " ▾ 8 newer"]
    assert [each.text for each in from_bottom(2, 5, 0, make)] == ["0", "1"]


@given(st.text(max_size=30), st.integers(1, 20))
def test_fit_is_exact_for_harmless_text(text: str, width: int) -> None:
    harmless = finished([row(text)], 60, 1)[0].text.rstrip()
    assert cell_len(fit(harmless, width)) == width


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ForkPoolWorker-1", "worker 1"),
        ("SpawnPoolWorker-12", "worker 12"),
        ("ForkServerPoolWorker-1:2", "worker 1:2"),
        ("SpawnProcess-3", "worker 3"),
        ("PoolWorker-3", "worker 3"),
        ("Process-3", "Process-3"),
        ("adder-1", "adder-1"),
        ("MainProcess", "MainProcess"),
    ],
)
def test_a_process_is_called_by_what_one_can_read_in_the_names_that_python_gives(
    name: str, label: str
) -> None:
    story = Story()
    story.start(10, 1001, name)
    assert described(story.process(1001)) == label


def test_a_filter_finds_a_pid_as_a_whole_and_a_worker_by_either_name() -> None:
    story = Story()
    story.start(10, 1031, "ForkPoolWorker-3")
    process = story.process(1031)
    for wanted in ("1031", "worker 3", "PoolWorker-3", "WORKER"):
        assert process_matches(View(filter=wanted), process), wanted
    for wanted in ("10", "31", "worker 4"):
        assert not process_matches(View(filter=wanted), process), wanted
