"""Queues and pipes in the fold: what is in them, and who waits for items, room or messages."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    MS,
    Story,
    doing,
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
from mpviz.trace.model.primitives.queue import (
    ItemDone,
    ItemGot,
    ItemLost,
    Queue,
    QueueCreated,
)


def create_queue(story: Story, maxsize: int = 2) -> Queue:
    story.site(8, 4, "jobs = Queue(2)", "/a/story.py")
    story.tell(5, MAIN, QueueCreated, object="Q", kind="Queue", maxsize=maxsize, site=8)
    return story.state.table(Queue)["Q"]


def test_a_queue_fills_and_runs_dry(two: Story) -> None:
    queue = create_queue(two)
    two.wait(11, BERT, "get", "Q")
    assert two.words(BERT) == "an item from jobs"
    two.put(14, ANNA, "Q")
    two.tell(15, BERT, ItemGot, object="Q", size=100)
    two.put(16, ANNA, "Q")
    two.put(17, ANNA, "Q")
    assert queue.depth == 2
    two.wait(18, ANNA, "put", "Q")
    assert two.words(ANNA) == "room in jobs"
    two.tell(24, BERT, ItemGot, object="Q", size=10)
    two.put(25, ANNA, "Q")
    two.tell(26, BERT, ItemGot, object="Q", size=10)
    two.tell(27, BERT, ItemGot, object="Q", size=10)
    two.wait(28, BERT, "get", "Q")
    two.go_on(38, BERT)
    assert two.one("queues") == {
        "id": "Q",
        "name": "jobs",
        "kind": "Queue",
        "maxsize": 2,
        "puts": 4,
        "gets": 4,
        "depth": 0,
        "max_depth": 2,
        "seen": False,
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
    two.wait(11, BERT, "get", "Q")
    two.wait(15, BERT, "get", "Q")
    two.put(18, ANNA, "Q")
    two.tell(19, BERT, ItemGot, object="Q", size=1)
    assert (queue.get_wait.count, queue.get_wait.total) == (1, 8 * MS)


def test_an_item_that_cannot_be_pickled_leaves_the_queue_as_it_was(two: Story) -> None:
    queue = create_queue(two)
    two.put(11, ANNA, "Q")
    two.tell(12, ANNA, ItemLost, object="Q")
    assert (queue.depth, queue.puts.count, queue.gets.count) == (0, 1, 0)
    assert two.log[-1] == "could not pickle an item for jobs"
    assert two.state.log[-1].trouble


def test_joining_a_queue_waits_for_its_items_to_be_done(two: Story) -> None:
    create_queue(two)
    two.put(11, MAIN, "Q")
    two.put(11, MAIN, "Q")
    two.wait(12, MAIN, "done", "Q")
    assert two.words(MAIN) == "2 items of jobs to be done"
    two.tell(13, ANNA, ItemGot, object="Q", size=1)
    two.tell(14, ANNA, ItemDone, object="Q")
    assert two.words(MAIN) == "1 item of jobs to be done"
    two.go_on(15, MAIN)
    assert two.process(MAIN).wait is None


def create_pipe(story: Story, duplex: bool = True) -> Pipe:
    line = "left, right = Pipe()"
    story.site(11, 9, line, "/a/story.py")
    other = "R" if duplex else "L"
    story.tell(5, MAIN, PipeCreated, object="L", other=other, duplex=duplex, site=11)
    (pipe,) = pipes_made(story.state)
    return pipe


def test_messages_go_both_ways_through_a_duplex_pipe(two: Story) -> None:
    pipe = create_pipe(two)
    two.wait(11, BERT, "receive", "R")
    assert two.words(BERT) == "a message on pipe left/right"
    two.send(14, ANNA, "L", 100)
    two.receive(15, BERT, "R", 100)
    two.send(16, ANNA, "L", 10)
    two.send(17, ANNA, "L", 10)
    two.send(18, BERT, "R", 5)
    two.wait(19, BERT, "receive", "R")
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
        "seen": False,
        "sends": 4,
        "receives": 1,
        "bytes": 125,
        "in_flight": 3,
        "wait": pytest.approx(0.004),
        "send_wait": 0,
    }
    assert doing(two.process(BERT), 12, 16, 19) == ["queue", "running", "queue"]
    two.exit(20, ANNA, -9)
    assert two.words(BERT) == "a message on pipe left/right, from Anna, which is dead"


def test_a_pipe_of_one_way_leads_from_its_second_end_to_its_first(two: Story) -> None:
    pipe = create_pipe(two, duplex=False)
    (direction,) = pipe.directions
    assert (direction.sender_end, direction.receiver_end) == ("right", "left")
    two.send(11, ANNA, "L", 7)
    two.receive(12, BERT, "L", 7)
    two.send(13, ANNA, "L", 90_000)
    two.wait(13, ANNA, "send", "L")
    assert two.words(ANNA) == "room in pipe left/right, read by Bert"
    two.go_on(18, ANNA)
    assert (direction.send_wait.count, direction.send_wait.total, direction.in_flight) == (
        1,
        5 * MS,
        1,
    )


def test_a_message_that_is_refused_was_never_sent(two: Story) -> None:
    (direction,) = create_pipe(two, duplex=False).directions
    two.send(11, ANNA, "L", 7)
    two.refuse(11, ANNA, "L", 7)
    assert (direction.in_flight, direction.refused, direction.sent_size) == (0, 1, 0)
    assert two.one("pipes")["sends"] == 0
    assert two.log[-1] == "could not send on pipe left/right"


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
    two.wait(11, ANNA, "receive", "L M unknown")
    assert two.words(ANNA) == "a message on one of 2 pipes"
    two.go_on(14, ANNA)
    assert [each.directions[0].receive_wait.total for each in pipes_made(two.state)] == [3 * MS] * 2
    two.wait(15, ANNA, "receive", "L unknown")
    assert two.words(ANNA) == "a message on pipe left/right"
    assert pipe_waiters(two.state, pipe, pipe.directions[0])["receive"]


def test_an_end_that_nobody_announced_is_not_shown_and_ends_its_wait(two: Story) -> None:
    two.wait(11, ANNA, "receive", "of a queue")
    assert two.words(ANNA) == "a message on an internal pipe"
    for event in (MessageReceived, MessageSent, SendRefused):
        two.tell(12, ANNA, event, object="of a queue", size=1)
    two.tell(13, ANNA, PipeEnded, object="of a queue")
    two.tell(13, ANNA, EndClosed, object="of a queue", reads=True, writes=True)
    assert two.process(ANNA).wait is None
    assert two.document()["pipes"] == []
