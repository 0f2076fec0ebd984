"""Records that are merged and folded many at once leave the state that they leave one by one."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Waiting
from mpviz.trace.model.fold import ring_records as folding
from mpviz.trace.model.fold.handlers import ring_handler
from mpviz.trace.model.measures import Distribution, Rate, Series
from mpviz.trace.model.primitives.lock import Lock, LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.primitives.value import SharedValue, ValueCreated, ValueRead, ValueWritten
from mpviz.trace.model.state import RunState
from mpviz.trace.model.stretches import LONGEST, SHORT, Columns, Stretch, cut, merge, records_of
from mpviz.trace.model.told import Form, RingRecord, as_events

MAIN, OTHER = 100, 101
FIELDS: dict[type[Event], tuple[str, ...]] = {
    Waiting: ("site",),
    LockAcquired: ("site",),
    LockReleased: (),
    ValueRead: ("site", "value", "index"),
    ValueWritten: ("site", "before", "value", "index"),
}


@dataclass
class Teller:
    """A process that tells by a ring, and knows its forms."""

    pid: int
    number: int = 1
    forms: dict[tuple[type[Event], str], Form] = field(default_factory=dict)

    def record(self, time: int, kind: type[Event], about: str, *values: int) -> RingRecord:
        form = self.forms.get((kind, about))
        if form is None:
            form = self.forms[kind, about] = self._form(kind, about)
        self.number += 1
        padded = [*values, 0, 0, 0, 0][:4]
        return (time, form, 0, self.number, *padded)  # type: ignore[return-value]

    def _form(self, kind: type[Event], about: str) -> Form:
        more: dict[str, Any] = {"what": "lock"} if kind is Waiting else {}

        def copy() -> Event:
            return kind(time=0, pid=self.pid, object=about, **more)

        fields = FIELDS[kind]
        return Form(self.pid, kind, about, copy, fields, ring_handler(kind, fields, copy), ())


def stretch_of(records: list[RingRecord]) -> Stretch:
    """The same records as columns."""
    columns = Columns(
        records[0][1].pid,
        records[0][3],
        [record[0] for record in records],
        [record[1] for record in records],
        memoryview(array("q", [record[4] for record in records])),
        tuple(memoryview(array("q", [record[at] for record in records])) for at in (5, 6, 7)),
    )
    return Stretch(columns, 0, len(records))


def beginning() -> list[Event]:
    """Two processes, which have two locks, a Value and an Array."""
    return [
        Hello(time=1, pid=MAIN, number=1, parent=1, started=1, role="main"),
        Hello(time=1, pid=OTHER, number=1, parent=MAIN, started=2, role="process"),
        *(LockCreated(time=2, pid=MAIN, object=each, kind="Lock", maximum=1) for each in "LM"),
        LockCreated(time=2, pid=MAIN, object="S", kind="Semaphore", maximum=0),
        *(
            ValueCreated(
                time=3, pid=MAIN, object=each, kind=kind, typecode="i", length=length, lock="L"
            )
            for each, kind, length in (("V", "Value", 1), ("A", "Array", 3))
        ),
    ]


STEPS = [
    (LockAcquired, "L"),
    (LockReleased, "L"),
    (LockAcquired, "M"),
    (LockReleased, "M"),
    (LockAcquired, "S"),
    (LockAcquired, "unknown"),
    (LockReleased, "unknown"),
    (Waiting, "L"),
    (ValueRead, "V"),
    (ValueWritten, "V"),
    (ValueRead, "A"),
    (ValueWritten, "A"),
    (ValueRead, "unknown"),
    (ValueWritten, "unknown"),
]
"""What a process may do, in any order and also where it makes no sense: its ring may be forged."""

TURN = [STEPS[at] for at in (0, 8, 9, 1)]
"""What it mostly does."""

pieces = some.tuples(
    some.sampled_from([MAIN, OTHER]),
    some.just(TURN) | some.lists(some.sampled_from(STEPS), min_size=1, max_size=5),
    some.integers(1, 6),
    some.integers(0, 4),
)
"""A process, what it does, how often, and how much of it is left out at the beginning."""


@examples(300)
@given(some.lists(pieces, max_size=12), some.integers(1, 3), some.randoms())
def test_a_stretch_leaves_the_state_of_its_records(
    story: list[Any], short: int, chance: Any
) -> None:
    tellers = {pid: Teller(pid) for pid in (MAIN, OTHER)}
    time, stretches = 10, []
    for pid, steps, times, left_out in story:
        records = []
        for kind, about in (steps * times)[left_out:]:
            time += chance.choice([0, 1, 40_000_000])
            values = [chance.randrange(5) for name in FIELDS[kind]]
            if "index" in FIELDS[kind]:
                values[-1] = chance.randrange(3) if about == "A" and chance.random() < 0.1 else 0
            records.append(tellers[pid].record(time, kind, about, *values))
        if records:
            stretches.append(stretch_of(records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "SHORT", short)
        at_once = follow(RunState(), [*beginning(), *stretches])
    assert at_once == follow(RunState(), [*beginning(), *(each.records() for each in stretches)])
    assert at_once == follow(RunState(), [*beginning(), *as_events(stretches)])


def test_a_long_loop_makes_no_object_for_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it begins in the middle, and a wait comes in between."""
    teller = Teller(MAIN)
    loop = list(_turns(teller, 300))
    waits = [teller.record(9_000, Waiting, "L"), *_turns(teller, 300, since=9_001)]
    made: list[int] = []
    fold_records = folding.fold_records
    monkeypatch.setattr(
        folding,
        "fold_records",
        lambda state, records: (made.append(len(records)), fold_records(state, records)),
    )
    state = follow(RunState(), [*beginning(), stretch_of(loop + waits)])
    # The first of the process, the wait, and what ends it.
    assert made == [SHORT, 1, SHORT]
    lock, value = state.table(Lock)["L"], state.table(SharedValue)["V"]
    assert (lock.acquisitions, lock.releases, lock.contended) == (600, 600, 1)
    assert (value.reads, value.writes.count, value.lost_updates) == (600, 600, 0)


