"""The lanes of threads: which are shown, how they are named, and what is drawn."""

import re

import pytest

from helpers.story import MAIN, MS, Story
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.lanes.thread_lanes import thread_cells, thread_name
from mpviz.tui.render.timeline import points
from mpviz.tui.render.timeline.layout import layout
from mpviz.tui.render.view import View


def worked(number: int, name: str, had: float, lacked: float = 0, until: int = 1000) -> KnownThread:
    """A thread from 0 to this time (ms) that had this share of a core, and lacked that."""
    start = Story().state.origin
    thread = KnownThread(number, start, name, own=True)
    length = until * MS
    thread.times.add(start, start + length, round(length * had), round(length * lacked))
    thread.note_busy(start + length)
    return thread


def threaded(*threads: KnownThread) -> RunState:
    """The main process with these threads, at 1 s."""
    story = Story()
    story.start(5, 1001, "Process-1")
    process = story.process(MAIN)
    process.threads.living = {each.number: each for each in threads}
    return story.state_at(1000)


def texts(state: RunState, view: View, height: int = 20) -> list[str]:
    return [row.text for row in PANEL.draw(state, view, 100, height)]


TWO = (worked(2001, "Thread-1 (work)", 0.25), worked(2002, "Thread-2 (work)", 0.5, 0.5))


def test_a_program_that_works_in_threads_shows_each_with_its_share_of_a_core() -> None:
    state = threaded(*TWO)
    rows = texts(state, View(now=state.now))
    first = next(row for row in rows if "thread 1" in row)
    second = next(row for row in rows if "thread 2" in row)
    assert "25%" in first
    assert "▂" * 30 in first
    assert "50%" in second
    assert "▄" * 30 in second
    assert any(re.search("MainProcess *- ", row) for row in rows)


def test_one_thread_alone_stays_folded_until_a_person_unfolds() -> None:
    state = threaded(TWO[0], KnownThread(2002, 0, "idle one"))
    view = View(now=state.now)
    assert not any("thread 1" in row for row in texts(state, view))
    assert any(re.search(r"MainProcess *\+ ", row) for row in texts(state, view))
    view.unfolded[str(MAIN)] = True
    rows = texts(state, view)
    assert any("thread 1" in row for row in rows)
    assert any("idle one" in row and "0%" in row for row in rows)
    state = threaded(*TWO)
    view.unfolded[str(MAIN)] = False
    assert not any("thread 1" in row for row in texts(state, view))


@pytest.mark.parametrize("height", range(1, 14))
def test_lanes_of_threads_take_only_rows_that_processes_leave(height: int) -> None:
    state = threaded(*(worked(2000 + number, f"t{number}", 0.1) for number in range(30)))
    rows = PANEL.draw(state, View(now=state.now), 100, height)
    assert len(rows) <= height
    assert {row.key for row in rows if row.key} <= {str(MAIN), "1001"}
    if height >= 4:
        assert {row.key for row in rows if row.key} == {str(MAIN), "1001"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Thread-3 (worker)", "thread 3"),
        ("ThreadPoolExecutor-0_2", "thread 2"),
        ("ThreadPoolExecutor-1_2", "thread 1_2"),
        ("InterpreterPoolExecutor-0_1", "interpreter 1"),
        ("reader", "reader"),
        ("", "thread 2001"),
    ],
)
def test_names_that_python_gives_are_short_and_others_stay(name: str, shown: str) -> None:
    story = Story()
    assert thread_name(story.process(MAIN), KnownThread(2001, 0, name)) == shown
    assert thread_name(story.process(MAIN), KnownThread(MAIN, 0, name)) == "main thread"


def test_columns_before_its_start_and_after_its_end_are_empty() -> None:
    state = threaded(*TWO)
    thread = worked(2001, "t", 1.0, until=500)
    thread.since += 100 * MS
    thread.until = state.origin + 500 * MS
    grid = Grid(state.origin, 100 * MS, 0, 10)
    cells = thread_cells(state.processes[str(MAIN)], thread, grid, state.now)
    assert "".join(cell[0] for cell in cells) == " ████     "
    ascii = thread_cells(
        state.processes[str(MAIN)], TWO[1], Grid(state.origin, 100 * MS, 0, 10, True), state.now
    )
    assert "".join(cell[0] for cell in ascii) == "::::::::::"
    assert {cell[1] for cell in ascii} == {"activity.running on core.ground"}


def test_a_point_on_a_thread_says_its_share() -> None:
    state = threaded(*TWO)
    view = View(now=state.now)
    placed = layout(state, view, 100, 20)
    row = placed.threads.index(2002)
    point = points.point_at(state, view, (100, 20), (placed.label + 30, row))
    assert point is not None
    words = points.describe(state, point)
    assert words.startswith("thread 2 had 50% of a core at ")
    assert words.endswith(" for one")
    label = points.point_at(state, view, (100, 20), (2, row))
    assert label is not None
    assert points.describe(state, label) == "thread 2, number 2002, of MainProcess"


def test_a_click_on_the_sign_before_a_lane_is_for_its_threads() -> None:
    state = threaded(*TWO)
    view = View(now=state.now)
    placed = layout(state, view, 100, 20)
    sign = (placed.label - 2, placed.rows.index(str(MAIN)))
    assert points.fold_at(state, view, (100, 20), sign) == str(MAIN)
    other = (placed.label - 2, placed.rows.index("1001"))
    of_thread = (placed.label - 2, placed.threads.index(2001))
    for place in (other, of_thread, (placed.label, sign[1]), (1, sign[1]), (1, 99)):
        assert points.fold_at(state, view, (100, 20), place) == ""


def test_threads_without_room_are_counted_and_the_first_are_shown() -> None:
    names = [f"Thread-{number} (work)" for number in range(1, 5)]
    # The last ones worked most: they are not to push the first ones out.
    threads = [worked(2000 + at, name, 0.1 + 0.2 * at) for at, name in enumerate(names)]
    state = threaded(*threads)
    view = View(now=state.now)
    rows = texts(state, view, 6)
    lanes = [found[0] for row in rows if (found := re.search(r"thread \d", row))]
    assert lanes == ["thread 1", "thread 2"]
    assert rows[-2].startswith(" ▾ 2 more")
    assert not any("more" in row for row in texts(state, view, 20))
    # Without room for two, none is shown, and all are counted.
    assert any(row.startswith(" ▾ 4 more") for row in texts(state, view, 5))
    view.unfolded[str(MAIN)] = False
    assert not any("more" in row for row in texts(state, view, 6))


def test_of_threads_the_living_come_before_the_ended() -> None:
    threads = [worked(2000 + at, f"Thread-{at} (work)", 0.3) for at in range(1, 5)]
    state = threaded(*threads)
    threads[0].until = state.origin + 900 * MS
    rows = texts(state, View(now=state.now), 6)
    assert [found[0] for row in rows if (found := re.search(r"thread \d", row))] == [
        "thread 2",
        "thread 3",
    ]
