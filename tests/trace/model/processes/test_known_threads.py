"""The threads of a process: told by themselves, sampled by mpviz, and kept within bounds."""

from __future__ import annotations

import pytest

from helpers.story import ANNA, MAIN, VIEWER, Story, process_sample
from mpviz.trace.explain.stalls import stuck, stuck_since
from mpviz.trace.model.events import Sample, ThreadSample
from mpviz.trace.model.primitives.thread import ThreadStarted
from mpviz.trace.model.processes.threads import MOST_ENDED, MOST_THREADS

LOADER = 2001


def begun() -> Story:
    story = Story()
    story.start(1, ANNA, "anna")
    return story


def starts(story: Story, time: float, number: int, name: str, *, own: bool = True) -> None:
    ids = {"native": number, "thread": 7_000_000 + number}
    story.tell(time, ANNA, ThreadStarted, name=name, daemon=True, own=own, **ids)


def sampled(story: Story, time: float, seconds: dict[int, float], listed: int = 0) -> None:
    threads = [
        ThreadSample(number, used, "S", "python" if number == ANNA else "C library")
        for number, used in seconds.items()
    ]
    process = process_sample(
        ANNA, listed=listed or len(threads), threads=threads if len(threads) > 1 else []
    )
    processes = [process_sample(MAIN, listed=1), process]
    story.tell(time, VIEWER, Sample, cores=[0, 0], processes=processes)


def threads_in_json(story: Story) -> list[dict[str, object]]:
    (entry,) = (each for each in story.document()["processes"] if each["pid"] == ANNA)
    return [
        {key: value for key, value in each.items() if value is not None}
        for each in entry["threads"]
    ]


def test_a_thread_has_a_name_a_start_an_end_and_its_own_cpu_time() -> None:
    story = begun()
    starts(story, 10, LOADER, "loader")
    sampled(story, 100, {ANNA: 0.5, LOADER: 0.01})
    sampled(story, 1100, {ANNA: 0.5, LOADER: 0.21})
    living = threads_in_json(story)
    sampled(story, 1200, {ANNA: 0.5})
    main, loader = living
    assert main == {
        "id": ANNA,
        "name": "python",
        "started": 0.001,
        "status": "S",
        "cpu_seconds": 0.5,
    }
    assert loader == {
        "id": LOADER,
        "name": "loader",
        "daemon": True,
        "started": 0.01,
        "status": "S",
        "cpu_seconds": 0.21,
    }
    assert threads_in_json(story) == [main, {**loader, "ended": 1.2}]


def test_a_thread_that_no_sample_has_seen_ends_with_the_first_that_does_not_have_it() -> None:
    story = begun()
    starts(story, 10, LOADER, "short")
    sampled(story, 5, {ANNA: 0.1})
    assert LOADER in story.process(ANNA).threads.living, "the sample was before its start"
    sampled(story, 100, {ANNA: 0.1})
    assert LOADER not in story.process(ANNA).threads.living


def test_a_thread_that_starts_in_the_middle_of_a_sample_keeps_its_name() -> None:
    story = begun()
    starts(story, 99, LOADER, "loader")
    sampled(story, 100, {ANNA: 0.1})
    sampled(story, 200, {ANNA: 0.1, LOADER: 0.05})
    assert [(each["name"], each["started"]) for each in threads_in_json(story)] == [
        ("python", 0.001),
        ("loader", 0.099),
    ]


def test_a_thread_that_python_does_not_know_has_the_name_that_the_kernel_has() -> None:
    story = begun()
    sampled(story, 100, {ANNA: 0.1, LOADER: 0.0})
    assert [each["name"] for each in threads_in_json(story)] == ["python", "C library"]
    starts(story, 101, LOADER, "told late")
    assert [each["name"] for each in threads_in_json(story)] == ["python", "told late"]


def test_a_single_thread_is_not_told() -> None:
    story = begun()
    sampled(story, 100, {ANNA: 0.1})
    assert threads_in_json(story) == []


def test_no_more_threads_are_kept_than_a_person_reads() -> None:
    story = begun()
    numbers = range(LOADER, LOADER + 3 * MOST_THREADS)
    for number in numbers:
        starts(story, 10, number, f"t{number}")
    threads = story.process(ANNA).threads
    assert len(threads.living) == MOST_THREADS
    told = [ANNA, *numbers[: MOST_THREADS - 1]]
    sampled(story, 100, dict.fromkeys(told, 0.1), listed=len(numbers) + 1)
    assert threads.count == len(numbers) + 1
    sampled(story, 200, {ANNA: 0.1})
    assert not threads.living.keys() - {ANNA}
    assert len(threads.ended) == MOST_ENDED


def test_the_end_of_a_process_ends_its_threads() -> None:
    story = begun()
    starts(story, 10, LOADER, "loader")
    story.exit(50, ANNA)
    (loader,) = story.process(ANNA).threads.ended
    assert loader.until == story.at(50)
    assert not story.process(ANNA).threads.living


@pytest.mark.parametrize(
    ("own", "used", "is_at_work"),
    [(True, 0.001, True), (False, 0.5, True), (False, 0.02, False), (True, 0.0, False)],
    ids=["the program's", "unpickles", "looks after workers", "sleeps"],
)
def test_nothing_is_stuck_while_another_thread_is_at_work(
    own: bool, used: float, is_at_work: bool
) -> None:
    story = begun()
    story.wait(20, MAIN, "process", str(ANNA))
    queue = story.queue("q")
    story.wait(20, ANNA, "get", queue)
    starts(story, 10, LOADER, "loader", own=own)
    for second in range(6):
        sampled(story, 100 + 1000 * second, {ANNA: 0.01, LOADER: used * second})
    state = story.state_at(5200)
    assert (stuck_since(state) < 0) is is_at_work
    assert (stuck(state) == []) is is_at_work
    assert stuck_since(story.state_at(9000)) >= 0, "it is no longer at work"
