"""Work without a core is a block as high as the share of a core that the process had."""

import pytest

from helpers.story import MS, Story
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.process import Process
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.render.lanes.cells import TASK_STYLE
from mpviz.tui.render.lanes.columns import lane_cells
from mpviz.tui.render.lanes.core_share import HELD, level_of, shade
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.view import View

COLUMN = 100 * MS


def crowded(until: int, lacked: float) -> Process:
    """A process that has worked since 0 and lacked a core for this share of the time."""
    process = Process("1", 1, 1, 0)
    process.lane.change(0, Activity.RUNNING)
    for time in range(0, until, COLUMN):
        process.core_times.add(
            time, time + COLUMN, round(COLUMN * (1 - lacked)), round(COLUMN * lacked)
        )
    return process


def drawn(process: Process, now: int, ascii: bool = False) -> str:
    grid = Grid(0, COLUMN, 0, 12, ascii)
    cells = lane_cells(process.key, process.lane, grid, now)
    shade(process, grid, cells)
    return "".join(cell[0] for cell in cells)


@pytest.mark.parametrize(
    ("lacked", "sign", "ascii"),
    [(0.05, "█", "#"), (0.25, "▆", "*"), (0.5, "▄", ":"), (1, "▁", ":")],
)
def test_a_column_is_as_high_as_the_share_of_a_core(lacked: float, sign: str, ascii: str) -> None:
    process = crowded(10 * COLUMN, lacked)
    assert drawn(process, 10 * COLUMN) == sign * 10 + "  "
    assert drawn(process, 10 * COLUMN, ascii=True) == ascii * 10 + "  "


def test_the_last_share_is_held_until_the_next_sample_and_no_longer() -> None:
    process = crowded(4 * COLUMN, 0.75)
    held = HELD // COLUMN
    assert drawn(process, 10 * COLUMN) == "▂" * (4 + held) + "█" * (6 - held) + "  "


def test_levels_are_quarters_and_the_least_work_is_seen() -> None:
    assert [level_of(lacked / 8) for lacked in range(9)] == [8, 6, 6, 4, 4, 2, 2, 1, 1]


def test_what_was_waited_for_stays_beside_the_lack_of_a_core() -> None:
    process = crowded(10 * COLUMN, 0.5)
    grid = Grid(0, COLUMN, 0, 3)
    cells = [
        ("▄", "activity.running on activity.lock.ground", ""),
        ("▇", "activity.task on activity.lock.ground", "t"),
        ("▎", "gap on activity.task", "t"),
    ]
    shade(process, grid, cells)
    assert cells == [
        ("▂", "activity.running on activity.lock.ground", ""),
        ("▄", "activity.task on core.ground", "t"),
        ("▎", "gap on core.ground", "t"),
    ]


def test_waits_and_ends_are_not_shaded() -> None:
    process = crowded(10 * COLUMN, 0.9)
    cells = [("▒", "activity.lock.lane", ""), (" ", "", ""), ("✓", "good", "")]
    before = list(cells)
    shade(process, Grid(0, COLUMN, 0, 3), cells)
    assert cells == before


def test_the_legend_says_it_in_words_and_a_task_keeps_its_number() -> None:
    story = Story("pool-map")
    pool = story.pool(2, [1001])
    story.submit(5, pool, 1, 1)
    story.task(10, 1001, pool, 1, 0, until=900)
    state = story.state_at(1000)
    process = story.process(1001)
    process.core_times.add(state.origin, state.now, 250 * MS, 750 * MS)
    rows = PANEL.draw(state, View(now=state.now), 120, 12)
    assert "▂ waiting for a core" in rows[-1].text
    lane = [row for row in rows if row.key == "1001"]
    assert len(lane) == 4
    assert [("0", "head on core.ground") in row.parts for row in lane] == [
        False,
        False,
        True,
        False,
    ]
    block = ("█" * 40, f"{TASK_STYLE} on core.ground")
    assert any(text.startswith(block[0]) and style == block[1] for text, style in lane[3].parts)
