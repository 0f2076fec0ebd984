"""The layout: every panel has a place, no place is wasted, and the timeline is the hero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpviz.tui.layout import ROOM_FOR_LAB, TWO_COLUMNS, Slot, Wanted, is_small, place
from mpviz.tui.widgets.panel_grid import PLACES

NAMES = (
    "cores",
    "processes",
    "lab",
    "timeline",
    "tasks",
    "queues",
    "locks",
    "values",
    "synchronization",
    "findings",
    "source",
    "output",
    "log",
)
ALL = tuple(Wanted(name, 8) for name in NAMES if name != "lab")

SIZES = [(80, 22), (100, 28), (120, 38), (160, 45), (200, 58), (300, 90)]


def slot_of(slots: list[Slot], name: str) -> Slot:
    (slot,) = [slot for slot in slots if name in slot.panels]
    return slot


def covered(slots: list[Slot], width: int, height: int) -> list[int]:
    """How many slots lie on each cell."""
    cells = [0] * (width * height)
    for slot in slots:
        for y in range(slot.y, slot.y + slot.height):
            for x in range(slot.x, slot.x + slot.width):
                cells[y * width + x] += 1
    return cells


@given(
    st.integers(1, 140),
    st.integers(1, 50),
    st.sets(st.sampled_from(NAMES)),
    st.lists(st.integers(0, 60), min_size=len(NAMES), max_size=len(NAMES)),
)
def test_the_places_fill_the_screen_and_do_not_overlap(
    width: int, height: int, used: set[str], heights: list[int]
) -> None:
    wanted = [Wanted(name, rows) for name, rows in zip(NAMES, heights, strict=True) if name in used]
    slots = place(width, height, wanted)
    if used:
        assert set(covered(slots, width, height)) == {1}
    assert sorted(name for slot in slots for name in slot.panels) == sorted(used)
    assert len(slots) <= PLACES


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_largest_layout_has_a_place_for_each_slot(width: int, height: int) -> None:
    assert len(place(width, height, ALL)) <= PLACES


def test_with_less_than_80_columns_or_17_rows_there_is_one_panel_the_timeline_first() -> None:
    assert is_small(79, 40)
    assert is_small(120, 16)
    (slot,) = place(60, 18, ALL)
    assert slot.panels[0] == "timeline"
    assert (slot.width, slot.height) == (60, 18)


def test_at_80_by_24_cores_and_processes_lie_above_the_timeline_and_the_rest_is_tabs() -> None:
    slots = place(80, 22, ALL)
    assert [slot.panels for slot in slots[:3]] == [("cores",), ("processes",), ("timeline",)]
    (rest,) = slots[3:]
    assert rest.panels[:2] == ("findings", "tasks")
    assert len(rest.panels) == len(ALL) - 3
    assert slot_of(slots, "cores").y == slot_of(slots, "processes").y
    assert slot_of(slots, "timeline").width == 80


@pytest.mark.parametrize(("width", "height"), [(80, 22), (120, 34), (200, 58)])
@pytest.mark.parametrize("objects", [(), ("locks",), ("tasks", "queues", "locks", "values")])
def test_what_was_found_is_never_behind_a_tab(
    width: int, height: int, objects: tuple[str, ...]
) -> None:
    names = ("cores", "processes", "timeline", *objects, "source", "output", "log", "time")
    wanted = [Wanted(name, 12) for name in (*names, "findings")]
    assert slot_of(place(width, height, wanted), "findings").panels[0] == "findings"


def test_at_120_by_40_objects_lie_beside_the_context() -> None:
    slots = place(120, 38, ALL)
    assert slot_of(slots, "tasks").panels == ("tasks",)
    assert slot_of(slots, "queues").panels == ("queues",)
    assert slot_of(slots, "locks").panels == ("locks", "values", "synchronization")
    assert slot_of(slots, "output").panels == ("source", "output", "log")
    assert slot_of(slots, "tasks").y == slot_of(slots, "findings").y
    assert slot_of(slots, "locks").x < slot_of(slots, "output").x


def test_objects_that_need_little_lie_on_top_of_each_other_and_not_behind_tabs() -> None:
    wanted = [Wanted("timeline", 8), Wanted("locks", 2), Wanted("values", 6), Wanted("log", 40)]
    slots = place(120, 34, wanted)
    assert slot_of(slots, "locks").panels == ("locks",)
    assert slot_of(slots, "values").panels == ("values",)
    assert slot_of(slots, "locks").height == 4


@pytest.mark.parametrize(("height", "rows"), [(22, 7), (28, 11), (34, 15), (58, 27)])
def test_the_timeline_takes_the_highest_of_its_useful_heights_and_leaves_no_row_blank(
    height: int, rows: int
) -> None:
    others = [Wanted("cores", 3), Wanted("processes", 6), Wanted("log", 40)]
    slots = place(100, height, [*others, Wanted("timeline", 27, useful=(7, 11, 15, 27))])
    assert slot_of(slots, "timeline").height == rows + 2


def test_at_200_by_60_most_panels_have_a_place_of_their_own() -> None:
    slots = place(200, 58, ALL)
    assert sum(len(slot.panels) == 1 for slot in slots) >= 8


def test_a_timeline_of_many_processes_gets_the_room_but_not_all_of_it() -> None:
    few = slot_of(place(120, 38, ALL), "timeline").height
    many = [Wanted(each.name, 60) for each in ALL]
    slots = place(120, 38, many)
    assert slot_of(slots, "timeline").height > few
    assert slot_of(slots, "log").height >= 7


def test_a_panel_that_appears_later_leaves_the_places_above_it_alone() -> None:
    early = [each for each in ALL if each.name not in ("locks", "values")]
    before, after = place(120, 38, early), place(120, 38, ALL)
    for name in ("cores", "processes", "timeline"):
        assert slot_of(before, name) == slot_of(after, name)


def test_an_enlarged_panel_fills_the_screen() -> None:
    assert place(120, 38, ALL, "log") == [Slot(0, 0, 120, 38, ("log",))]
    assert len(place(120, 38, ALL, "unknown")) > 1


@pytest.mark.parametrize("size", SIZES)
def test_the_lab_has_the_middle_with_the_timeline_beside_it_on_a_large_screen(
    size: tuple[int, int],
) -> None:
    slots = place(*size, [Wanted("lab", 22), *ALL])
    lab = slot_of(slots, "lab")
    if size[0] < TWO_COLUMNS or size[1] < ROOM_FOR_LAB:
        return
    timeline = slot_of(slots, "timeline")
    assert (lab.y, lab.height, lab.x) == (timeline.y, timeline.height, 0)
    assert lab.height >= min(24, size[1] // 3)


@pytest.mark.parametrize(("width", "height"), [(80, 22), (100, 28)])
def test_the_lab_and_the_timeline_are_both_in_front_on_a_small_screen(
    width: int, height: int
) -> None:
    wanted = [Wanted("lab", 18), *ALL]
    slots = place(width, height, wanted)
    lab, timeline = slot_of(slots, "lab"), slot_of(slots, "timeline")
    assert (lab.panels, timeline.panels[0]) == (("lab",), "timeline")
    assert (lab.height, timeline.height) >= (15, 7)
