"""Rules on what hangs and what is left: their thresholds, and what they leave alone."""

from __future__ import annotations

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import (
    Event,
    Marked,
    ProcessExited,
    ProcessSample,
    ProgramEnded,
    ProgramStarted,
    RunEnded,
    RunStarted,
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
from mpviz.trace.model.state import RunState

SUPERVISOR, MAIN, LEFT, RIGHT, THIRD = 9, 10, 11, 12, 13
SECOND = 1_000_000_000


class Story:
    """A program that is told step by step, and looked at ten times a second in between."""

    def __init__(self, *children: int) -> None:
        self.state = RunState()
        self.now = 0
        self.status = {MAIN: "S"}
        self.tell(
            RunStarted(
                time=0,
                pid=0,
                target="x",
                arguments=[],
                python="",
                start_method="",
                cores=2,
                version="1",
            ),
            ProgramStarted(time=0, pid=SUPERVISOR, child=MAIN, started=MAIN),
            Hello(time=0, pid=MAIN, parent=SUPERVISOR, started=MAIN, role="main"),
        )
        for child in children:
            self.start(child)

    def tell(self, *events: Event) -> None:
        for event in events:
            event.time = self.now
        follow(self.state, events)

    def start(self, child: int, parent: int = MAIN) -> None:
        self.status[child] = "S"
        started = Started(
            time=0,
            pid=parent,
            child=child,
            name=f"child-{child}",
            daemon=False,
            method="fork",
            function="f",
            started=child,
        )
        began = Began(time=0, pid=child, name=f"child-{child}", daemon=False, parent=parent)
        self.tell(started, began)

    def end(self, child: int, exit_code: int = -9) -> None:
        self.tell(ProcessExited(time=0, pid=SUPERVISOR, child=child, exit_code=exit_code))
        self.status.pop(child)

    def waits(self, pid: int, what: str, target: str, **more: int | bool) -> None:
        self.tell(Waiting(time=0, pid=pid, what=what, object=target, **more))

    def pass_time(self, seconds: float) -> list[str]:
        """Look until then; the rules that have found something, one for each finding."""
        for _ in range(round(seconds * 10)):
            self.now += SECOND // 10
            samples = [
                ProcessSample(
                    pid=pid,
                    started=pid,
                    parent=MAIN,
                    status=status,
                    cpu_percent=0,
                    cpu_seconds=0,
                    rss=1,
                    core=0,
                )
                for pid, status in self.status.items()
            ]
            self.tell(Sample(time=0, pid=0, cores=[0, 0], processes=samples))
        return self.found

    @property
    def found(self) -> list[str]:
        return [finding.rule for finding in self.state.findings.values()]

    @property
    def only(self) -> tuple[str, tuple[str, ...], tuple[str, ...], int]:
        """Rule, processes, objects and beginning of the one finding."""
        (finding,) = self.state.findings.values()
        return finding.rule, finding.processes, finding.objects, finding.since


# Lost tasks


def pool_story(kind: str = "Pool", call: str = "map", tasks: int = 3) -> Story:
    """Three tasks by two workers, one of which dies in the first."""
    story = Story(LEFT, RIGHT)
    story.tell(PoolCreated(time=0, pid=MAIN, object="p", workers=2, kind=kind))
    for worker in (LEFT, RIGHT):
        story.tell(WorkerReady(time=0, pid=worker, object="p"))
    story.tell(
        JobSubmitted(
            time=0,
            pid=MAIN,
            object="p",
            job=0,
            call=call,
            function="work",
            tasks=tasks,
            items=3,
            chunksize=1,
        )
    )
    for index, worker in enumerate((LEFT, RIGHT)):
        take(story, worker, index)
    story.pass_time(0.1)
    story.end(LEFT)
    return story


def take(story: Story, worker: int, index: int) -> None:
    story.tell(
        TaskStarted(time=0, pid=worker, object="p", job=0, index=index, function="work", items=1)
    )


def test_a_lost_task_is_said_when_it_has_been_waited_for() -> None:
    story = pool_story()
    assert story.pass_time(1) == [], "nobody waits"
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(0.5) == []
    assert story.pass_time(0.1) == ["lost-task"]
    assert story.only == ("lost-task", (str(LEFT), str(MAIN)), ("p/0/0",), SECOND // 10)
    story.end(RIGHT)
    story.pass_time(1)
    assert story.only[1:3] == ((str(LEFT), str(RIGHT), str(MAIN)), ("p/0/0", "p/0/1"))


@pytest.mark.parametrize("call", ["imap", "imap_unordered"])
def test_of_an_imap_it_is_said_when_no_other_result_can_come(call: str) -> None:
    story = pool_story(call=call, tasks=-1)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(1) == [], "it may have more tasks"
    story.tell(JobLength(time=0, pid=MAIN, object="p", job=0, tasks=2))
    assert story.pass_time(1) == [], "one is at work"
    story.tell(TaskEnded(time=0, pid=RIGHT, object="p", job=0, index=1))
    assert story.pass_time(1) == ["lost-task"]


@pytest.mark.parametrize("kind", ["ProcessPoolExecutor", "loky executor", "WorkerPool"])
def test_who_raises_when_a_worker_dies_is_left_alone(kind: str) -> None:
    story = pool_story(kind)
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


def test_who_ends_the_pool_needs_the_task_no_more_and_who_closes_it_does() -> None:
    story = pool_story()
    story.tell(PoolEnded(time=0, pid=MAIN, object="p", how="terminate"))
    story.waits(MAIN, "workers", "p")
    assert story.pass_time(2) == []
    story = pool_story()
    story.tell(PoolEnded(time=0, pid=MAIN, object="p", how="close"))
    story.waits(MAIN, "workers", "p")
    assert story.pass_time(2) == ["lost-task"]


def test_a_time_out_or_a_job_that_is_done_is_no_wait_for_ever() -> None:
    story = pool_story()
    story.waits(MAIN, "results", "p/0", limit=60_000)
    assert story.pass_time(2) == []
    story = pool_story()
    story.tell(JobDone(time=0, pid=MAIN, object="p", job=0))
    story.waits(MAIN, "results", "p/0")
    assert story.pass_time(2) == []


# Dead holders


def lock_story(kind: str = "Lock", maximum: int = 1, exit_code: int = -9) -> Story:
    """One child dies with a lock that another wants."""
    story = Story(LEFT, RIGHT)
    story.tell(LockCreated(time=0, pid=MAIN, object="L", kind=kind, maximum=maximum))
    story.tell(LockAcquired(time=0, pid=LEFT, object="L"))
    story.pass_time(0.1)
    story.end(LEFT, exit_code)
    return story


def test_a_lock_of_a_dead_process_is_said_when_it_has_been_waited_for() -> None:
    story = lock_story()
    assert story.pass_time(2) == [], "nobody wants it"
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(1) == []
    assert story.pass_time(0.1) == ["dead-holder"]
    assert story.only == ("dead-holder", (str(LEFT), str(RIGHT)), ("L",), SECOND // 10)
    story.tell(WaitOver(time=0, pid=RIGHT))
    story.pass_time(0.1)
    (finding,) = story.state.findings.values()
    assert finding.over == story.now


def test_a_lock_that_is_given_back_by_others_by_design_is_left_alone() -> None:
    story = lock_story()
    story.tell(LockReleased(time=0, pid=MAIN, object="L"))
    story.start(THIRD)
    story.tell(LockAcquired(time=0, pid=THIRD, object="L"))
    story.end(THIRD, 0)
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(3) == []


@pytest.mark.parametrize(("exit_code", "found"), [(0, []), (1, ["dead-holder"])])
def test_places_of_who_ended_well_may_be_given_back_by_others(
    exit_code: int, found: list[str]
) -> None:
    story = lock_story("Semaphore", 3, exit_code)
    story.waits(RIGHT, "lock", "L")
    assert story.pass_time(3) == found


# Dead queues


def queue_story(*children: int) -> Story:
    story = Story(*children)
    story.tell(QueueCreated(time=0, pid=MAIN, object="Q", kind="Queue", maxsize=0))
    return story


def test_a_reader_that_dies_in_its_turn_stops_the_queue_until_somebody_gets_something() -> None:
    story = queue_story(LEFT, RIGHT)
    story.waits(LEFT, "get", "Q", turn=True)
    story.waits(RIGHT, "get", "Q")
    story.pass_time(2)
    story.end(LEFT)
    assert story.pass_time(1) == []
    assert story.pass_time(0.1) == ["dead-queue"]
    assert story.only == ("dead-queue", (str(LEFT), str(RIGHT)), ("Q",), 2 * SECOND)
    story.tell(ItemGot(time=0, pid=RIGHT, object="Q", size=1))
    story.waits(MAIN, "get", "Q")
    story.pass_time(2)
    (finding,) = story.state.findings.values()
    assert finding.over > 0


def test_a_reader_that_dies_before_its_turn_takes_nothing_along() -> None:
    story = queue_story(LEFT, RIGHT)
    story.waits(LEFT, "get", "Q")
    story.end(LEFT)
    story.waits(RIGHT, "get", "Q")
    assert story.pass_time(3) == []


def test_half_an_item_comes_no_further_only_where_its_writer_is_dead() -> None:
    story = queue_story(LEFT, RIGHT, THIRD)
    for writer in (LEFT, THIRD):
        story.tell(ItemPut(time=0, pid=writer, object="Q"))
    story.waits(RIGHT, "get", "Q", turn=True, begun=True)
    assert story.pass_time(3) == [], "both writers live"
    story.end(LEFT)
    story.status[THIRD] = "T"
    assert story.pass_time(3) == [], "one is stopped: it may be that one's item"
    story.status[THIRD] = "S"
    assert story.pass_time(1.2) == ["dead-queue"]
    assert story.only[1] == (str(LEFT), str(RIGHT))


def test_a_program_that_is_frozen_by_hand_is_asked_nothing() -> None:
    story = queue_story(LEFT, RIGHT)
    story.tell(ItemPut(time=0, pid=LEFT, object="Q"))
    story.waits(RIGHT, "get", "Q", turn=True, begun=True)
    story.end(LEFT)
    story.tell(Marked(time=0, pid=0, action="freeze"))
    assert story.pass_time(3) == []


def test_what_a_living_writer_puts_comes_out_unless_a_dead_one_has_the_lock() -> None:
    story = queue_story(LEFT, RIGHT, THIRD)
    story.tell(ItemPut(time=0, pid=LEFT, object="Q"))
    story.tell(ItemGot(time=0, pid=RIGHT, object="Q", size=1))
    story.end(LEFT)
    story.waits(RIGHT, "get", "Q", turn=True)
    assert story.pass_time(3) == [], "nobody has put anything since"
    story.tell(ItemPut(time=0, pid=THIRD, object="Q"))
    story.status[THIRD] = "R"
    assert story.pass_time(3) == [], "it may still be at work on the item"
    story.status[THIRD] = "S"
    assert story.pass_time(1.2) == ["dead-queue"]
    assert story.only[1] == (str(LEFT), str(RIGHT))


# Join before drain


def join_story(what: str = "drain") -> Story:
    """A child is at its exit with an item that is too large for the pipe; its parent joins it."""
    story = queue_story(LEFT)
    story.tell(ItemPut(time=0, pid=LEFT, object="Q"))
    story.tell(Exiting(time=0, pid=LEFT))
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
    story.tell(ItemGot(time=0, pid=MAIN, object="Q", size=1))
    assert story.pass_time(0.1) == [], "somebody took it after all"


def test_whoever_may_read_the_queue_is_given_the_time() -> None:
    story = join_story()
    story.start(RIGHT)
    assert story.pass_time(3) == [], "who is at something unknown may come to it"
    story.waits(RIGHT, "get", "Q")
    assert story.pass_time(3) == []
    story.tell(ItemGot(time=0, pid=RIGHT, object="Q", size=1))
    story.waits(RIGHT, "get", "other")
    assert story.pass_time(3) == [], "it has read before"


def test_who_only_puts_or_waits_for_something_else_is_no_reader() -> None:
    story = join_story()
    story.start(RIGHT)
    story.start(THIRD)
    story.tell(ItemPut(time=0, pid=RIGHT, object="Q"))
    story.waits(THIRD, "get", "other")
    assert story.pass_time(2) == ["join-before-drain"]


def test_a_parent_whose_other_thread_reads_is_given_the_time() -> None:
    story = join_story()
    story.tell(ItemGot(time=0, pid=MAIN, thread=7, object="Q", size=1))
    assert story.pass_time(3) == []


def test_a_join_with_a_time_out_ends_by_itself() -> None:
    story = join_story()
    story.tell(WaitOver(time=0, pid=MAIN))
    story.waits(MAIN, "process", str(LEFT), limit=5000)
    assert story.pass_time(3) == []


# Zombies


def test_a_zombie_is_told_of_after_ten_seconds_and_forgotten_when_it_is_joined() -> None:
    story = Story(LEFT)
    story.end(LEFT, 0)
    story.status[LEFT] = "Z"
    assert story.pass_time(9.9) == []
    assert story.pass_time(0.2) == ["zombies"]
    assert story.only == ("zombies", (str(MAIN), str(LEFT)), (), 0)
    story.tell(Joined(time=0, pid=MAIN, child=LEFT, exit_code=0))
    del story.status[LEFT]
    assert story.pass_time(0.1) == []


def test_a_zombie_may_wait_for_its_turn_to_be_joined() -> None:
    story = Story(LEFT, RIGHT)
    story.end(LEFT, 0)
    story.status[LEFT] = "Z"
    assert story.pass_time(30) == [], "another child of that time is still at work"
    story.end(RIGHT, 0)
    story.waits(MAIN, "process", str(RIGHT))
    assert story.pass_time(30) == [], "its parent is in a join"
    story.tell(WaitOver(time=0, pid=MAIN))
    assert story.pass_time(0.1) == ["zombies"]


# Left behind


def leave(story: Story, *left: int, exit_code: int = 0) -> list[str]:
    """End the program, and with it what it leaves."""
    story.pass_time(0.1)
    story.tell(ProgramEnded(time=0, pid=SUPERVISOR, child=MAIN, exit_code=exit_code))
    for pid in left:
        story.tell(
            SupervisorSignalled(time=0, pid=SUPERVISOR, child=pid, signal=15, left_behind=True)
        )
    for pid in left:
        story.end(pid, -15)
    story.tell(RunEnded(time=0, pid=0, exit_code=exit_code))
    return story.found


def test_all_that_is_left_behind_is_one_finding() -> None:
    story = Story(LEFT, RIGHT)
    assert leave(story, LEFT, RIGHT) == ["left-behind"]
    assert story.only[1:] == ((str(LEFT), str(RIGHT)), (), SECOND // 10)


def test_who_was_signalled_from_here_leaves_nothing_behind() -> None:
    story = Story(LEFT)
    story.tell(Marked(time=0, pid=0, action="signal", child=MAIN, signal=9))
    assert leave(story, LEFT, exit_code=-9) == []


def test_of_bare_forks_only_the_program_s_own_count() -> None:
    story = Story()
    for parent, child in ((MAIN, LEFT), (LEFT, RIGHT)):
        story.status[child] = "S"
        story.tell(
            Hello(time=0, pid=child, parent=parent, started=child, role="process", forked=True)
        )
    assert leave(story, RIGHT) == [], "a daemon, which is made on purpose"
    story = Story()
    story.tell(Hello(time=0, pid=LEFT, parent=MAIN, started=LEFT, role="process", forked=True))
    story.status[LEFT] = "S"
    assert leave(story, LEFT) == ["left-behind"]


# Forks beside threads


def fork(story: Story, child: int) -> None:
    story.status[child] = "S"
    story.tell(
        Hello(time=0, pid=child, parent=MAIN, started=child, role="process", forked=True),
        ForkedBeside(time=0, pid=child, threads=2, names="a, b"),
    )


def test_a_fork_beside_threads_is_said_at_once_of_all_children_of_a_process() -> None:
    story = Story()
    for child in (LEFT, RIGHT):
        fork(story, child)
        story.start(child)
    assert story.pass_time(0.1) == ["fork-with-threads"]
    assert story.only == ("fork-with-threads", (str(MAIN), str(LEFT), str(RIGHT)), (), 0)


def test_a_bare_fork_may_become_another_program_first() -> None:
    story = Story()
    fork(story, LEFT)
    assert story.pass_time(0.9) == []
    assert story.pass_time(0.1) == ["fork-with-threads"]
    story = Story()
    fork(story, LEFT)
    story.tell(Hello(time=0, pid=LEFT, number=1, parent=MAIN, started=LEFT, role="main"))
    assert story.pass_time(3) == []
