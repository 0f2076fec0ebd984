"""The timeline: lanes on an absolute grid, nothing lost at low zoom, what the mouse points at."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.panel_stories import ADDERS, counter, pool_map
from helpers.story import MAIN, MS, Story, moment
from mpviz.trace.model.lane import Activity, Lane
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.render.lanes.cells import EMPTY, mixed_cell, row_of_lane
from mpviz.tui.render.lanes.columns import ColumnStore, columns_of, lane_cells
from mpviz.tui.render.lanes.ends import end_mark, mark_end
from mpviz.tui.render.lanes.grid import STEPS, Grid, column_width
from mpviz.tui.render.palette import lane_style
from mpviz.tui.render.timeline import layout as placing
from mpviz.tui.render.timeline import points, zoom
from mpviz.tui.render.timeline.axis import mark_step
from mpviz.tui.render.timeline.layout import layout
from mpviz.tui.render.timeline.legend import legend_row
from mpviz.tui.render.view import View


def two_waits() -> Story:
    """Process-1 holds a lock from 20 to 60 ms; Process-2 waits for it from 30 ms on."""
    story = Story()
    lock = story.lock("counter")
    story.start(10, 1001, "Process-1")
    story.start(12, 1002, "Process-2")
    story.wait(15, MAIN, "process", "1001")
    story.acquire(20, 1001, lock)
    story.wait(30, 1002, "lock", lock)
    story.release(60, 1001, lock)
    story.acquire(60, 1002, lock)
    return story


def texts(state: RunState, view: View, width: int = 80, height: int = 9) -> list[str]:
    return [row.text for row in PANEL.draw(state, view, width, height)]


def lane(state: RunState, view: View, name: str, width: int = 80) -> str:
    row = next(text for text in texts(state, view, width) if name in text)
    return row[placing.layout(state, view, width, 9).label :]


def test_a_lane_for_each_process_from_its_first_moment() -> None:
    state = two_waits().state_at(77)
    rows = texts(state, View(now=state.now), 97)
    assert [row.split()[1] for row in rows if "Process" in row] == [
        "MainProcess",
        "Process-1",
        "Process-2",
    ]
    # A column of a millisecond: what is before the first moment is empty.
    first = lane(state, View(now=state.now), "Process-1", 97)
    assert first[:10].strip() == ""
    assert first[10] != " "


def test_waiting_is_drawn_where_it_was() -> None:
    state = two_waits().state_at(77)
    view = View(now=state.now)
    width = 97
    grid = placing.layout(state, view, width, 9).grid
    assert grid.width == MS
    waiter = lane(state, view, "Process-2", width)
    assert waiter[30:60] == "▒" * 30
    assert waiter[60:77] == "█" * 17
    assert waiter[77:].strip() == ""


def test_the_legend_names_only_what_is_in_sight() -> None:
    state = two_waits().state_at(77)
    legend = texts(state, View(now=state.now), 120)[-1]
    assert "▒ waiting for a lock" in legend
    assert "queue" not in legend
    assert "zombie" not in legend


def test_above_the_work_of_a_high_lane_is_the_sign_of_the_wait() -> None:
    mixed = ("▄", "activity.running on activity.queue.ground", "t")
    top, bottom = (row_of_lane([mixed], 2, at)[0] for at in range(2))
    assert top == ("░", "activity.queue.lane", "")
    assert bottom == ("█", *mixed[1:])


def test_the_legend_names_no_sign_that_no_lane_shows() -> None:
    state = Story().state
    placed = layout(state, View(), 120, 10)
    seen = Counter({"activity.running on activity.result.ground": 5})
    words = legend_row(placed, seen, 120).text
    assert "partly running" in words
    assert "results" not in words
    seen = Counter({"activity.running on activity.queue.ground": 5})
    assert "waiting for a queue" in legend_row(placed, seen, 120).text


def test_a_narrow_legend_uses_fewer_words() -> None:
    state = two_waits().state_at(77)
    assert "▒ lock" in texts(state, View(now=state.now), 60)[-1]


def test_a_legend_without_room_leaves_out_what_is_rarest() -> None:
    state = two_waits().state_at(77)
    placed = placing.layout(state, View(now=state.now), 60, 9)
    seen = Counter({lane_style(activity): 1 for activity in Activity})
    seen[lane_style(Activity.SLEEPING)] = 50
    seen[lane_style(Activity.RUNNING)] = 9
    for width in range(placed.label + 12, placed.label + 200):
        grid = replace(placed.grid, count=width - placed.label)
        legend = legend_row(replace(placed, grid=grid), seen, width).text
        assert "~ sleeping" in legend
        assert len(legend) <= width
    narrow = replace(placed, grid=replace(placed.grid, count=25))
    assert legend_row(narrow, seen, placed.label + 25).text.split() == [
        *("█", "running"),
        *("~", "sleeping"),
    ]


def test_the_axis_has_round_times_from_the_start_of_the_run() -> None:
    state = two_waits().state_at(77)
    axis = texts(state, View(now=state.now), 97)[-2]
    assert "╷0" in axis
    assert "╷20 ms" in axis
    assert axis.index("╷40 ms") - axis.index("╷20 ms") == 20


@pytest.mark.parametrize("column", [1_000, 12_500, 150_000, 3_000_000, 800_000_000])
def test_marks_are_far_enough_apart_to_be_read(column: int) -> None:
    step = mark_step(column)
    assert step >= 12 * column
    assert str(step).strip("0") in {"1", "2", "5"}


def test_the_selected_lane_is_set_apart() -> None:
    state = two_waits().state_at(77)
    rows = PANEL.draw(state, View(now=state.now, selected="1002"), 80, 9)
    chosen = next(row for row in rows if row.key == "1002")
    assert chosen.text.startswith("▸●2 Process-2")
    assert all("+selected" in style or style.startswith("selected") for _, style in chosen.parts)
    others = [row for row in rows if row.key and row.key != "1002"]
    assert all(row.text[0] == " " for row in others)
    assert all("selected" not in style for row in others for _, style in row.parts)


def test_ends_are_marked_and_only_unasked_ones_are_red() -> None:
    state = counter(ended=True).state
    rows = {row.key: row for row in PANEL.draw(state, View(now=state.now), 120, 7)}
    ends = {key: (row.text.split("  ")[-1].strip() or row.text) for key, row in rows.items() if key}
    assert "✓" in rows["1001"].text
    assert "✗ SIGTERM" in rows["1002"].text
    assert "✗ exit 1" in rows["1003"].text
    assert "✗ SIGKILL" in rows["1004"].text
    assert ends
    assert ("✗ SIGTERM", "warning") in rows["1002"].parts
    assert ("✗ SIGKILL", "trouble") in rows["1004"].parts


def test_an_end_at_the_edge_of_the_picture_is_still_marked() -> None:
    story = two_waits()
    story.exit(70, 1001, -9)
    state = story.state
    row = next(row for row in PANEL.draw(state, View(now=state.now), 40, 6) if row.key == "1001")
    assert "✗" in row.text


def test_tasks_are_blocks_with_their_numbers() -> None:
    story = Story("pool-map")
    pool = story.pool(2, [1001])
    story.submit(5, pool, 1, 3)
    for index in range(3):
        story.task(10 + 20 * index, 1001, pool, 1, index, until=29.9 + 20 * index)
    state = story.state_at(77)
    row = next(r for r in PANEL.draw(state, View(now=state.now), 120, 6) if r.key == "1001")
    for label in ("0", "1", "2"):
        assert label in row.text.split("worker 1")[1]
    styles = [style for _, style in row.parts]
    assert "activity.task" in styles
    assert "activity.task.shade" in styles
    assert "gap on activity.task.shade" in styles


def test_a_column_with_many_short_tasks_is_not_drawn_as_one() -> None:
    story = Story("pool-map")
    pool = story.pool(2, [1001])
    story.submit(5, pool, 1, 300)
    for index in range(300):
        story.task(10 + index, 1001, pool, 1, index, until=11 + index)
    state = story.state
    assert "▓▓▓▓" in lane(state, View(now=state.now), "worker 1", 60)


def test_work_among_waiting_is_a_block_as_high_as_its_share() -> None:
    amounts = [0] * len(Activity)
    amounts[Activity.LOCK], amounts[Activity.RUNNING] = 750, 250
    assert mixed_cell(amounts, "", 0, False) == (
        "▂",
        "activity.running on activity.lock.ground",
        "",
    )


def test_the_least_work_is_seen_and_the_least_waiting_is_not() -> None:
    amounts = [0] * len(Activity)
    amounts[Activity.IDLE], amounts[Activity.TASK] = 1_000_000, 1
    assert mixed_cell(amounts, "", 1, False)[0] == "▁"
    amounts[Activity.IDLE], amounts[Activity.TASK] = 1, 1_000_000
    assert mixed_cell(amounts, "t", 0, False)[0] == "█"


def test_two_waits_show_both_the_greater_first() -> None:
    amounts = [0] * len(Activity)
    amounts[Activity.LOCK], amounts[Activity.QUEUE] = 600, 400
    glyph, style, _ = mixed_cell(amounts, "", 0, False)
    assert (glyph, style) == ("▒", "activity.lock on activity.queue.ground")


def test_ascii_is_ascii_and_tells_activities_apart() -> None:
    state = two_waits().state_at(77)
    view = View(now=state.now, ascii=True, selected="1001")
    rows = texts(state, view, 97)
    assert all(row.isascii() for row in rows)
    assert "x" * 30 in lane(state, view, "Process-2", 97)
    assert "-" * 30 in lane(state, view, "MainProcess", 97)


def test_empty_states_are_said() -> None:
    assert texts(RunState(), View())[0].strip() == "no process has started yet"
    state, view = two_waits().state_at(77), View(filter="nobody")
    assert texts(state, view)[0].strip() == (
        'no process matches the filter "nobody": esc clears it'
    )


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 8, 40])
@pytest.mark.parametrize("width", [10, 40, 80, 120, 200])
def test_every_size_is_filled_exactly(width: int, height: int) -> None:
    for story in (counter(), pool_map()):
        state = story.state
        rows = PANEL.draw(state, View(now=state.now), width, height)
        assert 0 < len(rows) <= height
        assert {len(row.text) for row in rows} == {width}


def test_many_lanes_keep_the_living_in_sight_and_count_the_rest() -> None:
    story = Story()
    for number in range(30):
        story.start(5 + number, 1001 + number, f"Process-{number + 1}")
        if number < 25:
            story.exit(40 + number, 1001 + number)
    state = story.state_at(100)
    rows = PANEL.draw(state, View(now=state.now), 80, 10)
    shown = {row.key for row in rows if row.key}
    assert {str(1001 + number) for number in range(25, 30)} <= shown
    assert any("23 more" in row.text for row in rows)


def test_lanes_that_ended_before_the_stretch_are_left_out() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.exit(20, 1001)
    story.start(30, 1002, "Process-2")
    state = story.state_at(500)
    view = View(now=state.now, span=100 * MS)
    assert not any("Process-1" in text for text in texts(state, view))
    view.selected = "1001"
    assert any("Process-1" in text for text in texts(state, view))


def test_the_filter_keeps_matching_lanes() -> None:
    state = counter().state
    rows = PANEL.draw(state, View(now=state.now, filter="process-3"), 80, 9)
    assert {row.key for row in rows if row.key} == {"1003"}


# Geometry ----------------------------------------------------------------------------------------


@given(st.integers(1, 10**13), st.integers(1, 300))
def test_columns_are_round_and_show_at_least_the_span(span: int, columns: int) -> None:
    width = column_width(span, columns)
    assert width * columns >= span
    assert any(width % (step * 10) == 0 for step in STEPS)
    assert width <= max(1_000, 2 * -(-span // columns))


def test_finished_columns_never_change_as_the_run_goes_on() -> None:
    dice = random.Random(5)
    process = Lane()
    store, grid = ColumnStore(columns_of), Grid(0, 1_000, 0, 80)
    seen: dict[int, str] = {}
    time = 0
    while time < 80_000:
        process.change(time, dice.choice(list(Activity)[:9]))
        cells = lane_cells("1", process, grid, time + 1, store)
        for column in range(process.start // 1_000):
            assert seen.setdefault(column, cells[column][:2]) == cells[column][:2]
        time += dice.randrange(1, 1_500)


def test_kept_columns_are_those_that_would_be_computed_anew() -> None:
    dice = random.Random(6)
    process = Lane()
    for step in range(3_000):
        process.change(step * 1_000 + dice.randrange(900), dice.choice(list(Activity)[1:9]))
    store, now = ColumnStore(columns_of), 3_000_000
    for _ in range(200):
        first, count = dice.randrange(0, 250), dice.randrange(1, 120)
        grid = Grid(0, 10_000, first, count)
        anew = lane_cells("1", process, grid, now, ColumnStore(columns_of))
        assert lane_cells("1", process, grid, now, store) == anew


def test_another_run_under_the_same_pid_is_not_mistaken_for_this_one() -> None:
    store, grid = ColumnStore(columns_of), Grid(0, 1_000, 0, 10)
    first, second = Lane(), Lane()
    first.change(0, Activity.RUNNING)
    first.change(8_000, Activity.IDLE)
    second.change(0, Activity.LOCK)
    second.change(8_000, Activity.IDLE)
    assert lane_cells("1", first, grid, 10_000, store)[0][0] == "█"
    assert lane_cells("1", second, grid, 10_000, store)[0][0] == "▒"
    assert len(store._kept) == 1


def test_the_store_is_bounded() -> None:
    store = ColumnStore(columns_of)
    process = Lane()
    process.change(0, Activity.RUNNING)
    process.change(10**9, Activity.IDLE)
    for number in range(store.LANES + 50):
        lane_cells(str(number), process, Grid(0, 10**6, 0, 50), 10**9, store)
    assert len(store._kept) == store.LANES
    for first in range(0, 10**6, 40_000):
        lane_cells("long", process, Grid(0, 1_000, first, 50_000), 10**9, store)
    assert len(store._kept["long", 1_000, False].cells) <= 50_000


def test_a_thinned_lane_is_drawn_from_its_buckets() -> None:
    process = Lane(limit=16)
    for step in range(4_000):
        process.change(step * MS, Activity.RUNNING if step % 2 else Activity.LOCK)
    cells = lane_cells("1", process, Grid(0, 100 * MS, 0, 40), 4_000 * MS)
    assert {cell[:2] for cell in cells[1:38]} == {("▄", "activity.running on activity.lock.ground")}


def test_zooming_in_and_out_follows_and_ends_at_the_whole_run() -> None:
    state = counter().state
    view = View(now=state.now)
    view.span, view.end = zoom.zoomed(state, view, 0.5)
    assert (view.span, view.end) == (placing.run_length(state, view) // 2, -1)
    view.span, view.end = zoom.zoomed(state, view, 4)
    assert (view.span, view.end) == (0, -1)
    for _ in range(60):
        view.span, view.end = zoom.zoomed(state, view, 0.5)
    assert view.span == zoom.SHORTEST_SPAN


def test_zooming_keeps_the_time_under_the_mouse_where_it_is() -> None:
    state = counter().state
    view = View(now=state.now)
    size = (120, 9)
    at = points.time_at(state, view, size, 60)
    for _ in range(4):
        view.span, view.end = zoom.zoomed(state, view, 0.5, at)
        grid = placing.layout(state, view, *size).grid
        label = placing.layout(state, view, *size).label
        assert abs(grid.column(at) + label - 60) <= 25
    start, end = placing.visible_stretch(state, view)
    assert start <= at <= end


def test_panning_stays_within_the_run_and_follows_at_its_end() -> None:
    state = counter().state
    view = View(now=state.now, span=100 * MS)
    view.span, view.end = zoom.panned(state, view, -0.5)
    assert view.end == state.now - 50 * MS
    for _ in range(20):
        view.span, view.end = zoom.panned(state, view, -0.5)
    assert view.end == state.origin + view.span
    for _ in range(20):
        view.span, view.end = zoom.panned(state, view, 0.5)
    assert view.end == -1
    assert zoom.panned(state, View(now=state.now), -1) == (0, -1)


def test_centring_brings_a_moment_into_sight() -> None:
    state = counter().state
    view = View(now=state.now)
    at = moment(100)
    view.span, view.end = zoom.centred(state, view, at, 50 * MS)
    start, end = placing.visible_stretch(state, view)
    assert start + end == pytest.approx(2 * at, abs=2)


def test_a_point_says_who_did_what_for_how_long() -> None:
    state = two_waits().state_at(77)
    view = View(now=state.now)
    placed = placing.layout(state, view, 97, 9)
    row = placed.rows.index("1002")
    point = points.point_at(state, view, (97, 9), (placed.label + 40, row))
    assert point is not None
    assert points.describe(state, point) == (
        "Process-2 waited 30.0 ms for lock counter, until Process-1 released it; from 30 ms on"
    )
    now = points.point_at(state, view, (97, 9), (placed.label + 70, row))
    assert now is not None
    assert points.describe(state, now).startswith("Process-2 ran for ")
    assert points.describe(state, now).endswith(" so far; from 60 ms on")
    before = points.point_at(state, view, (97, 9), (placed.label + 5, row))
    assert before is not None
    assert points.describe(state, before) == "Process-2 had not started at 5 ms"


def test_a_point_in_a_busy_column_says_the_mix() -> None:
    state = counter().state
    view = View(now=state.now)
    placed = placing.layout(state, view, 40, 9)
    point = points.point_at(state, view, (40, 9), (placed.label + 12, placed.rows.index("1001")))
    assert point is not None
    words = points.describe(state, point)
    assert "spans in" in words
    assert "%" in words
    assert "the longest" in words


def test_a_point_on_a_label_is_the_process_and_elsewhere_is_nothing() -> None:
    state = two_waits().state_at(77)
    view = View(now=state.now)
    point = points.point_at(state, view, (80, 9), (2, 0))
    assert point is not None
    assert points.describe(state, point) == f"MainProcess, pid {MAIN}"
    assert points.point_at(state, view, (80, 9), (2, 8)) is None
    assert points.point_at(state, view, (80, 9), (2, 99)) is None
    assert points.point_at(state, view, (80, 9), (-1, 0)) is None


def test_a_task_and_results_are_named() -> None:
    state = pool_map().state_at(430)
    view = View(now=state.now)
    placed = placing.layout(state, view, 120, 12)
    x = placed.label + placed.grid.column(moment(425))
    point = points.point_at(state, view, (120, 12), (x, placed.rows.index("1001")))
    assert point is not None
    assert "ran task 20 of square" in points.describe(state, point)
    main = points.point_at(state, view, (120, 12), (x, placed.rows.index(str(MAIN))))
    assert main is not None
    assert "for the results of square" in points.describe(state, main)


def test_an_initializer_and_the_results_of_a_whole_executor_are_named() -> None:
    story = Story("executor")
    pool = story.pool(4, [1001], "executor", kind="ProcessPoolExecutor")
    story.wait(10, MAIN, "results", f"{pool}/")
    story.worker(20, 1002, pool, 2, "load_model", ready=60)
    state = story.state_at(100)
    view = View(now=state.now)
    placed = placing.layout(state, view, 120, 12)
    x = placed.label + placed.grid.column(moment(50))
    sentences = []
    for key in ("1002", str(MAIN)):
        point = points.point_at(state, view, (120, 12), (x, placed.rows.index(key)))
        assert point is not None
        sentences.append(points.describe(state, point))
    assert sentences[0] == (
        "worker 2 ran its initializer load_model for 59.4 ms, then was idle; from 21 ms on"
    )
    assert sentences[1].endswith(" ms for results of executor so far; from 10 ms on")


def test_the_end_after_the_end() -> None:
    story = two_waits()
    story.exit(70, 1001)
    state = story.state_at(77)
    view = View(now=state.now)
    placed = placing.layout(state, view, 97, 9)
    x = placed.label + placed.grid.column(moment(75))
    point = points.point_at(state, view, (97, 9), (x, placed.rows.index("1001")))
    assert point is not None
    assert points.describe(state, point) == "Process-1 has ended: exit code 0"


def test_paused_view_shows_nothing_later() -> None:
    state = two_waits().state_at(200)
    view = View(now=moment(45))
    row = lane(state, view, "Process-2", 97)
    shown = placing.layout(state, view, 97, 9).grid.column(moment(45))
    assert row[shown + 1 :].strip() == ""


def test_a_process_without_a_lane_yet_is_left_out() -> None:
    state = RunState(origin=1, now=10**9)
    state.processes["7"] = Process("7", 7, 1, 5)
    assert placing.lanes_of(state, View()) == []
    assert len(ADDERS) == 4


@pytest.mark.parametrize("highest", [4, 8])
def test_where_there_is_room_a_lane_has_several_rows_and_its_name_in_the_middle(
    highest: int,
) -> None:
    state = counter().state
    view = View(now=state.now, highest_lane=highest)
    lanes = len(placing.lanes_of(state, view))
    heights = placing.lane_heights(lanes, highest)
    assert heights == [lanes, *((high + 1) * lanes - 1 for high in range(1, highest + 1))]
    for high, rows in zip((1, *range(1, highest + 1)), heights, strict=True):
        drawn = PANEL.draw(state, view, 100, rows + 2)
        assert [row.key for row in drawn].count("1001") == high
        assert sum("Process-1 " in row.text for row in drawn) == 1
        assert len(drawn) == rows + 2


def test_a_high_lane_is_filled_from_below_by_the_share_of_work_and_a_line_stays_a_line() -> None:
    half, line, ended = ("▄", "a on b", ""), ("─", "activity.process", ""), ("x", "good", "")
    rows = [
        "".join(cell[0] for cell in row_of_lane([half, line, ended, EMPTY], 4, at))
        for at in range(4)
    ]
    assert rows == ["    ", "    ", "█─x ", "█   "]
    task = [("▎", "gap on activity.task", "1"), ("█", "activity.task", "1")]
    assert row_of_lane(task, 2, 1) == task


@pytest.mark.parametrize(
    ("sender", "mark"), [(MAIN, ("· ended by its pool", "dim")), (0, ("✗ SIGTERM", "warning"))]
)
def test_a_worker_that_its_pool_terminates_is_no_trouble(
    sender: int, mark: tuple[str, str]
) -> None:
    story = Story("pool-map")
    story.pool(1, [1001])
    story.signal(100, 1001, 15, sender)
    story.exit(110, 1001, -15)
    assert end_mark(story.process(1001)) == mark


@pytest.mark.parametrize(
    ("room", "mark"),
    [(12, "✗ SIGKILL"), (9, "✗ SIGKILL"), (8, "✗ KILL"), (5, "✗KILL"), (4, "✗"), (1, "✗")],
)
def test_a_mark_of_an_end_is_cut_to_something_whole(room: int, mark: str) -> None:
    story = Story()
    story.start(1, 1001, "stubborn")
    story.exit(10, 1001, -9)
    process = story.process(1001)
    cells = [EMPTY] * (1 + room)
    mark_end(cells, process, Grid(process.ended, 1_000_000, 0, len(cells), ascii=False))
    assert "".join(cell[0] for cell in cells).strip() == mark


@pytest.mark.parametrize("width", [76, 77, 78, 79, 80, 118])
def test_what_ends_with_the_run_says_how(width: int) -> None:
    story = Story()
    story.start(1, 1001, "daemon")
    story.start(1, 1002, "stubborn")
    story.exit(1000, 1002, -9)
    story.exit(1002, 1001, -15)
    story.end(1003)
    state = story.state_at(1003)
    drawn = "\n".join(texts(state, View(now=state.now), width))
    assert "KILL" in drawn
    assert "TERM" in drawn


def test_lanes_out_of_sight_are_said_where_they_are() -> None:
    story = Story()
    for number in range(1, 13):
        story.start(10 + number, 1000 + number, f"Process-{number}")
    state = story.state_at(50)

    def counted(scroll: int) -> str:
        view = View(now=state.now, scroll={"timeline": scroll})
        return texts(state, view, 100, 7)[-2].split("╷")[0].strip()

    assert [counted(scroll) for scroll in (0, 4, 99)] == ["▾ 8 more", "▴ 4 ▾ 4 more", "▴ 8 more"]
