"""Arrows between lanes, and the sentence of a span: who ended a wait, and by what."""

from __future__ import annotations

from helpers.panels import text_of
from helpers.story import ANNA, BERT, CARL, MAIN, SUPERVISOR, Story
from mpviz.trace.model.events import ProcessExited
from mpviz.trace.model.passes import Pass
from mpviz.tui.panels.timeline import PANEL
from mpviz.tui.render.timeline.points import span_in_words, told_span
from mpviz.tui.render.view import View

WIDTH, HEIGHT = 80, 20


def handed_on() -> Story:
    """A lock from anna to carl, an item from carl to anna, an event from bert to anna."""
    story = Story()
    for number, (pid, name) in enumerate(((ANNA, "anna"), (BERT, "bert"), (CARL, "carl")), 1):
        story.start(number, pid, name)
    lock, jobs, ready = story.lock("lock"), story.queue("jobs"), story.event("ready")
    story.acquire(100, ANNA, lock)
    story.wait(150, CARL, "lock", lock)
    story.release(299, ANNA, lock)
    story.acquire(300, CARL, lock)
    story.wait(400, ANNA, "get", jobs)
    story.put(499, CARL, jobs)
    story.get(500, ANNA, jobs)
    story.wait(600, ANNA, "event", ready)
    story.set(699, BERT, ready)
    story.waited(700, ANNA, ready)
    story.wait(750, ANNA, "lock", lock)
    story.state_at(1000)
    return story


def test_it_is_kept_who_ended_a_wait() -> None:
    story = handed_on()
    anna, bert, carl = map(str, (ANNA, BERT, CARL))
    assert list(reversed(story.state.passes)) == [
        Pass(story.at(700), anna, bert, "set it"),
        Pass(story.at(500), anna, carl, "put an item"),
        Pass(story.at(300), carl, anna, "released it"),
    ]


def test_an_item_of_two_putters_is_of_neither() -> None:
    story = Story()
    for number, (pid, name) in enumerate(((ANNA, "anna"), (BERT, "bert"), (CARL, "carl")), 1):
        story.start(number, pid, name)
    jobs = story.queue("jobs")
    story.wait(10, ANNA, "get", jobs)
    story.put(20, BERT, jobs)
    story.put(21, CARL, jobs)
    story.get(22, ANNA, jobs)
    assert not story.state.passes


def test_a_lock_that_another_thread_released_is_from_nobody() -> None:
    story = Story()
    for number, (pid, name) in enumerate(((ANNA, "anna"), (BERT, "bert"), (CARL, "carl")), 1):
        story.start(number, pid, name)
    lock = story.lock("lock")
    story.acquire(10, ANNA, lock)
    story.wait(12, CARL, "lock", lock)
    story.release(20, BERT, lock)
    story.acquire(21, CARL, lock)
    assert not story.state.passes


def test_arrows_are_those_of_the_selected_process() -> None:
    story = handed_on()
    assert not {"▼", "▲"} & set(text_of(PANEL, story.state, WIDTH, HEIGHT))
    of_carl = text_of(PANEL, story.state, WIDTH, HEIGHT, selected=str(CARL))
    assert of_carl.count("▼") == 1 and of_carl.count("▲") == 1
    of_bert = text_of(PANEL, story.state, WIDTH, HEIGHT, selected=str(BERT))
    assert (of_bert.count("▼"), of_bert.count("▲")) == (0, 1)
    in_ascii = text_of(PANEL, story.state, WIDTH, HEIGHT, selected=str(CARL), ascii=True)
    assert in_ascii.isascii()


def test_an_arrow_ends_where_the_wait_did() -> None:
    story = handed_on()
    lines = text_of(PANEL, story.state, WIDTH, HEIGHT, selected=str(CARL)).splitlines()
    (head,) = [line for line in lines if "▼" in line]
    column = head.index("▼")
    begin = next(line for line in lines if len(line) > column and line[column] == "╷")
    assert lines.index(begin) < lines.index(head)
    between = lines[lines.index(begin) + 1 : lines.index(head)]
    assert {line[column] for line in between} == {"│"}
    assert "▒" in head[:column] and "▒" not in head[column:]


def told(story: Story, pid: int, time: float) -> str:
    view = View(now=story.state.now, selected=str(pid), told=story.at(time))
    return told_span(story.state, view)


def test_a_span_says_what_it_was_how_long_and_who_ended_it() -> None:
    story = handed_on()
    assert told(story, CARL, 200) == (
        "carl waited 150 ms for lock, until anna released it; from 150 ms on"
    )
    assert told(story, ANNA, 450).startswith("anna waited 100 ms for queue jobs, until carl put")
    assert told(story, ANNA, 650).startswith("anna waited 100 ms for ready, until bert set it;")
    assert told(story, ANNA, 350).startswith("anna ran for")
    assert ", then waited for queue jobs;" in told(story, ANNA, 350)
    assert told(story, ANNA, 900).startswith("anna waited 250 ms for lock so far, held by carl;")
    assert told(story, ANNA, -1) == ""


def test_a_join_says_how_the_child_ended() -> None:
    story = Story()
    story.start(1, ANNA, "anna")
    story.wait(10, MAIN, "process", str(ANNA))
    story.tell(50, SUPERVISOR, ProcessExited, child=ANNA, exit_code=3)
    story.go_on(51, MAIN)
    main = story.process(MAIN)
    (span,) = main.lane.between(story.at(20), story.at(21))
    said = span_in_words(story.state, main, span)
    assert (
        said
        == "MainProcess waited 41.0 ms for anna, until that one ended: exit code 3; from 10 ms on"
    )
