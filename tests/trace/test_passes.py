"""However reading and writing fall together, a cause is given out before its effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as some

from mpviz.trace.events import Event, WaitOver
from mpviz.trace.passes import Pass, Sorter
from mpviz.trace.rings import NEVER, Ring

PROCESSES = 3


@dataclass
class Written:
    """A record, and when it was stamped and written."""

    stamp: int
    pid: int
    number: int
    written: int = -1
    through_pipe: bool = False


@dataclass
class FakeRing:
    """A ring as a list; what is taken out of it is one byte for each record."""

    records: list[Written] = field(default_factory=list)
    taken: int = 0

    def take(self, most: int) -> bytes:
        count = min(most, len(self.records) - self.taken)
        self.taken += count
        return bytes(count)

    def left_since(self) -> int:
        return min((record.stamp for record in self.records[self.taken :]), default=NEVER)

    def decode(self, records: bytes) -> list[Event]:
        taken, self.decoded = (
            self.records[self.decoded :][: len(records)],
            self.decoded + len(records),
        )
        return [WaitOver(time=each.stamp, pid=each.pid, number=each.number) for each in taken]

    decoded: int = 0


class Simulation:
    """Processes that stamp and write, and a viewer that reads, one step of one at a time."""

    def __init__(self) -> None:
        self.clock = 0
        self.rings = [FakeRing() for _ in range(PROCESSES)]
        self.pipe: list[Written] = []
        self.pending: list[Written | None] = [None] * PROCESSES
        self.all: list[Written] = []
        self.sorter = Sorter()
        self.given: list[Event] = []
        self.reading = self.read_in_steps()

    def step(self, actor: int, through_pipe: bool, most: int) -> None:
        """Let a process stamp or write its record, or the viewer do the next thing of its pass."""
        self.clock += 1
        self.most = most
        if actor == PROCESSES:
            next(self.reading)
        elif (record := self.pending[actor]) is None:
            record = Written(self.clock, actor, len(self.all) + 1)
            self.all.append(record)
            self.pending[actor] = record
        else:
            record.written, record.through_pipe = self.clock, through_pipe
            (self.pipe if through_pipe else self.rings[actor].records).append(record)
            self.pending[actor] = None

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
                    taken.append((cast("Ring", ring), records))
                left_since = min(left_since, ring.left_since())
                yield
            since = NEVER
            if taken or left_since < NEVER:
                since = min(began, left_since - 1)
            self.given += self.sorter.sort(Pass(lines, taken, since, drained))

    def read_pipe(self, most: int) -> tuple[list[bytes], bool]:
        piece, self.pipe = self.pipe[:most], self.pipe[most:]
        line = b'{"k":"wait.over","t":%d,"p":%d,"n":%d}\n'
        return [line % (each.stamp, each.pid, each.number) for each in piece], not self.pipe

    def finish(self) -> None:
        """Let all write what they have in hand, and read the rest."""
        for actor, record in enumerate(self.pending):
            if record is not None:
                self.step(actor, False, 99)
        self.most = 99
        for _ in range(2 * (PROCESSES + 2)):
            next(self.reading)
        self.given += self.sorter.sort(Pass([], [], NEVER, True))


@given(some.randoms(use_true_random=False), some.integers(1, 4), some.integers(1, 3))
@settings(max_examples=300)
def test_a_cause_comes_before_its_effect(chance: Random, viewer_weight: int, most: int) -> None:
    simulation = Simulation()
    actors = [*range(PROCESSES), *[PROCESSES] * viewer_weight]
    for _ in range(150):
        simulation.step(chance.choice(actors), chance.random() < 0.5, most)
    simulation.finish()
    order = [event.number for event in simulation.given]
    assert sorted(order) == list(range(1, len(simulation.all) + 1)), "all, each once"
    place = {number: index for index, number in enumerate(order)}
    for cause in simulation.all:
        for effect in simulation.all:
            if cause.written < effect.stamp:
                assert place[cause.number] < place[effect.number], (cause, effect)
    piped = [record for record in simulation.all if record.through_pipe]
    in_order = [record.number for record in sorted(piped, key=lambda record: record.written)]
    assert in_order == sorted(in_order, key=place.__getitem__), "the pipe keeps its order"


def test_without_a_ring_the_pipe_s_order_stays_as_it_is() -> None:
    """Also where a stamp says when something began that was told later."""
    line = b'{"k":"wait.over","t":%d,"p":1,"n":%d}\n'
    piece = Pass([line % (9, 1), line % (5, 2), line % (7, 3)], [], NEVER, True)
    assert [event.time for event in Sorter().sort(piece)] == [9, 5, 7]
