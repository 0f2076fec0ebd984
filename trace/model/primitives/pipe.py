"""Pipes: the messages in flight, who sends and receives them, and who waits at which end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Count, ObjectEvent, SitedEvent
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, Rate, TimingFields
from mpviz.trace.model.names import name_pair
from mpviz.trace.model.primitive import (
    ObjectReport,
    Primitive,
    Unblockers,
    WaitKind,
    known,
    main_threads,
)
from mpviz.trace.model.processes.identity import described, fate
from mpviz.trace.model.processes.process import Process, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import HELPERS, RunState


class PipeCreated(SitedEvent, tag="pipe.created", kw_only=True):
    """The program made a pipe; each end has an id, and those of a one-way pipe have the same."""

    other: str
    duplex: bool


class MessageSent(SitedEvent, tag="pipe.sent", kw_only=True):
    """A message is about to be written at this end."""

    size: Count
    """Bytes, pickled."""


class MessageReceived(SitedEvent, tag="pipe.received", kw_only=True):
    """A message has been read at this end."""

    size: Count


class SendRefused(SitedEvent, tag="pipe.refused", kw_only=True):
    """The message just announced was not sent: the other end is closed, or it was interrupted."""

    size: Count


class PipeEnded(ObjectEvent, tag="pipe.ended", kw_only=True):
    """All messages are read at this end, and nobody can send any more (``EOFError``)."""


class EndClosed(ObjectEvent, tag="pipe.closed", kw_only=True):
    """A process is about to close its copy of an end."""

    reads: bool
    writes: bool


@dataclass(slots=True)
class Direction:
    """One direction of a pipe."""

    sender_end: str
    """The name of the end at which messages go in; empty if it has none."""
    receiver_end: str
    sends: Rate = field(default_factory=Rate)
    receives: Rate = field(default_factory=Rate)
    sent_size: int = 0
    """Bytes sent so far."""
    most_in_flight: int = 0
    sent_by: dict[str, int] = field(default_factory=dict)
    """Process key: messages it has sent."""
    received_by: dict[str, int] = field(default_factory=dict)
    """Process key: messages it has received."""
    send_wait: Distribution = field(default_factory=Distribution)
    receive_wait: Distribution = field(default_factory=Distribution)
    ended: bool = False
    """A receiver has read all messages, and found that nobody can send any more."""
    refused: int = 0
    """Messages that could not be sent."""
    senders_closed: set[str] = field(default_factory=set)
    """Keys of the processes that have closed their sending end."""
    receivers_closed: set[str] = field(default_factory=set)

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet received."""
        return self.sends.count - self.refused - self.receives.count


@dataclass(slots=True)
class Pipe:
    """A pipe of the program; its table has it under the ids of both ends."""

    id: str
    """That of its first end, which is the receiving one of a one-way pipe."""
    name: str
    duplex: bool
    directions: tuple[Direction, ...]
    """One; two for a duplex pipe, the one from the first end to the second first."""
    seen: bool = False
    """Whether it was only seen from outside: then nothing about it is counted."""

    def direction_from(self, end: str) -> Direction:
        """The direction of a message that is sent at this end."""
        return self.directions[0 if end == self.id else -1]

    def direction_to(self, end: str) -> Direction:
        """The direction of a message that is received at this end."""
        return self.directions[-1 if end == self.id else 0]


def pipes_made(state: RunState) -> list[Pipe]:
    """All pipes of the program, oldest first."""
    return [pipe for end, pipe in state.table(Pipe).items() if end == pipe.id]


def pipe_waiters(
    state: RunState, pipe: Pipe, direction: Direction
) -> dict[str, list[tuple[Process, Wait]]]:
    """Who waits to ``send`` in this direction, and who to ``receive``; longest first."""
    found: dict[str, list[tuple[Process, Wait]]] = {"send": [], "receive": []}
    for process in state.processes.values():
        for wait in process.waits.values():
            if wait.what in found and any(each is direction for each in _waited_for(state, wait)):
                found[wait.what].append((process, wait))
    for waiting in found.values():
        waiting.sort(key=lambda item: item[1].since)
    return found


