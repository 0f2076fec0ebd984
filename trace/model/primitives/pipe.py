"""Pipes: the messages on their way, who sends and receives them, and who waits at which end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Count, Event, Whole
from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, Rate, TimingFields
from mpviz.trace.model.names import name_pair
from mpviz.trace.model.primitive import Freers, Primitive, Summary, WaitKind, main_threads
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, Wait, end_wait, settle
from mpviz.trace.model.state import RunState


class PipeCreated(Event, tag="pipe.created", kw_only=True):
    """The program made a pipe; each end has an id, and the two of a one-way pipe have the same."""

    object: str
    other: str
    duplex: bool
    site: Whole = 0


class MessageSent(Event, tag="pipe.sent", kw_only=True):
    """A message is about to be written at this end."""

    object: str
    size: Count
    """Bytes, pickled."""
    site: Whole = 0


class MessageReceived(Event, tag="pipe.received", kw_only=True):
    """A message has been read at this end."""

    object: str
    size: Count
    site: Whole = 0


class SendRefused(Event, tag="pipe.refused", kw_only=True):
    """The message just announced was not sent: nobody has the other end, or it was interrupted."""

    object: str
    size: Count
    site: Whole = 0


class PipeEnded(Event, tag="pipe.ended", kw_only=True):
    """All is read at this end, and nobody is left who could send (``EOFError``)."""

    object: str


class EndClosed(Event, tag="pipe.closed", kw_only=True):
    """A process is about to close its copy of an end."""

    object: str
    reads: bool
    writes: bool


@dataclass(slots=True)
class Way:
    """One direction of a pipe."""

    sender_end: str
    """The name of the end at which messages go in; empty where it has none."""
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
    """A receiver has read all, and found that nobody can send any more."""
    refused: int = 0
    """Messages that could not be sent."""
    senders_closed: set[str] = field(default_factory=set)
    """Keys of the processes that have closed the end at which they could send."""
    receivers_closed: set[str] = field(default_factory=set)

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet received."""
        return self.sends.count - self.refused - self.receives.count


@dataclass(slots=True)
class Pipe:
    """A pipe of the program; its table has it under the ids of both ends."""

    id: str
    """Of its first end, which is the one that receives where there is but one way."""
    name: str
    duplex: bool
    ways: tuple[Way, ...]
    """Of a duplex pipe two, and the first leads from the first end to the second."""

    def way_from(self, end: str) -> Way:
        """On which way a message goes that is sent at this end."""
        return self.ways[0 if end == self.id else -1]

    def way_to(self, end: str) -> Way:
        """On which way a message came that is received at this end."""
        return self.ways[-1 if end == self.id else 0]


def pipes_made(state: RunState) -> list[Pipe]:
    """All pipes of the program, oldest first."""
    return [pipe for end, pipe in state.table(Pipe).items() if end == pipe.id]


def pipe_waiters(state: RunState, pipe: Pipe, way: Way) -> dict[str, list[tuple[Process, Wait]]]:
    """Who waits to ``send`` on this way, and who to ``receive``; longest first."""
    found: dict[str, list[tuple[Process, Wait]]] = {"send": [], "receive": []}
    for process in state.processes.values():
        for wait in process.waits.values():
            if wait.what in found and any(each is way for each in _waited_for(state, wait)):
                found[wait.what].append((process, wait))
    for waiting in found.values():
        waiting.sort(key=lambda item: item[1].since)
    return found


def _waited_for(state: RunState, wait: Wait) -> list[Way]:
    """The ways that a wait is about: one may wait for the first message of several pipes."""
    pipes = state.table(Pipe)
    ends = [end for end in wait.object.split(" ") if end in pipes]
    if wait.what == "send":
        return [pipes[end].way_from(end) for end in ends]
    return [pipes[end].way_to(end) for end in ends]


def _created(state: RunState, process: Process, event: PipeCreated) -> None:
    name, first, second = name_pair(state, event.site, "Pipe")
    back = Way(second, first)
    ways = (Way(first, second), back) if event.duplex else (back,)
    pipe = Pipe(event.object, name, event.duplex, ways)
    state.table(Pipe)[event.object] = state.table(Pipe)[event.other] = pipe


# A child cannot know which of the connections that came to it are the program's own. An end that
# nobody announced is a part of something else, and is not shown.


def _sent(state: RunState, process: Process, event: MessageSent) -> None:
    if event.site:
        process.site = event.site
    pipe = state.table(Pipe).get(event.object)
    if pipe is None:
        return
    way = pipe.way_from(event.object)
    way.sends.add(event.time)
    way.sent_size += event.size
    way.most_in_flight = max(way.most_in_flight, way.in_flight)
    way.sent_by[process.key] = way.sent_by.get(process.key, 0) + 1


def _refused(state: RunState, process: Process, event: SendRefused) -> None:
    pipe = state.table(Pipe).get(event.object)
    if pipe is None:
        return
    way = pipe.way_from(event.object)
    way.refused += 1
    way.sent_size -= event.size
    state.note(event.time, process.key, f"could not send on pipe {pipe.name}")


