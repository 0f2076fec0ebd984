"""However reading and writing fall together, a cause is given out before its effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mpviz.trace.collect import reordering
from mpviz.trace.collect.reordering import Pass, Sorter
from mpviz.trace.collect.rings import NEVER, Ring, Taken
from mpviz.trace.model.events import Event, Unreadable, WaitOver
from mpviz.trace.model.stretches import Columns, Stretch
from mpviz.trace.model.told import Form, RingRecord, as_events

PROCESSES = 3
SUPERVISOR = PROCESSES
SPEAKERS = PROCESSES + 1


def _form(pid: int) -> Form:
    def copy() -> Event:
        return WaitOver(time=0, pid=pid)

    return Form(pid, WaitOver, "", copy, (), lambda *_: None, ())


FORMS = {pid: _form(pid) for pid in range(1, PROCESSES + 1)}


@dataclass
class Written:
    """A record, and when it was stamped and written."""

    stamp: int
    pid: int
    number: int
    written: int = -1
    through_pipe: bool = False

    @property
    def line(self) -> bytes:
        """The record as a line of the pipe or the socket."""
        told = self.stamp, self.pid, self.number
        return b'{"k":"wait.over","t":%d,"p":%d,"n":%d}\n' % told


@dataclass
class FakeRing:
    """A ring as a list; what is taken out of it is one byte for each record."""

    records: list[Written] = field(default_factory=list)
    taken: int = 0
    left_since: int = NEVER

    def take(self, most: int) -> bytes:
        count = min(most, len(self.records) - self.taken)
        self.taken += count
        left = self.records[self.taken :]
        self.left_since = min((record.stamp for record in left), default=NEVER)
        return bytes(count)

    def decode(self, first: int, records: bytes) -> tuple[Stretch | list[RingRecord], int]:
        taken, self.decoded = (
            self.records[self.decoded :][: len(records)],
            self.decoded + len(records),
        )
        if taken[0].pid == 1:
            # As a process with more than one thread tells.
            return [(each.stamp, FORMS[1], 0, each.number, 0, 0, 0, 0) for each in taken], 0
        times = [each.stamp for each in taken]
        forms, nothing = [FORMS[each.pid] for each in taken], memoryview(bytes(len(taken)))
        columns = Columns(taken[0].pid, first, times, forms, nothing, (nothing, nothing, nothing))
        return Stretch(columns, 0, len(taken)), 0

    decoded: int = 0


class Simulation:
    """Processes that stamp and write, and a viewer that reads, in interleaved single steps.

    The last of the processes is the supervisor, whose records go through its socket.
    """

    def __init__(self) -> None:
        self.clock = 0
        self.rings = [FakeRing() for _ in range(PROCESSES)]
        self.pipe: list[Written] = []
        self.socket: list[Written] = []
        self.pending: list[Written | None] = [None] * SPEAKERS
        self.all: list[Written] = []
        self.sorter = Sorter()
        self.given: list[Event] = []
        self.reading = self.read_in_steps()

    def step(self, actor: int, through_pipe: bool, most: int) -> None:
        """Let a process stamp or write its record, or the viewer do the next thing of its pass."""
        self.clock += 1
        self.most = most
        if actor == SPEAKERS:
            next(self.reading)
        elif (record := self.pending[actor]) is None:
            record = Written(self.clock, actor + 1, len(self.all) + 1)
            self.all.append(record)
            self.pending[actor] = record
        else:
            record.written, record.through_pipe = self.clock, through_pipe and actor != SUPERVISOR
            self.channel(actor, through_pipe).append(record)
            self.pending[actor] = None

    def channel(self, actor: int, through_pipe: bool) -> list[Written]:
        """The stream that this process writes to."""
        if actor == SUPERVISOR:
            return self.socket
        return self.pipe if through_pipe else self.rings[actor].records

    def read_in_steps(self) -> Any:
        while True:
            began = self.clock
            yield
            lines, drained = self.read_pipe(self.most)
            yield
            taken = []
            left_since = NEVER
            for ring in self.rings:
                if records := ring.take(self.most):
                    taken.append(Taken(cast("Ring", ring), 0, records))
                left_since = min(left_since, ring.left_since)
                yield
            told, self.socket = [record.line for record in self.socket], []
            since = NEVER
            if taken or told or left_since < NEVER:
                since = min(began, left_since - 1)
            piece = Pass(lines, taken, told, [], since, drained, self.clock)
            self.given += as_events(self.sorter.sort(piece))

    def read_pipe(self, most: int) -> tuple[list[bytes], bool]:
        piece, self.pipe = self.pipe[:most], self.pipe[most:]
        return [each.line for each in piece], not self.pipe

    def finish(self) -> None:
        """Let all write what they have in hand, and read the rest."""
        for actor, record in enumerate(self.pending):
            if record is not None:
                self.step(actor, False, 99)
        self.most = 99
        for _ in range(2 * (PROCESSES + 2)):
            next(self.reading)
        self.given += as_events(self.sorter.sort(Pass([], [], [], [], NEVER, True, self.clock)))


@given(some.randoms(use_true_random=False), some.integers(1, 4), some.integers(1, 3))
@settings(max_examples=300)
def test_a_cause_comes_before_its_effect(chance: Random, viewer_weight: int, most: int) -> None:
    simulation = Simulation()
    actors = [*range(SPEAKERS), *[SPEAKERS] * viewer_weight]
    for _ in range(150):
        simulation.step(chance.choice(actors), chance.random() < 0.5, most)
    simulation.finish()
    number_of = {record.stamp: record.number for record in simulation.all}
    order = [number_of[event.time] for event in simulation.given]
    assert sorted(order) == list(range(1, len(simulation.all) + 1)), "all, each once"
    place = {number: index for index, number in enumerate(order)}
    for cause in simulation.all:
        for effect in simulation.all:
            if cause.written < effect.stamp:
                assert place[cause.number] < place[effect.number], (cause, effect)
    piped = [record for record in simulation.all if record.through_pipe]
    in_order = [record.number for record in sorted(piped, key=lambda record: record.written)]
    assert in_order == sorted(in_order, key=place.__getitem__), "the pipe keeps its order"


def test_if_too_many_are_held_the_oldest_are_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they came as a stretch or one by one; a gap in another ring holds all of them."""
    monkeypatch.setattr(reordering, "HELD_EVENTS", 60)
    sorter = Sorter()
    given: list[int] = []
    for turn, pid in enumerate((2, 1, 2, 1)):
        stamps = range(100 + 50 * turn, 150 + 50 * turn)
        ring = FakeRing([Written(stamp, pid, stamp) for stamp in stamps])
        taken = Taken(cast("Ring", ring), stamps[0], ring.take(99))
        given += [e.time for e in as_events(sorter.sort(Pass([], [taken], [], [], 50, True, 999)))]
        assert given == list(range(100, max(100, stamps[-1] + 1 - 60)))
    last = sorter.sort(Pass([], [], [], [], NEVER, True, 999))
    assert given + [event.time for event in as_events(last)] == list(range(100, 300))


