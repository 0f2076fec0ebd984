"""The measures are bounded in size and stay exact where they say so."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.model.lane import WORDS, Activity, Lane, Span
from mpviz.trace.model.measures import Distribution, Rate, Series

SECOND = 1_000_000_000

activities = some.sampled_from(Activity)
gaps = some.one_of(some.integers(0, 5_000_000), some.integers(0, 900 * SECOND))
changes = some.lists(some.tuples(gaps, activities, some.sampled_from(["", "a", "b"])), max_size=80)
durations = some.one_of(some.integers(0, 20), some.integers(0, 10**12))


def lane_of(
    steps: list[tuple[int, Activity, str]], limit: int, origin: int = 1_000
) -> tuple[Lane, int]:
    """A lane after these changes, each so long after the one before, and the time of the last."""
    lane = Lane(limit=limit)
    time = origin
    for gap, activity, detail in steps:
        time += gap
        lane.change(time, activity, detail)
    return lane, time


def exact_mix(steps: list[tuple[int, Activity, str]], end: int, origin: int = 1_000) -> list[int]:
    """The same by the plainest of means."""
    total = [0] * len(Activity)
    time, before = origin, None
    for gap, activity, _ in steps:
        if before is not None:
            total[before] += gap
        time, before = time + gap, activity
    if before is not None:
        total[before] += end - time
    return total


def test_every_activity_has_a_word() -> None:
    assert set(WORDS) == set(Activity)


def test_a_lane_keeps_spans_and_their_details() -> None:
    lane = Lane()
    lane.change(10, Activity.STARTING)
    lane.change(30, Activity.RUNNING)
    lane.change(30, Activity.LOCK, "lock")
    lane.change(40, Activity.LOCK, "lock")
    lane.change(70, Activity.RUNNING)
    assert list(lane.between(0, 100)) == [
        Span(10, 30, Activity.STARTING, ""),
        Span(30, 70, Activity.LOCK, "lock"),
        Span(70, 100, Activity.RUNNING, ""),
    ]
    assert list(lane.between(30, 70)) == [Span(30, 70, Activity.LOCK, "lock")]
    assert not list(lane.between(0, 10))


def test_a_change_that_comes_late_moves_nothing_that_is_past() -> None:
    lane = Lane()
    lane.change(10, Activity.RUNNING)
    lane.change(50, Activity.LOCK)
    lane.change(40, Activity.RUNNING)
    assert list(lane.between(0, 60)) == [
        Span(10, 50, Activity.RUNNING, ""),
        Span(50, 60, Activity.RUNNING, ""),
    ]


@given(changes, some.integers(1, 8), some.integers(0, 10 * SECOND))
def test_a_lane_accounts_for_all_time_however_much_it_was_thinned(
    steps: list[tuple[int, Activity, str]], limit: int, after: int
) -> None:
    lane, last = lane_of(steps, limit)
    end = last + after
    exact = exact_mix(steps, end)
    assert lane.mix(0, end) == exact
    if steps:
        open_span = [0] * len(Activity)
        open_span[lane.activity] = end - lane.start
        assert [sum(both) for both in zip(lane.totals, open_span, strict=True)] == exact
        assert sum(exact) == end - lane.origin
    assert len(lane.spans) <= limit
    assert len(lane.buckets) <= Lane.BUCKETS


@given(changes, some.integers(1, 8), some.integers(0, 60), some.integers(1, 60))
def test_a_part_of_a_lane_holds_no_more_time_than_it_is_long(
    steps: list[tuple[int, Activity, str]], limit: int, first: int, parts: int
) -> None:
    lane, end = lane_of(steps, limit)
    start = first * end // 60
    stop = min(end, start + max(1, end // parts))
    mix = lane.mix(start, stop)
    begun = max(start, lane.origin) if lane.origin >= 0 else stop
    assert all(duration >= 0 for duration in mix)
    assert sum(mix) <= max(0, stop - begun)
    # What is missing was rounded away: less than a nanosecond an activity and bucket.
    assert sum(mix) >= max(0, stop - begun) - len(Activity) * (len(lane.buckets) + 1)


@given(some.lists(durations, min_size=1, max_size=200), some.floats(0.01, 1.0))
def test_a_quantile_is_at_most_a_quarter_too_long_and_never_too_short(
    lengths: list[int], share: float
) -> None:
    distribution = Distribution()
    for length in lengths:
        distribution.add(length)
    ordered = sorted(lengths)
    exact = next(length for index, length in enumerate(ordered, 1) if index >= share * len(ordered))
    assert exact <= distribution.quantile(share) <= exact * 1.25 + 1
    assert distribution.count == len(lengths)
    assert distribution.total == sum(lengths)
    assert distribution.longest == max(lengths)
    assert distribution.mean == sum(lengths) // len(lengths)


def test_a_distribution_of_nothing_says_nothing() -> None:
    assert (Distribution().quantile(0.99), Distribution().mean) == (0, 0)


def test_a_negative_duration_counts_as_none() -> None:
    distribution = Distribution()
    distribution.add(-5)
    assert (distribution.count, distribution.total, distribution.quantile(1.0)) == (1, 0, 0)


series_gaps = some.one_of(some.integers(0, 900_000), some.integers(0, 50_000_000))


@given(
    some.lists(some.tuples(series_gaps, some.integers(-50, 50)), min_size=1, max_size=120),
    some.integers(2, 8),
    some.data(),
)
def test_a_series_never_misses_a_peak_and_never_invents_one(
    steps: list[tuple[int, int]], limit: int, data: some.DataObject
) -> None:
    series = SmallSeries(limit)
    time, points = 0, []
    for gap, value in steps:
        time += gap
        series.add(time, value)
        points.append((time, value))
    assert len(series.times) <= limit
    assert series.last == points[-1][1]
    start = data.draw(some.integers(0, time + 10))
    end = data.draw(some.integers(start + 1, time + 20))
    held_at_start = [value for at, value in points if at <= start][-1:]
    within = held_at_start + [value for at, value in points if start < at < end]
    peak = series.peak(start, end)
    if within:
        assert peak is not None
        assert max(within) <= peak <= max(value for _, value in points)
    assert series.peak(0, time + 1) == max(value for _, value in points)


class SmallSeries(Series):
    """A series of so few steps that it is merged all the time."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.LIMIT = limit - limit % 2


