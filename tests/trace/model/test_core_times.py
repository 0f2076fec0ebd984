"""How long a process had a core and lacked one: from samples, and over any stretch of time."""

import pytest

from helpers.story import MS, VIEWER, Story, process_sample
from mpviz.trace.model.events import ProcessSample, Sample
from mpviz.trace.model.processes.core_times import CoreTimes


def sampled(*samples: tuple[float, str, float, float]) -> CoreTimes:
    """Process 1001, that runs from 0 on, at samples: (ms, status, CPU ms, ms without a core)."""
    story = Story()
    story.start(0, 1001, "Process-1")
    for time, status, had, lacked in samples:
        story.tell(time, VIEWER, Sample, cores=[50.0], processes=[look(status, had, lacked)])
    return story.process(1001).core_times


def look(status: str, had: float, lacked: float) -> ProcessSample:
    return process_sample(
        1001,
        status=status,
        cpu_percent=50.0,
        cpu_seconds=had / 1000,
        without_core=lacked / 1000,
        rss=0,
        core=0,
    )


def test_half_a_core_is_half_of_each_stretch() -> None:
    times = CoreTimes()
    times.add(0, 100, 50, 50)
    times.add(100, 200, 50, 50)
    assert times.between(50, 150) == (50, 50)
    assert times.between(-100, 1000) == (100, 100)
    assert times.share_lacked(120, 130) == pytest.approx(0.5)
    assert times.share_lacked(300, 400) == 0


def test_without_a_sample_nothing_is_known() -> None:
    times = CoreTimes()
    assert times.between(0, 100) == (0, 0)
    assert times.share_lacked(0, 100) == 0
    assert times.until == -1


def test_sums_stay_exact_while_moments_are_left_out() -> None:
    times = CoreTimes()
    for step in range(5 * CoreTimes.LIMIT):
        times.add(step * 10, step * 10 + 10, 7, 3)
    assert len(times.times) <= CoreTimes.LIMIT
    assert times.between(0, 10**9) == (35 * CoreTimes.LIMIT, 15 * CoreTimes.LIMIT)
    assert times.between(1000, 2000) == (700, 300)


def test_samples_say_which_share_of_its_work_had_no_core() -> None:
    times = sampled((100, "R", 25, 75), (200, "R", 50, 150), (300, "R", 150, 150))
    assert times.share_lacked(5000 * MS, 5100 * MS) == pytest.approx(0.75, abs=0.02)
    assert times.share_lacked(5100 * MS, 5200 * MS) == pytest.approx(0.75, abs=0.02)
    assert times.share_lacked(5200 * MS, 5300 * MS) == 0


def test_a_wait_that_the_kernel_has_not_added_yet_counts() -> None:
    times = sampled((100, "R", 90, 10), (200, "R", 90, 10), (300, "R", 100, 200))
    assert times.share_lacked(5100 * MS, 5200 * MS) == 1
    assert times.share_lacked(5200 * MS, 5300 * MS) <= 1


def test_sleep_of_its_own_is_no_lack_of_a_core() -> None:
    times = sampled((100, "S", 5, 0), (200, "S", 10, 5))
    assert times.between(5100 * MS, 5200 * MS)[1] == 5 * MS
    assert times.share_lacked(5000 * MS, 5100 * MS) == 0


def test_impossible_times_of_a_recording_stay_within_bounds() -> None:
    times = CoreTimes()
    for step in range(4):
        times.add(step, (1 << 61) + step, 1 << 70, 1 << 62)
    assert times.between(0, 1 << 62) == (1 << 62, 1 << 62)
    assert 0 <= times.share_lacked(0, 1 << 62) <= 1
