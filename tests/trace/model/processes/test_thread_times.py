"""When each thread had a core, by samples, and which threads are busy enough for a lane."""

import pytest

from helpers.story import MS, VIEWER, Story, process_sample
from mpviz.trace.model.events import Sample, ThreadSample
from mpviz.trace.model.primitives.thread import ThreadStarted
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import MOST_ENDED

PID, FIRST = 1001, 2000


class Run:
    """A process whose threads are sampled every 100 ms."""

    def __init__(self) -> None:
        self.story = Story()
        self.story.start(0, PID, "Process-1")
        self.time = 0

    def thread(self, number: int, own: bool = True) -> None:
        self.story.tell(
            self.time,
            PID,
            ThreadStarted,
            native=number,
            name=f"Thread-{number}",
            daemon=False,
            own=own,
            thread=number + 10**6,
        )

    def sample(self, *times: tuple[int, float, float], alone: float = 0) -> None:
        """Threads as (number, ms with a core, ms without), or for how long the only one had one."""
        self.time += 100
        numbers = sorted({PID, *(number for number, _, _ in times)})
        sample = process_sample(
            PID,
            cpu_percent=50.0,
            main_seconds=alone / 1000,
            without_core=0.0,
            listed=1 if alone else len(numbers),
            threads=[] if alone else [ThreadSample(each, 0.0, "R") for each in numbers],
            times=[(number, round(had * MS), round(lacked * MS)) for number, had, lacked in times],
        )
        self.story.tell(self.time, VIEWER, Sample, cores=[50.0], processes=[sample])

    @property
    def process(self) -> Process:
        return self.story.process(PID)

    @property
    def busy(self) -> list[int]:
        return [each.number for each in self.process.threads.busy]

    def share(self, number: int, start: float, end: float) -> tuple[float, float]:
        """Milliseconds with and without a core within this time of the run."""
        threads = self.process.threads
        known = {each.number: each for each in (*threads.ended, *threads.living.values())}
        begin = self.story.state.origin
        had, lacked = known[number].times.between(
            begin + round(start * MS), begin + round(end * MS)
        )
        return had / MS, lacked / MS


def test_each_thread_has_its_part_of_a_core_between_two_samples() -> None:
    run = Run()
    run.thread(FIRST)
    run.thread(FIRST + 1)
    run.sample((FIRST, 25, 0), (FIRST + 1, 50, 50))
    run.sample((FIRST, 125, 0), (FIRST + 1, 60, 60))
    assert run.share(FIRST, 0, 100) == pytest.approx((25, 0), abs=1)
    assert run.share(FIRST, 100, 200) == pytest.approx((100, 0), abs=1)
    assert run.share(FIRST + 1, 100, 200) == pytest.approx((10, 10), abs=1)


def test_the_main_thread_counts_while_it_is_the_only_one() -> None:
    run = Run()
    run.sample(alone=90)
    run.sample(alone=190)
    run.thread(FIRST)
    for step in range(1, 4):
        run.sample((PID, 190 + step, 0), (FIRST, 90 * step, 0))
    assert run.busy == [PID, FIRST]
    assert run.share(PID, 0, 200) == pytest.approx((190, 0), abs=2)


def test_who_looks_after_a_pool_and_who_hardly_works_is_not_busy() -> None:
    run = Run()
    run.thread(FIRST, own=False)
    run.thread(FIRST + 1)
    for step in range(1, 40):
        run.sample((FIRST, 100 * step, 0), (FIRST + 1, 2 * step, 0))
    assert run.busy == []


def test_a_thread_without_news_from_python_is_busy_too() -> None:
    run = Run()
    for step in range(1, 5):
        run.sample((PID, step, 0), (FIRST, 80 * step, 0))
    assert run.busy == [FIRST]


def test_the_busy_stay_known_when_many_others_have_ended() -> None:
    run = Run()
    run.thread(FIRST)
    for step in range(1, 5):
        run.sample((FIRST, 90 * step, 0))
    for number in range(FIRST + 1, FIRST + 3 * MOST_ENDED):
        run.thread(number)
        run.sample((number, 1, 0))
    assert run.busy == [FIRST]
    assert len(run.process.threads.ended) <= MOST_ENDED + 1
