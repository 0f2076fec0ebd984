"""What came before what in a run, and could not have come after it: the clock of each step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mpviz.trace.stepping.model import process_of
from mpviz.trace.stepping.search.dependence import conflict, enables, touched
from mpviz.trace.stepping.steps import Choice, Moment, Operation

Clock = Mapping[str, int]
"""By task: the number of its last step that came before."""


@dataclass(frozen=True)
class Event:
    """A step that was taken, and who was gone after it."""

    operation: Operation
    outcome: str = "go"
    gone: frozenset[str] = frozenset()
    """Tasks that were there before it and not after it, although they had not ended."""
    past: Clock = field(default_factory=dict)
    """What came before by the steps of its own task, the start of that task, and the end of one
    that is joined."""
    clock: Clock = field(default_factory=dict)
    """What came before in all."""

    @property
    def task(self) -> str:
        """Whose step it is."""
        return self.operation.task


def dependent(one: Event, other: Event, bounded: Collection[str] = ()) -> bool:
    """Whether two steps of different tasks may not be swapped."""
    if _takes_away(one, other) or _takes_away(other, one):
        return True
    return conflict(one.operation, other.operation, bounded)


def _takes_away(one: Event, other: Event) -> bool:
    if not one.gone:
        return False
    # With main the whole program ends.
    return "main" in one.gone or other.task in one.gone or other.operation.target in one.gone


def gone_after(before: Mapping[str, Operation], done: Operation, moment: Moment) -> frozenset[str]:
    """Who was there before a step and not after it, but for those who have ended properly."""
    gone = before.keys() - moment.next.keys() - moment.outside.keys()
    if done.verb in ("end", "feed"):
        gone -= {task for task in gone if task == done.task or task.startswith(f"{done.task}/")}
    return frozenset(gone)


class Clocks:
    """The steps of a run, and their clocks; what is taken back is forgotten."""

    def __init__(self) -> None:
        """No step was taken."""
        self.events: list[Event] = []
        self._lists: dict[tuple[str, ...], list[int]] = {}
        """Numbers of steps: by task, by object, of those with whom somebody has gone; and by
        queue those that have put, written, got and found room."""
        self._entered: list[list[list[int]]] = []
        """By step: the lists that have it at their end."""

    def past(self, task: str) -> Clock:
        """What came before whatever a task does next, by its own steps and its start."""
        own = self._lists.get(("task", task))
        if own:
            number = own[-1]
            return {**self.events[number].clock, task: number}
        starts = self._lists.get(("start", task), [])
        return self._joined([starts[-1]], {}) if starts else {}

    def related(self, event: Event) -> Iterator[int]:
        """Numbers of the steps that may be dependent on one that comes now, from the last on."""
        if event.gone or event.operation.kind == "process":
            yield from reversed(range(len(self.events)))
            return
        keys = [_ENDS, *(("thing", thing) for thing in touched(event.operation))]
        numbers = {number for key in keys for number in self._lists.get(key, [])}
        yield from sorted(numbers, reverse=True)

    def add(
        self, operation: Operation, choice: Choice, gone: frozenset[str], places: Mapping[str, int]
    ) -> None:
        """Note a step. ``places``: of each queue with a bound, how many items have room."""
        event = Event(operation, choice.outcome, gone)
        past = self.past(event.task)
        if operation.verb == "join" and not operation.timed:
            # Whatever the order, the process has ended before.
            past = self._joined(self._lists.get(("task", operation.target), [])[-1:], past)
        clock = self._joined(self._before(event, places), past)
        number = len(self.events)
        self.events.append(Event(operation, choice.outcome, gone, past, clock))
        keys: list[tuple[str, ...]] = [("task", event.task)]
        keys += [("thing", thing) for thing in touched(operation)]
        keys += [("start", operation.target)] * (operation.verb == "start")
        keys += [_ENDS] * (operation.verb == "end" or bool(gone))
        lists = [self._lists.setdefault(key, []) for key in [*keys, *self._handed(event, places)]]
        for each in lists:
            each.append(number)
        self._entered.append(lists)

    def take_back(self, number: int) -> None:
        """Forget all steps from this number on."""
        del self.events[number:]
        for lists in self._entered[number:]:
            for each in lists:
                each.pop()
        del self._entered[number:]

    def _joined(self, numbers: Iterable[int], past: Clock) -> dict[str, int]:
        clock = dict(past)
        for number in numbers:
            event = self.events[number]
            if clock.get(event.task, -1) < number:
                for task, last in event.clock.items():
                    clock[task] = max(clock.get(task, -1), last)
                clock[event.task] = number
        return clock

    def _before(self, event: Event, places: Mapping[str, int]) -> Iterator[int]:
        for number in self.related(event):
            other = self.events[number]
            if other.task != event.task and (
                dependent(other, event, places) or enables(other.operation, event.operation)
            ):
                yield number
        yield from self._handed_to(event, places)

    # What is handed on in queues, one by one and in order: an item to the thread that writes it
    # into the pipe, from there to whoever gets it, and its place to whoever puts the next one.

    def _handed(self, event: Event, places: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
        """The lists in which a step is that hands something on, or takes it."""
        operation = event.operation
        queue, process = operation.target, process_of(operation.task)
        if event.outcome != "go":
            return
        if operation.verb == "put" and self._has_room(queue, places):
            yield "put", queue
            yield "put", queue, process
        elif operation.verb == "feed":
            yield "fed", queue
            yield "fed", queue, process
        elif operation.verb == "get" and self._count("got", queue) < self._count("fed", queue):
            yield "got", queue

    def _handed_to(self, event: Event, places: Mapping[str, int]) -> Iterator[int]:
        """The step from which this one has what it needs."""
        operation = event.operation
        queue, process = operation.target, process_of(operation.task)
        if operation.verb == "feed":
            yield from self._at(self._count("fed", queue, process), "put", queue, process)
        elif operation.verb == "get" and event.outcome == "go":
            yield from self._at(self._count("got", queue), "fed", queue)
        elif operation.verb == "put" and queue in places:
            yield from self._at(self._count("put", queue) - places[queue], "got", queue)

    def _has_room(self, queue: str, places: Mapping[str, int]) -> bool:
        there = self._count("put", queue) - self._count("got", queue)
        return queue not in places or there < places[queue]

    def _count(self, *key: str) -> int:
        return len(self._lists.get(key, []))

    def _at(self, place: int, *key: str) -> list[int]:
        return self._lists.get(key, [])[place : place + 1] if place >= 0 else []


_ENDS: tuple[str, ...] = ("ends",)
