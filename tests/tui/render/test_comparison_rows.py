"""Runs side by side, as a person reads them: the table, the bars and the timelines on one scale."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len

from helpers.examples import examples
from helpers.panel_stories import counter, pool_map
from helpers.story import Story
from mpviz.trace.model.processes.identity import exit_in_words
from mpviz.trace.model.state import RunState
from mpviz.trace.record.comparison import COUNT, SECONDS, TIMES, Figure, Measure, Run
from mpviz.tui.render.comparison_rows import change_in_words, comparison_rows, figure_in_words

SHORT, LONG = 400, 800
"""Milliseconds."""


def runs() -> list[Run]:
    """The same program twice, the second time for twice as long."""
    return [
        Run("increments=10", counter(SHORT, ended=True).state),
        Run("increments=20", counter(LONG, ended=True).state),
    ]


def lines_of(compared: list[Run], width: int = 100, ascii: bool = False) -> list[str]:
    rows = comparison_rows(compared, width, ascii)
    assert {cell_len(each.text) for each in rows} == {width}
    return [each.text.rstrip() for each in rows]


def line_with(lines: list[str], words: str) -> str:
    return next(line for line in lines if words in line)


def test_the_heading_says_what_is_compared_and_what_the_letters_mean() -> None:
    heading, first, second, *_ = lines_of(runs())
    assert heading == "2 runs side by side: shared-counter"
    assert (first, second) == ("  A increments=10", "  B increments=20")


def test_a_line_of_the_table_has_each_value_and_its_change_from_the_first() -> None:
    compared = runs()
    ends = [(run.state.now - run.state.origin) / 1e6 for run in compared]
    words = line_with(lines_of(compared), "wall time").split()
    change = f"{100 * (ends[1] / ends[0] - 1):+.0f}%"
    assert words == ["wall", "time", f"{ends[0]:.0f}", "ms", f"{ends[1]:.0f}", "ms", change]


def test_figures_alike_in_all_runs_share_one_line() -> None:
    lines = lines_of(runs())
    assert "workers 4" in line_with(lines, "about the same in all")
    assert not any(line.strip().startswith("workers ") for line in lines)


def test_the_bars_and_the_lanes_are_on_one_scale() -> None:
    lines = lines_of(runs())
    (first,) = [line for line in lines if line.startswith("  A ") and "▒" in line]
    (second,) = [line for line in lines if line.startswith("  B ") and "▒" in line]
    assert first.count("▒") * 2 == pytest.approx(second.count("▒"), abs=3)
    at = lines.index("A increments=10"), lines.index("B increments=20")
    ends = [line_with(lines[index:], "Process-2").index("✗") for index in at]
    begin = line_with(lines, "╷0").index("╷0")
    assert (ends[0] - begin) * 2 == pytest.approx(ends[1] - begin, abs=4)


def test_one_legend_explains_the_signs_of_all() -> None:
    compared = [runs()[0], Run("pool", pool_map().state)]
    *_, legend = lines_of(compared, 140)
    assert "lock" in legend
    assert "task" in legend


def test_different_programs_are_named() -> None:
    compared = [runs()[0], Run("other", Story("pool-map").state)]
    heading, first, second, *_ = lines_of(compared)
    assert "different programs" in heading
    assert first.endswith("shared-counter")
    assert second.endswith("pool-map")


def test_a_run_that_is_cut_off_says_so() -> None:
    compared = [runs()[0], Run("b", runs()[1].state, "it is cut off")]
    assert "it is cut off" in lines_of(compared)[2]


def test_where_there_is_no_room_for_all_columns_they_go_on_below() -> None:
    lines = lines_of(runs() * 3, 80)
    tables = [line for line in lines if "wall time" in line]
    assert len(tables) > 1
    assert sum(line.count(" ms") for line in tables) == 6


@pytest.mark.parametrize(
    ("unit", "values", "words"),
    [
        (SECONDS, (2.0, 1.0), "-50%"),
        (SECONDS, (1.0, 2.1), "x2.1"),
        (SECONDS, (1.0, 250.0), "x250"),
        (COUNT, (10, 12), "+20%"),
        (TIMES, (1.0, 1.9), "+90%"),
        (SECONDS, (None, 2.0), ""),
        (SECONDS, (0.0, 2.0), ""),
        (SECONDS, (1.0, 1.01), ""),
    ],
)
def test_a_change_is_a_share_or_a_factor(
    unit: str, values: tuple[Figure, Figure], words: str
) -> None:
    assert change_in_words(Measure("run", "it", unit, values), 1) == words


def test_a_figure_that_a_run_lacks_is_a_dash() -> None:
    assert figure_in_words(None, SECONDS) == "-"


def test_in_ascii_it_is_all_ascii() -> None:
    assert all(line.isascii() for line in lines_of(runs(), ascii=True))


def test_a_run_with_many_processes_says_how_many_are_not_shown() -> None:
    story = Story()
    for number in range(30):
        story.start(5 + number, 2000 + number, f"Process-{number}")
    lines = lines_of([runs()[0], Run("many", story.state_at(100))])
    assert "and 21 more processes" in line_with(lines, "many  ")


@examples(30)
@given(some.integers(60, 200), some.integers(1, 5), some.text(max_size=300))
def test_rows_of_any_comparison_fit_any_width(width: int, number: int, label: str) -> None:
    found = [runs()[0], Run(label, RunState()), Run("pool=2", pool_map().state)]
    lines_of([*found, *found][: number + 1], width)


@pytest.mark.parametrize("code", [0, 1, -signal.SIGINT, -signal.SIGTERM, -signal.SIGVTALRM, None])
def test_how_a_run_ended_is_said_whole(code: int | None) -> None:
    ended = counter(SHORT, ended=True).state
    failed = counter(LONG, ended=True).state
    main = failed.processes[failed.main]
    main.exit_code = code
    if code == ended.processes[ended.main].exit_code:
        ended.processes[ended.main].exit_code = 1
    lines = lines_of([Run("a", ended), Run("b", failed)])
    words = {None: "status unknown", -signal.SIGVTALRM: "SIGVTALRM"}.get(code, exit_in_words(main))
    assert line_with(lines, "  end ").endswith(words)
