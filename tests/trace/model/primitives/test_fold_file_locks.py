"""File locks, as the viewer sees them: who waits, who holds, and since when."""

from __future__ import annotations

import pytest

from helpers.story import ANNA, BERT, CARL, MAIN, VIEWER, Story
from mpviz.trace.explain.chains import chain_in_words, chain_of
from mpviz.trace.model.events import FileLockSeen, FileLocksSeen
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.processes.looks import ThreadStack

FILE = "/srv/spool/jobs.lock"


@pytest.fixture
def story() -> Story:
    story = Story()
    for pid, name in ((ANNA, "anna"), (BERT, "bert"), (CARL, "carl")):
        story.start(3, pid, name)
    return story


def seen(
    holders: list[int], *waiters: int, name: str = "flock fe:00:7", complete: bool = True
) -> FileLockSeen:
    threads = [(pid, 0) for pid in waiters]
    return FileLockSeen(name, "flock", FILE, holders, threads, complete)


def see(story: Story, time: float, *locks: FileLockSeen) -> None:
    story.tell(time, VIEWER, FileLocksSeen, locks=list(locks))


def test_a_wait_lasts_from_the_first_look_that_sees_it_to_the_first_that_does_not(
    story: Story,
) -> None:
    see(story, 100, seen([ANNA], BERT, CARL))
    see(story, 200, seen([ANNA], BERT, CARL))
    assert story.words(BERT) == "file lock jobs.lock, held by anna"
    assert story.process(BERT).activity is Activity.LOCK
    see(story, 300, seen([BERT], CARL))
    assert story.process(BERT).wait is None
    assert story.words(CARL) == "file lock jobs.lock, held by bert"
    see(story, 500)
    story.state_at(900)
    assert story.one("file_locks") == {
        "id": "flock fe:00:7",
        "kind": "flock",
        "path": FILE,
        "waits": 2,
        "wait": pytest.approx(0.6),
        "holder_pids": [BERT],
        "waiter_pids": [],
    }


def test_the_chain_leads_to_the_holder(story: Story) -> None:
    see(story, 100, seen([ANNA], BERT))
    chain = chain_of(story.state, story.process(BERT))
    assert chain_in_words(story.state, chain) == (
        "bert waits for file lock jobs.lock, held by anna; anna is running"
    )


def test_a_holder_of_another_program_is_named_by_its_pid(story: Story) -> None:
    see(story, 100, seen([77], BERT, complete=False))
    assert story.words(BERT) == "file lock jobs.lock, held by process 77 of another program"
    chain = chain_of(story.state, story.process(BERT))
    assert chain_in_words(story.state, chain).endswith("who could end that is not known")


def test_a_wait_that_the_end_of_the_process_cuts_off_counts(story: Story) -> None:
    see(story, 100, seen([ANNA], BERT))
    story.exit(400, BERT, -9)
    see(story, 500)
    lock = story.one("file_locks")
    assert (lock["waits"], lock["wait"], lock["waiter_pids"]) == (1, pytest.approx(0.3), [])


def test_what_the_probe_tells_of_a_thread_is_not_overwritten(story: Story) -> None:
    lock = story.lock("guard")
    story.acquire(50, ANNA, lock)
    story.wait(60, BERT, "lock", lock)
    see(story, 100, seen([ANNA], BERT))
    assert story.words(BERT) == "lock guard, held by anna"
    see(story, 200)
    assert story.words(BERT) == "lock guard, held by anna"


def ring(story: Story, time: float) -> None:
    see(
        story,
        time,
        seen([BERT], ANNA, name="flock fe:00:7"),
        seen([ANNA], BERT, name="flock fe:00:8"),
    )


def look_at_all(story: Story, time: float) -> None:
    story.sample(time, [0, 0], dict.fromkeys((MAIN, ANNA, BERT, CARL), (0, 0.0)))


def test_a_ring_through_file_locks_is_a_deadlock(story: Story) -> None:
    ring(story, 100)
    look_at_all(story, 200)
    for pid in (ANNA, BERT):
        story.look_at(250, pid, sleeps=["file lock"])
    for time in (300, 700, 1100):
        look_at_all(story, time)
    (finding,) = story.findings
    assert finding.rule == "deadlock"
    assert finding.message.startswith("2 processes wait for each other: anna holds file lock")
    assert "LOCK_NB" in finding.fix


def test_a_holder_whose_other_thread_may_release_the_lock_is_no_deadlock(story: Story) -> None:
    ring(story, 100)
    look_at_all(story, 200)
    story.look_at(250, ANNA, sleeps=["file lock"])
    for time in (300, 700, 1100):
        look_at_all(story, time)
    assert story.rules == [], "nobody has looked at bert, the holder of the other"
    releases_later = ThreadStack(2, "", [("/srv/spool/jobs.py", 7, "release_later")])
    story.look_at(1200, BERT, releases_later, sleeps=["clock", "file lock"])
    for time in (1300, 1700, 2100):
        look_at_all(story, time)
    assert story.rules == []


def test_a_holder_that_goes_on_is_no_deadlock(story: Story) -> None:
    see(story, 100, seen([BERT], ANNA))
    for time in (200, 600, 1000):
        look_at_all(story, time)
    assert story.rules == []