def test_without_a_ring_the_pipe_s_order_stays_as_it_is() -> None:
    """Also where a stamp says when something began that was told later."""
    line = b'{"k":"wait.over","t":%d,"p":1,"n":%d}\n'
    piece = Pass([line % (9, 1), line % (5, 2), line % (7, 3)], [], [], [], NEVER, True, 9)
    assert [event.time for event in as_events(Sorter().sort(piece))] == [9, 5, 7]


def sort(*lines: bytes, supervisor: int = 0, until: int = 100) -> list[Event]:
    """The events from these pieces of the pipe, each in a separate pass."""
    sorter = Sorter(supervisor)
    return [
        event
        for line in lines
        for event in as_events(sorter.sort(Pass([line], [], [], [], NEVER, True, until)))
    ]


def test_a_line_without_an_end_is_told_once_and_not_kept() -> None:
    record = b'{"k":"wait.over","t":1,"p":1,"n":1}\n'
    events = sort(record, *[b"x" * 70_000] * 50, b"x\n" + record, record[:9], record[9:])
    kinds = [type(event) for event in events]
    assert kinds == [WaitOver, Unreadable, WaitOver, WaitOver]


def test_a_flood_of_line_ends_is_told_in_one_word() -> None:
    record = b'{"k":"wait.over","t":1,"p":1,"n":1}\n'
    events = sort(record + b"x\n" * 100_000 + b"\n" * 100_000 + record)
    assert [type(event) for event in events] == [WaitOver, WaitOver, Unreadable]
    assert "100000 lines" in repr(events[-1])


@pytest.mark.parametrize(
    "line",
    [
        b'{"k":"wait.over","t":101,"p":1,"n":1}\n',
        b'{"k":"wait.over","t":1,"p":0,"n":1}\n',
        b'{"k":"wait.over","t":1,"p":-5,"n":1}\n',
        b'{"k":"wait.over","t":1,"p":1099511627776,"n":1}\n',
        b'{"k":"process.exited","t":1,"p":77,"n":1,"child":1,"exit_code":0}\n',
        b'{"k":"program.ended","t":1,"p":1,"child":1,"exit_code":0}\n',
        b'{"k":"program.started","t":1,"p":77,"child":1,"started":0}\n',
        b'{"k":"run.ended","t":1,"p":0,"exit_code":0}\n',
        b'{"k":"sample","t":1,"p":0,"cores":[],"processes":[]}\n',
        b'{"k":"output","t":1,"p":0,"stream":"stderr","text":"forged"}\n',
    ],
)
def test_what_a_program_cannot_know_is_refused_from_the_pipe(line: bytes) -> None:
    (event,) = sort(line, supervisor=77)
    assert isinstance(event, Unreadable)
    assert event.time <= 100 or "101" not in repr(event)
