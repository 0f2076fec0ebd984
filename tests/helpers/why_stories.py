"""Runs in which processes wait for each other: a ring of three, and a line that ends at work."""

from __future__ import annotations

from helpers.story import MAIN, Story

WORKERS = (1001, 1002, 1003)


def ring(seconds: float = 3) -> Story:
    """Each of three holds a lock, and wants that of the next."""
    story = line_of_three()
    story.wait(22, WORKERS[2], "lock", "/lock1")
    _look_on(story, seconds)
    return story


def line(seconds: float = 3) -> Story:
    """Two wait for the next, and the third is at work."""
    story = line_of_three()
    _look_on(story, seconds)
    return story


def broken_ring(seconds: float = 3) -> Story:
    """A ring of which one was killed."""
    story = ring(seconds)
    story.signal(seconds * 1000 + 10, WORKERS[2], 9)
    story.exit(seconds * 1000 + 20, WORKERS[2], -9)
    story.sample(seconds * 1000 + 100, [0, 0], {MAIN: (0, 0), 1001: (0, 0), 1002: (0, 0)})
    return story


def line_of_three() -> Story:
    story = Story("ring", cores=2)
    story.site(7, 12, "with second:", file="ring.py")
    locks = [story.lock(f"lock{number}") for number in (1, 2, 3)]
    for number, pid in enumerate(WORKERS):
        story.start(5 + number, pid, f"worker-{number + 1}", function="take_both")
        story.acquire(10 + number, pid, locks[number], site=7)
    story.wait(15, MAIN, "process", str(WORKERS[0]))
    story.wait(20, WORKERS[0], "lock", "/lock2", site=7)
    story.wait(21, WORKERS[1], "lock", "/lock3", site=7)
    return story


def _look_on(story: Story, seconds: float) -> None:
    """Samples, ten a second."""
    busy = {MAIN: (0, 0.0), 1001: (0, 0.0), 1002: (1, 0.0), 1003: (1, 0.0)}
    for tenth in range(1, round(10 * seconds) + 1):
        story.sample(100 * tenth, [1, 1], busy)