def _received(state: RunState, process: Process, event: MessageReceived) -> None:
    if event.site:
        process.site = event.site
    wait = end_wait(process, event.thread) if process.waits else None
    pipe = state.table(Pipe).get(event.object)
    if pipe is not None:
        way = pipe.way_to(event.object)
        way.receives.add(event.time)
        way.received_by[process.key] = way.received_by.get(process.key, 0) + 1
        if wait is not None:
            way.receive_wait.add(event.time - wait.since)
    if wait is not None:
        settle(process, event.time)


def _ended(state: RunState, process: Process, event: PipeEnded) -> None:
    pipe = state.table(Pipe).get(event.object)
    if pipe is not None:
        pipe.way_to(event.object).ended = True
        state.note(event.time, process.key, f"reads the end of pipe {pipe.name}")


def _closed(state: RunState, process: Process, event: EndClosed) -> None:
    pipe = state.table(Pipe).get(event.object)
    if pipe is None:
        return
    if event.writes:
        pipe.way_from(event.object).senders_closed.add(process.key)
    if event.reads:
        pipe.way_to(event.object).receivers_closed.add(process.key)


def _send_over(state: RunState, wait: Wait, took: int) -> None:
    for way in _waited_for(state, wait):
        way.send_wait.add(took)


def _receive_over(state: RunState, wait: Wait, took: int) -> None:
    for way in _waited_for(state, wait):
        way.receive_wait.add(took)


def _send_words(state: RunState, wait: Wait) -> str:
    return _words(state, wait, "room in", "read by")


def _receive_words(state: RunState, wait: Wait) -> str:
    return _words(state, wait, "a message on", "from")


def _words(state: RunState, wait: Wait, what: str, by: str) -> str:
    """With who is known to use the other end, if that is one process: it could end the wait."""
    ways = _waited_for(state, wait)
    if not ways:
        return f"{what} an internal pipe"
    if len(ways) > 1:
        return f"{what} one of {len(ways)} pipes"
    pipes = state.table(Pipe)
    pipe = next(pipes[end] for end in wait.object.split(" ") if end in pipes)
    others = ways[0].received_by if wait.what == "send" else ways[0].sent_by
    other = state.processes.get(next(iter(others))) if len(others) == 1 else None
    if other is None:
        return f"{what} pipe {pipe.name}"
    fate = "" if other.alive else ", which is dead"
    return f"{what} pipe {pipe.name}, {by} {described(other)}{fate}"


def _readers(state: RunState, wait: Wait) -> Freers:
    keys = dict.fromkeys(key for way in _waited_for(state, wait) for key in way.received_by)
    return Freers(main_threads(keys), "reads from it")


def _writers(state: RunState, wait: Wait) -> Freers:
    keys = dict.fromkeys(key for way in _waited_for(state, wait) for key in way.sent_by)
    return Freers(main_threads(keys), "writes to it")


def _document(state: RunState) -> dict[str, Any]:
    return {
        "pipes": [
            {
                "id": pipe.id,
                "name": pipe.name,
                "duplex": pipe.duplex,
                "sends": sum(way.sends.count - way.refused for way in pipe.ways),
                "receives": sum(way.receives.count for way in pipe.ways),
                "bytes": sum(way.sent_size for way in pipe.ways),
                "in_flight": sum(way.in_flight for way in pipe.ways),
                "wait": sum(way.receive_wait.total for way in pipe.ways) / 1e9,
                "send_wait": sum(way.send_wait.total for way in pipe.ways) / 1e9,
            }
            for pipe in pipes_made(state)
        ]
    }


def _line(state: RunState, pipe: Pipe) -> str:
    sent = sum(way.sends.count - way.refused for way in pipe.ways)
    received = sum(way.receives.count for way in pipe.ways)
    waited = duration(sum(way.receive_wait.total for way in pipe.ways))
    return f"pipe {pipe.name}: {sent:,} sent, {received:,} received, {waited} waited for them"


def _weight(pipe: Pipe) -> tuple[int, int]:
    waited = sum(way.receive_wait.total + way.send_wait.total for way in pipe.ways)
    return waited, sum(way.sends.count for way in pipe.ways)


def _timings(state: RunState) -> Iterator[TimingFields]:
    for pipe in pipes_made(state):
        for way in pipe.ways:
            room, message = way.sender_end or pipe.name, way.receiver_end or pipe.name
            yield "wait", "room in", room, pipe.id, way.send_wait
            yield "wait", "a message on", message, pipe.id, way.receive_wait


PRIMITIVE = Primitive(
    handlers={
        PipeCreated: _created,
        MessageSent: _sent,
        SendRefused: _refused,
        MessageReceived: _received,
        PipeEnded: _ended,
        EndClosed: _closed,
    },
    in_rings=(MessageSent, SendRefused, MessageReceived),
    waits={
        "send": WaitKind(Activity.QUEUE, _send_words, _readers, _send_over),
        "receive": WaitKind(Activity.QUEUE, _receive_words, _writers, _receive_over),
    },
    document=_document,
    summary=Summary(
        "pipe",
        "pipes",
        pipes_made,
        _weight,
        _line,
    ),
    timings=_timings,
)
