"""The verdict: header and ``!`` say of a run what its findings say."""

from __future__ import annotations

import pytest

from helpers.story import ANNA, BERT, MAIN, Story
from mpviz.trace.explain.verdict import Going, nothing_found, verdict


@pytest.fixture
def ring() -> Story:
    """Two processes wait for each other's locks, and the main process for one of them."""
    story = Story()
    story.start(3, ANNA, "Anna")
    story.start(4, BERT, "Bert")
    left, right = story.lock("left"), story.lock("right")
    story.acquire(10, ANNA, left)
    story.acquire(10, BERT, right)
    story.wait(11, MAIN, "process", str(ANNA))
    story.wait(12, ANNA, "lock", right)
    return story


def look(story: Story, *times: float) -> None:
    for time in times:
        story.sample(time, [0, 0], {MAIN: (0, 0), ANNA: (0, 0), BERT: (1, 0)})


def test_a_run_that_works_goes_on(ring: Story) -> None:
    look(ring, 2000)
    assert verdict(ring.state)[0] is Going.ON
    assert nothing_found(ring.state) == "nothing was found wrong so far"


def test_a_stall_without_a_finding_is_not_called_nothing(ring: Story) -> None:
    ring.wait(13, BERT, "process", str(ANNA))
    ring.state_at(1500)
    assert verdict(ring.state) == (Going.ALL_WAIT, ring.at(13))
    assert nothing_found(ring.state).startswith("all processes have waited for 1.5 s")


def test_a_finding_that_says_why_is_a_stuck_run(ring: Story) -> None:
    ring.wait(13, BERT, "lock", "/left")
    look(ring, 100, 500, 1500)
    assert ring.rules == ["deadlock"]
    going, since = verdict(ring.state)
    assert (going, since) == (Going.STUCK, ring.findings[0].since)


def test_a_deadlock_beside_a_process_at_work_is_not_the_end_of_the_run(ring: Story) -> None:
    ring.go_on(12.5, MAIN)
    ring.wait(13, BERT, "lock", "/left")
    for time in (100, 500, 1500):
        ring.sample(time, [90, 0], {MAIN: (0, 90), ANNA: (0, 0), BERT: (1, 0)})
    assert ring.rules == ["deadlock"]
    assert verdict(ring.state)[0] is Going.ON


def test_a_main_process_that_can_never_go_on_is_told_apart_from_those_at_work() -> None:
    story = Story()
    story.start(3, ANNA, "Anna")
    story.start(4, BERT, "Bert")
    left, right = story.lock("left"), story.lock("right")
    story.acquire(10, MAIN, left)
    story.acquire(10, ANNA, right)
    story.wait(11, MAIN, "lock", right)
    story.wait(12, ANNA, "lock", left)
    for time in (100, 500, 1500):
        story.sample(time, [90, 0], {MAIN: (0, 0), ANNA: (0, 0), BERT: (0, 90)})
    assert story.rules == ["deadlock"]
    assert verdict(story.state)[0] is Going.MAIN_STUCK
