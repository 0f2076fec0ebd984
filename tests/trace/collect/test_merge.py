"""However reading and writing fall together, a cause is given out before its effect."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from mpviz.trace.collect import merge
from mpviz.trace.collect.merge import Look, Merge
from mpviz.trace.collect.rings import Taken
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
class FakeTaken:
    """Records that were taken out of a ring, which is a list here."""

    records: list[Written]

    @property
    def ring(self) -> Written:
        """What has the pid of the process that wrote them."""
        return self.records[0]

    def decode(self, _: int) -> tuple[Stretch | list[RingRecord], int]:
        taken = self.records
        if taken[0].pid == 1:
            # As a process with more than one thread tells.
            return [(each.stamp, FORMS[1], 0, each.number, 0, 0, 0, 0) for each in taken], 0
        times = [each.stamp for each in taken]
        forms, nothing = [FORMS[each.pid] for each in taken], memoryview(bytes(len(taken)))
        columns = Columns(taken[0].pid, 0, times, forms, nothing, (nothing, nothing, nothing))
        return Stretch(columns, 0, len(taken)), 0


def take(ring: list[Written], most: int) -> list[Taken]:
    """Take so many records at most out of a ring."""
    records, ring[:] = ring[:most], ring[most:]
    return [cast("Taken", FakeTaken(records))] if records else []


class Simulation:
    """Processes that stamp and write, and a viewer that reads, in interleaved single steps.

    The last of the processes is the supervisor, whose records go through its socket.
    """

    def __init__(self) -> None:
        self.clock = 0
        self.rings: list[list[Written]] = [[] for _ in range(PROCESSES)]
        self.pipe: list[Written] = []
        self.socket: list[Written] = []
        self.pending: list[Written | None] = [None] * SPEAKERS
        self.all: list[Written] = []
        self.merge = Merge()
        self.given: list[Event] = []
        self.reading = self.read_in_steps()

    def step(self, actor: int, through_pipe: bool, most: int) -> None:
        """Let a process stamp or write its record, or the viewer do the next thing of its look."""
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
        return self.pipe if through_pipe else self.rings[actor]

    def read_in_steps(self) -> Any:
        while True:
            look = Look(self.clock)
            yield
            look.pipe, look.is_pipe_empty = self.read_pipe(self.most)
            yield
            for ring in self.rings:
                look.rings += take(ring, self.most)
                look.left_since = min([look.left_since, *(record.stamp for record in ring)])
                yield
            look.socket, self.socket = [record.line for record in self.socket], []
            look.until = self.clock
            self.given += as_events(self.merge.add(look))

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
        self.given += as_events(self.merge.add(Look(self.clock, is_last=True)))


@given(some.randoms(use_true_random=False), some.integers(1, 4), some.integers(1, 3))
@examples(300)
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
    monkeypatch.setattr(merge, "HELD_RECORDS", 60)
    merging = Merge()
    given: list[int] = []
    for turn, pid in enumerate((2, 1, 2, 1)):
        stamps = range(100 + 50 * turn, 150 + 50 * turn)
        rings = take([Written(stamp, pid, stamp) for stamp in stamps], 99)
        look = Look(50, 999, is_pipe_empty=True, rings=rings)
        given += [event.time for event in as_events(merging.add(look))]
        assert given == list(range(100, max(100, stamps[-1] + 1 - 60)))
    last = merging.add(Look(50, 999, is_last=True))
    assert given + [event.time for event in as_events(last)] == list(range(100, 300))


def test_without_a_ring_the_pipe_s_order_stays_as_it_is() -> None:
    """Also where a stamp says when something began that was told later."""
    line = b'{"k":"wait.over","t":%d,"p":1,"n":%d}\n'
    look = Look(9, 9, pipe=[line % (9, 1), line % (5, 2), line % (7, 3)])
    assert [event.time for event in as_events(Merge().add(look))] == [9, 5, 7]


def sort(*lines: bytes, supervisor: int = 0, until: int = 100) -> list[Event]:
    """The events from these pieces of the pipe, each in a separate look."""
    merging = Merge(supervisor)
    return [
        event for line in lines for event in as_events(merging.add(Look(until, until, pipe=[line])))
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
