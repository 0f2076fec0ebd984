"""What a program says of itself in lines that it prints: its parts, and its results."""

import pytest

from helpers.story import MAIN, MS, Story
from mpviz.trace.model.fold.said import LONGEST, MOST, Part, Result
from mpviz.trace.model.state import RunState


def parts(state: RunState) -> list[tuple[int, str]]:
    return [((part.since - state.origin) // MS, part.name) for part in state.table(Part).values()]


def results(state: RunState) -> list[str]:
    return [result.text for result in state.table(Result).values()]


def test_a_part_begins_with_its_name_and_ends_with_the_next_or_with_none() -> None:
    story = Story()
    for time, text in ((10, "## load"), (20, "12 files"), (30, "##"), (40, "## train")):
        story.output(time, MAIN, text)
    assert parts(story.state) == [(10, "load"), (30, ""), (40, "train")]


def test_the_same_name_once_more_begins_no_other_part() -> None:
    story = Story()
    for time, text in ((10, "## epoch"), (20, "## epoch"), (30, "##"), (40, "## epoch")):
        story.output(time, MAIN, text)
    assert parts(story.state) == [(10, "epoch"), (30, ""), (40, "epoch")]


@pytest.mark.parametrize(
    "text", ["##load", "### load", " ## load", "# load", "=>1", "=> ", "= > 1"]
)
def test_other_lines_name_nothing(text: str) -> None:
    story = Story()
    story.output(10, MAIN, text)
    assert not parts(story.state)
    assert not results(story.state)


def test_only_standard_output_of_what_multiprocessing_did_not_start_counts() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    for text in ("## worker", "=> 1"):
        story.output(10, 1001, text)
        story.output(20, MAIN, text, stream="stderr")
        story.output(30, 4444, text)
    assert not parts(story.state)
    assert not results(story.state)
    story.output(40, MAIN, "=> 1.9x")
    assert results(story.state) == ["1.9x"]


def test_names_and_their_number_are_bounded() -> None:
    story = Story()
    for number in range(MOST + 50):
        story.output(10 + number, MAIN, f"## {number}{'x' * 500}")
        story.output(10 + number, MAIN, f"=> {number}{'x' * 500}")
    assert len(parts(story.state)) == len(results(story.state)) == MOST
    assert max(len(name) for _, name in parts(story.state)) <= LONGEST
    assert max(map(len, results(story.state))) <= LONGEST
