"""The panels of queues, locks and what else is shared, drawn from golden runs and read as text."""

import re

import pytest

from helpers.panel_stories import counter, factory, held, racing, shared, stages, talk
from helpers.panels import rows_of, styles_of, text_of, words_of
from helpers.story import MAIN, Story
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.tui.panels import (
    locks,
    managers,
    memory,
    pipes,
    processes,
    queues,
    synchronization,
    values,
)
from mpviz.tui.render.view import View


def test_a_queue_says_how_full_it_is_and_who_waits() -> None:
    state = factory().state
    text = text_of(queues.PANEL, state, 110, 6)
    first = text.splitlines()[0]
    assert "8 of 8" in first
    assert "full" in first
    assert "waiting to put ●p1 ●p2" in first
    assert "waiting to put ●p1 ●p2" in text_of(queues.PANEL, state, 60, 6)
    assert queues.title(state, View()) == "2 queues, 1 full"


def test_a_queue_without_bound_is_measured_by_its_peak() -> None:
    lines = text_of(queues.PANEL, factory().state, 110, 6).splitlines()
    assert "peak 83" in lines[3]


def test_an_empty_queue_says_so_and_who_waits_to_get() -> None:
    story = Story()
    queue = story.queue("jobs", 4)
    story.start(5, 1001, "consumer-1")
    story.wait(10, 1001, "get", queue)
    text = text_of(queues.PANEL, story.state_at(50), 100, 3)
    assert "empty" in text
    assert "waiting to get ●c1" in text
    assert "█" not in text


def test_rows_for_a_queue_depend_on_the_height() -> None:
    state = factory().state
    assert len(rows_of(queues.PANEL, state, 80, 2)) == 2
    assert len(rows_of(queues.PANEL, state, 80, 4)) == 4
    assert len(rows_of(queues.PANEL, state, 80, 9)) == 8


def test_a_lock_is_a_picture_of_holder_and_waiters() -> None:
    story = held()
    story.start(20, 1003, "Process-3")
    story.wait(30, 1003, "lock", "/counter")
    text = text_of(locks.PANEL, story.state_at(1012), 90, 4)
    assert "●2 Process-2   1.0 s ← ●1 1.0 s  ●3 982 ms" in text
    assert locks.title(story.state, View()) == "1 lock, 2 waiting"


def test_more_waiters_than_fit_are_counted() -> None:
    text = text_of(locks.PANEL, counter().state, 40, 4)
    assert "+" in text.splitlines()[0]


def test_a_dead_holder_is_trouble() -> None:
    story = held()
    story.exit(500, 1002, -9)
    rows = rows_of(locks.PANEL, story.state_at(1000), 90, 4)
    assert "Process-2 is dead and holds it" in rows[0].text
    assert styles_of(rows, "is dead") == {"trouble"}


def test_a_free_lock_says_who_held_it_last() -> None:
    story = held()
    story.release(900, 1002, "/counter")
    story.acquire(901, 1001, "/counter")
    story.release(902, 1001, "/counter")
    lines = text_of(locks.PANEL, story.state, 110, 4).splitlines()
    assert "free, last held by ●1" in lines[0]
    assert "contended  50%" in lines[1]
    assert "hold p50" in lines[1]


def test_a_semaphore_says_how_many_have_it() -> None:
    story = Story()
    gate = story.lock("gate", "Semaphore", 3)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    story.acquire(10, 1001, gate)
    story.acquire(11, 1002, gate)
    text = text_of(locks.PANEL, story.state, 80, 2)
    assert "2 of 3 taken ●1 ●2" in text


def test_the_lock_of_a_value_shows_once_the_program_takes_it() -> None:
    story = Story()
    story.value("counter")
    story.start(5, 1001, "Process-1")
    assert not locks.PANEL.used(story.state)
    story.acquire(10, 1001, "lock of counter")
    assert "counter.get_lo" in text_of(locks.PANEL, story.state, 80, 2)


