"""The fold against a model of plain counters, on streams that a person would not think of."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any, get_type_hints

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from helpers.fold_model import (
    LOCKS,
    MANAGED,
    MEMORY,
    QUEUES,
    VALUES,
    WAITS,
    play,
    streams,
)
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, summary
from mpviz.trace.model.events import (
    Event,
    ProcessSample,
    ProgramFailed,
    ProgramStarted,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.fold.handlers import ring_handler
from mpviz.trace.model.fold.reducer import EVENTS
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.lock import Lock, LockAcquired, LockReleased
from mpviz.trace.model.primitives.manager import Managed
from mpviz.trace.model.primitives.memory import MemoryBlock
from mpviz.trace.model.primitives.pipe import MessageReceived, MessageSent, pipes_made
from mpviz.trace.model.primitives.pool_events import (
    FutureDone,
    JobGrew,
    TaskArrived,
    TaskEnded,
    TaskStarted,
)
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, Queue
from mpviz.trace.model.primitives.value import Content, SharedValue, ValueRead, ValueWritten
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import Form, RingRecord, Told, as_events
from mpviz.trace.model.wait_kinds import wait_in_words


@given(streams)
def test_all_counts_are_exact(steps: list[tuple[int, int, int, int]]) -> None:
    model = play(steps)
    state = follow(RunState(), model.events)
    counts = model.counts
    for name in LOCKS:
        lock = state.table(Lock)[name]
        assert (lock.acquisitions, lock.releases, lock.contended) == (
            counts[name + " acquired"],
            counts[name + " released"],
            counts[name + " contended"],
        )
    for name in QUEUES:
        queue = state.table(Queue)[name]
        assert (queue.puts.count, queue.gets.count) == (
            counts[name + " put"],
            counts[name + " got"],
        )
        assert (queue.depth, queue.max_depth) == (counts[name + " in"], model.most[name])
        assert sum(turns.count for turns in queue.putters.values()) == queue.puts.count
        assert sum(turns.count for turns in queue.takers.values()) == queue.gets.count
    for name in VALUES:
        value = state.table(SharedValue)[name]
        assert (value.reads, value.writes.count) == (
            counts[name + " reads"],
            len(model.writers[name]),
        )
        assert (value.stale_writes, value.lost_updates) == (
            counts[name + " stale"],
            counts[name + " lost"],
        )
        assert value.last == model.held[name]
        assert Counter(value.written_by) == Counter(model.writers[name])
    pool = state.table(Pool)["P"]
    assert len(pool.initialized) == counts["initialized"]
    jobs = pool.jobs.values()
    assert sum(job.callbacks for job in jobs) == counts["callbacks"]
    for outcome in ("started", "done", "raised", "lost"):
        assert sum(getattr(job, outcome) for job in jobs) == counts["tasks " + outcome]
    (pipe,) = pipes_made(state)
    there, back = pipe.directions
    for direction, sender, receiver in ((there, "E0", "E1"), (back, "E1", "E0")):
        assert direction.sends.count - direction.refused == counts[sender + " sent"]
        assert direction.receives.count == counts[receiver + " received"]
    assert there.sent_size + back.sent_size == counts["bytes"]
    assert state.table(Managed)[MANAGED].calls.count == counts["calls"]
    assert state.table(MemoryBlock)[MEMORY].unlinked is bool(counts["unlinked"])
    assert (state.probe_errors, state.unreadable) == (counts["probe errors"], counts["unreadable"])
    assert (state.lost, len(state.processes)) == (0, model.lives)


@given(streams)
def test_a_block_is_attached_by_those_alive_who_have_not_closed_it(
    steps: list[tuple[int, int, int, int]],
) -> None:
    model = play(steps, ended=False)
    state = follow(RunState(), model.events)
    attached = {life.key: life.attached for life in model.living.values() if life.attached}
    assert state.table(MemoryBlock)[MEMORY].attached == attached


@given(streams, some.booleans())
def test_every_lane_accounts_for_every_moment(
    steps: list[tuple[int, int, int, int]], ended: bool
) -> None:
    state = follow(RunState(), play(steps, ended=ended).events)
    for process in state.processes.values():
        lane = process.lane
        lived = state.now - lane.origin
        assert sum(lane.mix(0, state.now)) == lived
        assert sum(lane.totals) + state.now - lane.start == lived
        assert process.alive is not (process.activity is Activity.ENDED)
        assert not (process.alive and ended)


@given(streams, some.data())
def test_the_same_events_in_any_batches_make_the_same_state(
    steps: list[tuple[int, int, int, int]], data: some.DataObject
) -> None:
    events = play(steps).events
    at_once = follow(RunState(), events)
    state = RunState()
    rest = list(events)
    while rest:
        size = data.draw(some.integers(1, len(rest)))
        assert follow(state, rest[:size]) is state
        del rest[:size]
    assert state == at_once
    assert document(state) == document(at_once)
    assert summary(state) == summary(at_once)


@given(streams, some.randoms(use_true_random=False))
def test_the_state_is_the_same_by_the_ring_and_by_the_pipe(
    steps: list[tuple[int, int, int, int]], chance: Random
) -> None:
    """Give these as events from the pipe, or as ring records, one by one or in long runs."""
    events = play(steps).events
    told: list[Told] = []
    for event in events:
        record = as_record(event) if chance.random() < 0.7 else None
        if record is None:
            told.append(event)
        elif (
            told
            and isinstance(told[-1], list)
            # As the sorter gives them out.
            and told[-1][-1][0] <= record[0]
            and chance.random() < 0.7
        ):
            told[-1].append(record)
        else:
            told.append([record])
    assert as_events(told) == events
    state = follow(RunState(), told)
    assert state == follow(RunState(), events)


def as_record(event: Event) -> RingRecord | None:
    """The event as a ring record; None if a ring cannot hold it."""
    kind = type(event)
    fields = FORMS.get(kind)
    if isinstance(event, Waiting) and event.job >= 0:
        fields = ("site", "job", "limit")
    if fields is None or event.dropped:
        return None
    values = [getattr(event, field) for field in fields]
    if any(type(value) is not int for value in values):
        return None
    template = msgspec.structs.replace(event, time=0, number=0, thread=0)
    for field in fields:
        setattr(template, field, 0)
    copy = template.__copy__
    told_of = getattr(event, "object", "")
    form = Form(event.pid, kind, told_of, copy, fields, ring_handler(kind, fields, copy), ())
    padded = [*values, 0, 0, 0, 0][:4]
    return (event.time, form, event.thread, event.number, *padded)  # type: ignore[return-value]


FORMS: dict[type[Event], tuple[str, ...]] = {
    Waiting: ("site", "limit"),
    WaitOver: (),
    LockAcquired: ("site",),
    LockReleased: (),
    ItemPut: ("site",),
    ItemGot: ("site", "size"),
    ValueRead: ("site", "value", "index"),
    ValueWritten: ("site", "before", "value", "index"),
    MessageSent: ("site", "size"),
    MessageReceived: ("site", "size"),
    FutureDone: ("job",),
    JobGrew: ("job", "call", "items"),
    TaskArrived: ("size",),
    TaskStarted: ("site", "job", "index"),
    TaskEnded: ("job", "cpu_nanoseconds", "index"),
}
"""Events that the probe sends through rings, and the names of their values."""


@given(streams)
def test_at_every_moment_the_state_can_be_told_in_words_and_as_json(
    steps: list[tuple[int, int, int, int]],
) -> None:
    state = RunState()
    for event in play(steps).events:
        follow(state, [event])
        for process in state.processes.values():
            assert process.state
            if process.wait is not None:
                assert wait_in_words(state, process.wait)
    assert json.loads(json.dumps(document(state)))["stream"]["lost"] == 0
    assert summary(state)


small = some.one_of(some.integers(-2, 12), some.integers(0, 10**12))
texts = some.one_of(some.sampled_from(["a", "P/0", "P/x", "5", *WAITS]), some.text(max_size=8))
looks = some.builds(
    ProcessSample,
    *(small, small, small, some.sampled_from("RSTZ")),
    *(some.floats(0, 100), some.floats(0, 100), small, small),
)
strategies: dict[Any, some.SearchStrategy[Any]] = {
    int: small,
    # As the decoder lets them pass.
    float: some.floats(0, 1e9),
    str: texts,
    Content: some.one_of(
        *(some.none(), some.booleans(), some.floats(), texts),
        some.integers(-(1 << 63), (1 << 64) - 1),
    ),
    list[int]: some.lists(small, max_size=2),
    list[ProcessSample]: some.lists(looks, max_size=2),
}


def anything(kind: type[Event]) -> some.SearchStrategy[Event]:
    """An event with fields that have the right types, and nothing else that is right."""
    fields = {
        name: strategies[hint] if hint in strategies else some.from_type(hint)
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__
    }
    # The supervisor is another than those it watches.
    pids = some.just(9) if kind in (ProgramStarted, ProgramFailed) else some.integers(0, 4)
    fields |= {"pid": pids, "time": some.integers(0, 10**12)}
    return some.builds(kind, **fields)


@examples(300)
@given(some.lists(some.one_of([anything(kind) for kind in EVENTS]), max_size=12))
def test_nothing_that_has_the_form_of_events_breaks_the_fold(events: list[Event]) -> None:
    state = follow(RunState(), events)
    for process in state.processes.values():
        if process.wait is not None:
            wait_in_words(state, process.wait)
    json.dumps(document(state))
    summary(state)
