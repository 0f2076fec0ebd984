"""The updates that are kept of values: each with its reading, and a bounded number."""

from __future__ import annotations

from helpers.story import ANNA, BERT, Story
from mpviz.trace.model.primitives.value_updates import (
    APART,
    MOST_LOST,
    MOST_UPDATES,
    MOST_VALUES,
    Update,
    Updates,
    updates_of,
)


def two() -> tuple[Story, str]:
    story = Story()
    story.start(0.1, ANNA, "anna")
    story.start(0.2, BERT, "bert")
    return story, story.value("counter")


def test_an_update_has_its_reading_and_what_was_lost_is_kept_apart() -> None:
    story, counter = two()
    story.read(10, ANNA, counter, 0)
    story.read(11, BERT, counter, 0)
    story.write(20, ANNA, counter, 1, 0)
    story.write(30, BERT, counter, 1, 1)
    kept = updates_of(story.state, counter)
    anna, bert = str(ANNA), str(BERT)
    at = story.at
    assert list(kept.lost) == [Update(at(30), bert, counter, 0, at(11), 0, 1, 1, True)]
    assert list(kept.latest) == [Update(at(20), anna, counter, 0, at(10), 0, 0, 1, False)]
    story.write(41, BERT, counter, 9, 1)
    assert len(kept.lost) == 1, "who writes again without a reading sets the value"


def test_of_fast_updates_few_are_kept_and_of_many_the_latest() -> None:
    story, counter = two()
    step = APART / 1e6 / 10
    for number in range(100):
        story.write(10 + number * step, ANNA, counter, number, number - 1)
    kept = updates_of(story.state, counter)
    assert len(kept.latest) == 10
    for number in range(MOST_UPDATES + 5):
        time = 100 + 2 * number
        story.read(time, BERT, counter, number)
        story.write(time + 0.5, ANNA, counter, number + 1, number)
        story.write(time + 1, BERT, counter, number + 1, number + 1)
    assert len(kept.latest) == MOST_UPDATES
    assert len(kept.lost) == MOST_LOST
    assert kept.lost[-1].written == story.at(time + 1)


def test_of_many_values_those_of_the_first_are_kept() -> None:
    story, _ = two()
    for number in range(MOST_VALUES + 5):
        story.write(10 + number, ANNA, story.value(f"value {number}"), 1, 0)
    assert len(story.state.table(Updates)) == MOST_VALUES