def _waited_for(state: RunState, wait: Wait) -> list[Direction]:
    """The directions that a wait is about: it may be for the first message of several pipes."""
    pipes = state.table(Pipe)
    ends = [end for end in wait.object.split(" ") if end in pipes]
    if wait.what == "send":
        return [pipes[end].direction_from(end) for end in ends]
    return [pipes[end].direction_to(end) for end in ends]


def waits_for(state: RunState, direction: Direction, what: str) -> Distribution:
    """How long it was waited to "send" or to "receive", with the waits that go on."""
    over = direction.send_wait if what == "send" else direction.receive_wait
    return over.including(
        [
            max(0, state.end - wait.since)
            for process in state.processes.values()
            for wait in process.waits.values()
            if wait.what == what and any(each is direction for each in _waited_for(state, wait))
        ]
    )


def _total(state: RunState, pipe: Pipe, what: str) -> int:
    return sum(waits_for(state, each, what).total for each in pipe.directions)


def _created(state: RunState, process: Process, event: PipeCreated) -> None:
    name, first, second = name_pair(state, event.site, "Pipe")
    back = Direction(second, first)
    directions = (Direction(first, second), back) if event.duplex else (back,)
    pipe = Pipe(event.object, name, event.duplex, directions)
    state.table(Pipe)[event.object] = state.table(Pipe)[event.other] = pipe


# A child cannot know which of the connections that came to it are the program's own: an end that
# nobody announced is not shown.


def _sent(state: RunState, process: Process, pipe: Pipe, event: MessageSent) -> None:
    direction = pipe.direction_from(event.object)
    direction.sends.add(event.time)
    direction.sent_size += event.size
    direction.most_in_flight = max(direction.most_in_flight, direction.in_flight)
    direction.sent_by[process.key] = direction.sent_by.get(process.key, 0) + 1


def _refused(state: RunState, process: Process, pipe: Pipe, event: SendRefused) -> None:
    direction = pipe.direction_from(event.object)
    direction.refused += 1
    direction.sent_size -= event.size
    state.note(event.time, process.key, f"could not send on pipe {pipe.name}")


def _received(state: RunState, process: Process, event: MessageReceived) -> None:
    process.site = event.site or process.site
    wait = end_wait(process, event.thread) if process.waits else None
    pipe = state.table(Pipe).get(event.object)
    if pipe is not None:
        direction = pipe.direction_to(event.object)
        direction.receives.add(event.time)
        direction.received_by[process.key] = direction.received_by.get(process.key, 0) + 1
        if wait is not None:
            direction.receive_wait.add(event.time - wait.since)
    if wait is not None:
        settle(process, event.time)


def _ended(state: RunState, process: Process, pipe: Pipe, event: PipeEnded) -> None:
    pipe.direction_to(event.object).ended = True
    state.note(event.time, process.key, f"reads the end of pipe {pipe.name}")


def _closed(state: RunState, process: Process, pipe: Pipe, event: EndClosed) -> None:
    if event.writes:
        pipe.direction_from(event.object).senders_closed.add(process.key)
    if event.reads:
        pipe.direction_to(event.object).receivers_closed.add(process.key)


def _send_over(state: RunState, wait: Wait, took: int) -> None:
    for direction in _waited_for(state, wait):
        direction.send_wait.add(took)


def _receive_over(state: RunState, wait: Wait, took: int) -> None:
    for direction in _waited_for(state, wait):
        direction.receive_wait.add(took)


def _send_words(state: RunState, wait: Wait) -> str:
    return _words(state, wait, "room in", "read by")


def _receive_words(state: RunState, wait: Wait) -> str:
    return _words(state, wait, "a message on", "from")


def _words(state: RunState, wait: Wait, what: str, by: str) -> str:
    """The wait, with the process at the other end if only one is known to use it."""
    directions = _waited_for(state, wait)
    if not directions:
        return f"{what} an internal pipe"
    if len(directions) > 1:
        return f"{what} one of {len(directions)} pipes"
    pipes = state.table(Pipe)
    pipe = next(pipes[end] for end in wait.object.split(" ") if end in pipes)
    others = directions[0].received_by if wait.what == "send" else directions[0].sent_by
    other = state.processes.get(next(iter(others))) if len(others) == 1 else None
    if other is None:
        return f"{what} pipe {pipe.name}"
    gone = "" if other.alive else f", which {fate(other)}"
    return f"{what} pipe {pipe.name}, {by} {described(other)}{gone}"


