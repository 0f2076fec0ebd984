"""The fold tells what happened: stories whose end is known, read from the state and the document.

Times are milliseconds; MAIN, ANNA, BERT and CARL are processes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, summary
from mpviz.trace.model.events import (
    Event,
    Marked,
    Output,
    ProbeError,
    ProcessExited,
    ProcessSample,
    ProgramEnded,
    ProgramFailed,
    ProgramStarted,
    RunEnded,
    RunStarted,
    Sample,
    Site,
    SupervisorSignalled,
    Unreadable,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.lock import (
    Lock,
    LockAcquired,
    LockCreated,
    LockReleased,
    ReleaseRefused,
    contention,
)
from mpviz.trace.model.primitives.manager import (
    Managed,
    ManagedCreated,
    ManagerServing,
    MethodAnswered,
    MethodCalled,
)
from mpviz.trace.model.primitives.memory import (
    MemoryAttached,
    MemoryClosed,
    MemoryCreated,
    MemoryUnlinked,
)
from mpviz.trace.model.primitives.pipe import (
    EndClosed,
    MessageReceived,
    MessageSent,
    Pipe,
    PipeCreated,
    PipeEnded,
    SendRefused,
    pipe_waiters,
    pipes_made,
)
from mpviz.trace.model.primitives.pool_events import (
    ExecutorBroken,
    FutureDone,
    JobCallback,
    JobDone,
    JobGrew,
    JobLength,
    JobSubmitted,
    PoolCreated,
    PoolEnded,
    PoolResized,
    TaskEnded,
    TaskStarted,
    TaskStopping,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import TASK_LIMIT, Pool, Task
from mpviz.trace.model.primitives.process import Began, Finished, Hello, Joined, Signalled, Started
from mpviz.trace.model.primitives.queue import (
    ItemDone,
    ItemGot,
    ItemLost,
    ItemPut,
    Queue,
    QueueCreated,
)
from mpviz.trace.model.primitives.value import SharedValue, ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import LOG_LIMIT, OUTPUT_LIMIT, RunState
from mpviz.trace.model.told import RECENT_LIMIT
from mpviz.trace.model.wait_kinds import wait_in_words

MS = 1_000_000
VIEWER, SUPERVISOR, MAIN, ANNA, BERT, CARL = 0, 50, 100, 101, 102, 103


class Story:
    """Folds events as they are told, and keeps each process's numbers."""

    def __init__(self) -> None:
        self.state = RunState()
        self.numbers: dict[int, int] = {}

    def tell(self, time: float, pid: int, event: type[Event], /, **fields: Any) -> None:
        """One event at a time in milliseconds."""
        number = self.numbers[pid] = self.numbers.get(pid, 0) + 1 if pid else 0
        follow(self.state, [event(time=round(time * MS), pid=pid, number=number, **fields)])

    def begin(self, time: float = 0, start_method: str = "") -> None:
        """The run and the program's first process start."""
        self.tell(
            time,
            VIEWER,
            RunStarted,
            target="story",
            arguments=["python", "story.py"],
            python="python",
            start_method=start_method,
            cores=2,
            version="1.2.3",
        )
        self.tell(time, SUPERVISOR, ProgramStarted, child=MAIN, started=1000)
        self.tell(time, MAIN, Hello, parent=SUPERVISOR, started=1000, role="main", python="3.11.7")

    def child(self, time: float, pid: int, name: str, method: str = "fork", **fields: Any) -> None:
        """MAIN starts a child, which says hello and begins."""
        started = 1000 + pid
        self.tell(
            time,
            MAIN,
            Started,
            child=pid,
            name=name,
            daemon=False,
            method=method,
            function="work",
            started=started,
        )
        forked = method != "spawn"
        self.tell(time, pid, Hello, parent=MAIN, started=started, role="process", forked=forked)
        self.tell(time, pid, Began, name=name, daemon=False, parent=MAIN)

    def end(self, time: float, exit_code: int | None = 0) -> None:
        """The first process ends, and with it the run."""
        self.tell(time, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=exit_code)
        self.tell(time, VIEWER, RunEnded, exit_code=exit_code)

    def process(self, pid: int) -> Process:
        """The process that has, or last had, this pid."""
        return self.state.by_pid[pid]

    def words(self, pid: int) -> str:
        """What a process waits for, in words."""
        wait = self.process(pid).wait
        assert wait is not None
        return wait_in_words(self.state, wait)

    def document(self) -> dict[str, Any]:
        """The document, as it comes back from JSON."""
        found: dict[str, Any] = json.loads(json.dumps(document(self.state)))
        return found

    def one(self, section: str) -> dict[str, Any]:
        """The only entry of a section of the document."""
        (entry,) = self.document()[section]
        found: dict[str, Any] = entry
        return found


def doing(process: Process, *times: float) -> list[str]:
    """What a process did at these moments."""
    done = []
    for time in times:
        (span, *_) = process.lane.between(round(time * MS), round(time * MS) + 1)
        done.append(span.activity.name.lower())
    return done


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def two(story: Story) -> Story:
    """A run with two children, Anna and Bert, at work from the tenth millisecond on."""
    story.begin()
    story.child(10, ANNA, "Anna")
    story.child(10, BERT, "Bert")
    return story


def create_lock(story: Story, kind: str = "Lock", maximum: int = 1) -> Lock:
    story.tell(
        5, MAIN, Site, site=7, file="/a/story.py", line=3, function="main", code="gate = Lock()"
    )
    story.tell(5, MAIN, LockCreated, object="L", kind=kind, maximum=maximum, site=7)
    return story.state.table(Lock)["L"]


# Locks


