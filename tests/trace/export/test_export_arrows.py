"""Arrows are drawn where it is certain what led to what, and nowhere else."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.export.arrows import Channel, Moment, Places

A, B = (1, 1), (2, 2)


def at(time: int, process: int = 1) -> Moment:
    return Moment(process, process, time)


def test_items_of_one_producer_come_out_in_order() -> None:
    channel = Channel()
    for time in (1, 2, 3):
        channel.put(A, at(time))
    assert [channel.got(), channel.got(), channel.got()] == [at(1), at(2), at(3)]


def test_of_two_whose_items_are_on_their_way_together_nobody_knows() -> None:
    channel = Channel()
    channel.put(A, at(1))
    channel.put(B, at(2))
    assert channel.got() is None
    channel.put(A, at(3))
    assert [channel.got(), channel.got()] == [None, None]


def test_an_arrow_is_certain_again_when_nothing_is_in_flight() -> None:
    channel = Channel()
    channel.put(A, at(1))
    channel.put(B, at(2))
    channel.got()
    channel.got()
    channel.put(B, at(3))
    assert channel.got() == at(3)


def test_if_two_take_turns_every_item_is_certain() -> None:
    channel = Channel()
    for time in range(10):
        channel.put((A, B)[time % 2], at(time))
        assert channel.got() == at(time)


def test_an_item_that_was_lost_makes_those_beside_it_uncertain_and_no_others() -> None:
    channel = Channel()
    channel.put(A, at(1))
    channel.put(A, at(2))
    channel.lost([A])
    channel.put(A, at(3))
    assert [channel.got(), channel.got()] == [None, at(3)]


def test_the_only_item_on_its_way_is_the_one_that_was_lost() -> None:
    channel = Channel()
    channel.put(A, at(1))
    channel.lost([A])
    channel.put(A, at(2))
    assert channel.got() == at(2)


def test_a_message_that_failed_to_send_is_not_in_flight() -> None:
    channel = Channel()
    channel.put(A, at(1))
    channel.put(A, at(2))
    channel.taken_back(A)
    channel.put(A, at(3))
    assert [channel.got(), channel.got()] == [at(1), at(3)]


def test_if_more_comes_out_than_went_in_nothing_is_certain_any_more() -> None:
    channel = Channel()
    assert channel.got() is None
    channel.put(A, at(1))
    assert channel.got() is None


@given(some.lists(some.sampled_from("abcglx"), max_size=60), some.randoms(use_true_random=False))
def test_no_arrow_is_ever_wrong_whatever_way_the_items_take(steps: list[str], luck: object) -> None:
    """Putters hand their items to feeders, which write into one pipe when they get to it."""
    channel, pipe = Channel(), deque[Moment]()
    buffers: dict[str, deque[Moment]] = {who: deque() for who in "abc"}
    for time, step in enumerate(steps):
        if step in buffers:
            moment = at(time, ord(step))
            channel.put(at(0, ord(step))[:2], moment)
            buffers[step].append(moment)
        full = [who for who, buffer in buffers.items() if buffer]
        if step == "x" and full:
            who = luck.choice(full)  # type: ignore[attr-defined]
            buffers[who].popleft()
            channel.lost([at(0, ord(who))[:2]])
        elif step == "g":
            while (not pipe and full) or (full and luck.random() < 0.4):  # type: ignore[attr-defined]
                who = luck.choice(full)  # type: ignore[attr-defined]
                pipe.append(buffers[who].popleft())
                full = [who for who, buffer in buffers.items() if buffer]
            if pipe:
                came, said = pipe.popleft(), channel.got()
                assert said in (None, came)


def test_each_waiter_for_a_lock_has_an_arrow_from_the_release_before() -> None:
    lock = Places(unknown=1)
    assert lock.acquired() is None
    lock.released(at(1))
    assert lock.acquired() == at(1)


def test_of_several_free_places_nobody_knows_which_was_taken() -> None:
    semaphore = Places(unknown=2)
    semaphore.acquired()
    semaphore.acquired()
    semaphore.released(at(1))
    semaphore.released(at(2))
    assert [semaphore.acquired(), semaphore.acquired()] == [None, None]
    semaphore.released(at(3))
    assert semaphore.acquired() == at(3)


def test_a_signal_that_was_not_set_at_first_came_from_its_release() -> None:
    signal = Places()
    signal.released(at(1))
    assert signal.acquired() == at(1)


def test_a_release_that_was_refused_gave_nothing_free() -> None:
    lock = Places(unknown=1)
    lock.released(at(1))
    lock.refused()
    assert lock.acquired() is None
    lock.released(at(2))
    assert lock.acquired() == at(2)


def test_whoever_used_the_lock_unseen_may_have_been_the_one_before() -> None:
    lock = Places()
    lock.released(at(1))
    lock.used()
    assert lock.acquired() is None


@given(some.integers(0, 3), some.lists(some.booleans(), max_size=40))
def test_no_place_is_taken_twice(maximum: int, steps: list[bool]) -> None:
    places, given_free = Places(unknown=maximum), Counter[Moment]()
    for time, is_release in enumerate(steps):
        if is_release:
            places.released(at(time))
            given_free[at(time)] += 1
        else:
            moment = places.acquired()
            if moment is not None:
                given_free[moment] -= 1
                assert given_free[moment] == 0
