"""A wait that goes on counts in every number about waits, with its time so far."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from helpers.story import ANNA, BERT, Story
from mpviz.trace.explain.timings import timings


def lock(story: Story) -> str:
    name = story.lock("lock")
    story.acquire(20, BERT, name)
    story.wait(100, ANNA, "lock", name)
    return "locks"


def full_queue(story: Story) -> str:
    story.wait(100, ANNA, "put", story.queue("queue", 1))
    return "queues"


def empty_queue(story: Story) -> str:
    story.wait(100, ANNA, "get", story.queue("queue"))
    return "queues"


def event(story: Story) -> str:
    story.wait(100, ANNA, "event", story.event("event"))
    return "events"


def condition(story: Story) -> str:
    story.wait(100, ANNA, "condition", story.condition("condition"))
    return "conditions"


def barrier(story: Story) -> str:
    story.arrive(100, ANNA, story.barrier("barrier", 2))
    return "barriers"


def empty_pipe(story: Story) -> str:
    _, end = story.pipe("here", "there")
    story.wait(100, ANNA, "receive", end)
    return "pipes"


def full_pipe(story: Story) -> str:
    _, end = story.pipe("here", "there")
    story.wait(100, ANNA, "send", end)
    return "pipes"


def manager(story: Story) -> str:
    story.serve(15, BERT, "m")
    story.call(100, ANNA, story.managed(20, "m", "shared"), "get")
    return "managers"


WAITS: tuple[Callable[[Story], str], ...] = (
    lock,
    full_queue,
    empty_queue,
    event,
    condition,
    barrier,
    empty_pipe,
    full_pipe,
    manager,
)


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_that_goes_on_counts_in_every_number_about_waits(
    wait: Callable[[Story], str],
) -> None:
    story = Story()
    story.start(10, ANNA, "anna")
    story.start(11, BERT, "bert")
    section = wait(story)
    story.state_at(3100)
    entry = story.one(section)
    entry = entry["objects"][0] if section == "managers" else entry
    waited = [value for name, value in entry.items() if name in ("wait", "put_wait", "get_wait")]
    waited += [entry["send_wait"]] if "send_wait" in entry else []
    assert sum(waited) == pytest.approx(3.0)
    assert entry.get("waits", 1) == 1
    (timing,) = [each for each in timings(story.state) if each.what == "wait"]
    assert timing.times.count == 1
    assert timing.times.total == timing.times.longest == 3_000_000_000
    # What is shown of it so far is not kept: once it is over, it counts once.
    story.go_on(4100, ANNA)
    assert sum(each.times.count for each in timings(story.state) if each.what == "wait") <= 1


def test_a_hold_that_goes_on_counts_in_the_report_as_well() -> None:
    story = Story()
    story.start(11, BERT, "bert")
    story.acquire(100, BERT, story.lock("lock"))
    story.state_at(5100)
    assert story.one("locks")["hold"] == pytest.approx(5.0)
