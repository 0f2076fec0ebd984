"""Rules on what makes a program slow without a word: pools, generators, results and threads.

Times are milliseconds. MAIN makes the pools, and 101, 102 … are its children.
"""

from __future__ import annotations

import pytest

from helpers.speed_story import Story, rules
from helpers.story import MAIN, VIEWER, process_sample
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import RunStarted, Sample
from mpviz.trace.model.primitives.pool_events import (
    FutureDone,
    ItemsRead,
    JobDone,
    PoolCreated,
    PoolEnded,
    ResultsPiledUp,
    WorkerReady,
)

LINE = 4


def pools(
    count: int,
    *,
    starting: float = 40,
    working: float = 60,
    lines: int = 1,
    at_once: bool = False,
    kind: str = "Pool",
) -> Story:
    """Pools of one worker each, which end one after another, or all at once."""
    story = Story()
    for line in range(lines):
        story.site(LINE + line, 10 + line, "pool = Pool(1)")
    whole = starting + working
    for number in range(count):
        pid, name = 101 + number, f"P{number}"
        time = 10 + (5 if at_once else whole + 20) * number
        made = {"kind": kind, "workers": 1, "site": LINE + number % lines}
        story.tell(time, MAIN, PoolCreated, object=name, **made)
        if kind != "Pool":
            story.submit(time, name, 0, 1, "submit")
        story.child(time, pid, starting / 2)
        story.tell(time + starting, pid, WorkerReady, object=name)
        story.task(time + starting, pid, name, 0, 0, time + whole)
        end = 10 + whole + 5 * count if at_once else time + whole
        story.tell(end, MAIN, PoolEnded, object=name, how="terminate")
        story.ends(end + 1, pid)
        story.exit(end + 1, pid)
        story.look(end + 2)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (pools(8), ["pool-for-each-call"]),
        (pools(8, kind="ProcessPoolExecutor"), ["pool-for-each-call"]),
        (pools(16, lines=2), ["pool-for-each-call"] * 2),
        (pools(7), []),
        (pools(8, working=240), []),
        (pools(8, starting=30), []),
        (pools(9, lines=3), []),
        (pools(8, at_once=True), []),
    ],
    ids=[
        "a loop",
        "a loop with executors",
        "two lines",
        "fewer pools",
        "longer work",
        "quicker starts",
        "a pool for each of three phases",
        "pools side by side",
    ],
)
def test_a_new_pool_for_each_call(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_what_a_new_pool_costs_is_told_with_its_line() -> None:
    (found,) = pools(10).found()
    assert found.message.startswith(
        "10 pools of 1 worker each were made at counter.py:10, one after another: each lived for"
        " 0.1 s on average, and 40% of that passed before its workers were ready"
    )
    assert "Make one Pool before the loop" in found.fix


def test_pools_that_take_long_to_start_are_told_once_and_not_each_for_itself() -> None:
    """Each of them alone would be told by the rule on starts that take longer than work."""
    story = Story()
    story.site(LINE, 10, "pool = Pool(4)")
    for number in range(8):
        time, name = 10 + 700 * number, f"P{number}"
        story.tell(time, MAIN, PoolCreated, object=name, workers=4, site=LINE)
        for pid in range(101 + 4 * number, 105 + 4 * number):
            story.child(time, pid, 300, "spawn")
            story.tell(time + 300, pid, WorkerReady, object=name)
            story.task(time + 300, pid, name, 0, pid, time + 310)
            story.ends(time + 500, pid)
            story.exit(time + 500, pid)
        story.tell(time + 400, MAIN, PoolEnded, object=name, how="terminate")
        story.look(time + 600)
    assert rules(story.found()) == ["pool-for-each-call"]


def reads(seconds: float, working: float, *, at_work: bool = False, fails: bool = False) -> Story:
    """A map that reads its items for so long, and then works for so long."""
    story = Story()
    story.pool(10, [101, 102])
    if at_work:
        story.submit(20, "pool", 9, 1, "apply")
        story.task(30, 102, "pool", 9, 0)
    story.tell(50, MAIN, ItemsRead, object="pool")
    end = 50 + 1000 * seconds
    if fails:
        story.tell(end, MAIN, ItemsRead, object="pool", over=True)
        story.look(end + 6000)
        return story
    for time in range(1050, int(end), 1000):
        story.look(time)
    story.submit(end, "pool", 0, 2)
    for index, pid in enumerate([101, 102][: 1 + (not at_work)]):
        story.task(end, pid, "pool", 0, index, end + 1000 * working)
    story.tell(end + 1000 * working, MAIN, JobDone, object="pool", job=0)
    story.look(end + 1000 * working + 10)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (reads(1.1, 2), ["read-before-start"]),
        (reads(0.9, 1), []),
        (reads(1.1, 4), []),
        (reads(6, 20), []),
        (reads(1.1, 1, at_work=True), []),
        (reads(0.5, 0, fails=True), []),
    ],
    ids=[
        "slow",
        "quick",
        "longer work",
        "told while it read, and withdrawn",
        "the workers have other tasks",
        "the generator raises an exception",
    ],
)
def test_a_map_that_reads_a_slow_generator(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_a_generator_without_an_end_is_told_while_it_is_read() -> None:
    story = Story()
    story.pool(10, [101, 102])
    story.tell(50, MAIN, ItemsRead, object="pool")
    story.look(4900)
    assert story.found() == []
    story.look(5100)
    (found,) = story.found()
    assert found.message.startswith("a map has read its items for 5 s so far, and none of its")
    assert "imap()" in found.fix


def piles(piled: int, taken: int, seconds: int, *, is_done: bool = False) -> Story:
    """An imap of whose results some wait and some were taken, for so many seconds."""
    story = Story()
    story.pool(10, [101])
    story.submit(20, "pool", 0, -1, "imap")
    for index in range(piled + taken):
        story.task(20 + index, 101, "pool", 0, index, 20.5 + index)
    start = 30 + piled + taken
    came = {"count": piled, "came": piled + taken}
    story.tell(start, MAIN, ResultsPiledUp, object="pool", job=0, **came)
    if is_done:
        story.tell(start, MAIN, JobDone, object="pool", job=0)
    for time in range(start, start + 1000 * seconds + 300, 100):
        story.look(time)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (piles(250, 300, 2), ["results-pile-up"]),
        (piles(249, 300, 2), []),
        (piles(250, 300, 1), []),
        (piles(250, 10, 2), []),
        (piles(250, 600, 2), []),
        (piles(250, 300, 2, is_done=True), []),
    ],
    ids=["piles up", "fewer", "not for long", "none is taken", "most are taken", "all are there"],
)
def test_results_of_an_imap_that_pile_up(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_results_that_were_taken_after_all_no_longer_wait() -> None:
    story = piles(250, 300, 1)
    story.tell(1700, MAIN, ResultsPiledUp, object="pool", job=0, count=100, came=650)
    for time in range(1700, 4700, 100):
        story.look(time)
    assert story.found() == []


def threads(
    processes: int,
    each: float,
    *,
    own: float = 2.0,
    others: float = 0.0,
    granted: float = 0.0,
    samples: int = 21,
) -> Story:
    """Processes on two cores, in each of which so many threads want to run."""
    story = Story()
    run = story.events[0]
    assert isinstance(run, RunStarted)
    run.granted = granted
    for number in range(processes):
        story.child(1, 110 + number)
    used = own / processes
    for time in range(1, samples + 1):
        seen = [
            process_sample(
                110 + number,
                status="R",
                cpu_percent=100 * used,
                cpu_seconds=used * time / 10,
                without_core=max(0.0, each - used) * time / 10,
                main_seconds=used * time / 10 / each,
            )
            for number in range(processes)
        ]
        cores = [50 * (own + others)] * 2
        story.tell(100 * time, VIEWER, Sample, cores=cores, processes=seen)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (threads(2, 4), ["too-many-threads"]),
        (threads(1, 8), ["too-many-threads"]),
        (threads(1, 5, own=0.5, granted=0.5), ["too-many-threads"]),
        (threads(2, 2.5), []),
        # They sleep.
        (threads(2, 1.0), []),
        # Python's global lock lets one run at a time.
        (threads(3, 1.3), []),
        # Others have the cores.
        (threads(2, 4, own=0.15, others=1.85), []),
        # One process for each would be too many as well, which another rule says.
        (threads(8, 1), ["too-many-for-cores"]),
        (threads(2, 4, samples=18), []),
    ],
)
def test_more_threads_than_cores(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_threads_are_told_with_their_number_and_the_cores() -> None:
    (found,) = threads(2, 4).found()
    assert found.message == (
        "2 processes run about 4 threads each at once: 8 threads that want to run on 2 cores,"
        " so that each gets 25% of a core"
    )
    assert "OMP_NUM_THREADS=1" in found.fix
    (found,) = threads(1, 5, own=0.5, granted=0.5).found()
    assert "on half a core" in found.message
    assert found.fix.endswith("all of which os.cpu_count() counts.")


def test_a_future_that_ends_before_its_executor_is_known_to_be_made_does_no_harm() -> None:
    """Records may come without those before them, if these were lost."""
    story = Story()
    story.child(1, 101)
    story.tell(5, MAIN, FutureDone, object="E", job=0)
    story.tell(6, 101, WorkerReady, object="E")
    story.tell(7, MAIN, PoolEnded, object="E", how="shutdown")
    story.ends(8, 101)
    story.exit(8, 101)
    follow(story.state, story.events)
    assert story.found() == []


def test_a_thread_that_waited_long_for_a_core_is_no_crowd() -> None:
    """The kernel tells each wait of a second when it is over, as if ten threads had waited."""
    story = Story()
    for number in range(3):
        story.child(1, 110 + number)
    for time in range(1, 40):
        seen = [
            process_sample(
                110 + number,
                status="R",
                cpu_percent=60.0 * (time % 10 == number),
                cpu_seconds=0.06 * (time // 10),
                without_core=0.9 * (time // 10),
            )
            for number in range(3)
        ]
        story.tell(100 * time, VIEWER, Sample, cores=[100.0] * 2, processes=seen)
    assert story.found() == []
