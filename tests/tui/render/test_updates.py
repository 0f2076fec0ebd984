"""Reads and writes on the lanes: drawn where there is room, and what was lost always."""

from __future__ import annotations

from helpers.panels import rows_of, styles_of, text_of
from helpers.story import ANNA, BERT, Story
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.panels.values import LOST as LOST_UPDATES
from mpviz.tui.panels.values import PANEL as VALUES
from mpviz.tui.render.lanes.updates import LOST, UPDATE

WIDTH = 100


def race(times: int = 1) -> Story:
    """Both read, anna writes, and bert overwrites that."""
    story = Story()
    story.start(1, ANNA, "anna")
    story.start(2, BERT, "bert")
    counter = story.value("counter")
    for number in range(times):
        at = 100 + 1000 * number / times
        step = 1000 / times / 10
        story.read(at, ANNA, counter, number)
        story.read(at + 2 * step, BERT, counter, number)
        story.write(at + 4 * step, ANNA, counter, number + 1, number)
        story.write(at + 6 * step, BERT, counter, number + 1, number + 1)
    story.state_at(1200)
    return story


def lane_of(story: Story, name: str, ascii: bool = False) -> str:
    shown = text_of(PANEL, story.state, WIDTH, 8, ascii=ascii)
    (lane,) = [line for line in shown.splitlines() if f" {name} " in line]
    return lane


def test_an_update_goes_from_its_reading_to_its_writing() -> None:
    story = race()
    assert "R0────" in lane_of(story, "anna") and "──W1" in lane_of(story, "anna")
    assert "lost" not in lane_of(story, "anna")
    assert "──W1 ✗ lost" in lane_of(story, "bert")
    assert "-W1 X lost" in lane_of(story, "bert", ascii=True)


def test_the_legend_says_what_the_signs_are() -> None:
    rows = rows_of(PANEL, race().state, WIDTH, 8)
    assert "R W reads, writes a value   ✗ lost update" in rows[-1].text
    assert styles_of(rows, "✗") == {LOST}
    assert UPDATE in styles_of(rows, "R W")


def test_with_little_room_the_values_are_left_out_and_then_all_but_what_was_lost() -> None:
    some = race(12)
    assert "R" in lane_of(some, "anna")
    assert lane_of(some, "bert").count("✗") == 12
    many = race(300)
    assert not {"R", "W"} & set(lane_of(many, "anna"))
    lost = lane_of(many, "bert")
    assert not {"R", "W"} & set(lost)
    assert lost.count("✗") > 30
    assert "✗✗" not in lost


def test_zoomed_in_only_what_is_in_sight_is_drawn() -> None:
    story = race(300)
    shown = text_of(PANEL, story.state, WIDTH, 8, span=8_000_000, end=story.at(608))
    assert "✗ lost" in shown
    assert "W151" in shown and "W10" not in shown


def test_a_write_without_a_reading_is_a_letter() -> None:
    story = Story()
    story.start(1, ANNA, "anna")
    flag = story.value("flag")
    story.write(500, ANNA, flag, 1, 0)
    story.state_at(1000)
    assert "W1" in lane_of(story, "anna")
    assert "R" not in lane_of(story, "anna")


def test_what_a_program_wrote_is_not_drawn_if_it_is_long_or_no_ascii() -> None:
    story = Story()
    story.start(1, ANNA, "anna")
    text = story.value("text", initial="", typecode="u")
    story.write(300, ANNA, text, "世界", "")
    story.write(600, ANNA, text, "x" * 200, "世界")
    story.state_at(1000)
    assert "世" not in lane_of(story, "anna")
    assert "xxx" not in lane_of(story, "anna")
    assert lane_of(story, "anna").count("W") == 2


def test_the_panel_says_what_a_count_is_and_what_it_should_be() -> None:
    story = race(5)
    story.end(1300)
    assert (LOST_UPDATES, "counter") in story.state.findings
    shown = text_of(VALUES, story.state, 80, 8)
    assert "should be 10: 5 lost updates" in shown
    digits = [line for line in shown.splitlines() if "   should be   " in line]
    assert len(digits) == 1
    assert VALUES.matters(story.state)
    assert not VALUES.matters(Story().state)
