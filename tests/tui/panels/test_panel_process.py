"""The page of a process: its state, what it holds, its stack, its tasks, children and words."""

from __future__ import annotations

import pytest

from helpers.panels import rows_of, text_of, words_of
from helpers.story import ANNA, BERT, CARL, MAIN, SUPERVISOR, VIEWER, Story
from mpviz.trace.model.events import ProcessExited
from mpviz.trace.model.primitives.process import Signalled
from mpviz.trace.model.processes.looks import KernelThread, StacksRead, ThreadStack
from mpviz.tui.panels.process import PANEL, _shared_out


def two_in_a_ring() -> Story:
    story = Story()
    for number, (pid, name) in enumerate(((ANNA, "anna"), (BERT, "bert")), 1):
        story.start(number, pid, name, function="dine")
    left, right = story.lock("left"), story.lock("right")
    story.acquire(10, ANNA, left, site=story.site(6, 8, file="/home/shop.py"))
    story.acquire(11, BERT, right)
    story.wait(20, ANNA, "lock", right, site=story.site(7, 12, file="/home/shop.py"))
    story.wait(21, BERT, "lock", left)
    story.sample(100, [50, 50], {MAIN: (0, 0.0), ANNA: (1, 40.0), BERT: (0, 0.0)})
    return story


def page(story: Story, pid: int, time: float = 1020, height: int = 40, width: int = 100) -> str:
    return text_of(PANEL, story.state_at(time), width, height, selected=str(pid))


def line_of(shown: str, label: str) -> str:
    (line,) = [line for line in shown.splitlines() if line.startswith(f" {label}")]
    return words_of(line)


def test_its_state_is_one_sentence_and_its_locks_are_those_held_and_wanted() -> None:
    shown = page(two_in_a_ring(), ANNA)
    first, second, *_ = shown.splitlines()
    assert "anna: waiting for lock right, held by bert, at shop.py:12, for 1.0 s" in first
    assert "child of" in second and f"pid {ANNA}" in second and "started by fork" in second
    assert "runs dine" in second
    assert line_of(shown, "holds").startswith("holds lock left for 1.0 s, taken at shop.py:8 ←")
    assert line_of(shown, "waits").startswith("waits for lock right, held by bert for 1.0 s")
    assert "at shop.py:12" in line_of(shown, "waits")


def test_time_is_shared_out_by_what_the_process_did() -> None:
    shown = page(two_in_a_ring(), ANNA)
    assert "waiting for a lock 98%" in line_of(shown, "time")
    assert "40%" in line_of(shown, "cpu")
    assert "10.4 MB" in line_of(shown, "memory")


def test_a_process_that_ended_says_how_and_what_it_waited_for() -> None:
    story = two_in_a_ring()
    story.tell(1100, MAIN, Signalled, child=ANNA, signal=15)
    story.tell(1101, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-15)
    shown = page(story, ANNA, 1200)
    assert "anna: ended by SIGTERM, after 1.1 s" in shown.splitlines()[0]
    assert line_of(shown, "signals") == "signals SIGTERM from MainProcess at 1.10 s"


def test_its_stack_ends_where_its_own_code_begins() -> None:
    story = two_in_a_ring()
    of_python = "/usr/lib/python3.11/multiprocessing/process.py"
    frames = [
        ("/usr/lib/python3.11/multiprocessing/synchronize.py", 95, "__enter__"),
        ("/home/shop.py", 12, "dine"),
        (of_python, 108, "run"),
        (of_python, 314, "_bootstrap"),
        ("/home/shop.py", 30, "forker"),
    ]
    thread = KernelThread(ANNA, 1, "python", 0.5, "", "futex")
    stack = ThreadStack(1, "", frames)
    told = {"child": ANNA, "listed": 1, "threads": [stack], "kernel": [thread]}
    story.tell(520, VIEWER, StacksRead, **told)
    shown = page(story, ANNA)
    assert line_of(shown, "stack").startswith("stack 0.5 s ago main thread in futex")
    assert "dine" in shown and "shop.py:12" in shown and "__enter__" in shown
    assert "forker" not in shown and "_bootstrap" not in shown


def test_tasks_stand_the_latest_first() -> None:
    story = Story()
    pool = story.pool(2, [ANNA, BERT])
    story.submit(5, pool, 0, 3)
    story.task(10, ANNA, pool, 0, 0, until=30)
    story.task(11, BERT, pool, 0, 1)
    story.task(40, ANNA, pool, 0, 2)
    shown = page(story, ANNA, 60)
    assert line_of(shown, "tasks") == "tasks 1 task of pool done, 5 items"
    tasks = [words_of(line) for line in shown.splitlines() if "of square" in line][-2:]
    assert tasks == [
        "task 2 of square running for 20.0 ms",
        "task 0 of square done in 20.0 ms",
    ]


