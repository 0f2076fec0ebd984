"""What the scenarios on talking, sharing and signals print is what they are there to show."""

import re
from collections.abc import Callable
from itertools import groupby
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def lines(request: pytest.FixtureRequest, program: Run) -> Callable[..., list[str]]:
    """Run a scenario under each start method, and return what it printed."""

    def run(*words: str) -> list[str]:
        done = program(*words, "--start-method", request.param)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


Lines = Callable[..., list[str]]


def numbers(pattern: str, line: str) -> list[int]:
    """Return the numbers that a line has in the places of this pattern."""
    match = re.fullmatch(pattern, line)
    assert match, line
    return [int(group) for group in match.groups()]


def test_the_ball_goes_to_and_fro_until_one_end_is_closed(lines: Lines) -> None:
    """Each side waits for the other, so that there is but one order."""
    assert lines("pipe-ping-pong", "rounds=3", "think_ms=2") == [
        "ping 1",
        "      pong 1",
        "ping 2",
        "      pong 2",
        "ping 3",
        "      pong 3",
        "the other end is closed, 3 balls returned",
        "3 rounds, exit code of pong: 0",
    ]


def test_a_pipe_may_be_closed_before_anything_was_sent(lines: Lines) -> None:
    """Who waits for the first ball is told, too, that none will come."""
    assert lines("pipe-ping-pong", "rounds=0") == [
        "the other end is closed, 0 balls returned",
        "0 rounds, exit code of pong: 0",
    ]


@pytest.mark.parametrize("lock", ["yes", "no"])
def test_a_managers_dict_loses_updates_of_a_shared_key_without_a_lock(
    lines: Lines, lock: str
) -> None:
    """The keys that have one writer each are exact either way."""
    first, counts, last = lines(
        "manager-dict", "workers=3", "images=200", "pause_ms=4", f"lock={lock}"
    )

    assert first.startswith("3 workers count 200 images, with")
    assert counts == "worker-1: 67, worker-2: 67, worker-3: 66"
    expected, final, lost = numbers(r"expected (\d+), final (\d+), lost (\d+)", last)
    assert expected == 200 == final + lost
    assert (lost == 0) == (lock == "yes")


@pytest.mark.parametrize(("workers", "items"), [(3, 50), (5, 3)])
def test_every_place_of_an_array_is_filled_and_every_digit_counted(
    lines: Lines, workers: int, items: int
) -> None:
    """Also where there are more workers than places."""
    squares = [item**2 for item in range(items)]
    counts = [sum(square % 10 == digit for square in squares) for digit in range(10)]

    assert lines("shared-array", f"workers={workers}", f"items={items}", "work_ms=0") == [
        f"{workers} workers fill {items} places",
        f"sum of the squares {sum(squares)}, expected {sum(squares)}",
        f"squares that end in 0, in 1, ... 9: {' '.join(map(str, counts))}",
        f"counted {items}, expected {items}",
    ]


def test_what_a_race_calls_lost_is_what_is_missing_in_the_end(lines: Lines) -> None:
    """Each line is about one writing; together they say how far the number is from right."""
    first, *said, last = lines("race", "processes=4", "increments=60", "pause_ms=5")

    assert first == "4 processes add 60 each, without a lock"
    expected, final, lost = numbers(r"expected (\d+), final (\d+), lost (\d+)", last)
    assert expected == 240 == final + lost
    assert lost > 0
    sum_of_lost = 0
    for line in said:
        pattern = r"adder-[1-4] read (\d+); now (\d+); writes (\d+): (-?\d+) lost"
        read, found, written, lost_now = numbers(pattern, line)
        assert (lost_now, written) == (found - read, read + 1)
        assert lost_now != 0
        sum_of_lost += lost_now
    assert sum_of_lost == lost


