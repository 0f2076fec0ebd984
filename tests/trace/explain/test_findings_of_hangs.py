"""Rules on what hangs and what is left: their thresholds, and what they leave alone."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import story
from helpers.story import MAIN, SECOND, SUPERVISOR, VIEWER, process_sample
from mpviz.trace.model.events import (
    Event,
    Marked,
    ProgramEnded,
    RunEnded,
    Sample,
    SupervisorSignalled,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.pool_events import (
    JobDone,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import (
    Began,
    Exiting,
    ForkedBeside,
    Hello,
    Joined,
    Started,
)
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated

LEFT, RIGHT, THIRD = 1001, 1002, 1003


class Story(story.Story):
    """A program that is told step by step, and looked at ten times a second in between."""

    def __init__(self, *children: int) -> None:
        super().__init__(start=0, begun=False)
        self.begin(speaks=0)
        self.now = 0
        """The time of what is told next, milliseconds."""
        self.status = {MAIN: "S"}
        for child in children:
            self.begins(child)

    def say(self, pid: int, kind: type[Event], /, **fields: Any) -> None:
        self.tell(self.now, pid, kind, **fields)

    def begins(self, child: int, parent: int = MAIN) -> None:
        self.status[child] = "S"
        fields = {"name": f"child-{child}", "daemon": False}
        started = {"method": "fork", "function": "f", "started": child}
        self.say(parent, Started, child=child, **started, **fields)
        self.say(child, Began, parent=parent, **fields)

    def dies(self, child: int, exit_code: int = -9) -> None:
        self.exit(self.now, child, exit_code)
        self.status.pop(child)

    def waits(self, pid: int, what: str, target: str, **more: int | bool) -> None:
        self.say(pid, Waiting, what=what, object=target, **more)

    def pass_time(self, seconds: float) -> list[str]:
        """Look until then; the rules that have found something, one for each finding."""
        for _ in range(round(seconds * 10)):
            self.now += 100
            seen = [process_sample(pid, status=status) for pid, status in self.status.items()]
            self.say(VIEWER, Sample, cores=[0, 0], processes=seen)
        return self.rules

    @property
    def only(self) -> tuple[str, tuple[str, ...], tuple[str, ...], int]:
        """Rule, processes, objects and beginning of the one finding."""
        (finding,) = self.findings
        return finding.rule, finding.processes, finding.objects, finding.since


# Lost tasks


def pool_story(kind: str = "Pool", call: str = "map", tasks: int = 3) -> Story:
    """Three tasks by two workers, one of which dies in the first."""
    story = Story(LEFT, RIGHT)
    story.say(MAIN, PoolCreated, object="p", workers=2, kind=kind)
    for worker in (LEFT, RIGHT):
        story.say(worker, WorkerReady, object="p")
    story.say(
        MAIN,
        JobSubmitted,
        object="p",
        job=0,
        call=call,
        function="work",
        tasks=tasks,
        items=3,
        chunksize=1,
    )
    for index, worker in enumerate((LEFT, RIGHT)):
        take(story, worker, index)
    story.pass_time(0.1)
    story.dies(LEFT)
    return story


def take(story: Story, worker: int, index: int) -> None:
    story.say(worker, TaskStarted, object="p", job=0, index=index, function="work", items=1)


def test_a_lost_task_is_said_when_it_has_been_waited_for() -> None:
    story = pool_story()
    assert story.pass_time(1) == [], "nobody waits"
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(0.5) == []
    assert story.pass_time(0.1) == ["lost-task"]
    assert story.only == ("lost-task", (str(LEFT), str(MAIN)), ("p/0/0",), SECOND // 10)
    story.dies(RIGHT)
    story.pass_time(1)
    assert story.only[1:3] == ((str(LEFT), str(RIGHT), str(MAIN)), ("p/0/0", "p/0/1"))


@pytest.mark.parametrize("call", ["imap", "imap_unordered"])
def test_the_lost_task_of_an_imap_is_found_when_no_other_result_can_come(call: str) -> None:
    story = pool_story(call=call, tasks=-1)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(1) == [], "it may have more tasks"
    story.say(MAIN, JobLength, object="p", job=0, tasks=2)
    assert story.pass_time(1) == [], "one is at work"
    story.say(RIGHT, TaskEnded, object="p", job=0, index=1)
    assert story.pass_time(1) == ["lost-task"]


@pytest.mark.parametrize("kind", ["ProcessPoolExecutor", "loky executor", "WorkerPool"])
def test_a_call_that_raises_when_a_worker_dies_is_not_blamed(kind: str) -> None:
    story = pool_story(kind)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


def test_ending_a_pool_gives_its_tasks_up_and_closing_it_does_not() -> None:
    story = pool_story()
    story.say(MAIN, PoolEnded, object="p", how="terminate")
    story.waits(MAIN, "workers", "p")
    assert story.pass_time(2) == []
    story = pool_story()
    story.say(MAIN, PoolEnded, object="p", how="close")
    story.waits(MAIN, "workers", "p")
    assert story.pass_time(2) == ["lost-task"]


def test_who_waits_for_a_pool_that_was_terminated_waits_in_vain() -> None:
    story = pool_story()
    story.say(MAIN, PoolEnded, object="p", how="terminate")
    assert story.pass_time(2) == [], "nobody waits for the results"
    story.waits(MAIN, "results", "p/0", limit=1_000)
    assert story.pass_time(0.9) == [], "it will give up"
    story.say(MAIN, WaitOver)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(1) == ["terminated-pool"]
    assert story.only[1:3] == ((str(MAIN),), ("p/0",))


@pytest.mark.parametrize("kind", ["ProcessPoolExecutor", "WorkerPool"])
def test_the_calls_of_other_pools_fail_when_these_are_terminated(kind: str) -> None:
    story = pool_story(kind)
    story.say(MAIN, PoolEnded, object="p", how="terminate")
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


def test_what_had_come_before_a_pool_was_terminated_is_there() -> None:
    story = pool_story()
    story.say(MAIN, JobDone, object="p", job=0)
    story.say(MAIN, PoolEnded, object="p", how="terminate")
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


def test_a_time_out_or_a_job_that_is_done_is_no_wait_for_ever() -> None:
    story = pool_story()
    story.waits(MAIN, "results", "p/0", limit=60_000)
    assert story.pass_time(2) == []
    story = pool_story()
    story.say(MAIN, JobDone, object="p", job=0)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


def ended_by_hand(action: str, before: float) -> bool:
    """Whether a hang is over for mpviz if its waiter runs so many seconds before it is ended."""
    story = pool_story()
    story.waits(MAIN, "results", "p/0")
    story.say(MAIN, PoolEnded, object="p", how="terminate")
    assert story.pass_time(1) == ["terminated-pool"]
    story.say(MAIN, WaitOver)
    story.pass_time(before)
    (finding,) = story.findings
    assert finding.over >= 0
    story.say(VIEWER, Marked, action=action)
    return finding.over >= 0


@pytest.mark.parametrize("action", ["interrupt", "stop"])
def test_the_ctrl_c_that_ends_a_hang_reaches_the_program_before_mpviz_tells_of_it(
    action: str,
) -> None:
    assert not ended_by_hand(action, before=0.2)
    assert ended_by_hand(action, before=2)


# Dead holders


def lock_story(kind: str = "Lock", maximum: int = 1, exit_code: int = -9) -> Story:
    """One child dies with a lock that another wants."""
    story = Story(LEFT, RIGHT)
    story.say(MAIN, LockCreated, object="L", kind=kind, maximum=maximum)
    story.say(LEFT, LockAcquired, object="L")
    story.pass_time(0.1)
    story.dies(LEFT, exit_code)
    return story


def test_a_lock_of_a_dead_process_is_said_when_it_has_been_waited_for() -> None:
    story = lock_story()
    assert story.pass_time(2) == [], "nobody wants it"
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(1) == []
    assert story.pass_time(0.1) == ["dead-holder"]
    assert story.only == ("dead-holder", (str(LEFT), str(RIGHT)), ("L",), SECOND // 10)
    story.say(RIGHT, WaitOver)
    story.pass_time(0.1)
    (finding,) = story.findings
    assert finding.over == story.at(story.now)


def test_a_lock_that_is_given_back_by_others_by_design_is_left_alone() -> None:
    story = lock_story()
    story.say(MAIN, LockReleased, object="L")
    story.begins(THIRD)
    story.say(THIRD, LockAcquired, object="L")
    story.dies(THIRD, 0)
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(3) == []


@pytest.mark.parametrize(("exit_code", "found"), [(0, []), (1, ["dead-holder"])])
def test_places_of_a_process_that_ended_well_may_be_given_back_by_others(
    exit_code: int, found: list[str]
) -> None:
    story = lock_story("Semaphore", 3, exit_code)
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(3) == found


# Dead queues


def queue_story(*children: int) -> Story:
    story = Story(*children)
    story.say(MAIN, QueueCreated, object="Q", kind="Queue", maxsize=0)
    return story


def test_a_reader_that_dies_in_its_turn_stops_the_queue_until_somebody_gets_something() -> None:
    story = queue_story(LEFT, RIGHT)
    story.waits(LEFT, "get", "Q", turn=True)
    story.waits(RIGHT, "get", "Q")
    story.pass_time(2)
    story.dies(LEFT)
    assert story.pass_time(1) == []
    assert story.pass_time(0.1) == ["dead-queue"]
    assert story.only == ("dead-queue", (str(LEFT), str(RIGHT)), ("Q",), 2 * SECOND)
    story.say(RIGHT, ItemGot, object="Q", size=1)
    story.waits(MAIN, "get", "Q")
    story.pass_time(2)
    (finding,) = story.findings
    assert finding.over > 0


def test_a_reader_that_dies_before_its_turn_takes_nothing_along() -> None:
    story = queue_story(LEFT, RIGHT)
    story.waits(LEFT, "get", "Q")
    story.dies(LEFT)
    story.waits(RIGHT, "get", "Q")
    assert story.pass_time(3) == []


def test_half_an_item_comes_no_further_only_where_its_writer_is_dead() -> None:
    story = queue_story(LEFT, RIGHT, THIRD)
    for writer in (LEFT, THIRD):
        story.say(writer, ItemPut, object="Q")
    story.waits(RIGHT, "get", "Q", turn=True, begun=True)
    assert story.pass_time(3) == [], "both writers live"
    story.dies(LEFT)
    story.status[THIRD] = "T"
    assert story.pass_time(3) == [], "one is stopped: it may be that one's item"
    story.status[THIRD] = "S"
    assert story.pass_time(1.2) == ["dead-queue"]
    assert story.only[1] == (str(LEFT), str(RIGHT))


def test_a_program_that_is_frozen_by_hand_is_asked_nothing() -> None:
    story = queue_story(LEFT, RIGHT)
    story.say(LEFT, ItemPut, object="Q")
    story.waits(RIGHT, "get", "Q", turn=True, begun=True)
    story.dies(LEFT)
    story.say(0, Marked, action="freeze")
    assert story.pass_time(3) == []


def test_what_a_living_writer_puts_comes_out_unless_a_dead_one_has_the_lock() -> None:
    story = queue_story(LEFT, RIGHT, THIRD)
    story.say(LEFT, ItemPut, object="Q")
    story.say(RIGHT, ItemGot, object="Q", size=1)
    story.dies(LEFT)
    story.waits(RIGHT, "get", "Q", turn=True)
    assert story.pass_time(3) == [], "nobody has put anything since"
    story.say(THIRD, ItemPut, object="Q")
    story.status[THIRD] = "R"
    assert story.pass_time(3) == [], "it may still be at work on the item"
    story.status[THIRD] = "S"
    assert story.pass_time(1.2) == ["dead-queue"]
    assert story.only[1] == (str(LEFT), str(RIGHT))


# Join before drain


def join_story(what: str = "drain") -> Story:
    """A child is at its exit with an item that is too large for the pipe; its parent joins it."""
    story = queue_story(LEFT)
    story.say(LEFT, ItemPut, object="Q")
    story.say(LEFT, Exiting)
    story.waits(LEFT, what, "Q")
    story.pass_time(0.1)
    story.waits(MAIN, "process", str(LEFT))
    return story


@pytest.mark.parametrize("what", ["drain", "put"])
def test_a_join_before_the_drain_is_said_after_a_while(what: str) -> None:
    story = join_story(what)
    assert story.pass_time(1) == []
    assert story.pass_time(0.1) == ["join-before-drain"]
    assert story.only == ("join-before-drain", (str(MAIN), str(LEFT)), ("Q",), SECOND // 10)
    story.say(MAIN, ItemGot, object="Q", size=1)
    assert story.pass_time(0.1) == [], "somebody took it after all"


def test_a_possible_reader_of_the_queue_is_given_time() -> None:
    story = join_story()
    story.begins(RIGHT)
    assert story.pass_time(3) == [], "who is at something unknown may come to it"
    story.waits(RIGHT, "get", "Q")
    assert story.pass_time(3) == []
    story.say(RIGHT, ItemGot, object="Q", size=1)
    story.waits(RIGHT, "get", "other")
    assert story.pass_time(3) == [], "it has read before"


def test_a_process_that_only_puts_or_waits_for_something_else_is_no_reader() -> None:
    story = join_story()
    story.begins(RIGHT)
    story.begins(THIRD)
    story.say(RIGHT, ItemPut, object="Q")
    story.waits(THIRD, "get", "other")
    assert story.pass_time(2) == ["join-before-drain"]


def test_a_parent_whose_other_thread_reads_is_given_the_time() -> None:
    story = join_story()
    story.say(MAIN, ItemGot, thread=7, object="Q", size=1)
    assert story.pass_time(3) == []


def test_a_join_with_a_time_out_ends_by_itself() -> None:
    story = join_story()
    story.say(MAIN, WaitOver)
    story.waits(MAIN, "process", str(LEFT), limit=5000)
    assert story.pass_time(3) == []


# Zombies


def test_a_zombie_is_told_of_after_ten_seconds_and_forgotten_when_it_is_joined() -> None:
    story = Story(LEFT)
    story.dies(LEFT, 0)
    story.status[LEFT] = "Z"
    assert story.pass_time(9.9) == []
    assert story.pass_time(0.2) == ["zombies"]
    assert story.only == ("zombies", (str(MAIN), str(LEFT)), (), 0)
    story.say(MAIN, Joined, child=LEFT, exit_code=0)
    del story.status[LEFT]
    assert story.pass_time(0.1) == []


def test_a_zombie_may_wait_for_its_turn_to_be_joined() -> None:
    story = Story(LEFT, RIGHT)
    story.dies(LEFT, 0)
    story.status[LEFT] = "Z"
    assert story.pass_time(30) == [], "another child of that time is still at work"
    story.dies(RIGHT, 0)
    story.waits(MAIN, "process", str(RIGHT))
    assert story.pass_time(30) == [], "its parent is in a join"
    story.say(MAIN, WaitOver)
    assert story.pass_time(0.1) == ["zombies"]


# Left behind


def leave(story: Story, *left: int, exit_code: int = 0) -> list[str]:
    """End the program, and with it what it leaves."""
    story.pass_time(0.1)
    story.say(SUPERVISOR, ProgramEnded, child=MAIN, exit_code=exit_code)
    for pid in left:
        story.say(SUPERVISOR, SupervisorSignalled, child=pid, signal=15, left_behind=True)
    for pid in left:
        story.dies(pid, -15)
    story.say(0, RunEnded, exit_code=exit_code)
    return story.rules


def test_all_that_is_left_behind_is_one_finding() -> None:
    story = Story(LEFT, RIGHT)
    assert leave(story, LEFT, RIGHT) == ["left-behind"]
    assert story.only[1:] == ((str(LEFT), str(RIGHT)), (), SECOND // 10)


def test_a_process_signalled_from_here_leaves_nothing_behind() -> None:
    story = Story(LEFT)
    story.say(0, Marked, action="signal", child=MAIN, signal=9)
    assert leave(story, LEFT, exit_code=-9) == []


def test_of_bare_forks_only_the_program_s_own_count() -> None:
    story = Story()
    for parent, child in ((MAIN, LEFT), (LEFT, RIGHT)):
        story.status[child] = "S"
        story.say(child, Hello, parent=parent, started=child, role="process", forked=True)
    assert leave(story, RIGHT) == [], "a daemon, which is made on purpose"
    story = Story()
    story.say(LEFT, Hello, parent=MAIN, started=LEFT, role="process", forked=True)
    story.status[LEFT] = "S"
    assert leave(story, LEFT) == ["left-behind"]


# Forks beside threads


def fork(story: Story, child: int) -> None:
    story.status[child] = "S"
    story.say(child, Hello, parent=MAIN, started=child, role="process", forked=True)
    story.say(child, ForkedBeside, threads=2, names="a, b")


def test_a_fork_beside_threads_is_said_at_once_of_all_children_of_a_process() -> None:
    story = Story()
    for child in (LEFT, RIGHT):
        fork(story, child)
        story.begins(child)
    assert story.pass_time(0.1) == ["fork-with-threads"]
    assert story.only == ("fork-with-threads", (str(MAIN), str(LEFT), str(RIGHT)), (), 0)


def test_a_bare_fork_may_become_another_program_first() -> None:
    story = Story()
    fork(story, LEFT)
    assert story.pass_time(0.9) == []
    assert story.pass_time(0.1) == ["fork-with-threads"]
    story = Story()
    fork(story, LEFT)
    story.say(LEFT, Hello, number=1, parent=MAIN, started=LEFT, role="main")
    assert story.pass_time(3) == []
