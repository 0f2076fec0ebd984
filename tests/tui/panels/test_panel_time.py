"""Where the time went, as a person reads it: bars on one scale, what they say, how long it took."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from helpers.panel_stories import counter
from helpers.story import MAIN, Story
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.timings import count_timings, first_timings, timings
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import phases
from mpviz.tui.panels.histograms import MOST_SHOWN, timing_rows
from mpviz.tui.panels.panel import title_of
from mpviz.tui.render.phase_bars import phase_sign
from mpviz.tui.render.view import View

WIDTH = 100


def half_waiting() -> Story:
    """Over 200 ms, Process-2 holds a lock for which Process-1 waits half of the time."""
    story = Story(cores=4)
    lock = story.lock("gate")
    story.start(0, 1001, "Process-1")
    story.start(0, 1002, "Process-2")
    story.acquire(20, 1002, lock)
    story.wait(50, 1001, "lock", lock)
    story.wait(50, MAIN, "process", "1001")
    story.release(149, 1002, lock)
    story.acquire(150, 1001, lock)
    story.release(160, 1001, lock)
    story.sample(199, [50.0] * 4, {1001: (0, 50.0), 1002: (1, 50.0)})
    return story


def lines_of(state: RunState, width: int = WIDTH, height: int = 30, **view: object) -> list[str]:
    rows = phases.PANEL.draw(state, View(**view), width, height)  # type: ignore[arg-type]
    assert len(rows) <= height
    assert {cell_len(each.text) for each in rows} == {width}
    return [each.text.rstrip() for each in rows]


def line_with(lines: list[str], words: str) -> str:
    return next(line for line in lines if words in line)


def test_a_bar_for_each_worker_is_as_long_as_the_run_and_one_is_for_all() -> None:
    lines = lines_of(half_waiting().state_at(200))
    first, second = line_with(lines, "Process-1"), line_with(lines, "Process-2")
    bar = len(first) - len("●M MainProcess  ") - phases.SHARE_WIDTH
    assert first.count("▒") == pytest.approx(bar / 2, abs=1)
    assert second.count("▒") == 0
    assert line_with(lines, "all 2").count("▒") == pytest.approx(bar / 4, abs=1)


def test_the_main_process_has_a_bar_and_is_in_no_sum() -> None:
    lines = lines_of(half_waiting().state_at(200))
    assert line_with(lines, "MainProcess").count("─") > 50
    legend = line_with(lines, "waiting for a process")
    assert "%" not in legend.split("waiting for a process")[1]


def test_the_legend_says_how_long_and_what_share_of_all_time() -> None:
    lines = lines_of(half_waiting().state_at(200))
    words = line_with(lines, "waiting for a lock").split("waiting for a lock")[1].split()
    assert words[:3] == ["100", "ms", "25%"]


@pytest.mark.parametrize("ascii", [False, True])
def test_no_two_phases_have_the_same_sign(ascii: bool) -> None:
    signs = [phase_sign(phase, ascii)[0] for phase in phases.Phase if phase not in phases.AWAY]
    assert len(set(signs)) == len(signs)
    if ascii:
        assert all(sign.isascii() for sign in signs)


def test_in_ascii_it_is_all_ascii() -> None:
    assert all(line.isascii() for line in lines_of(counter().state, ascii=True))


def test_in_a_low_panel_the_bar_for_all_and_the_speed_up_come_first() -> None:
    state = half_waiting().state_at(200)
    first, second, *rest = lines_of(state, 78, 6)
    assert first.startswith("  all 2")
    assert second.startswith("speed-up")
    assert "more" in rest[-1]
    scrolled = lines_of(state, 78, 6, scroll={"time": 4})
    assert not scrolled[0].startswith("  all 2")
    assert any("Process-1" in line for line in scrolled)


def test_the_filter_takes_bars_away_and_no_time_from_the_sums() -> None:
    state = half_waiting().state_at(200)
    lines = lines_of(state, filter="Process-2")
    assert not any("Process-1" in line for line in lines)
    assert line_with(lines, "all 2") == line_with(lines_of(state), "all 2")


def test_a_click_on_a_bar_selects_its_process() -> None:
    rows = phases.PANEL.draw(half_waiting().state_at(200), View(), WIDTH, 30)
    assert {"1001", "1002", str(MAIN)} <= {each.key for each in rows}


def test_the_title_has_the_number_that_matters() -> None:
    state = half_waiting().state_at(200)
    assert title_of(phases.PANEL, state, View()).startswith("time of 2 workers, ")
    assert title_of(phases.PANEL, RunState(), View()) == "time"


def test_a_program_without_workers_has_no_such_panel() -> None:
    assert not phases.PANEL.used(Story().state)
    assert lines_of(Story().state) == ["no worker has started yet"]


def test_durations_are_on_one_scale_from_short_to_long() -> None:
    story = Story()
    quick, slow = story.lock("quick"), story.lock("slow")
    story.start(0, 1001, "Process-1")
    for number in range(20):
        story.acquire(10 + 10 * number, 1001, quick)
        story.release(10.01 + 10 * number, 1001, quick)
        story.acquire(12 + 10 * number, 1001, slow)
        story.release(17 + 10 * number, 1001, slow)
    lines = lines_of(story.state_at(300), 140)
    heading = line_with(lines, "how long")
    first, second = line_with(lines, "lock quick"), line_with(lines, "lock slow")
    assert [len(line.rstrip()) for line in (first, second)] == sorted(
        [len(first.rstrip()), len(second.rstrip())]
    )
    # The slow one's only bar is between the marks of 1 ms and 10 ms.
    bar = max(map(second.rfind, "▁▂▃▄▅▆▇█"))
    assert heading.index("╷1 ms") < bar
    assert "5.00 ms" in second or "5.24 ms" in second
    assert first.split()[3] == "20"


def test_where_nothing_was_timed_there_is_no_table() -> None:
    assert timing_rows([], 0, 80) == []


def test_of_thousands_of_locks_the_costliest_are_listed_and_the_others_counted() -> None:
    count = MOST_SHOWN + 50
    state = RunState()
    for number in range(count):
        told = {"pid": 7, "object": f"lock {number}"}
        follow(
            state,
            [
                LockCreated(time=1, kind="Lock", maximum=1, **told),
                LockAcquired(time=2, **told),
                LockReleased(time=1000 + number, **told),
            ],
        )
    first, total = first_timings(state, MOST_SHOWN)
    assert first == timings(state)[:MOST_SHOWN]
    assert [timing.object for timing in first[:2]] == [f"lock {count - 1}", f"lock {count - 2}"]
    assert (total, count_timings(state, MOST_SHOWN + 1)) == (count, MOST_SHOWN + 1)
    rows = timing_rows(first, total, 80)
    assert len(rows) == MOST_SHOWN + 2
    assert rows[-1].text == " and 50 more that cost less"
    assert phases.PANEL.wanted_height(state, View()) == len(rows) + 1 + 10