def _turns(teller: Teller, times: int, since: int = 100) -> Iterator[RingRecord]:
    for turn in range(times):
        start = since + 10 * turn
        yield teller.record(start, LockAcquired, "L", 1)
        yield teller.record(start + 1, ValueRead, "V", 1, turn)
        yield teller.record(start + 2, ValueWritten, "V", 1, turn, turn + 1)
        yield teller.record(start + 3, LockReleased, "L")


rings = some.lists(
    some.lists(some.integers(1, 40) | some.integers(1, 100_000), min_size=1, max_size=300),
    max_size=5,
)


@given(rings, some.integers(1, 3))
def test_merged_stretches_have_each_record_once_and_in_order(
    steps: list[list[int]], copies: int
) -> None:
    tellers = [Teller(pid) for pid in range(1, copies * len(steps) + 1)]
    stretches = []
    for teller, ring in zip(tellers, steps * copies, strict=True):
        time, records = 0, []
        for step in ring:
            time += step
            records.append(teller.record(time, LockReleased, "L"))
        stretches.append(stretch_of(records))
    everything = [record for each in stretches for record in each.records()]
    merged = merge(stretches)
    given_out = [
        record for each in merged for record in (each if isinstance(each, list) else each.records())
    ]
    assert [record[0] for record in given_out] == sorted(record[0] for record in everything)
    assert sorted((r[1].pid, r[3]) for r in given_out) == sorted(
        (r[1].pid, r[3]) for r in everything
    )
    for pid in range(1, len(tellers) + 1):
        numbers = [record[3] for record in given_out if record[1].pid == pid]
        assert numbers == sorted(numbers)


def test_a_process_that_has_a_core_to_itself_is_merged_in_stretches() -> None:
    first, second = Teller(1), Teller(2)
    busy = [first.record(time, LockReleased, "L") for time in range(0, 12_000, 2)]
    rare = [second.record(time, LockReleased, "L") for time in (1_999, 9_999)]
    merged = merge([stretch_of(busy), stretch_of(rare)])
    assert [len(each) for each in merged] == [1_000, 1, LONGEST, 4_000 - LONGEST, 1, 1_000]
    turns = [
        [teller.record(time, LockReleased, "L") for time in range(at, 5_000, 2)]
        for at, teller in enumerate((first, second))
    ]
    merged = merge(list(map(stretch_of, turns)))
    assert {type(each) for each in merged} == {list}
    assert len(merged) < 5_000 / SHORT


@given(some.lists(some.integers(0, 30), min_size=1, max_size=200), some.integers(-1, 31))
def test_each_record_of_a_stretch_that_is_cut_is_on_one_side(times: list[int], since: int) -> None:
    teller = Teller(1)
    whole = stretch_of([teller.record(t, ValueWritten, "V", t, t + 1, -t) for t in sorted(times)])
    earlier, later = cut([whole], since)
    assert records_of(earlier) + records_of(later) == whole.records()
    assert all(record[0] <= since for record in records_of(earlier))
    assert all(record[0] > since for record in records_of(later))
    for each in later:
        assert len(each.columns.times) <= 8 * len(each), "few records keep no others in memory"


durations = some.lists(some.integers(-2, 1 << 40), max_size=50)


@given(durations, durations)
def test_durations_count_the_same_one_by_one(first: list[int], second: list[int]) -> None:
    at_once, one_by_one = Distribution(), Distribution()
    for some_of_them in (first, second):
        at_once.add_all(some_of_them)
        for duration in some_of_them:
            one_by_one.add(duration)
        assert at_once == one_by_one


@given(some.lists(some.tuples(some.integers(0, 1 << 32), some.integers(-5, 5)), max_size=99))
def test_times_count_the_same_one_by_one(added: list[tuple[int, int]]) -> None:
    added.sort()
    times, values = [time for time, _ in added], [value for _, value in added]
    for split in range(0, len(times), 13):
        rates, series = (Rate(), Rate()), (Series(width=1_000), Series(width=1_000))
        for part in (slice(split), slice(split, None)):
            rates[0].add_all(times[part])
            series[0].add_all(times[part], values[part])
        for time, value in added:
            rates[1].add(time)
            series[1].add(time, value)
        assert rates[0] == rates[1]
        assert series[0] == series[1]
