"""What a lane says of a stretch of time after its spans have been thinned to buckets."""

from mpviz.trace.model.lane import Activity, Lane


def _striped(spans: int, limit: int, length: int = 1_000_000) -> Lane:
    """Running and waiting for a lock in turns, each as long as the other."""
    lane = Lane(limit=limit)
    for number in range(spans + 1):
        lane.change(number * length, Activity.RUNNING if number % 2 == 0 else Activity.LOCK)
    return lane


def test_thinned_stretches_keep_their_length_and_shares() -> None:
    lane = _striped(1_000, limit=10)
    assert lane.buckets
    mix = lane.mix(0, 100_000_000)
    assert mix[Activity.RUNNING] == mix[Activity.LOCK] == 50_000_000


def test_the_last_bucket_counts_in_full_though_it_is_not_full() -> None:
    lane = _striped(12, limit=10)  # Two spans of 1 ms in a bucket of 4 ms.
    assert lane.mix(0, 2_000_000)[Activity.RUNNING] == 1_000_000
    assert sum(lane.mix(0, 12_000_000)) == 12_000_000


def test_a_stretch_before_the_lane_is_empty() -> None:
    lane = Lane()
    lane.change(50, Activity.RUNNING)
    assert sum(lane.mix(0, 50)) == 0
    assert sum(_striped(1_000, limit=10).mix(-80_000_000, 0)) == 0
