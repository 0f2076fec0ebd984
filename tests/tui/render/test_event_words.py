"""What the line below a replay says of the event that it has come to."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest

from helpers.story import ANNA, MAIN, Story
from mpviz.trace.model.events import Event
from mpviz.tui.render.event_words import _WORDS, event_in_words


def kinds(kind: type[Event] = Event) -> Iterator[type[Event]]:
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


NAMES = {str(kind.__struct_config__.tag): set(kind.__struct_fields__) for kind in kinds()}


@pytest.mark.parametrize("word", _WORDS)
def test_what_a_sentence_names_is_told_by_its_event(word: str) -> None:
    named = {name for _, name, _, _ in string.Formatter().parse(_WORDS[word]) if name}
    assert named <= NAMES[word]


def last(story: Story) -> str:
    return event_in_words(story.state, story.events[-1])


def test_it_is_a_sentence_with_the_name_of_the_object() -> None:
    story = Story()
    story.start(1, ANNA, "anna")
    assert last(story) == "begins its work"
    gate, queue, value = story.lock("gate"), story.queue("tasks"), story.value("counter")
    story.acquire(10, ANNA, gate, story.site(7, 12))
    assert last(story) == "takes gate, at counter.py:12"
    story.put(20, ANNA, queue)
    assert last(story) == "puts an item into tasks"
    story.write(30, ANNA, value, 3, 2)
    assert last(story) == "writes 3 to counter"


def test_who_begins_to_wait_says_for_what() -> None:
    story = Story()
    story.start(1, ANNA, "anna")
    gate = story.lock("gate")
    story.acquire(10, MAIN, gate)
    story.wait(20, ANNA, "lock", gate)
    assert last(story) == "waits for lock gate, held by MainProcess"
