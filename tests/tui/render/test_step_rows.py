"""The rows of the stepper: lanes, who can go, the objects, and what the steps have come to."""

from __future__ import annotations

import pytest

from helpers.stepped import Line, Scripted, adders, ring
from mpviz.trace.stepping.lost import lost_updates
from mpviz.trace.stepping.order import in_order
from mpviz.trace.stepping.steps import Choice, Moment, Operation, Step
from mpviz.tui.render.rows import Row, finished
from mpviz.tui.render.steps.cast import cast, known_tasks
from mpviz.tui.render.steps.choices import choice_by_key, choice_rows
from mpviz.tui.render.steps.lanes import lane_rows
from mpviz.tui.render.steps.objects import object_rows
from mpviz.tui.render.steps.plan import plan
from mpviz.tui.render.steps.verdict import default_choice, find_ring, verdict
from mpviz.tui.stepping.walk import Walk


def after(run: Scripted, moves: str, *, every: bool = False) -> Moment:
    """The moment after a person has let these workers go, as in "1 2 1"."""
    walk = Walk(lambda: run)
    walk.every = every
    walk.begin()
    for number in moves.split():
        walk.go(Choice("main" if number == "0" else f"main.{number}"))
    return walk.moment


def lines(rows: list[Row]) -> list[str]:
    return [row.text.rstrip() for row in rows]


def lanes(moment: Moment, width: int = 100, height: int = 20) -> list[str]:
    return lines(lane_rows(moment, cast(moment), verdict(moment), width, height))


def test_a_lost_update_is_marked_in_its_lanes() -> None:
    assert lanes(after(adders(), "1 2 1 2")) == [
        "           5       6       7        10",
        " 0 main    ──────────────────────────────────   ended",
        "",
        " 1 adder-1 !read 0─────────!write 1─            ended",
        "           counter         counter",
        " 2 adder-2 ────────!read 0──────────!write 1─   ended",
        "                   counter          counter",
    ]


def test_a_lane_shows_who_holds_a_lock_and_what_comes_next() -> None:
    assert lanes(after(adders("main:lock1"), "1 1")) == [
        "           5          6",
        " 0 main    ───────────────────   waits",
        "",
        " 1 adder-1 acquire━━━━read 0━━ ▸ write",
        "           main:lock1 counter    counter",
        " 2 adder-2 ───────────────────   waits",
        "                                 main:lock1",
    ]


def test_the_name_of_what_comes_next_is_whole_where_the_lanes_leave_room() -> None:
    named = lanes(after(adders("main:the_lock_of_all_adders"), "1"))
    assert named[-1].endswith(" main:the_lock_of_all_adders")


def test_the_thread_of_a_queue_that_has_nothing_to_write_is_idle() -> None:
    """It is there as long as its process, and at no gate."""
    run = adders()
    run.script = {**run.script, "main/feeder-main:queue1": [("feed", "main:queue1")]}
    moment = after(run, "")
    feeds = Choice("main/feeder-main:queue1")
    assert feeds in moment.possible
    run.let_go(feeds)
    (feeder,) = [row for row in lanes(run.wait()) if "main/feed" in row]
    assert feeder.endswith("idle")


def test_without_room_the_latest_steps_are_shown_and_the_others_counted() -> None:
    moment = after(adders("main:lock1"), "1 1 1 1 2 2")
    rows = lanes(moment, 60, 4)
    assert rows[0].startswith(" 4 earlier 11")
    assert len(rows) == 4
    assert rows[3].endswith("▸ write")


def test_with_each_step_those_that_go_by_themselves_have_columns_too() -> None:
    moment = after(adders(), "0 0 1", every=True)
    rows = lines(lane_rows(moment, cast(moment), verdict(moment), 100, 9, every=True))
    assert "start───start" in rows[1]
    assert "begin" in rows[3]


def test_a_lost_update_is_told_with_its_steps() -> None:
    told = verdict(after(adders(), "1 2 1 2"))
    assert told.words == (
        "An update of counter is lost: adder-2 read 0 (step 6), adder-1 wrote 1 (step 7), and"
        " adder-2 wrote 1 over it (step 10). The program has ended after 13 steps, with exit"
        " status 0."
    )
    assert (told.marked, told.is_bad, told.style) == ({4, 5, 6, 9}, True, "trouble")


def test_before_it_is_lost_a_warning_says_so() -> None:
    told = verdict(after(adders(), "1 2 1"))
    assert told.words == (
        "adder-2 read 0 from counter (step 6), and adder-1 has written 1 since (step 7). If adder-2"
        " writes now, what adder-1 wrote is lost."
    )
    assert (told.style, told.is_bad) == ("warning", False)


def test_updates_one_after_the_other_or_under_a_lock_lose_nothing() -> None:
    for moment in (
        after(adders(), "1 1 2 2"),
        after(adders("main:lock1"), "1 2 1 2 1 2 1 2 2 2 2"),
    ):
        told = verdict(moment)
        assert moment.end is not None
        assert (told.marked, told.is_bad, told.style) == (frozenset(), False, "good")


def flag(first: list[Line], second: list[Line]) -> Scripted:
    return Scripted({"main.1": first, "main.2": second})


def test_who_sets_a_value_without_reading_it_loses_no_update() -> None:
    """A write that follows no read since the own last write is not made of what was read."""
    reads, writes = ("read", "v"), ("write", "v")
    assert not lost_updates(after(flag([writes, writes], [reads, writes]), "1 1 2 2").steps)
    assert not lost_updates(after(flag([reads, writes, writes], [writes]), "1 1 2 1").steps)
    assert len(lost_updates(after(flag([reads, writes], [reads, writes]), "1 2 2 1").steps)) == 1