def test_a_peak_within_one_step_is_seen_at_its_start_and_is_over_after_it() -> None:
    series = Series()
    series.add(0, 5)
    series.add(400_000, 9)
    series.add(900_000, 1)
    assert series.peak(0, 1_000_000) == 9
    assert series.peak(5_000_000, 6_000_000) == 1


def test_before_its_first_value_a_series_has_no_peak() -> None:
    series = Series()
    series.add(100, 5)
    assert series.peak(0, 100) is None
    assert series.peak(0, 101) == 5


@given(
    some.lists(some.integers(0, 400_000_000), max_size=200),
    some.integers(0, 3 * SECOND),
    some.sampled_from([0.1, 0.5, 1.0, 2.0]),
)
def test_a_rate_counts_what_happened_in_the_last_whole_tenths(
    gaps: list[int], after: int, seconds: float
) -> None:
    rate = Rate()
    times = []
    time = 7 * SECOND
    for gap in gaps:
        time += gap
        rate.add(time)
        times.append(time)
    now = time + after
    last = now // Rate.STEP
    first = last - round(seconds * 10)
    counted = sum(first <= each // Rate.STEP < last for each in times)
    assert rate.per_second(now, seconds) == counted / ((last - first) / 10)
    assert rate.count == len(times)


def test_a_rate_falls_to_nothing_when_nothing_happens() -> None:
    rate = Rate()
    for time in range(0, SECOND, SECOND // 100):
        rate.add(time)
    rates = [rate.per_second(SECOND + later * SECOND // 10) for later in range(12)]
    assert rates[0] == 100
    assert all(before >= after for before, after in pairwise(rates))
    assert rates[-1] == 0