def test_a_lock_is_handed_over_from_one_process_to_another(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    assert (lock.holder, lock.held_since) == (str(ANNA), 11 * MS)
    two.tell(14, BERT, Waiting, what="lock", object="L")
    assert two.words(BERT) == "lock gate, held by Anna"
    assert two.process(BERT).state == "waiting"
    two.tell(20, ANNA, LockReleased, object="L")
    assert two.words(BERT) == "lock gate"
    two.tell(21, BERT, LockAcquired, object="L")
    assert (lock.holder, two.process(BERT).wait) == (str(BERT), None)
    two.tell(25, BERT, LockReleased, object="L")
    assert lock.holder == ""
    assert doing(two.process(BERT), 13, 14, 20, 21) == ["running", "lock", "lock", "running"]
    entry = two.one("locks")
    assert entry == {
        "id": "L",
        "name": "gate",
        "kind": "Lock",
        "acquisitions": 2,
        "releases": 2,
        "contended": 1,
        "wait": pytest.approx(0.007),
        "hold": pytest.approx(0.013),
        "holder_pid": None,
    }


def test_a_wait_that_is_given_up_counts_as_time_but_takes_nothing(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, BERT, Waiting, what="lock", object="L")
    two.tell(32, BERT, WaitOver)
    assert (lock.acquisitions, lock.contended, lock.holder) == (1, 0, str(ANNA))
    assert (lock.wait.count, lock.wait.total) == (1, 20 * MS)
    assert "1 wait given up" in summary(two.state)
    assert two.process(BERT).state == "running"


def test_a_lock_released_by_another_process_is_free(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(19, BERT, LockReleased, object="L")
    assert (lock.holder, lock.hold.total) == ("", 8 * MS)


def test_a_refused_release_never_happened(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockReleased, object="L")
    two.tell(11, ANNA, ReleaseRefused, object="L")
    assert (lock.acquisitions, lock.releases, lock.holder) == (0, 0, "")


def test_a_semaphore_has_as_many_holders_as_took_it(two: Story) -> None:
    lock = create_lock(two, "Semaphore", 2)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, BERT, LockAcquired, object="L")
    assert [key for key, _ in lock.holders] == [str(ANNA), str(BERT)]
    two.tell(15, ANNA, LockReleased, object="L")
    assert (lock.holder, lock.hold.total) == (str(BERT), 4 * MS)


def test_a_semaphore_that_begins_with_nothing_is_a_signal_and_held_by_nobody(two: Story) -> None:
    """Who gives has never taken it, and who takes it never gives it back."""
    lock = create_lock(two, "Semaphore", 0)
    two.tell(11, ANNA, LockReleased, object="L")
    two.tell(12, BERT, LockAcquired, object="L")
    assert (lock.acquisitions, lock.releases, lock.last_holder) == (1, 1, str(BERT))
    assert (lock.holders, lock.hold.count) == ({}, 0)


def test_threads_of_one_process_hold_and_wait_each_for_itself(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, ANNA, Waiting, what="lock", object="L", thread=9)
    assert two.process(ANNA).state == "running"
    assert two.words(ANNA) == "lock gate, held by Anna"
    two.tell(14, ANNA, LockReleased, object="L")
    two.tell(14, ANNA, LockAcquired, object="L", thread=9)
    assert (lock.contended, lock.wait.total, lock.hold.total) == (1, 2 * MS, 3 * MS)
    assert list(lock.holders) == [(str(ANNA), 9)]
    assert two.process(ANNA).state == "running"


def test_how_the_program_ended_is_the_supervisor_s_to_say(two: Story) -> None:
    two.tell(11, ANNA, ProcessExited, child=MAIN, exit_code=0)
    two.tell(12, ANNA, ProcessExited, child=BERT, exit_code=0)
    two.tell(13, SUPERVISOR, ProcessExited, child=BERT, exit_code=-9)
    two.tell(14, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=3)
    assert (two.process(MAIN).exit_code, two.process(BERT).exit_code) == (3, -9)


def test_a_dead_holder_keeps_the_lock_and_the_waiter_says_so(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, BERT, Waiting, what="lock", object="L")
    two.tell(13, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    assert lock.holder == str(ANNA)
    assert two.words(BERT) == "lock gate, held by Anna, which is dead"
    assert two.one("locks")["holder_pid"] == ANNA


def test_a_death_ends_the_wait_of_the_dead(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, BERT, Waiting, what="lock", object="L")
    two.tell(18, SUPERVISOR, ProcessExited, child=BERT, exit_code=-15)
    assert two.process(BERT).wait is None
    assert (lock.contended, lock.wait.count, lock.wait.total) == (0, 1, 6 * MS)
    assert (lock.given_up, lock.cut_off) == (0, 1), "it did not give up"
    assert contention(two.state, lock) == 0.5, "Anna did not have to wait"
    assert "1 wait cut off by the end of the process" in summary(two.state)
    assert "given up" not in summary(two.state)


def test_what_is_not_over_counts_as_far_as_it_has_come(two: Story) -> None:
    lock = create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, BERT, Waiting, what="lock", object="L")
    two.tell(32, MAIN, Waiting, what="process", object=str(ANNA))
    assert contention(two.state, lock) == 0.5, "Bert still waits"
    entry = two.one("locks")
    assert (entry["wait"], entry["hold"]) == (pytest.approx(0.020), pytest.approx(0.021))
    assert ", 0 after a wait, 1 wait not over, 20.0 ms waited in all" in summary(two.state)


def test_a_lock_that_nobody_announced_ends_the_wait_for_it_and_is_not_shown(two: Story) -> None:
    two.tell(11, ANNA, Waiting, what="lock", object="of an event")
    assert two.words(ANNA) == "an internal lock"
    two.tell(12, ANNA, LockAcquired, object="of an event")
    two.tell(13, ANNA, LockReleased, object="of an event")
    assert two.process(ANNA).wait is None
    assert two.document()["locks"] == []


# Queues


def create_queue(story: Story, maxsize: int = 2) -> Queue:
    story.tell(
        5, MAIN, Site, site=8, file="/a/story.py", line=4, function="main", code="jobs = Queue(2)"
    )
    story.tell(5, MAIN, QueueCreated, object="Q", kind="Queue", maxsize=maxsize, site=8)
    return story.state.table(Queue)["Q"]


def test_a_queue_fills_and_runs_dry(two: Story) -> None:
    queue = create_queue(two)
    two.tell(11, BERT, Waiting, what="get", object="Q")
    assert two.words(BERT) == "an item from jobs"
    two.tell(14, ANNA, ItemPut, object="Q")
    two.tell(15, BERT, ItemGot, object="Q", size=100)
    two.tell(16, ANNA, ItemPut, object="Q")
    two.tell(17, ANNA, ItemPut, object="Q")
    assert queue.depth == 2
    two.tell(18, ANNA, Waiting, what="put", object="Q")
    assert two.words(ANNA) == "room in jobs"
    two.tell(24, BERT, ItemGot, object="Q", size=10)
    two.tell(25, ANNA, ItemPut, object="Q")
    two.tell(26, BERT, ItemGot, object="Q", size=10)
    two.tell(27, BERT, ItemGot, object="Q", size=10)
    two.tell(28, BERT, Waiting, what="get", object="Q")
    two.tell(38, BERT, WaitOver)
    assert two.one("queues") == {
        "id": "Q",
        "name": "jobs",
        "kind": "Queue",
        "maxsize": 2,
        "puts": 4,
        "gets": 4,
        "depth": 0,
        "max_depth": 2,
        "put_wait": pytest.approx(0.007),
        "get_wait": pytest.approx(0.014),
    }
    assert [(key, turns.count) for key, turns in queue.putters.items()] == [(str(ANNA), 4)]
    assert [(key, turns.count) for key, turns in queue.takers.items()] == [(str(BERT), 4)]
    assert queue.size == 130
    assert queue.depths.peak(0, 15 * MS) == 1
    assert queue.depths.peak(16 * MS, 40 * MS) == 2
    assert doing(two.process(ANNA), 17, 18, 24, 25) == ["running", "queue", "queue", "running"]


def test_waiting_for_a_turn_and_then_for_data_is_one_wait(two: Story) -> None:
    queue = create_queue(two)
    two.tell(11, BERT, Waiting, what="get", object="Q")
    two.tell(15, BERT, Waiting, what="get", object="Q")
    two.tell(18, ANNA, ItemPut, object="Q")
    two.tell(19, BERT, ItemGot, object="Q", size=1)
    assert (queue.get_wait.count, queue.get_wait.total) == (1, 8 * MS)


def test_an_item_that_cannot_be_pickled_leaves_the_queue_as_it_was(two: Story) -> None:
    queue = create_queue(two)
    two.tell(11, ANNA, ItemPut, object="Q")
    two.tell(12, ANNA, ItemLost, object="Q")
    assert (queue.depth, queue.puts.count, queue.gets.count) == (0, 1, 0)
    assert two.state.log[-1].text == "could not pickle an item for jobs"
    assert two.state.log[-1].trouble


def test_joining_a_queue_waits_for_its_items_to_be_done(two: Story) -> None:
    create_queue(two)
    two.tell(11, MAIN, ItemPut, object="Q")
    two.tell(11, MAIN, ItemPut, object="Q")
    two.tell(12, MAIN, Waiting, what="done", object="Q")
    assert two.words(MAIN) == "2 items of jobs to be done"
    two.tell(13, ANNA, ItemGot, object="Q", size=1)
    two.tell(14, ANNA, ItemDone, object="Q")
    assert two.words(MAIN) == "1 item of jobs to be done"
    two.tell(15, MAIN, WaitOver)
    assert two.process(MAIN).wait is None


# Pipes


def create_pipe(story: Story, duplex: bool = True) -> Pipe:
    line = "left, right = Pipe()"
    story.tell(5, MAIN, Site, site=11, file="/a/story.py", line=9, function="main", code=line)
    other = "R" if duplex else "L"
    story.tell(5, MAIN, PipeCreated, object="L", other=other, duplex=duplex, site=11)
    (pipe,) = pipes_made(story.state)
    return pipe


def test_messages_go_both_ways_through_a_duplex_pipe(two: Story) -> None:
    pipe = create_pipe(two)
    two.tell(11, BERT, Waiting, what="receive", object="R")
    assert two.words(BERT) == "a message on pipe left/right"
    two.tell(14, ANNA, MessageSent, object="L", size=100)
    two.tell(15, BERT, MessageReceived, object="R", size=100)
    two.tell(16, ANNA, MessageSent, object="L", size=10)
    two.tell(17, ANNA, MessageSent, object="L", size=10)
    two.tell(18, BERT, MessageSent, object="R", size=5)
    two.tell(19, BERT, Waiting, what="receive", object="R")
    assert two.words(BERT) == "a message on pipe left/right, from Anna"
    there, back = pipe.directions
    assert (there.in_flight, there.most_in_flight, back.in_flight) == (2, 2, 1)
    assert (there.sender_end, there.receiver_end) == ("left", "right")
    assert (there.sent_by, there.received_by) == ({str(ANNA): 3}, {str(BERT): 1})
    assert (there.receive_wait.count, there.receive_wait.total) == (1, 4 * MS)
    assert pipe_waiters(two.state, pipe, there)["receive"][0][0].name == "Bert"
    assert pipe_waiters(two.state, pipe, back) == {"send": [], "receive": []}
    assert two.one("pipes") == {
        "id": "L",
        "name": "left/right",
        "duplex": True,
        "sends": 4,
        "receives": 1,
        "bytes": 125,
        "in_flight": 3,
        "wait": pytest.approx(0.004),
        "send_wait": 0,
    }
    assert doing(two.process(BERT), 12, 16, 19) == ["queue", "running", "queue"]
    two.tell(20, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    assert two.words(BERT) == "a message on pipe left/right, from Anna, which is dead"


def test_a_pipe_of_one_way_leads_from_its_second_end_to_its_first(two: Story) -> None:
    pipe = create_pipe(two, duplex=False)
    (direction,) = pipe.directions
    assert (direction.sender_end, direction.receiver_end) == ("right", "left")
    two.tell(11, ANNA, MessageSent, object="L", size=7)
    two.tell(12, BERT, MessageReceived, object="L", size=7)
    two.tell(13, ANNA, MessageSent, object="L", size=90_000)
    two.tell(13, ANNA, Waiting, what="send", object="L")
    assert two.words(ANNA) == "room in pipe left/right, read by Bert"
    two.tell(18, ANNA, WaitOver)
    assert (direction.send_wait.count, direction.send_wait.total, direction.in_flight) == (
        1,
        5 * MS,
        1,
    )


def test_a_message_that_is_refused_was_never_sent(two: Story) -> None:
    (direction,) = create_pipe(two, duplex=False).directions
    two.tell(11, ANNA, MessageSent, object="L", size=7)
    two.tell(11, ANNA, SendRefused, object="L", size=7)
    assert (direction.in_flight, direction.refused, direction.sent_size) == (0, 1, 0)
    assert two.one("pipes")["sends"] == 0
    assert two.state.log[-1].text == "could not send on pipe left/right"


def test_the_end_of_a_pipe_and_who_closed_what_are_known(two: Story) -> None:
    there, back = create_pipe(two).directions
    two.tell(11, ANNA, EndClosed, object="R", reads=True, writes=True)
    two.tell(12, BERT, PipeEnded, object="L")
    assert (there.ended, back.ended) == (False, True)
    assert there.receivers_closed == back.senders_closed == {str(ANNA)}
    assert not there.senders_closed


def test_a_wait_for_several_pipes_is_a_wait_for_each(two: Story) -> None:
    pipe = create_pipe(two, duplex=False)
    two.tell(6, MAIN, PipeCreated, object="M", other="M", duplex=False)
    two.tell(11, ANNA, Waiting, what="receive", object="L M unknown")
    assert two.words(ANNA) == "a message on one of 2 pipes"
    two.tell(14, ANNA, WaitOver)
    assert [each.directions[0].receive_wait.total for each in pipes_made(two.state)] == [3 * MS] * 2
    two.tell(15, ANNA, Waiting, what="receive", object="L unknown")
    assert two.words(ANNA) == "a message on pipe left/right"
    assert pipe_waiters(two.state, pipe, pipe.directions[0])["receive"]


def test_an_end_that_nobody_announced_is_not_shown_and_ends_its_wait(two: Story) -> None:
    two.tell(11, ANNA, Waiting, what="receive", object="of a queue")
    assert two.words(ANNA) == "a message on an internal pipe"
    for event in (MessageReceived, MessageSent, SendRefused):
        two.tell(12, ANNA, event, object="of a queue", size=1)
    two.tell(13, ANNA, PipeEnded, object="of a queue")
    two.tell(13, ANNA, EndClosed, object="of a queue", reads=True, writes=True)
    assert two.process(ANNA).wait is None
    assert two.document()["pipes"] == []


# Managers


@pytest.fixture
def manager(two: Story) -> Story:
    """Carl serves a dict, which Main has made."""
    two.child(6, CARL, "SyncManager-3")
    two.tell(7, CARL, ManagerServing, object="/tmp/m")
    line = "scores = manager.dict()"
    two.tell(8, MAIN, Site, site=12, file="/a/story.py", line=9, function="main", code=line)
    created = {"object": "/tmp/m#1", "manager": "/tmp/m", "kind": "dict", "site": 12}
    two.tell(8, MAIN, ManagedCreated, **created)
    return two


def call(story: Story, time: float, pid: int, method: str, name: str = "/tmp/m#1") -> None:
    story.tell(time, pid, MethodCalled, object=name, manager="/tmp/m", kind="dict", method=method)


def test_a_call_waits_for_its_answer(manager: Story) -> None:
    call(manager, 11, ANNA, "update")
    assert manager.words(ANNA) == "an answer from manager SyncManager-3 to scores.update"
    manager.tell(14, ANNA, WaitOver)
    call(manager, 15, ANNA, "get")
    manager.tell(16, ANNA, WaitOver)
    call(manager, 17, BERT, "update")
    assert manager.one("managers") == {
        "id": "/tmp/m",
        "name": "SyncManager-3",
        "pid": CARL,
        "calls": 3,
        "objects": [
            {
                "id": "/tmp/m#1",
                "name": "scores",
                "kind": "dict",
                "calls": 3,
                "wait": pytest.approx(0.004),
                "methods": {"update": 2, "get": 1},
            }
        ],
    }
    assert manager.process(CARL).role == "manager"
    assert doing(manager.process(ANNA), 12, 14, 15) == ["result", "running", "result"]
    manager.tell(18, SUPERVISOR, ProcessExited, child=CARL, exit_code=-9)
    assert manager.words(BERT).endswith("to scores.update, which is dead")


def test_an_answer_ends_the_wait_for_it_also_where_two_threads_wait(manager: Story) -> None:
    call(manager, 11, ANNA, "get")
    event = {"object": "/tmp/m#1", "manager": "/tmp/m", "kind": "dict", "method": "pop"}
    manager.tell(12, ANNA, MethodCalled, thread=7, **event)
    manager.tell(14, ANNA, MethodAnswered, object="/tmp/m#1", method="pop", thread=7)
    assert manager.words(ANNA).endswith("scores.get")
    manager.tell(16, ANNA, MethodAnswered, object="/tmp/m#1", method="get")
    manager.tell(17, ANNA, MethodAnswered, object="/tmp/m#1", method="get")
    assert manager.process(ANNA).wait is None
    (entry,) = manager.one("managers")["objects"]
    assert entry["wait"] == pytest.approx(0.007)


def test_the_id_of_an_object_that_is_gone_is_given_again(manager: Story) -> None:
    call(manager, 11, ANNA, "get")
    manager.tell(12, MAIN, ManagedCreated, object="/tmp/m#1", manager="/tmp/m", kind="list")
    manager.tell(13, ANNA, WaitOver)
    call(manager, 14, ANNA, "get")
    call(manager, 15, BERT, "append")
    objects = manager.state.table(Managed)
    assert {each.name: each.calls.count for each in objects.values()} == {"scores": 1, "list 1": 2}
    found = {each["name"]: each["methods"] for each in manager.one("managers")["objects"]}
    assert found == {"scores": {"get": 1}, "list 1": {"get": 1, "append": 1}}


def test_objects_that_come_and_go_count_by_kind(two: Story) -> None:
    for number in range(3):
        event = {"object": f"a#{number}", "manager": "a", "kind": "Iterator", "method": "__next__"}
        two.tell(11 + number, ANNA, MethodCalled, **event)
    assert two.words(ANNA) == "an answer from manager at a to Iterator.__next__"
    (entry,) = two.one("managers")["objects"]
    assert (entry["name"], entry["calls"]) == ("Iterator", 3)
    assert two.one("managers")["pid"] is None


# Shared memory


def test_a_block_is_attached_by_those_who_have_not_closed_it_nor_died(two: Story) -> None:
    two.tell(11, ANNA, MemoryCreated, object="psm", size=100)
    for pid in (BERT, BERT, MAIN):
        two.tell(12, pid, MemoryAttached, object="psm", size=100)
    two.tell(13, BERT, MemoryClosed, object="psm")
    entry = two.one("shared_memory")
    assert entry == {
        "id": "psm",
        "name": "SharedMemory 1",
        "size": 100,
        "created_by_pid": ANNA,
        "attached_by": [MAIN, ANNA, BERT],
        "attached_now": [MAIN, ANNA, BERT],
        "unlinked": False,
    }
    two.tell(14, BERT, MemoryClosed, object="psm")
    two.tell(15, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    two.tell(16, MAIN, MemoryUnlinked, object="psm")
    entry = two.one("shared_memory")
    assert (entry["attached_now"], entry["unlinked"]) == ([MAIN], True)


def test_a_block_from_elsewhere_and_one_whose_name_is_used_again(two: Story) -> None:
    two.tell(11, ANNA, MemoryAttached, object="theirs", size=7)
    for _ in range(3):
        two.tell(12, ANNA, MemoryCreated, object="ours", size=8)
        two.tell(13, ANNA, MemoryUnlinked, object="ours")
    found = {each["id"]: each for each in two.document()["shared_memory"]}
    assert found.keys() == {"theirs", "ours", "ours~2", "ours~3"}
    assert found["theirs"]["created_by_pid"] is None
    assert (found["theirs"]["name"], found["theirs"]["size"]) == ("theirs", 7)
    two.tell(14, ANNA, MemoryClosed, object="nobody's")
    two.tell(14, ANNA, MemoryUnlinked, object="nobody's")
    assert len(two.document()["shared_memory"]) == 4


# Pools


@pytest.fixture
def pool(two: Story) -> Story:
    """A pool of Anna and Bert, with a map of four items in chunks of two."""
    two.tell(
        5, MAIN, Site, site=9, file="/a/story.py", line=5, function="main", code="pool = Pool(2)"
    )
    two.tell(5, MAIN, PoolCreated, object="P", workers=2, site=9)
    two.tell(10, ANNA, WorkerReady, object="P")
    two.tell(10, BERT, WorkerReady, object="P")
    submitted = {"job": 0, "call": "map", "function": "square", "tasks": 2, "items": 4}
    two.tell(12, MAIN, JobSubmitted, object="P", chunksize=2, **submitted)
    two.tell(12, MAIN, Waiting, what="results", object="P/0")
    return two


def start_task(
    story: Story, time: float, pid: int, index: int, *, items: int = 2, job: int = 0
) -> None:
    story.tell(
        time, pid, TaskStarted, object="P", job=job, index=index, function="square", items=items
    )


def test_the_tasks_of_a_job_go_to_the_workers(pool: Story) -> None:
    assert pool.words(MAIN) == "results of square, 0 of 2 tasks"
    assert doing(pool.process(ANNA), 11) == ["idle"]
    start_task(pool, 13, ANNA, 0)
    start_task(pool, 14, BERT, 1)
    pool.tell(20, BERT, TaskEnded, object="P", job=0, index=1)
    assert pool.words(MAIN) == "results of square, 1 of 2 tasks"
    pool.tell(23, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(24, MAIN, JobDone, object="P", job=0)
    pool.tell(24, MAIN, WaitOver)
    pool.tell(25, MAIN, PoolEnded, object="P", how="close")
    assert doing(pool.process(BERT), 13.5, 14, 19, 20) == ["idle", "task", "task", "idle"]
    tasks = pool.document()["tasks"]
    assert [(task["worker_pid"], task["index"], task["outcome"]) for task in tasks] == [
        (ANNA, 0, "done"),
        (BERT, 1, "done"),
    ]
    assert tasks[0] == {
        "id": "P/0/0",
        "pool": "P",
        "job": 0,
        "index": 0,
        "function": "square",
        "items": 2,
        "worker_pid": ANNA,
        "submitted": pytest.approx(0.012),
        "started": pytest.approx(0.013),
        "ended": pytest.approx(0.023),
        "outcome": "done",
        "error": None,
    }
    entry = pool.one("pools")
    assert (entry["name"], entry["size"]) == ("pool", 2)
    nothing = {"initialized": 0, "initialization": None}
    assert entry["workers"] == [
        {"pid": ANNA, "tasks": 1, "items": 2, **nothing},
        {"pid": BERT, "tasks": 1, "items": 2, **nothing},
    ]
    (job,) = entry["jobs"]
    assert {name: job[name] for name in ("started", "done", "raised", "lost", "tasks")} == {
        "started": 2,
        "done": 2,
        "raised": 0,
        "lost": 0,
        "tasks": 2,
    }
    assert job["ended"] == pytest.approx(0.024)


def test_a_raised_task_is_ended_and_says_with_what(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(15, ANNA, TaskEnded, object="P", job=0, index=0, error="ValueError")
    (task,) = pool.document()["tasks"]
    assert (task["outcome"], task["error"]) == ("raised", "ValueError")
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.raised, job.lost) == (0, 1, 0)
    assert pool.state.log[-1].text == "square raised ValueError"


def test_a_task_is_lost_with_its_worker(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(18, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    (task,) = pool.document()["tasks"]
    assert (task["outcome"], task["ended"]) == ("lost", pytest.approx(0.018))
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.raised, job.lost) == (0, 0, 1)
    assert pool.state.log[-1].text == "died in task 0 of square: its result is lost"
    assert pool.words(MAIN) == "results of square, 0 of 2 tasks"
    assert pool.process(ANNA).task == ""


def test_an_idle_worker_that_dies_takes_no_task_along(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(18, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    (task,) = pool.document()["tasks"]
    assert task["outcome"] == "done"


def test_a_wait_within_a_task_is_shown_and_then_the_task_again(pool: Story) -> None:
    create_lock(pool)
    start_task(pool, 13, ANNA, 0)
    pool.tell(14, BERT, LockAcquired, object="L")
    pool.tell(15, ANNA, Waiting, what="lock", object="L")
    pool.tell(17, BERT, LockReleased, object="L")
    pool.tell(18, ANNA, LockAcquired, object="L")
    assert doing(pool.process(ANNA), 14, 15, 18) == ["task", "lock", "task"]


def test_the_length_of_an_imap_becomes_known_later(pool: Story) -> None:
    submitted = {"job": 1, "call": "imap", "function": "cube", "tasks": -1, "items": -1}
    pool.tell(30, MAIN, WaitOver)
    pool.tell(30, MAIN, JobSubmitted, object="P", chunksize=1, **submitted)
    pool.tell(31, MAIN, Waiting, what="results", object="P/1")
    assert pool.words(MAIN) == "results of cube, 0 of ? tasks"
    assert pool.one("pools")["jobs"][1]["tasks"] is None
    pool.tell(32, MAIN, JobLength, object="P", job=1, tasks=5)
    assert pool.words(MAIN) == "results of cube, 0 of 5 tasks"
    assert pool.state.table(Pool)["P"].jobs[1].queued == 5


def test_what_has_come_to_no_end_is_pending(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.queued, job.pending) == (1, 2)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    assert (job.queued, job.pending) == (1, 1)
    pool.tell(15, MAIN, PoolEnded, object="P", how="terminate")
    pool.tell(16, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-15)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["done"], entry["pending"], entry["ended"]) == (1, 1, None)


def test_a_task_that_no_worker_ever_had_has_not_run_when_its_job_is_done(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(14, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(15, MAIN, JobDone, object="P", job=0)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["done"], entry["never_run"], entry["pending"]) == (1, 1, 0)


def test_a_call_of_apply_is_called_by_the_number_of_its_job(pool: Story) -> None:
    submitted = {"call": "apply", "function": "fetch", "tasks": 1, "items": 1, "chunksize": 1}
    pool.tell(13, MAIN, JobSubmitted, object="P", job=7, **submitted)
    start_task(pool, 13, ANNA, 0, job=7)
    start_task(pool, 13, BERT, 1)
    numbers = [task.number for task in pool.state.table(Task).values()]
    assert numbers == [7, 1]


def test_what_was_told_of_a_job_before_its_submission_is_kept(pool: Story) -> None:
    pool.tell(13, MAIN, JobGrew, object="P", job=7, call=8, items=2)
    start_task(pool, 14, ANNA, 0, job=7)
    submitted = {"call": "map", "function": "fetch", "tasks": 1, "items": 2, "chunksize": 2}
    pool.tell(15, MAIN, JobSubmitted, object="P", job=7, **submitted)
    pool.tell(16, ANNA, TaskEnded, object="P", job=7, index=0)
    entry = pool.one("pools")["jobs"][1]
    assert (entry["call"], entry["function"]) == ("map", "fetch")
    assert (entry["tasks"], entry["items"], entry["chunksize"]) == (2, 4, 2)
    assert (entry["started"], entry["done"], entry["pending"]) == (1, 1, 1)
    start_task(pool, 17, BERT, 0, job=8)
    assert pool.one("pools")["jobs"][1]["started"] == 2


def test_callbacks_are_counted_in_their_job(pool: Story) -> None:
    pool.tell(20, MAIN, JobCallback, object="P", job=0, which="callback", thread=9)
    pool.tell(21, MAIN, JobCallback, object="P", job=0, which="error_callback", thread=9)
    pool.tell(22, MAIN, JobCallback, object="P", job=0, which="error_callback", thread=9)
    entry = pool.one("pools")["jobs"][0]
    assert (entry["callbacks"], entry["error_callbacks"]) == (1, 2)
    assert [line.text for line in pool.state.log][-3:] == [
        "calls the callback of square",
        *["calls the error callback of square"] * 2,
    ]


def test_a_worker_is_ready_when_its_initializer_is_done(pool: Story) -> None:
    pool.child(30, CARL, "Carl")
    carl = pool.process(CARL)
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    assert (carl.role, carl.activity, carl.initializing) == (
        "worker",
        Activity.INITIALIZING,
        "prepare",
    )
    pool.tell(40, CARL, WorkerReady, object="P")
    assert (carl.activity, carl.initializing) == (Activity.IDLE, "")
    assert doing(carl, 30.5, 31, 39, 41) == ["running", "initializing", "initializing", "idle"]
    worker = pool.one("pools")["workers"][2]
    assert (worker["pid"], worker["initialized"]) == (CARL, 1)
    assert worker["initialization"] == pytest.approx(0.009)


def test_a_wait_within_an_initializer_is_shown_and_then_the_initializer_again(pool: Story) -> None:
    pool.child(30, CARL, "Carl")
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    create_lock(pool)
    pool.tell(32, CARL, Waiting, what="lock", object="L")
    pool.tell(34, CARL, LockAcquired, object="L")
    assert doing(pool.process(CARL), 31, 32, 34) == ["initializing", "lock", "initializing"]


@pytest.mark.parametrize(("exit_code", "trouble"), [(0, True), (1, True), (-15, False)])
def test_a_worker_that_ends_in_its_initializer_was_never_ready(
    pool: Story, exit_code: int, trouble: bool
) -> None:
    pool.child(30, CARL, "Carl")
    pool.tell(31, CARL, WorkerInitializing, object="P", function="prepare")
    pool.tell(35, SUPERVISOR, ProcessExited, child=CARL, exit_code=exit_code)
    worker = pool.one("pools")["workers"][2]
    assert (worker["pid"], worker["initialized"], worker["initialization"]) == (CARL, 0, None)
    assert pool.state.log[-1].text == "ended within its initializer prepare"
    assert pool.state.log[-1].trouble is trouble
    assert pool.process(CARL).activity is Activity.ENDED


def test_a_worker_that_did_its_share_retires_and_another_takes_its_place(pool: Story) -> None:
    pool.tell(29, MAIN, PoolCreated, object="Q", workers=2, max_tasks=1)
    for pid in (ANNA, BERT):
        # Both were there before anybody retired.
        pool.tell(30, pid, WorkerReady, object="Q")
    task = {"object": "Q", "job": 1, "index": 0}
    pool.tell(31, ANNA, TaskStarted, function="square", items=1, **task)
    pool.tell(33, ANNA, TaskEnded, **task)
    assert pool.state.log[-1].text == "has done its task and retires"
    pool.tell(34, MAIN, Joined, child=ANNA, exit_code=0)
    assert pool.document()["pools"][1]["replaced"] == 0
    pool.child(35, CARL, "Carl")
    pool.tell(36, CARL, WorkerReady, object="Q")
    assert pool.state.log[-1].text == "takes the place of Anna"
    entry = pool.document()["pools"][1]
    assert (entry["max_tasks_per_worker"], entry["replaced"]) == (1, 1)
    assert not [line for line in pool.state.log if line.trouble]


# Executors


@pytest.fixture
def executor(two: Story) -> Story:
    """An executor of Anna and Bert that has been given a map of two chunks, and one more call."""
    code = "executor = ProcessPoolExecutor(2)"
    two.tell(5, MAIN, Site, site=9, file="/a/story.py", line=5, function="main", code=code)
    kind = {"kind": "ProcessPoolExecutor", "site": 9}
    two.tell(5, MAIN, PoolCreated, object="E", workers=2, **kind)
    for pid in (ANNA, BERT):
        two.tell(10, pid, WorkerReady, object="E")
    mapped = {"call": "map", "function": "square", "tasks": 1, "items": 3, "chunksize": 3}
    two.tell(12, MAIN, JobSubmitted, object="E", job=0, **mapped)
    two.tell(12, MAIN, JobGrew, object="E", job=0, call=1, items=2)
    single = {"call": "submit", "function": "cube", "tasks": 1, "items": 1, "chunksize": 1}
    two.tell(12, MAIN, JobSubmitted, object="E", job=2, **single)
    return two


def test_a_process_waits_as_its_thread_that_has_waited_longest(two: Story) -> None:
    for time, thread in ((1, 7), (2, 8), (3, 7)):
        two.tell(time, ANNA, Waiting, what="lock", object=f"L{time}", thread=thread)
    wait = two.state.by_pid[ANNA].wait
    assert wait is not None
    assert wait.object == "L2"
    two.tell(4, ANNA, WaitOver, thread=8)
    wait = two.state.by_pid[ANNA].wait
    assert wait is not None
    assert wait.object == "L3"


def test_a_pool_has_the_workers_that_spoke_while_it_was_being_made(two: Story) -> None:
    for pid in (ANNA, BERT):
        two.tell(4, pid, WorkerReady, object="E")
    two.tell(5, MAIN, PoolCreated, object="E", workers=2, kind="Pool", site=9)
    (pool,) = two.state.table(Pool).values()
    assert (list(pool.workers), pool.size, pool.process) == ([str(ANNA), str(BERT)], 2, str(MAIN))


def start_call(story: Story, time: float, pid: int, call: int, function: str = "square") -> None:
    story.tell(time, pid, TaskStarted, object="E", job=call, index=0, function=function, items=1)


def test_the_calls_of_a_map_are_the_tasks_of_one_job(executor: Story) -> None:
    executor.tell(12, MAIN, Waiting, what="results", object="E/0")
    assert executor.words(MAIN) == "results of square, 0 of 2 tasks"
    start_call(executor, 13, BERT, 0)
    start_call(executor, 14, ANNA, 1)
    executor.tell(20, ANNA, TaskEnded, object="E", job=1, index=0)
    executor.tell(20, MAIN, FutureDone, object="E", job=1, thread=9)
    assert executor.one("pools")["jobs"][0]["ended"] is None
    start_call(executor, 21, ANNA, 2, "cube")
    executor.tell(22, BERT, TaskEnded, object="E", job=0, index=0, error="ValueError")
    executor.tell(23, MAIN, FutureDone, object="E", job=0, error="ValueError", thread=9)
    executor.tell(23, MAIN, WaitOver)
    executor.tell(24, MAIN, Waiting, what="results", object="E/")
    assert executor.words(MAIN) == "results of executor, 2 of 3 tasks"
    tasks = executor.document()["tasks"]
    assert [(task["id"], task["worker_pid"], task["outcome"]) for task in tasks] == [
        ("E/0/0", BERT, "raised"),
        ("E/0/1", ANNA, "done"),
        ("E/2/0", ANNA, "running"),
    ]
    assert [task.number for task in executor.state.table(Task).values()] == [0, 1, 2]
    mapped, single = executor.one("pools")["jobs"]
    assert (mapped["tasks"], mapped["items"], mapped["ended"]) == (2, 5, pytest.approx(0.023))
    assert (mapped["done"], mapped["raised"], mapped["pending"]) == (1, 1, 0)
    assert (single["tasks"], single["pending"], single["ended"]) == (1, 1, None)
    assert executor.state.table(Pool)["E"].places == {}


def test_a_map_that_grows_after_all_it_had_was_done_goes_on(executor: Story) -> None:
    job = executor.state.table(Pool)["E"].jobs[0]
    for call in (0, 1):
        executor.tell(20, MAIN, FutureDone, object="E", job=call)
    assert job.ended == 20 * MS
    executor.tell(21, MAIN, JobGrew, object="E", job=0, call=3, items=1)
    assert (job.ended, job.tasks, job.items) == (-1, 3, 6)
    start_call(executor, 22, ANNA, 3)
    assert list(executor.state.table(Task)) == ["E/0/2"]


def test_what_is_cancelled_never_runs(executor: Story) -> None:
    for call in (1, 2):
        executor.tell(13, MAIN, FutureDone, object="E", job=call, cancelled=True)
    jobs = executor.one("pools")["jobs"]
    assert [(job["cancelled"], job["pending"]) for job in jobs] == [(1, 1), (1, 0)]
    assert executor.state.table(Pool)["E"].jobs[0].queued == 1
    assert [line.text for line in executor.state.log][-2:] == [
        "cancels the rest of square",
        "cancels cube",
    ]


def test_a_call_that_cannot_be_sent_never_runs_and_says_why(executor: Story) -> None:
    executor.tell(13, MAIN, FutureDone, object="E", job=2, error="PicklingError")
    single = executor.one("pools")["jobs"][1]
    assert (single["never_run"], single["pending"]) == (1, 0)
    assert single["ended"] == pytest.approx(0.013)
    assert executor.state.log[-1].text == "could not send cube to a worker: PicklingError"
    assert executor.state.log[-1].trouble


def test_the_end_of_a_worker_breaks_an_executor_and_all_that_is_not_done(executor: Story) -> None:
    start_call(executor, 13, ANNA, 0)
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=3, thread=9)
    assert executor.state.log[-1].text == (
        "executor is broken by the end of a worker: BrokenProcessPool for all 3 calls not done"
    )
    assert executor.state.log[-1].trouble
    for call in range(3):
        executor.tell(15, MAIN, FutureDone, object="E", job=call, error="BrokenProcessPool")
    pool = executor.state.table(Pool)["E"]
    assert [job.never_run for job in pool.jobs.values()] == [1, 1]
    # Before its manager can end it, the other worker takes one more.
    start_call(executor, 16, BERT, 1)
    assert [job.never_run for job in pool.jobs.values()] == [0, 1]
    executor.tell(17, MAIN, Signalled, child=BERT, signal=15, thread=9)
    executor.tell(18, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    executor.tell(18, SUPERVISOR, ProcessExited, child=BERT, exit_code=-15)
    entry = executor.one("pools")
    assert entry["broken"] is True
    assert [(job["lost"], job["never_run"], job["pending"]) for job in entry["jobs"]] == [
        (2, 0, 0),
        (0, 1, 0),
    ]
    assert "pool executor: 0 tasks by 2 workers, and is broken" in summary(executor.state)


@pytest.mark.parametrize(
    ("calls", "words"),
    [(-1, "what was not done"), (0, "whatever is submitted"), (1, "the one call not done")],
)
def test_what_is_broken_is_said_in_words(executor: Story, calls: int, words: str) -> None:
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=calls)
    assert executor.state.log[-1].text.endswith(f"BrokenProcessPool for {words}")


def test_what_breaks_an_executor_of_another_library_is_called_by_its_name(executor: Story) -> None:
    executor.tell(15, MAIN, ExecutorBroken, object="E", calls=3, error="TerminatedWorkerError")
    assert executor.state.log[-1].text.endswith("TerminatedWorkerError for all 3 calls not done")
    for call in range(3):
        executor.tell(16, MAIN, FutureDone, object="E", job=call, error="TerminatedWorkerError")
    # No call by call: that it is broken was said.
    assert executor.state.log[-1].text.endswith("for all 3 calls not done")
    jobs = executor.one("pools")["jobs"]
    assert [job["never_run"] for job in jobs] == [2, 1]


def test_an_executor_that_is_resized_has_its_new_size(executor: Story) -> None:
    executor.tell(15, MAIN, PoolResized, object="E", workers=4)
    assert executor.one("pools")["size"] == 4
    assert executor.state.log[-1].text == "resizes executor to 4 workers"


def test_a_pool_within_a_call_is_named_by_its_place_and_not_by_the_result(two: Story) -> None:
    code = "results = Parallel(2)(calls)"
    two.tell(5, MAIN, Site, site=9, file="/a/story.py", line=5, function="main", code=code)
    for name in ("E", "F"):
        fields = {"kind": "loky executor", "maker": "Parallel", "site": 9}
        two.tell(5, MAIN, PoolCreated, object=name, workers=2, **fields)
    names = [pool["name"] for pool in two.document()["pools"]]
    assert names == ["Parallel at story.py:5", "Parallel at story.py:5 #2"]


def test_a_task_that_is_broken_off_is_neither_lost_nor_failed(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="W", workers=2, kind="billiard Pool")
    single = {"call": "apply", "function": "square", "tasks": 1, "items": 1, "chunksize": 1}
    for job, pid in enumerate((ANNA, BERT)):
        two.tell(6, pid, WorkerReady, object="W")
        two.tell(6, MAIN, JobSubmitted, object="W", job=job, **single)
        two.tell(7, pid, TaskStarted, object="W", job=job, index=0, function="square", items=1)
    two.tell(8, MAIN, TaskStopping, worker=ANNA, why="timed out")
    two.tell(9, MAIN, Joined, child=ANNA, exit_code=-9)
    two.tell(9, BERT, TaskEnded, object="W", job=1, index=0, stopped="stopped")
    # This comes too late: the task has already ended.
    two.tell(10, MAIN, TaskStopping, worker=BERT, why="cancelled")
    two.tell(11, MAIN, Joined, child=BERT, exit_code=-9)
    assert [task["outcome"] for task in two.document()["tasks"]] == ["timed out", "stopped"]
    pool = two.one("pools")
    assert [(job["stopped"], job["lost"], job["pending"]) for job in pool["jobs"]] == [
        (1, 0, 0)
    ] * 2
    assert [entry.text for entry in two.state.log if entry.trouble] == ["ended by SIGKILL"]


def test_a_worker_of_many_tasks_at_a_time_is_at_work_until_the_last_has_ended(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="A", workers=1, kind="aiomultiprocess Pool")
    two.tell(6, ANNA, WorkerReady, object="A")
    for job in range(4):
        two.tell(7, ANNA, TaskStarted, object="A", job=job, index=0, function="fetch", items=1)
    anna = two.state.processes[str(ANNA)]
    for job, still in ((3, "A/2/0"), (0, "A/2/0"), (2, "A/1/0")):
        two.tell(8, ANNA, TaskEnded, object="A", job=job, index=0)
        assert (anna.task, anna.activity) == (still, Activity.TASK)
    two.tell(9, ANNA, TaskStarted, object="A", job=5, index=0, function="fetch", items=1)
    two.tell(10, MAIN, Joined, child=ANNA, exit_code=-9)
    outcomes = [task["outcome"] for task in two.document()["tasks"]]
    assert outcomes == ["done", "lost", "done", "done", "lost"]


def test_one_that_was_sent_a_signal_may_say_so_by_its_exit_code(two: Story) -> None:
    for pid, code in ((ANNA, 15), (BERT, 143)):
        two.tell(5, MAIN, Signalled, child=pid, signal=15)
        two.tell(6, MAIN, Joined, child=pid, exit_code=code)
    assert not [entry.text for entry in two.state.log if entry.trouble]


def test_chunks_without_a_number_are_numbered_as_they_are_started(two: Story) -> None:
    two.tell(5, MAIN, PoolCreated, object="W", workers=2, kind="WorkerPool")
    mapped = {"call": "map", "function": "square", "tasks": 1, "items": 3, "chunksize": 3}
    two.tell(12, MAIN, JobSubmitted, object="W", job=4, **mapped)
    two.tell(12, MAIN, JobGrew, object="W", job=4, items=2)
    for time, pid, items in ((13, BERT, 2), (14, ANNA, 3)):
        chunk = {"job": 4, "index": -1, "function": "square", "items": items}
        two.tell(time, pid, TaskStarted, object="W", **chunk)
    two.tell(16, ANNA, TaskEnded, object="W", job=4, index=-1)
    two.tell(17, BERT, TaskEnded, object="W", job=4, index=-1, error="KeyError")
    tasks = [
        (task["index"], task["worker_pid"], task["items"], task["outcome"])
        for task in two.document()["tasks"]
    ]
    assert tasks == [(0, BERT, 2, "raised"), (1, ANNA, 3, "done")]
    job = two.one("pools")["jobs"][0]
    assert (job["tasks"], job["items"], job["pending"]) == (2, 5, 0)


# Values


@pytest.fixture
def value(two: Story) -> Story:
    """A Value of 0 named counter."""
    two.tell(
        5,
        MAIN,
        Site,
        site=6,
        file="/a/s.py",
        line=2,
        function="main",
        code='counter = Value("i", 0)',
    )
    two.tell(
        5,
        MAIN,
        ValueCreated,
        object="V",
        kind="Value",
        typecode="i",
        length=1,
        lock="VL",
        initial=0,
        site=6,
    )
    return two


def read(story: Story, time: float, pid: int, number: Any, index: int = 0) -> None:
    story.tell(time, pid, ValueRead, object="V", value=number, index=index)


def write(story: Story, time: float, pid: int, before: Any, number: Any, *, index: int = 0) -> None:
    story.tell(time, pid, ValueWritten, object="V", before=before, value=number, index=index)


def test_an_update_is_lost_when_two_read_before_either_writes(value: Story) -> None:
    read(value, 11, ANNA, 0)
    read(value, 12, BERT, 0)
    write(value, 13, ANNA, 0, 1)
    write(value, 14, BERT, 1, 1)
    entry = value.one("values")
    assert entry == {
        "id": "V",
        "name": "counter",
        "kind": "Value",
        "typecode": "i",
        "length": 1,
        "reads": 2,
        "writes": 2,
        "stale_writes": 1,
        "lost_updates": 1,
        "unchecked": 0,
        "last": 1,
    }


def test_updates_one_after_the_other_lose_nothing(value: Story) -> None:
    for time, pid, number in ((11, ANNA, 0), (13, BERT, 1), (15, ANNA, 2), (17, ANNA, 3)):
        read(value, time, pid, number)
        write(value, time + 1, pid, number, number + 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"], entry["last"]) == (0, 0, 4)


def test_one_who_was_away_for_long_takes_back_all_that_came_between(value: Story) -> None:
    read(value, 11, ANNA, 0)
    for number in range(5):
        read(value, 12 + number, BERT, number)
        write(value, 12 + number, BERT, number, number + 1)
    write(value, 20, ANNA, 5, 1)
    read(value, 21, MAIN, 1)
    entry = value.one("values")
    # Six additions came to one.
    assert (entry["stale_writes"], entry["lost_updates"], entry["last"]) == (1, 5, 1)


def test_a_value_that_came_back_to_what_it_was_is_a_stale_write_that_loses_nothing(
    value: Story,
) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, BERT, 0, 5)
    write(value, 13, BERT, 5, 0)
    write(value, 14, ANNA, 0, 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (1, 0)


def test_who_never_read_overwrites_on_purpose(value: Story) -> None:
    write(value, 12, BERT, 0, 5)
    write(value, 13, ANNA, 5, 7)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"], entry["reads"]) == (0, 0, 0)


def test_one_s_own_writes_make_nothing_stale(value: Story) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, ANNA, 0, 1)
    write(value, 13, ANNA, 1, 2)
    assert value.one("values")["stale_writes"] == 0


def test_what_a_third_wrote_before_one_s_own_write_still_makes_it_stale(value: Story) -> None:
    read(value, 11, ANNA, 0)
    write(value, 12, BERT, 0, 10)
    write(value, 13, CARL, 10, 20)
    write(value, 14, ANNA, 20, 1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (1, 20)


def test_the_elements_of_an_array_are_each_their_own(value: Story) -> None:
    read(value, 11, ANNA, 0, index=0)
    write(value, 12, BERT, 0, 1, index=1)
    write(value, 13, ANNA, 0, 1, index=0)
    assert value.one("values")["stale_writes"] == 0


def test_floats_and_texts_can_be_stale_but_lose_no_updates(value: Story) -> None:
    read(value, 11, ANNA, 0.5)
    write(value, 12, BERT, 0.5, 1.5)
    write(value, 13, ANNA, 1.5, 1.0)
    read(value, 14, ANNA, "ab", index=1)
    write(value, 15, BERT, "ab", "cd", index=1)
    write(value, 16, ANNA, "cd", "ef", index=1)
    entry = value.one("values")
    assert (entry["stale_writes"], entry["lost_updates"]) == (2, 0)


def test_a_value_s_own_lock_is_shown_once_the_program_takes_it(value: Story) -> None:
    assert value.document()["locks"] == []
    value.tell(11, ANNA, LockAcquired, object="VL")
    value.tell(12, ANNA, LockReleased, object="VL")
    entry = value.one("locks")
    assert (entry["name"], entry["acquisitions"]) == ("counter.get_lock()", 1)


# Processes


def test_the_program_itself_stands_first_and_the_supervisor_is_not_a_process(story: Story) -> None:
    story.begin(start_method="spawn")
    story.end(500, 3)
    found = story.document()
    assert found["run"] == {
        "target": "story",
        "argv": ["python", "story.py"],
        "python": "python",
        "python_version": "3.11.7",
        "start_method": "spawn",
        "duration": pytest.approx(0.5),
        "exit_code": 3,
        "error": None,
        "hang": [],
        "mpviz_version": "1.2.3",
    }
    (process,) = found["processes"]
    assert (process["name"], process["role"], process["exit_code"]) == ("MainProcess", "main", 3)
    assert process["parent_pid"] is None
    assert process["ended"] == pytest.approx(0.5)
    assert story.state.ended == 500 * MS


def test_a_program_that_cannot_start_says_why(story: Story) -> None:
    story.tell(0, SUPERVISOR, ProgramFailed, error="no such file")
    story.tell(1, VIEWER, RunEnded, exit_code=None)
    assert story.document()["run"]["error"] == "no such file"
    assert story.document()["run"]["exit_code"] is None
    assert summary(story.state) == "mpviz: no such file"


def test_a_join_waits_for_the_child_until_it_is_over(two: Story) -> None:
    two.tell(20, MAIN, Waiting, what="process", object=str(ANNA))
    assert two.words(MAIN) == "join Anna"
    assert two.process(MAIN).activity is Activity.PROCESS
    two.tell(28, ANNA, Finished, exit_code=0, cpu=0.5, rss=9000)
    two.tell(30, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    assert not two.process(ANNA).joined
    two.tell(31, MAIN, Joined, child=ANNA, exit_code=0)
    two.tell(31, MAIN, WaitOver)
    anna = two.process(ANNA)
    assert (anna.joined, anna.exit_code, anna.ended) == (True, 0, 30 * MS)
    assert (anna.cpu_seconds, anna.peak_rss) == (0.5, 9000)
    assert doing(two.process(MAIN), 19, 20, 30, 31) == ["running", "process", "process", "running"]


def test_a_death_that_is_told_twice_stays_as_it_was_first(two: Story) -> None:
    two.tell(30, MAIN, Joined, child=ANNA, exit_code=-15)
    two.tell(35, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-15)
    two.tell(40, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["signal"]) == (-15, "SIGTERM")
    assert entry["ended"] == pytest.approx(0.03)


def test_an_exit_code_that_comes_late_is_still_learnt(two: Story) -> None:
    two.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    two.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["ended"]) == (None, pytest.approx(0.03))
    two.tell(131, SUPERVISOR, ProcessExited, child=ANNA, exit_code=4)
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["ended"]) == (4, pytest.approx(0.03))


def test_who_is_missing_at_a_sample_may_still_have_records_on_their_way(pool: Story) -> None:
    start_task(pool, 13, ANNA, 0)
    pool.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    assert pool.process(ANNA).alive
    pool.tell(20, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    assert not pool.process(ANNA).alive
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.lost) == (1, 0)


def test_an_exit_that_is_told_while_a_process_is_missing_counts(two: Story) -> None:
    two.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    two.tell(31, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    two.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    assert (two.process(ANNA).exit_code, two.process(ANNA).ended) == (-9, 31 * MS)


def test_signals_are_noted_with_who_sent_them(two: Story) -> None:
    two.tell(20, MAIN, Signalled, child=ANNA, signal=15)
    two.tell(21, VIEWER, Marked, action="signal", child=BERT, signal=9)
    two.tell(22, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-15)
    two.tell(22, SUPERVISOR, ProcessExited, child=BERT, exit_code=-9)
    two.tell(22, SUPERVISOR, ProcessExited, child=MAIN, exit_code=-6)
    assert two.process(ANNA).signals == [(20 * MS, str(MAIN), 15)]
    assert two.process(BERT).signals == [(21 * MS, "mpviz", 9)]
    log = {entry.text: entry.trouble for entry in two.state.log}
    assert log["sends SIGTERM to Anna"] is False
    assert log["is sent SIGKILL by hand"] is False
    # A death that somebody asked for is no trouble.
    assert log["ended by SIGTERM"] is False
    assert log["ended by SIGABRT"] is True


def test_the_tree_under_a_fork_server_is_the_program_s_own(story: Story) -> None:
    server, tracker = 200, 201
    story.begin(start_method="forkserver")
    story.tell(3, server, Hello, parent=MAIN, started=5, role="fork server")
    story.tell(
        4,
        VIEWER,
        Sample,
        cores=[0.0, 0.0],
        processes=[
            sample(tracker, parent=MAIN, command="python -c from multiprocessing.resource_tracker"),
            sample(ANNA, parent=server, started=1000 + ANNA),
        ],
    )
    story.tell(5, ANNA, Hello, parent=server, started=1000 + ANNA, role="process", forked=True)
    story.child(5, ANNA, "Anna", "forkserver")
    names = {entry["pid"]: entry for entry in story.document()["processes"]}
    assert {pid: entry["parent_pid"] for pid, entry in names.items()} == {
        MAIN: None,
        server: MAIN,
        tracker: MAIN,
        ANNA: MAIN,
    }
    assert (names[server]["role"], names[tracker]["role"]) == ("fork server", "resource tracker")
    assert (names[ANNA]["name"], names[ANNA]["start_method"]) == ("Anna", "forkserver")


def sample(pid: int, **fields: Any) -> ProcessSample:
    settings: dict[str, Any] = {
        "started": 7000 + pid,
        "parent": MAIN,
        "status": "S",
        "cpu_percent": 0.0,
        "cpu_seconds": 0.0,
        "rss": 1000,
        "core": 0,
    }
    return ProcessSample(pid=pid, **{**settings, **fields})


def test_the_program_is_the_main_process_also_where_a_sample_came_before_all_news(
    story: Story,
) -> None:
    story.tell(1, VIEWER, Sample, cores=[], processes=[sample(MAIN, started=1000, command="py")])
    story.begin(2)
    assert story.process(MAIN).name == "MainProcess"
    assert story.process(MAIN).role == "main"


def test_a_helper_seen_before_its_exec_is_known_by_what_it_becomes(two: Story) -> None:
    before = sample(200, command="python story.py")
    two.tell(20, VIEWER, Sample, cores=[], processes=[before])
    assert (two.process(200).role, two.process(200).name) == ("program", "story.py")
    after = sample(200, command="python -c from multiprocessing.resource_tracker import main")
    two.tell(120, VIEWER, Sample, cores=[], processes=[after])
    assert two.process(200).role == "resource tracker"
    two.tell(220, VIEWER, Sample, cores=[], processes=[sample(200)])
    assert two.process(200).name == "resource tracker"


def test_a_tracker_that_was_a_forked_child_with_a_probe_before_its_exec_is_known(
    two: Story,
) -> None:
    two.tell(20, 200, Hello, parent=MAIN, started=7200, role="process", forked=True)
    assert two.process(200).role == "process"
    command = "python -c from joblib.externals.loky.backend.resource_tracker import main; main(8)"
    two.tell(40, VIEWER, Sample, cores=[], processes=[sample(200, command=command)])
    two.tell(60, VIEWER, Sample, cores=[], processes=[sample(200)])
    assert two.process(200).role == two.process(200).name == "resource tracker"


def test_a_fork_server_seen_by_a_sample_first_gets_its_name(two: Story) -> None:
    two.tell(20, VIEWER, Sample, cores=[], processes=[sample(200, command="python story.py")])
    two.tell(21, 200, Hello, parent=MAIN, started=7200, role="fork server")
    assert (two.process(200).role, two.process(200).name) == ("fork server", "fork server")


def test_who_was_killed_before_anybody_saw_it_is_shown(two: Story) -> None:
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=-9)
    two.tell(25, VIEWER, Sample, cores=[], processes=[sample(200, status="Z")])
    killed = two.process(200)
    assert (killed.exit_code, killed.alive, killed.ended) == (-9, False, 20 * MS)


def test_whom_mpviz_ended_before_anybody_saw_it_is_not_shown(two: Story) -> None:
    two.tell(19, SUPERVISOR, SupervisorSignalled, child=200, signal=9, left_behind=False)
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=-9)
    assert 200 not in two.state.by_pid


def test_a_zombie_seen_after_its_end_is_known_by_what_the_kernel_calls_it(two: Story) -> None:
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=1)
    zombie = sample(200, status="Z", executable="false")
    two.tell(25, VIEWER, Sample, cores=[], processes=[zombie])
    process = two.process(200)
    assert (process.name, process.role, process.exit_code) == ("false", "program", 1)
    assert not [entry for entry in two.state.log if entry.trouble]


def test_a_zombie_that_mpviz_has_ended_is_no_trouble(two: Story) -> None:
    two.tell(19, SUPERVISOR, SupervisorSignalled, child=200, signal=15, left_behind=False)
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=-15)
    two.tell(25, VIEWER, Sample, cores=[], processes=[sample(200, status="Z")])
    assert two.process(200).exit_code == -15
    assert not [entry for entry in two.state.log if entry.trouble]


def test_an_unseen_end_is_not_that_of_the_next_process_with_the_pid(two: Story) -> None:
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=0)
    two.tell(22, 200, Hello, parent=MAIN, started=99, role="process", forked=True)
    two.tell(25, VIEWER, Sample, cores=[], processes=[sample(200, started=99, status="Z")])
    assert two.process(200).alive


def test_who_was_killed_before_its_parent_told_of_it_is_shown(two: Story) -> None:
    two.tell(20, ANNA, Joined, child=200, exit_code=-9)
    killed = two.process(200)
    assert (killed.exit_code, killed.joined, killed.parent) == (-9, True, str(ANNA))


def test_who_ended_by_itself_before_anybody_saw_it_is_shown_only_if_it_stays_a_zombie(
    two: Story,
) -> None:
    two.tell(20, SUPERVISOR, ProcessExited, child=200, exit_code=3)
    assert 200 not in two.state.by_pid
    two.tell(25, VIEWER, Sample, cores=[], processes=[sample(200, status="Z")])
    assert (two.process(200).exit_code, two.process(200).alive) == (3, False)


def test_a_pid_that_is_used_again_is_another_process(two: Story) -> None:
    create_lock(two)
    two.tell(11, ANNA, LockAcquired, object="L")
    two.tell(12, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    two.numbers[ANNA] = 0
    two.tell(20, ANNA, Hello, parent=MAIN, started=99_999, role="process", forked=True)
    two.tell(20, ANNA, Began, name="Again", daemon=False, parent=MAIN)
    two.tell(21, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    entries = [entry for entry in two.document()["processes"] if entry["pid"] == ANNA]
    assert [(entry["id"], entry["name"], entry["exit_code"]) for entry in entries] == [
        (f"{ANNA}", "Anna", -9),
        (f"{ANNA}.2", "Again", 0),
    ]
    assert two.state.table(Lock)["L"].holder == f"{ANNA}"
    assert two.state.lost == 0


def test_a_pid_used_again_unseen_ends_the_process_that_had_it(two: Story) -> None:
    two.tell(20, VIEWER, Sample, cores=[], processes=[sample(ANNA, started=99_999)])
    former, latter = (two.state.processes[key] for key in (f"{ANNA}", f"{ANNA}.2"))
    assert (former.alive, former.exit_code, latter.alive) == (False, None, True)


@pytest.mark.parametrize("order", ["told first", "hello first", "sampled first", "never spoke"])
def test_a_child_is_the_same_whoever_tells_of_it_first(story: Story, order: str) -> None:
    story.begin()

    def started() -> None:
        fields = {"name": "Anna", "daemon": True, "method": "spawn", "function": "work"}
        story.tell(10, MAIN, Started, child=ANNA, started=500, **fields)

    def hello() -> None:
        story.tell(12, ANNA, Hello, parent=MAIN, started=500, role="process")
        story.tell(15, ANNA, Began, name="Anna", daemon=True, parent=MAIN)

    def seen() -> None:
        story.tell(11, VIEWER, Sample, cores=[], processes=[sample(ANNA, started=500)])

    steps = {
        "told first": (started, hello, seen),
        "hello first": (hello, seen, started),
        "sampled first": (seen, hello, started),
        "never spoke": (started,),
    }
    for step in steps[order]:
        step()
    story.tell(20, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    assert len(story.state.processes) == 2
    anna = story.document()["processes"][1]
    assert (anna["name"], anna["daemon"], anna["start_method"]) == ("Anna", True, "spawn")
    assert (anna["parent_pid"], anna["signal"]) == (MAIN, "SIGKILL")
    if order == "never spoke":
        assert doing(story.process(ANNA), 10, 19) == ["starting", "starting"]


def test_a_child_that_still_loads_is_starting(story: Story) -> None:
    story.begin()
    fields = {"name": "Anna", "daemon": False, "method": "spawn", "function": "work"}
    story.tell(10, MAIN, Started, child=ANNA, started=500, **fields)
    story.tell(12, ANNA, Hello, parent=MAIN, started=500, role="process")
    assert story.process(ANNA).state == "starting"
    story.tell(15, ANNA, Began, name="Anna", daemon=False, parent=MAIN)
    assert story.process(ANNA).state == "running"
    assert doing(story.process(ANNA), 10, 14, 15) == ["starting", "starting", "running"]


def test_whoever_is_left_at_the_end_of_the_run_is_gone_too(two: Story) -> None:
    two.end(50)
    entries = two.document()["processes"]
    assert all(entry["ended"] is not None for entry in entries)
    assert [entry["exit_code"] for entry in entries] == [0, None, None]


# The machine, and the person at it


def test_samples_say_what_the_machine_does(two: Story) -> None:
    busy = {"cpu_percent": 90.0, "cpu_seconds": 1.5, "core": 1}
    two.tell(
        20,
        VIEWER,
        Sample,
        cores=[10.0, 95.0],
        processes=[
            sample(ANNA, started=1000 + ANNA, status="R", rss=5000, **busy),
            sample(BERT, started=1000 + BERT, status="S"),
        ],
    )
    two.tell(
        120,
        VIEWER,
        Sample,
        cores=[30.0, 5.0],
        processes=[sample(ANNA, started=1000 + ANNA, status="T", rss=4000, core=0)],
        gone=[BERT],
    )
    assert [entry["mean_percent"] for entry in two.document()["cores"]] == [20.0, 50.0]
    anna, bert = two.process(ANNA), two.process(BERT)
    assert (anna.state, anna.rss, anna.peak_rss, anna.cpu_seconds) == ("stopped", 4000, 5000, 1.5)
    assert doing(bert, 19, 20, 119) == ["running", "sleeping", "sleeping"]
    two.tell(220, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    assert (bert.alive, bert.exit_code) == (False, None)
    uses = [[core.shares for core in moment] for _, moment in two.state.cores.history]
    assert uses == [[{}, {str(ANNA): 90.0}], [{}, {}], [{}, {}]]
    assert two.state.cores.samples_per_second == pytest.approx(10)
    # mpviz was stopped for ten seconds.
    two.tell(10_220, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    two.tell(10_320, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    assert two.state.cores.samples_per_second == pytest.approx(10)


def test_output_comes_together_again_line_by_line(two: Story) -> None:
    two.tell(20, ANNA, Output, stream="stdout", text="half ", ended=False)
    two.tell(21, ANNA, Output, stream="stdout", text="and half")
    two.tell(22, BERT, Output, stream="stderr", text="all")
    lines = [(line.process, line.stream, line.text) for line in two.state.output]
    assert lines == [(str(ANNA), "stdout", "half and half"), (str(BERT), "stderr", "all")]
    assert two.state.output_lines == 2


def test_lines_of_two_writers_are_not_mixed(two: Story) -> None:
    two.tell(20, ANNA, Output, stream="stdout", text="half", ended=False)
    two.tell(21, BERT, Output, stream="stdout", text="other")
    assert [line.text for line in two.state.output] == ["half", "other"]


def test_what_a_person_did_is_in_the_log(two: Story) -> None:
    two.tell(20, VIEWER, Marked, action="freeze")
    assert two.state.frozen
    two.tell(21, VIEWER, Marked, action="go on")
    assert not two.state.frozen
    two.tell(22, VIEWER, Marked, action="stop")
    assert two.state.ending == 22 * MS
    assert [entry.text for entry in two.state.log][-3:] == [
        "the program frozen by hand",
        "the program goes on",
        "the program is being ended by hand",
    ]


# The stream itself


def test_troubles_of_our_own_are_counted_and_shown(two: Story) -> None:
    two.tell(20, ANNA, ProbeError, where="lock", error="KeyError: 1")
    two.tell(21, VIEWER, Unreadable, text="rubbish")
    stream = two.document()["stream"]
    assert (stream["probe_errors"], stream["unreadable"], stream["lost"]) == (1, 1, 0)
    assert "KeyError: 1" in summary(two.state)
    assert [entry.trouble for entry in list(two.state.log)[-2:]] == [True, True]


def test_a_wait_of_an_unknown_kind_is_our_error_and_not_a_wait(two: Story) -> None:
    two.tell(20, ANNA, Waiting, what="godot", object="x")
    assert (two.state.probe_errors, two.process(ANNA).wait) == (1, None)


def test_dropped_records_are_lost_at_once(two: Story) -> None:
    two.tell(20, ANNA, WaitOver, dropped=5)
    assert two.state.lost == 5
    two.tell(21, ANNA, WaitOver)
    assert two.document()["stream"]["lost"] == 5


def test_a_gap_in_the_numbers_of_a_dead_process_is_lost(two: Story) -> None:
    two.numbers[ANNA] += 3
    two.tell(20, ANNA, WaitOver)
    assert two.state.lost == 0
    two.tell(21, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    assert two.state.lost == 3


def test_an_object_without_an_assignment_is_named_by_its_place(story: Story) -> None:
    story.begin()
    story.tell(
        1, MAIN, Site, site=3, file="/a/b/story.py", line=30, function="f", code="return Lock()"
    )
    for number in range(3):
        story.tell(2, MAIN, LockCreated, object=f"L{number}", kind="Lock", maximum=1, site=3)
    story.tell(2, MAIN, LockCreated, object="L3", kind="Lock", maximum=1)
    assert [lock.name for lock in story.state.table(Lock).values()] == [
        "story.py:30",
        "story.py:30 #2",
        "story.py:30 #3",
        "Lock 1",
    ]


# Bounds


def test_old_detail_goes_and_the_totals_stay(pool: Story) -> None:
    lock = create_lock(pool)
    events: list[Event] = []
    times = 2 * TASK_LIMIT
    for number in range(times):
        at = (20 + number) * MS
        common = {"object": "P", "job": 0, "index": number}
        events += [
            TaskStarted(time=at, pid=ANNA, function="square", items=1, **common),
            LockAcquired(time=at + 1, pid=ANNA, object="L"),
            LockReleased(time=at + 2, pid=ANNA, object="L"),
            TaskEnded(time=at + 3, pid=ANNA, error="E" if number % 2 else "", **common),
            Output(time=at + 4, pid=ANNA, stream="stdout", text="line"),
        ]
    follow(pool.state, events)
    state = pool.state
    assert len(state.table(Task)) <= 1.1 * TASK_LIMIT
    assert len(state.log) <= LOG_LIMIT
    assert len(state.recent) <= RECENT_LIMIT
    assert len(state.output) <= OUTPUT_LIMIT
    job = state.table(Pool)["P"].jobs[0]
    assert (job.started, job.done, job.raised) == (times, times // 2, times // 2)
    assert state.table(Pool)["P"].done_by == {str(ANNA): times}
    assert state.table(Pool)["P"].duration.count == times
    assert (lock.acquisitions, lock.releases, lock.hold.total) == (times, times, times)
    assert state.output_lines == times
    assert state.log_entries > times // 2
    anna = pool.process(ANNA)
    assert sum(anna.lane.mix(0, state.now)) == state.now - anna.lane.origin
    assert anna.lane.mix(0, state.now)[Activity.TASK] == 3 * times


def test_a_long_task_is_remembered_over_any_number_of_short_ones(pool: Story) -> None:
    start_task(pool, 13, BERT, 0)
    events: list[Event] = []
    for number in range(2 * TASK_LIMIT):
        common = {"time": 20 * MS + number, "pid": ANNA, "object": "P", "job": 1, "index": number}
        events += [TaskStarted(function="f", items=1, **common), TaskEnded(**common)]
    follow(pool.state, events)
    pool.tell(30, BERT, TaskEnded, object="P", job=0, index=0)
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.started, job.done) == (1, 1)
    assert pool.process(BERT).task == ""
    first = pool.document()["tasks"][0]
    assert (first["job"], first["outcome"], first["worker_pid"]) == (0, "done", BERT)


def test_values_and_queues_keep_their_history_bounded(value: Story) -> None:
    queue = create_queue(value, 0)
    for number in range(5000):
        value.tell(20 + 3 * number, ANNA, ItemPut, object="Q")
        write(value, 20 + 3 * number, ANNA, number, number + 1)
    history = value.state.table(SharedValue)["V"].history
    assert len(history.times) <= history.LIMIT
    assert len(queue.depths.times) <= queue.depths.LIMIT
    assert (queue.depth, queue.max_depth, queue.puts.count) == (5000, 5000, 5000)
    assert history.peak(0, value.state.now + 1) == 5000