def test_a_deadlock_names_the_ring_and_marks_where_its_locks_were_taken() -> None:
    moment = after(ring(), "1 2")
    told = verdict(moment)
    assert told.words == (
        "Deadlock: nobody can go. worker-1 waits for locks[1], held by worker-2; worker-2 waits for"
        " locks[0], held by worker-1; main waits for worker-1 to end."
    )
    assert told.stuck == ("main.1", "main.2")
    assert told.marked == {4, 5}
    assert lanes(moment)[3] == " 1 worker-1 !acquire━━━━━━━━━━   waits"


def test_who_is_outside_is_shown_as_outside_and_it_is_no_deadlock() -> None:
    run = ring()
    run.outside = {"main.3": "blocked in socket.recv, server.py:10"}
    moment = after(run, "1 2")
    assert not verdict(moment).is_bad
    assert lanes(moment)[-2].endswith("outside")
    rows = lines(choice_rows(moment, cast(moment), None, 80, 8))
    assert rows[-1].strip() == "main.3    outside: blocked in socket.recv, server.py:10"


def test_the_list_says_what_each_will_do_and_why_another_cannot() -> None:
    moment = after(adders("main:lock1"), "1")
    rows = lines(choice_rows(moment, cast(moment), Choice("main.1"), 80, 8))
    assert rows == [
        "    main     waits for adder-1 to end",
        "             program.py:12  the line of join main.1",
        " ▸1 adder-1  reads counter",
        "             program.py:12  the line of read main:value1",
        "    adder-2  waits for main:lock1, held by adder-1",
        "             program.py:11  the line of acquire main:lock1",
    ]
    narrow = lines(choice_rows(moment, cast(moment), Choice("main.1"), 60, 3))
    assert narrow[1].split() == ["▸1", "adder-1", "reads", "counter", "program.py:12"]


def test_a_time_out_is_a_choice_of_its_own() -> None:
    moment = after(ring(timed=True), "1 2")
    assert verdict(moment).words == (
        "Nobody can go on unless a time-out happens: that of worker-2."
    )
    chosen = choice_by_key(moment, known_tasks(moment), "t")
    assert chosen == Choice("main.2", "timeout") == default_choice(moment)
    rows = lines(choice_rows(moment, cast(moment), chosen, 80, 8))
    assert rows[-1] == " ▸t worker-2  gives up waiting for locks[0]: its time is over"
    assert lanes(moment)[5].endswith("▸ time-out")


def test_a_digit_never_changes_hands() -> None:
    """Whoever appears later comes last, whatever its id."""
    first = after(adders(), "")
    known = known_tasks(first)
    assert known == ("main", "main.1", "main.2")
    later = Moment(next={**first.next, "main/feeder": first.next["main"]})
    assert known_tasks(later, known) == (*known, "main/feeder")
    members = cast(later, known)
    assert [each.key for each in members] == ["0", "1", "2", "9"]
    assert members[3].style == members[0].style, "a thread has the colour of its process"
    assert sorted(["main.10", "main.2", "main", "main.2/x"], key=in_order) == [
        *("main", "main.2", "main.2/x", "main.10")
    ]


def test_the_objects_now() -> None:
    moment = after(ring(), "1")
    rows = lines(object_rows(moment, cast(moment), 40, 5))
    assert rows == [" locks[0]  held by worker-1", " locks[1]  free"]
    assert lines(object_rows(moment, cast(moment), 22, 5))[0] == " locks[0]  worker-1"
    assert lines(object_rows(moment, cast(moment), 40, 1)) == [" 2 more"]


def test_a_ring_is_found_whoever_else_waits_for_it() -> None:
    assert find_ring({"a": "b", "b": "c", "c": "b"}) == ("b", "c")
    assert find_ring({"a": "b", "b": ""}) == ()
    assert find_ring({}) == ()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60), (40, 9)])
@pytest.mark.parametrize("tasks", [1, 3, 9, 40])
def test_the_parts_fill_the_screen_and_no_more(width: int, height: int, tasks: int) -> None:
    parts = plan(width, height, tasks)
    assert parts.told + parts.lanes + parts.choices + parts.bottom <= height - 2
    assert min(parts.lanes, parts.choices) >= 3 or height < 12


@pytest.mark.parametrize("width", range(1, 130, 7))
def test_rows_fit_at_any_width_in_ascii_too(width: int) -> None:
    moment = after(ring(timed=True), "1 2")
    members, told = cast(moment), verdict(moment)
    for rows in (
        lane_rows(moment, members, told, width, 9),
        lane_rows(moment, members, told, width, 4),
        choice_rows(moment, members, None, width, 9),
        object_rows(moment, members, width, 9),
    ):
        shown = finished(rows, width, 9, ascii=True)
        assert all(len(row.text) == width and row.text.isascii() for row in shown)


def test_updates_of_different_elements_of_an_array_lose_nothing() -> None:
    def steps(*elements: str) -> list[Step]:
        done = zip(
            ("one", "other", "other", "one"),
            ("read", "read", "write", "write"),
            elements,
            strict=True,
        )
        return [
            Step(
                Choice(task),
                Operation(task, verb, "array", "value", element=element, detail="1"),
                "0" if verb == "read" else "",
            )
            for task, verb, element in done
        ]

    assert not lost_updates(steps("0", "1", "1", "0"))
    assert len(lost_updates(steps("0", "0", "0", "0"))) == 1