def test_a_value_says_what_it_holds_who_wrote_and_what_was_lost() -> None:
    rows = rows_of(values.PANEL, racing().state, 80, 3)
    assert "counter" in rows[0].text
    assert "by ●2" in rows[0].text
    assert "1 lost update" in rows[0].text
    assert styles_of(rows, "lost update") == {"trouble"}
    assert "2 writes" in rows[2].text
    assert values.title(racing().state, View()) == "1 shared value, 1 lost update"


@pytest.mark.parametrize("width", [30, 36, 42, 50, 80])
def test_lost_updates_are_one_number_in_words_that_fit(width: int) -> None:
    state = racing().state
    (value,) = state.table(SharedValue).values()
    value.lost_updates, value.stale_writes = 8, 12
    rows = rows_of(values.PANEL, state, width, 3)
    assert re.search(r" 8 lost( updates?)?( |$)", rows[0].text), rows[0].text
    assert "…" not in rows[0].text
    assert "12" not in "".join(row.text for row in rows)
    value.lost_updates = 0
    assert "12 writes overwrote a newer value" in rows_of(values.PANEL, state, 80, 3)[0].text


def test_a_single_value_with_room_is_written_big() -> None:
    rows = rows_of(values.PANEL, racing().state, 80, 6)
    assert rows[1].text.strip() == "█▀█"
    assert len(rows) == 6


def test_an_array_is_a_strip_of_bars() -> None:
    story = Story()
    story.value("cells", None, length=8)
    story.start(5, 1001, "Process-1")
    for index, content in enumerate((1, 4, 8)):
        story.write(10 + index, 1001, "cells", content, 0, index=index)
    rows = rows_of(values.PANEL, story.state, 80, 3)
    assert "[2] = 8" in rows[0].text
    assert "Array of 8" in rows[0].text
    assert "▁▄█" in rows[1].text


def test_an_event_is_a_gate_with_those_who_wait_in_front_of_it() -> None:
    state = stages(40).state_at(40)
    lines = text_of(synchronization.PANEL, state, 100, 8).splitlines()
    assert lines[0] == "start │───│ shut ← ●1 30.0 ms  ●2 29.0 ms  ●3 28.0 ms  ●4 27.0 ms"
    assert synchronization.title(state, View()) == "2 events, 1 barrier, 1 condition, 4 waiting"
    assert "+3" in text_of(synchronization.PANEL, state, 40, 8).splitlines()[0]
    waits = text_of(processes.PANEL, state, 100)
    assert waits.count("waiting for event start, not set yet") == 4