def holders_of_other_end(state: RunState, wait: Wait) -> list[Process] | None:
    """The living processes that have the end open from which this wait could be ended.

    None if that is not known of all of them: it is read when processes stand still.
    """
    pipes = state.table(Pipe)
    pipe = pipes.get(wait.object)
    if pipe is None:
        return None
    others = [end for end, each in pipes.items() if each is pipe and end != wait.object]
    inode = (others or [wait.object])[0].rpartition("-")[2]
    if not inode.isdecimal() or len(inode) > 20:
        return None
    end = int(inode), wait.what == "receive"
    living = [each for each in state.processes.values() if each.alive and each.role not in HELPERS]
    if any(each.stacks is None or each.stacks.time < wait.since for each in living):
        return None
    return [each for each in living if each.stacks is not None and end in each.stacks.ends]


def _readers(state: RunState, wait: Wait) -> Unblockers:
    """Those that have the reading end open, if that is known; else those that have read from it."""
    holders = holders_of_other_end(state, wait)
    if holders is not None:
        return Unblockers(main_threads(each.key for each in holders), "has the other end open")
    keys = dict.fromkeys(key for each in _waited_for(state, wait) for key in each.received_by)
    return Unblockers(main_threads(keys), "reads from it")


def _writers(state: RunState, wait: Wait) -> Unblockers:
    """Those that have written to it: many have the other end open that will never write."""
    keys = dict.fromkeys(key for each in _waited_for(state, wait) for key in each.sent_by)
    return Unblockers(main_threads(keys), "writes to it")


def _entry(state: RunState, pipe: Pipe) -> dict[str, Any]:
    return {
        "id": pipe.id,
        "name": pipe.name,
        "duplex": pipe.duplex,
        "seen": pipe.seen,
        "sends": sum(each.sends.count - each.refused for each in pipe.directions),
        "receives": sum(each.receives.count for each in pipe.directions),
        "bytes": sum(each.sent_size for each in pipe.directions),
        "in_flight": sum(each.in_flight for each in pipe.directions),
        "wait": _total(state, pipe, "receive") / 1e9,
        "send_wait": _total(state, pipe, "send") / 1e9,
    }


def _line(state: RunState, pipe: Pipe) -> str:
    sent = sum(each.sends.count - each.refused for each in pipe.directions)
    received = sum(each.receives.count for each in pipe.directions)
    waited = duration(_total(state, pipe, "receive"))
    return f"pipe {pipe.name}: {sent:,} sent, {received:,} received, {waited} waited for them"


def _weight(pipe: Pipe) -> tuple[int, int]:
    waited = sum(each.receive_wait.total + each.send_wait.total for each in pipe.directions)
    return waited, sum(each.sends.count for each in pipe.directions)


def _timings(state: RunState) -> Iterator[TimingFields]:
    for pipe in pipes_made(state):
        for each in pipe.directions:
            room, message = each.sender_end or pipe.name, each.receiver_end or pipe.name
            yield "wait", "room in", room, pipe.id, waits_for(state, each, "send")
            yield "wait", "a message on", message, pipe.id, waits_for(state, each, "receive")


PRIMITIVE = Primitive(
    handlers={
        PipeCreated: _created,
        MessageSent: known(Pipe, _sent),
        SendRefused: known(Pipe, _refused),
        MessageReceived: _received,
        PipeEnded: known(Pipe, _ended),
        EndClosed: known(Pipe, _closed),
    },
    in_rings=(MessageSent, SendRefused, MessageReceived),
    waits={
        "send": WaitKind(Activity.QUEUE, _send_words, _readers, _send_over),
        "receive": WaitKind(Activity.QUEUE, _receive_words, _writers, _receive_over),
    },
    report=ObjectReport(
        thing="pipe",
        things="pipes",
        objects=pipes_made,
        weight=_weight,
        entry=_entry,
        line=_line,
    ),
    timings=_timings,
)
