"""Values and Arrays of a real program: what they hold, and which updates were lost."""

from __future__ import annotations

from typing import Any

from helpers.runs import Observed

PROGRAM = """
import ctypes, multiprocessing as mp, os
from telling import tell

def add(counter, times):
    for _ in range(times):
        with counter.get_lock():
            counter.value += 1

def add_in_turn(counter, mine, other, times):
    # Both read before either writes, each time.
    for _ in range(times):
        was = counter.value
        other.release()
        mine.acquire()
        counter.value = was + 1
        other.release()
        mine.acquire()

class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]

def move(point):
    point.x += 1

def main():
    counter = mp.Value("i", 5)
    children = [mp.Process(target=add, args=(counter, 30)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    tell(counter=counter.value)

    lossy = mp.Value("l", 0)
    left, right = mp.Semaphore(0), mp.Semaphore(0)
    children = [
        mp.Process(target=add_in_turn, args=(lossy, left, right, 20)),
        mp.Process(target=add_in_turn, args=(lossy, right, left, 20)),
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    tell(lossy=lossy.value)

    share = mp.Value("d", 0.25)
    share.value *= 2
    infinite = mp.Value("d", float("inf"))
    infinite.value = float("nan")
    letter = mp.Value("c", b"a")
    letter.value = b"\\xff"
    flag = mp.Value(ctypes.c_bool, False)
    flag.value = True
    huge = mp.Value("Q", 0)
    huge.value = 2 ** 64 - 1

    numbers = mp.Array("i", [1, 2, 3, 4])
    numbers[0] = 10
    numbers[-1] += 1
    numbers[1:3] = [7, 8]
    tell(numbers=numbers[:], length=len(numbers), pair=numbers[1:3], whole=list(numbers))
    text = mp.Array("c", b"hello")
    text.value = b"hi"
    text[0] = b"H"
    tell(text=text.value.decode(), raw=list(text.raw), wide=mp.Array("u", "wide")[:])

    bare = mp.Value("i", 1, lock=False)
    bare.value = 2
    own_lock = mp.Lock()
    with_own = mp.Value("i", 1, lock=own_lock)
    with_own.value = 2
    point = mp.Value(Point, 1, 2)
    point.x = 5
    child = mp.Process(target=move, args=(point,))
    child.start()
    child.join()
    tell(point=[point.x, point.y], share=share.value)
"""


def value(run: Observed, name: str, *fields: str) -> list[Any]:
    """Fields of a value in the document."""
    entry = run.one("values", name)
    return [entry[field] for field in fields]


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_under_its_lock_a_value_loses_no_update(run: Observed) -> None:
    assert run.facts("counter") == 65
    assert value(run, "counter", "last", "writes", "reads") == [65, 60, 61]
    assert value(run, "counter", "stale_writes", "lost_updates") == [0, 0]
    lock = run.one("locks", "counter.get_lock()")
    assert (lock["acquisitions"], lock["releases"], lock["kind"]) == (60, 60, "RLock")


def test_without_its_lock_a_value_misses_exactly_the_lost_updates(run: Observed) -> None:
    final = run.facts("lossy")
    assert final == 20
    assert value(run, "lossy", "last", "writes", "lost_updates") == [final, 40, 40 - final]
    assert value(run, "lossy", "stale_writes") == [20]


def test_a_value_is_shown_with_the_type_it_was_made_with(run: Observed) -> None:
    assert value(run, "counter", "kind", "typecode") == ["Value", "i"]
    assert value(run, "share", "typecode", "last") == ["d", 0.5]
    assert value(run, "letter", "typecode") == ["c"]
    assert value(run, "huge", "last") == [2**64 - 1]
    assert value(run, "flag", "last", "typecode") == [True, "?"]


def test_numbers_that_json_lacks_are_written_in_words(run: Observed) -> None:
    assert value(run, "infinite", "last") == ["nan"]


def test_an_array_is_read_and_written_by_element_and_by_slice(run: Observed) -> None:
    assert run.facts("numbers") == [10, 7, 8, 5]
    assert run.facts("pair") == [7, 8]
    assert value(run, "share", "last") == [run.facts("share")]
    assert run.facts("whole") == [10, 7, 8, 5]
    assert run.facts("length") == 4
    assert value(run, "numbers", "kind", "length", "writes") == ["Array", 4, 3]


def test_texts_work_as_they_do_without_us(run: Observed) -> None:
    assert run.facts("text") == "Hi"
    assert run.facts("raw") == [72, 105, 0, 108, 111]
    assert run.facts("wide") == "wide"
    assert value(run, "text", "kind", "typecode", "length", "writes") == ["Array", "c", 5, 2]


def test_values_without_a_lock_work_and_are_not_shown(run: Observed) -> None:
    names = [entry["name"] for entry in run.document["values"]]
    assert "bare" not in names
    assert run.facts("point") == [6, 2]


def test_a_value_may_have_a_lock_of_the_program_s(run: Observed) -> None:
    assert value(run, "with_own", "last", "writes") == [2, 1]
    assert run.one("locks", "own_lock")["kind"] == "Lock"


def test_the_locks_of_values_are_shown_only_where_the_program_takes_them(run: Observed) -> None:
    names = {lock["name"] for lock in run.document["locks"]}
    assert names == {"counter.get_lock()", "left", "right", "own_lock"}