def test_the_main_process_lists_its_children_and_a_click_goes_to_one() -> None:
    story = two_in_a_ring()
    rows = rows_of(PANEL, story.state, 100, 40, selected=str(MAIN))
    assert [row.key for row in rows if row.key] == [str(ANNA), str(BERT)]


def test_of_the_output_of_others_nothing_is_shown() -> None:
    story = two_in_a_ring()
    for number in range(40):
        story.output(200 + number, ANNA, f"mine {number}")
        story.output(200 + number, BERT, f"yours {number}")
    shown = page(story, ANNA, height=20)
    assert "mine 39" in shown and "mine 0\n" not in shown and "yours" not in shown
    assert "more" in shown
    scrolled = text_of(PANEL, story.state, 100, 20, selected=str(ANNA), scroll={"process": 30})
    assert "mine 20" in scrolled


@pytest.mark.parametrize(("width", "height"), [(76, 16), (118, 30), (196, 52), (40, 9), (20, 4)])
def test_it_fits_everywhere(width: int, height: int) -> None:
    story = two_in_a_ring()
    for number in range(40):
        story.start(100 + number, CARL + number, f"child-{number}", parent=ANNA)
    rows = rows_of(PANEL, story.state, width, height, selected=str(ANNA))
    assert len(rows) <= height
    assert all(len(row.text) == width for row in rows)


def test_rows_are_shared_out_in_turn() -> None:
    assert _shared_out([1, 50, 3, 50], 10) == [1, 3, 3, 3]
    assert _shared_out([1, 2], 10) == [1, 2]
    assert _shared_out([4, 4, 4], 2) == [1, 1, 0]


def stands_in_a_join(story: Story) -> None:
    frames = [
        ("/usr/lib/python3.12/multiprocessing/popen_fork.py", 27, "poll"),
        ("/usr/lib/python3.12/multiprocessing/popen_fork.py", 43, "wait"),
        ("/usr/lib/python3.12/multiprocessing/process.py", 149, "join"),
        ("/home/shop.py", 30, "main"),
        ("/home/shop.py", 40, "<module>"),
    ]
    story.tell(
        900,
        SUPERVISOR,
        StacksRead,
        child=ANNA,
        threads=[ThreadStack(ANNA, "", frames)],
        listed=1,
        sleeps=["wait"],
        ends=[],
        reason="",
        kernel=[KernelThread(ANNA, ANNA, "python", 0.1, "", "wait4(77)")],
    )


def test_where_a_stack_is_cut_the_programs_own_line_comes_first() -> None:
    story = two_in_a_ring()
    stands_in_a_join(story)
    tall = page(story, ANNA)
    assert tall.index("poll ") < tall.index("shop.py:30")
    for height in range(14, 24):
        lines = page(story, ANNA, height=height, width=80).splitlines()
        first = next(words_of(line) for line in lines if line.startswith(" stack"))
        if "shop.py:30" not in first:
            assert any("process.py:149" in line for line in lines), "all of it is there"
        else:
            assert "main thread main shop.py:30 in wait4(77)" in first
            assert not any("poll" in line for line in lines) or "<module>" in "".join(lines)


def test_lists_without_room_are_named() -> None:
    story = two_in_a_ring()
    stands_in_a_join(story)
    for number in range(3):
        story.output(200 + number, ANNA, f"line {number}")
    story.signal(300, ANNA, 10)
    head = page(story, ANNA, height=15).splitlines()
    at = next(place for place, line in enumerate(head) if line.startswith(" holds"))
    lines = page(story, ANNA, height=at + 3).splitlines()
    assert len(lines) == at + 3
    assert words_of(lines[-1]).startswith("more below: stack"), lines[-1]
    assert "output, signals" in lines[-1]


def test_what_does_not_fit_ends_with_an_ellipsis() -> None:
    story = two_in_a_ring()
    far = story.site(8, 99, file="/home/" + "x" * 60)
    story.go_on(25, BERT)
    story.wait(26, BERT, "lock", "/left", site=far)
    rows = rows_of(PANEL, story.state_at(1020), 60, 30, selected=str(BERT))
    (waits,) = [row.text for row in rows if row.text.startswith(" waits")]
    assert len(waits) == 60
    assert waits.endswith("at…")