def test_an_open_gate_says_since_when_and_by_whom() -> None:
    lines = text_of(synchronization.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[0] == "start │   │ open 1.2 s, set by ●M MainProcess"
    assert lines[1].split()[:6] == ["set", "1", "cleared", "0", "waits", "4"]


def test_a_barrier_shows_who_is_there_and_how_many_are_missing() -> None:
    lines = text_of(synchronization.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[4] == "stage │●1 ●2 · ·│ 2 of 4 there, waiting 290 ms"
    assert "rounds 3  ●4 last in 3" in lines[5]
    narrow = text_of(synchronization.PANEL, stages().state_at(1300), 30, 8).splitlines()
    assert narrow[4] == "stage │●1 ●2 · ·│ 2 of 4"


def test_an_empty_barrier_says_for_whom_the_others_waited() -> None:
    story = Story()
    stage = story.barrier("stage", 2)
    story.start(5, 1001, "Process-1")
    story.arrive(10, 1001, stage)
    story.arrive(20, MAIN, stage, last=True)
    story.leave(21, 1001, stage)
    text = text_of(synchronization.PANEL, story.state, 80, 2)
    assert "│· ·│ 0 of 2 there, last to arrive ●M MainProcess" in text


def test_a_barrier_for_more_than_there_is_room_for_is_a_bar() -> None:
    story = Story()
    stage = story.barrier("stage", 64)
    for number in range(32):
        story.start(5, 1001 + number, f"Process-{number + 1}")
        story.arrive(10 + number, 1001 + number, stage)
    first = rows_of(synchronization.PANEL, story.state, 60, 2)[0].text
    assert "32 of 64" in first
    assert first.count("█") == first.count("·")


def test_a_broken_barrier_and_one_in_which_a_process_died_are_trouble() -> None:
    broken, dead = stages(), stages()
    broken.breaks(1280, 1002, "barrier-stage")
    dead.exit(1250, 1001, -9)
    rows = rows_of(synchronization.PANEL, broken.state, 100, 8)
    assert "│· · · ·│ broken: a time-out in ●2 Process-2" in rows[4].text
    assert styles_of(rows, "broken") == {"trouble"}
    assert "broken" in rows_of(synchronization.PANEL, broken.state, 30, 8)[4].text
    rows = rows_of(synchronization.PANEL, dead.state, 100, 8)
    assert "│○1 ●2 · ·│ 2 of 4 there, Process-1 died in it" in rows[4].text
    assert styles_of(rows, "died in it") == {"trouble"}
    assert "1 dead" in rows_of(synchronization.PANEL, dead.state, 30, 8)[4].text


def test_a_dead_waiter_of_an_event_is_trouble() -> None:
    story = stages(40)
    story.exit(45, 1001, -9)
    rows = rows_of(synchronization.PANEL, story.state, 100, 8)
    assert "shut, 1 died waiting ← ●2" in rows[0].text
    assert styles_of(rows, "died waiting") == {"trouble"}


def test_a_condition_has_waiters_or_else_the_last_who_notified() -> None:
    lines = text_of(synchronization.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[6] == "ready 2 wait ← ●M 300 ms  ●4 100 ms"
    assert "1 to nobody" in lines[7]
    story = Story()
    ready = story.condition("ready")
    story.start(5, 1001, "Process-1")
    story.wait(10, 1001, "condition", ready)
    story.notify(30, MAIN, ready, waiters=1)
    story.wake(31, 1001, ready)
    text = text_of(synchronization.PANEL, story.state_at(50), 100, 2)
    assert "nobody waits, last notify by ●M MainProcess 20.0 ms ago" in text
    assert "to nobody" not in text


def test_the_signals_are_drawn_in_ascii_and_without_a_word_cut_where_they_are_shorter() -> None:
    text = text_of(synchronization.PANEL, stages().state_at(1300), 60, 8, ascii=True)
    assert "start |   | open 1.2 s, set by *M MainProcess" in text
    assert "stop  |---| shut < *3 200 ms" in text
    for width in range(30, 101):
        assert "…" not in text_of(synchronization.PANEL, stages().state_at(1300), width, 8)


def test_a_pipe_is_a_picture_of_each_way() -> None:
    state = talk().state_at(400)
    lines = text_of(pipes.PANEL, state, 100, 10).splitlines()
    assert lines[0].split() == ["parent/child", "●M", "═" * 35 + "▶", "●1", "waits", "68.0", "ms"]
    assert lines[2].split() == ["●1", "═" * 35 + "▶", "●M", "waits", "90.0", "ms"]
    assert lines[3].split()[:8] == ["29", "sent", "29/s", "29", "got", "29/s", "11.6", "kB"]
    assert pipes.title(state, View()) == "4 pipes, 3 waiting"


def test_messages_on_their_way_lie_where_they_are_read() -> None:
    story = Story()
    end, _ = story.pipe("reader", "writer", duplex=False)
    story.start(5, 1001, "Process-1")
    assert "writer ═" in text_of(pipes.PANEL, story.state, 80)
    for _ in range(3):
        story.send(10, MAIN, end)
    rows = rows_of(pipes.PANEL, story.state, 80)
    assert "●M 3 ══" in rows[0].text
    assert "══███▶ reader" in rows[0].text
    assert styles_of(rows, "███") == {"activity.queue"}
    story.receive(11, 1001, end)
    assert "●M 2 ══" in text_of(pipes.PANEL, story.state, 80)
    assert "==##> *1" in text_of(pipes.PANEL, story.state, 80, ascii=True)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_who_waits_for_room_stands_where_it_sends(width: int) -> None:
    rows = rows_of(pipes.PANEL, talk().state_at(400), width, 5)
    assert rows[2].text.index("●2") < rows[2].text.index("70.0 ms") < rows[2].text.index(" 45 ")
    assert rows[2].text.index(" 45 ") < rows[2].text.index("█▶ ●3")


def test_the_name_of_a_pipe_is_whole_in_a_quarter_of_a_wide_screen() -> None:
    story = Story()
    story.pipe("receiver", "sender", duplex=False)
    assert "receiver/sender " in text_of(pipes.PANEL, story.state, 80)
    first, second = text_of(pipes.PANEL, story.state, 37).splitlines()
    assert first.startswith("receiver/ ")
    assert second.startswith("sender ")


def test_the_name_of_a_lock_is_whole_in_half_of_a_screen() -> None:
    story = Story()
    story.lock("lock_of_the_counter")
    assert "lock_of_the_counter free" in text_of(locks.PANEL, story.state, 48)


def test_a_pipe_that_is_read_to_its_end_says_so_and_one_that_refuses_too() -> None:
    story = talk()
    story.read_to_end(340, 1003, "readings")
    text = text_of(pipes.PANEL, story.state_at(400), 120, 5)
    assert "read to its end" in text.splitlines()[2]
    assert "1 message refused" in text.splitlines()[4]


def test_pipes_are_filtered_by_name() -> None:
    state = talk().state
    assert len(rows_of(pipes.PANEL, state, 80, 9, filter="sensor")) == 2
    assert "no pipe matches" in text_of(pipes.PANEL, state, 80, 9, filter="zzz")


def test_a_manager_has_its_objects_below_it_the_busiest_first() -> None:
    state = shared().state_at(300)
    lines = text_of(managers.PANEL, state, 100, 6).splitlines()
    assert words_of(lines[0]) == "●s1 SyncManager-1 122/s of 122 calls 1 waiting 2 objects pid 1001"
    assert words_of(lines[1]) == "scores 120 calls 120/s dict p50 0.52 ms ●2 ●3 ●4 update 78 get 42"
    assert lines[2].split()[:1] == ["gate"]
    assert managers.title(state, View()) == "1 manager, 2 objects, 1 waiting"


@pytest.mark.parametrize(
    ("width", "words"),
    [(100, "●3 waits 38.0 ms for acquire"), (60, "●3 38.0 ms acquire"), (54, "●3 38.0 ms")],
)
def test_who_waits_for_an_answer_is_said_in_what_room_there_is(width: int, words: str) -> None:
    rows = rows_of(managers.PANEL, shared().state_at(300), width, 6)
    assert words in rows[2].text
    assert "activity.result" in styles_of(rows[2:], " 38.0 ms")


def test_a_manager_that_has_ended_with_callers_waiting_is_trouble() -> None:
    story = shared()
    story.exit(290, 1001, -9)
    rows = rows_of(managers.PANEL, story.state_at(300), 100, 6)
    assert "○s1 SyncManager-1 has ended" in rows[0].text
    assert styles_of(rows, "has ended") == {"trouble"}


def test_a_block_says_how_large_it_is_and_who_has_it() -> None:
    lines = text_of(memory.PANEL, shared().state, 100, 6).splitlines()
    assert words_of(lines[0]) == "frame 8.3 MB attached ●M ●2 ●3 ●4 made by ●M psm_frame"
    assert words_of(lines[1]) == "another 4.1 kB attached ●3 not made here"
    assert words_of(lines[2]) == "table 4.1 kB unlinked made by ●M psm_table"
    assert memory.title(shared().state, View()) == "3 blocks of shared memory, 8.3 MB"


def test_more_users_than_fit_are_counted() -> None:
    assert "attached ●M ●2 +2" in text_of(memory.PANEL, shared().state, 40, 6)


def test_a_block_that_was_never_unlinked_is_trouble_when_the_program_has_ended() -> None:
    story = shared()
    assert "never" not in text_of(memory.PANEL, story.state, 100, 6)
    story.end(400)
    rows = rows_of(memory.PANEL, story.state, 100, 6)
    assert "attached by nobody  never unlinked" in rows[0].text
    assert styles_of(rows, "never unlinked") == {"trouble"}
    assert "never" not in rows[1].text + rows[2].text