def test_a_racer_alone_loses_nothing(lines: Lines) -> None:
    """It takes two."""
    assert lines("race", "processes=1", "increments=20", "pause_ms=0") == [
        "1 processes add 20 each, without a lock",
        "expected 20, final 20, lost 0",
    ]


@pytest.mark.parametrize("gap_s", ["0", "0.1"])
def test_nobody_is_through_before_the_gate_is_opened(lines: Lines, gap_s: str) -> None:
    """One signal is enough for all who wait, and for those who come later."""
    first, *said, last = lines("event-gate", "workers=3", "open_after_s=0.2", f"gap_s={gap_s}")

    assert (first, last) == ("3 workers, and a gate that is closed", "all 3 are through")
    opened = said.index("MainProcess: I open the gate")
    assert said.count("MainProcess: I open the gate") == 1
    through = [line for line in said if "through" in line]
    assert not set(through) & set(said[:opened])
    passed = [re.fullmatch(r"(worker-\d): through, waited \d+\.\d s", line) for line in through]
    assert sorted(match[1] for match in passed if match) == ["worker-1", "worker-2", "worker-3"]
    for worker in (1, 2, 3):
        of_worker = [line for line in said if line.startswith(f"worker-{worker}: ")]
        assert of_worker[0] == f"worker-{worker}: at the gate"
        assert len(of_worker) == 2


def test_nobody_begins_a_round_before_all_have_ended_the_last_one(lines: Lines) -> None:
    """So the rounds never mix."""
    first, *said, last = lines("barrier", "rounds=2")

    assert first == "4 workers, 2 rounds"
    rounds, waits = said[:8], said[8:]
    for number, group in groupby(rounds, lambda line: line.partition(": ")[2]):
        assert sorted(group) == [f"worker-{worker}: {number}" for worker in (1, 2, 3, 4)]
    assert [line.partition(": ")[2] for line in rounds[::4]] == ["round 1 done", "round 2 done"]
    ended = [re.fullmatch(r"(worker-\d): waited \d+\.\d s in all", line) for line in waits]
    assert sorted(match[1] for match in ended if match) == [f"worker-{n}" for n in (1, 2, 3, 4)]
    assert re.fullmatch(r"2 rounds took \d+\.\d s", last)


def test_a_consumer_takes_only_what_is_there_and_looks_again_if_it_is_not(lines: Lines) -> None:
    """What each look found is what came in less what was taken before."""
    words = ("consumers=3", "orders=4", "make_ms=3", "use_ms=1")
    first, *said, last = lines("condition", *words)

    assert (first, last) == ("3 consumers, 24 items to come", "all ended, 0 left in stock")
    taken = dict.fromkeys((1, 2, 3), 0)
    stock = 0
    for line in said:
        pattern = r"consumer-(\d): I need (\d), (\d+) in stock: I (?:take|wait)"
        consumer, amount, found = numbers(pattern, line)
        assert consumer == amount
        # The producer can only have brought more.
        assert stock <= found <= 24
        stock = found
        assert line.endswith("take" if found >= amount else "wait")
        if found >= amount:
            taken[consumer] += 1
            stock -= amount
    assert taken == {1: 4, 2: 4, 3: 4}
    assert stock == 0


@pytest.mark.parametrize("places", [1, 2, 5])
def test_never_more_are_in_at_once_than_there_are_places(lines: Lines, places: int) -> None:
    """The workers count for themselves, under a lock of their own."""
    words = ("workers=4", f"places={places}", "files=3", "download_s=0.02")
    first, *said, last = lines("semaphore", *words)

    assert first == f"4 workers, {places} places"
    most, left = numbers(r"at most (\d+) at once, (\d+) at the end", last)
    at_once = [numbers(r"worker-\d: file (\d), (\d+) at once", line) for line in said]
    assert sorted(file for file, _ in at_once) == [1] * 4 + [2] * 4 + [3] * 4
    assert most == max(count for _, count in at_once)
    assert 1 <= most <= min(places, 4)
    assert left == 0
