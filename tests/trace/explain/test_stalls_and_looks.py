"""A stall is told when a look at every process that could end it has come since it began."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from helpers.story import ANNA, BERT, CARL, MAIN, VIEWER, Story, process_sample
from mpviz.trace.explain.phases import gain, phases
from mpviz.trace.explain.stalls import standing_still
from mpviz.trace.model.events import Sample
from mpviz.trace.model.primitives.manager import ManagerServing
from mpviz.trace.model.primitives.pool_events import PoolCreated, WorkerReady
from mpviz.trace.model.primitives.process import Exiting
from mpviz.trace.model.processes.looks import ThreadStack
from mpviz.trace.model.processes.stacks import AT_WORK

LISTENS = ThreadStack(2, "", [("/home/anna/counter.py", 9, "listen")])
"""A thread of the program's own."""

MINUTE = 60_000


class Looked(Story):
    """A run that is sampled ten times a second, and looked at when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.status = {MAIN: "S"}
        self.without_core = dict.fromkeys((MAIN, ANNA, BERT, CARL), 0.0)
        self.lacking: set[int] = set()
        """Those that have no core, though they are ready."""

    def pass_time(self, milliseconds: float, step: float = 100) -> list[str]:
        """Sample until then; the rules that have found something."""
        for _ in range(round(milliseconds / step)):
            self.now += step
            for pid in self.lacking:
                self.without_core[pid] += step / 1000
            seen = [
                process_sample(
                    pid,
                    status=status,
                    asleep_in="lock",
                    main_seconds=0.0,
                    without_core=self.without_core[pid],
                )
                for pid, status in self.status.items()
            ]
            self.tell(self.now, VIEWER, Sample, cores=[0, 0], processes=seen)
        return self.rules

    @property
    def to_look_at(self) -> list[int]:
        """The pids of those at which mpviz would look now."""
        return [each.pid for each in standing_still(self.state)]


@pytest.fixture
def story() -> Looked:
    """Anna waits for an item, and the main process for Anna: nobody puts anything."""
    story = Looked()
    queue = story.queue("jobs")
    story.start(3, ANNA, "anna")
    story.status[ANNA] = "S"
    story.wait(50, ANNA, "get", queue)
    story.wait(100, MAIN, "process", str(ANNA))
    return story


def test_a_stall_is_told_when_each_process_was_looked_at(story: Looked) -> None:
    assert story.pass_time(5000) == []
    assert sorted(story.to_look_at) == [MAIN, ANNA]
    story.look_at(story.now, MAIN)
    assert story.pass_time(5000) == [], "the other may still have a thread that goes on"
    story.look_at(story.now, ANNA)
    assert story.to_look_at == []
    assert story.pass_time(400) == []
    assert story.pass_time(200) == ["stalled"]
    assert story.findings[0].since == story.at(100)


def test_those_who_wait_alike_are_told_together(story: Looked) -> None:
    for pid, name in ((BERT, "bert"), (CARL, "carl")):
        story.start(story.now, pid, name)
        story.status[pid] = "S"
        story.wait(story.now + 50, pid, "get", "jobs")
    story.pass_time(4000)
    for pid in (MAIN, ANNA, BERT, CARL):
        story.look_at(story.now, pid)
    assert story.pass_time(1000) == ["stalled"]
    message = story.findings[0].message
    assert message.startswith("nothing goes on: anna, bert and carl wait for an item from jobs")
    assert ";" not in message


def test_a_look_gives_the_line_of_a_wait_that_has_only_its_number(story: Looked) -> None:
    story.go_on(200, MAIN)
    story.wait(200, MAIN, "process", str(ANNA), site=77)
    story.look_at(150, MAIN)
    assert story.state.place(77) == "", "it was taken before the wait began"
    story.look_at(300, MAIN)
    assert story.state.place(77) == "counter.py:3"


def test_without_looks_no_stall_is_told_however_long_it_lasts(story: Looked) -> None:
    assert story.pass_time(MINUTE) == []


def test_a_look_before_the_standstill_says_nothing(story: Looked) -> None:
    story.pass_time(100)
    for pid in (MAIN, ANNA):
        story.look_at(story.now, pid)
    story.start(story.now, BERT, "bert")
    story.status[BERT] = "S"
    story.wait(story.now + 50, BERT, "get", "jobs")
    assert story.pass_time(MINUTE) == []
    assert sorted(story.to_look_at) == [MAIN, ANNA, BERT], "each once more, after the last change"
    for pid in (MAIN, ANNA, BERT):
        story.look_at(story.now, pid)
    assert story.pass_time(1000) == ["stalled"]


def test_an_answer_that_comes_late_is_of_the_moment_when_it_was_asked_for(story: Looked) -> None:
    story.pass_time(2500)
    asked = story.now
    story.pass_time(500)
    story.start(story.now, BERT, "bert")
    story.exit(story.now + 10, BERT)
    story.pass_time(500)
    for pid in (MAIN, ANNA):
        story.look_at(story.now, pid, asked=asked)
    assert story.pass_time(MINUTE) == []


def test_a_thread_that_may_wake_is_looked_at_ever_more_rarely(story: Looked) -> None:
    story.pass_time(3000)
    story.look_at(story.now, ANNA)
    looks = 0
    for _ in range(600):
        if MAIN in story.to_look_at:
            looks += 1
            story.look_at(story.now, MAIN, LISTENS, sleeps=["clock", "lock"])
        assert story.pass_time(100) == []
    assert 3 <= looks <= 6
    story.look_at(story.now, MAIN)
    assert story.pass_time(1000) == ["stalled"], "that thread has ended"


@pytest.mark.parametrize(
    ("reason", "listed", "told"),
    [
        ("does not answer", 1, ["stalled"]),
        ("has no Python that mpviz could ask", 1, ["stalled"]),
        ("does not answer", 2, []),
        (AT_WORK, 1, []),
        (AT_WORK, 2, []),
    ],
)
def test_a_process_that_cannot_be_asked_may_go_on_if_it_has_threads_or_is_awake(
    story: Looked, reason: str, listed: int, told: list[str]
) -> None:
    story.pass_time(3000)
    story.look_at(story.now, ANNA)
    story.look_at(story.now, MAIN, reason=reason, listed=listed, sleeps=["lock"])
    assert story.pass_time(MINUTE) == told


def test_a_process_that_was_woken_and_has_no_core_is_no_part_of_a_stall(story: Looked) -> None:
    story.pass_time(2500)
    for pid in (MAIN, ANNA):
        story.look_at(story.now, pid)
    story.status[ANNA] = "R"
    assert story.pass_time(MINUTE) == []
    story.status[ANNA] = "S"
    assert story.pass_time(1000) == ["stalled"]


def test_an_idle_worker_may_have_a_thread_that_goes_on(story: Looked) -> None:
    story.tell(story.now, MAIN, PoolCreated, object="p", workers=1)
    story.start(story.now, BERT, "worker")
    story.status[BERT] = "S"
    story.tell(story.now + 1, BERT, WorkerReady, object="p")
    story.pass_time(5000)
    for pid in (MAIN, ANNA):
        story.look_at(story.now, pid)
    assert story.pass_time(MINUTE) == []
    assert story.to_look_at == [BERT]
    story.look_at(story.now, BERT)
    assert story.pass_time(1000) == ["stalled"]


def test_a_manager_may_be_about_to_answer(story: Looked) -> None:
    story.start(3, CARL, "SyncManager-1")
    story.status[CARL] = "S"
    story.tell(4, CARL, ManagerServing, object="m")
    story.wait(story.now, ANNA, "answer", "m")
    story.pass_time(5000)
    for pid in (MAIN, ANNA):
        story.look_at(story.now, pid)
    assert story.pass_time(MINUTE) == [], "nobody has looked at the manager"


# Time in which a process lacks a core


def outlived(story: Looked) -> None:
    """A thread of Anna goes on after the end of her function."""
    story.go_on(story.now, ANNA)
    story.tell(story.now, ANNA, Exiting)
    story.pass_time(2500)
    shutdown = ("/usr/lib/python3.11/threading.py", 1590, "_shutdown")
    story.look_at(story.now, ANNA, LISTENS, sleeps=["clock", "lock"])
    stacks = story.process(ANNA).stacks
    assert stacks is not None
    assert stacks.main is not None
    stacks.main.frames.insert(0, shutdown)


@pytest.mark.parametrize("fault", [outlived])
def test_a_machine_that_is_slow_is_given_time(
    story: Looked, fault: Callable[[Looked], None]
) -> None:
    fault(story)
    story.lacking = {ANNA}
    assert story.pass_time(MINUTE) == [], "she has no core"
    story.lacking = set()
    assert story.pass_time(MINUTE, step=20_000) == [], "mpviz itself came late"
    assert story.pass_time(4500) == ["thread-outlives"]


# SIGTERM


def told_to_end(story: Looked, *, function: str = "work") -> Looked:
    """Anna handles SIGTERM and sleeps on, in this function."""
    story.go_on(story.now, ANNA)
    story.signal(story.now, ANNA, 15)
    story.pass_time(2500)
    assert ANNA in story.to_look_at
    story.look_at(story.now, ANNA, sleeps=["clock"])
    stacks = story.process(ANNA).stacks
    assert stacks is not None
    assert stacks.main is not None
    stacks.main.frames[:] = [("/home/anna/counter.py", 5, function)]
    return story


def test_one_that_goes_on_at_its_function_does_not_heed_the_signal(story: Looked) -> None:
    told_to_end(story)
    assert story.pass_time(2500) == []
    assert not gain(story.state, phases(story.state)).hangs
    assert story.pass_time(1000) == ["terminate-unheeded"]
    assert gain(story.state, phases(story.state)).hangs, "what never ends gets no grade"


def test_one_that_may_still_be_in_its_handler_is_given_a_minute(story: Looked) -> None:
    told_to_end(story, function="finish")
    assert story.pass_time(57_000) == []
    assert story.pass_time(10_000) == ["terminate-unheeded"]
