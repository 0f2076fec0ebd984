"""Values and arrays in the fold: which updates were lost."""

from __future__ import annotations

from typing import Any

from helpers.story import (
    ANNA,
    BERT,
    CARL,
    MAIN,
    Story,
)
from mpviz.trace.model.primitives.value import PRIMITIVE, SharedValue, ValueRead, ValueWritten


def read(story: Story, time: float, pid: int, number: Any, index: int = 0) -> None:
    story.tell(time, pid, ValueRead, object="counter", value=number, index=index)


def write(story: Story, time: float, pid: int, before: Any, number: Any, *, index: int = 0) -> None:
    story.tell(time, pid, ValueWritten, object="counter", before=before, value=number, index=index)


def test_an_update_is_lost_when_two_read_before_either_writes(value: Story) -> None:
    read(value, 11, ANNA, 0)
    read(value, 12, BERT, 0)
    write(value, 13, ANNA, 0, 1)
    write(value, 14, BERT, 1, 1)
    entry = value.one("values")
    assert entry == {
        "id": "counter",
        "name": "counter",
        "kind": "Value",
        "typecode": "i",
        "length": 1,
        "reads": 2,
        "writes": 2,
        "stale_writes": 1,
        "lost_updates": 1,
        "unchecked": 0,
        "last": 1,
    }


def test_updates_one_after_the_other_lose_nothing(value: Story) -> None:
    for time, pid, number in ((11, ANNA, 0), (13, BERT, 1), (15, ANNA, 2), (17, ANNA, 3)):
        read(value, time, pid, number)
        write(value, time + 1, pid, number, number + 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"], entry["last"]) == (0, 0, 4)


def test_a_late_write_undoes_all_writes_since_its_read(value: Story) -> None:
    read(value, 11, ANNA, 0)
    for number in range(5):
        read(value, 12 + number, BERT, number)
        write(value, 12 + number, BERT, number, number + 1)
    write(value, 20, ANNA, 5, 1)
    read(value, 21, MAIN, 1)
    entry = value.one("values")
    # Six additions came to one.
    assert (entry["stale_writes"], entry["lost_updates"], entry["last"]) == (1, 5, 1)


def test_a_value_that_came_back_to_what_it_was_is_a_stale_write_that_loses_nothing(
    value: Story,
) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, BERT, 0, 5)
    write(value, 13, BERT, 5, 0)
    write(value, 14, ANNA, 0, 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (1, 0)


def test_a_write_without_a_read_overwrites_on_purpose(value: Story) -> None:
    write(value, 12, BERT, 0, 5)
    write(value, 13, ANNA, 5, 7)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"], entry["reads"]) == (0, 0, 0)


def test_one_s_own_writes_make_nothing_stale(value: Story) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, ANNA, 0, 1)
    write(value, 13, ANNA, 1, 2)
    assert value.one("values")["stale_writes"] == 0


def test_what_a_third_wrote_before_one_s_own_write_still_makes_it_stale(value: Story) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, BERT, 0, 10)
    write(value, 13, CARL, 10, 20)
    write(value, 14, ANNA, 20, 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (1, 20)


def test_the_elements_of_an_array_are_each_their_own(value: Story) -> None:
    read(value, 11, ANNA, 0, index=0)
    write(value, 12, BERT, 0, 1, index=1)
    write(value, 13, ANNA, 0, 1, index=0)
    assert value.one("values")["stale_writes"] == 0


def test_a_write_to_a_whole_array_leaves_the_history_of_its_elements_alone(value: Story) -> None:
    """A forged record of a ring may have any index, right after one about an element."""
    handlers, anna = PRIMITIVE.ring_handlers, value.state.by_pid[ANNA]
    written = handlers[ValueWritten].bind(value.state, anna, "counter")
    reading = handlers[ValueRead].bind(value.state, anna, "counter")
    for index in (5, -1, -2, 5):
        written(10, 0, 0, 0, 1, index)
    array = value.state.table(SharedValue)["counter"]
    assert {index: each.version for index, each in array.elements.items()} == {5: 2}
    kept = array.details
    for index in (-1, -1, -2):
        reading(11, 0, 0, 1, index)
    assert (array.details, array.reads, array.writes.count) == (kept, 3, 4)


def test_floats_and_texts_can_be_stale_but_lose_no_updates(value: Story) -> None:
    read(value, 11, ANNA, 0.5)
    write(value, 12, BERT, 0.5, 1.5)
    write(value, 13, ANNA, 1.5, 1.0)
    read(value, 14, ANNA, "ab", index=1)
    write(value, 15, BERT, "ab", "cd", index=1)
    write(value, 16, ANNA, "cd", "ef", index=1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (2, 0)


def test_a_value_s_own_lock_is_shown_once_the_program_takes_it(value: Story) -> None:
    assert value.document()["locks"] == []
    value.acquire(11, ANNA, "lock of counter")
    value.release(12, ANNA, "lock of counter")
    entry = value.one("locks")
    assert (entry["name"], entry["acquisitions"]) == ("counter.get_lock()", 1)
