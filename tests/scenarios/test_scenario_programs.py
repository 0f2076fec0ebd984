"""Each scenario is a plain program: what it prints is what it did, however it starts processes."""

import re
import textwrap
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from helpers.scenario_output import lines, primes_below

Run = Callable[..., CompletedProcess[str]]

START_METHODS = ("fork", "spawn", "forkserver")


@pytest.mark.parametrize("method", START_METHODS)
def test_a_pool_counts_the_primes_of_all_its_tasks(program: Run, method: str) -> None:
    """The sizes repeat after seven tasks, from size up to 1.6 times size."""
    words = ("workers=2", "items=8", "size=100", "--start-method", method)
    expected = sum(primes_below(limit) for limit in (100, 110, 120, 130, 140, 150, 160, 100))

    assert lines(program("pool-map", *words)) == [
        "2 workers, 8 items",
        f"8 items done, {expected} primes counted",
    ]


@pytest.mark.parametrize("chunksize", [0, 1, 50])
def test_the_chunksize_changes_nothing_in_the_result(program: Run, chunksize: int) -> None:
    """It says how tasks travel, not what they are."""
    words = ("workers=2", "items=3", "size=10", f"chunksize={chunksize}")
    expected = primes_below(10) + primes_below(11) + primes_below(12)

    assert lines(program("pool-map", *words))[-1] == f"3 items done, {expected} primes counted"


@pytest.mark.parametrize("method", START_METHODS)
def test_consumers_get_every_item_that_producers_put(program: Run, method: str) -> None:
    """Who gets how many is left to the moment; the sum is not."""
    words = ("producers=3", "consumers=2", "items=50", "produce_rate=0", "consume_rate=0")

    first, *counts, last = lines(program("producer-consumer", *words, "--start-method", method))

    assert first == "3 producers, 2 consumers, 50 items"
    matches = [re.fullmatch(r"(consumer-\d): (\d+) items", count) for count in counts]
    got = {match[1]: int(match[2]) for match in matches if match}
    assert set(got) == {"consumer-1", "consumer-2"}
    assert sum(got.values()) == 50
    assert last == "all ended, 0 left in the queue"


def test_a_producer_may_have_nothing_to_make(program: Run) -> None:
    """One item among three producers."""
    words = ("producers=3", "consumers=1", "items=1")

    assert lines(program("producer-consumer", *words))[1:] == [
        "consumer-1: 1 items",
        "all ended, 0 left in the queue",
    ]


QUEUE_WATCHER = """
    import os
    from multiprocessing import queues, set_start_method

    seen, tell = os.pipe()
    put, get = queues.Queue.put, queues.Queue.get

    def watched_put(queue, item):
        os.write(tell, b"F" if queue.full() else b"p")
        put(queue, item)

    def watched_get(queue):
        os.write(tell, b"E" if queue.empty() else b"g")
        return get(queue)

    queues.Queue.put, queues.Queue.get = watched_put, watched_get
    set_start_method("fork")
    from mpviz.scenarios.producer_consumer import main
    main({arguments})
    print(os.read(seen, 65536).decode())
"""


def test_the_queue_fills_up_and_later_runs_dry(python: Run) -> None:
    """By default it is full while the items come quickly, and empty when they come slowly."""
    calls = lines(python("-c", textwrap.dedent(QUEUE_WATCHER).format(arguments="items=80")))[-1]

    full = calls.rindex("F")
    assert calls[:full].count("F") > 5
    assert calls[full:].count("E") > 5


def test_the_queue_carries_the_items_and_one_sentinel_for_each_consumer(python: Run) -> None:
    """So puts = gets = items + consumers, exactly."""
    arguments = "items=30, consumers=3, produce_rate=0, consume_rate=0"

    calls = lines(python("-c", textwrap.dedent(QUEUE_WATCHER).format(arguments=arguments)))[-1]

    assert calls.count("F") + calls.count("p") == 33
    assert calls.count("E") + calls.count("g") == 33


@pytest.mark.parametrize("method", START_METHODS)
def test_with_a_lock_no_increment_is_lost(program: Run, method: str) -> None:
    """At full speed, or with work in every addition."""
    for pace in (("increments=500", "work_ms=0"), ("increments=5", "work_ms=1.5")):
        number = int(pace[0].partition("=")[2])
        words = ("processes=3", *pace, "--start-method", method)
        assert lines(program("shared-counter", *words)) == [
            f"3 processes add {number} each, with a lock",
            f"expected {3 * number}, final {3 * number}, lost 0",
        ]


@pytest.mark.parametrize(("increments", "work_ms"), [(50_000, 0), (20, 5)])
def test_without_a_lock_increments_are_lost(program: Run, increments: int, work_ms: int) -> None:
    """At full speed as with work in between: what is left and what is lost make up the whole."""
    words = ("processes=4", f"increments={increments}", f"work_ms={work_ms}", "lock=no")

    first, last = lines(program("shared-counter", *words))

    assert first == f"4 processes add {increments} each, without a lock"
    match = re.fullmatch(r"expected (\d+), final (\d+), lost (\d+)", last)
    assert match
    assert int(match[1]) == 4 * increments == int(match[2]) + int(match[3])
    assert int(match[3]) > 0


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("shared_counter", "work_ms=0, increments=10"),
        ("producer_consumer", "produce_rate=0, consume_rate=0, items=10"),
    ],
)
def test_full_speed_means_that_nobody_sleeps(python: Run, module: str, arguments: str) -> None:
    """A benchmark measures the program, not its pauses."""
    code = f"""
        import time
        from multiprocessing import set_start_method

        def sleep(seconds):
            print("slept")

        time.sleep = sleep
        set_start_method("fork")
        from mpviz.scenarios.{module} import main
        main({arguments})
    """

    assert "slept" not in lines(python("-c", textwrap.dedent(code)))
