"""The parts that a program names, above the axis, and the results that stay in sight."""

from helpers.story import MAIN, Story
from mpviz.tui.panels.timeline import PANEL, useful
from mpviz.tui.render.results import result_rows
from mpviz.tui.render.verdict import verdict_rows
from mpviz.tui.render.view import View


def in_parts() -> Story:
    story = Story()
    story.start(5, 1001, "Process-1")
    for time, text in (
        (200, "## load"),
        (400, "##"),
        (500, "## a name that is too long for its part"),
        (900, "## s"),
        (905, "## save"),
        (950, "=> 1.9x"),
    ):
        story.output(time, MAIN, text)
    return story


def test_each_part_is_named_where_it_begins_with_how_long_it_took() -> None:
    state = in_parts().state_at(1000)
    rows = [row.text for row in PANEL.draw(state, View(now=state.now), 100, 20)]
    named = rows[-3]
    assert "│load 200 ms" in named
    assert "│a name that is too long for" in named
    assert "…" in named
    assert "│save" in named
    assert named.index("│load") == rows[-2].index("╷200 ms")
    crossed = [row for row in rows if "│" in row and not any(sign.isalnum() for sign in row)]
    assert crossed
    assert all(row.index("│") == named.index("│") for row in crossed)


def test_a_part_shows_from_when_it_was_named_and_a_low_panel_has_none() -> None:
    state = in_parts().state_at(1000)
    early = View(now=state.origin + 50_000_000)
    assert "│" not in PANEL.draw(state, early, 100, 20)[-3].text
    low = [row.text for row in PANEL.draw(state, View(now=state.now), 100, 5)]
    assert not any("load" in row for row in low)


def test_a_program_without_parts_has_no_row_for_them() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    state, parts = story.state_at(1000), in_parts().state_at(1000)
    view = View(now=state.now)
    assert useful(parts, view) == tuple(rows + 1 for rows in useful(state, view))


def test_results_stay_in_sight_the_latest_last() -> None:
    story = in_parts()
    story.output(960, MAIN, "=> done")
    state = story.state_at(1000)
    rows = verdict_rows(state, View(now=state.now), 80)
    assert [row.text.rstrip() for row in rows] == [" RESULT  1.9x", "         done"]
    assert not result_rows(state, state.origin, 80)
    assert len(result_rows(state, state.now, 80, 1)) == 1


def test_a_long_result_is_cut_to_the_width() -> None:
    story = Story()
    story.output(10, MAIN, "=> " + "x" * 150)
    state = story.state_at(1000)
    (row,) = verdict_rows(state, View(now=state.now), 60)
    assert len(row.text) == 60
    assert row.text.endswith("…")
