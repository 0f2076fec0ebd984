"""Who can go: the shared objects as the steps so far have left them.

No task that can go, while some are there, is a deadlock, by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mpviz.trace.stepping.steps import Choice, Held, Operation

Name = Callable[[str], str]
"""The name of a task or an object for people, by its id."""


@dataclass
class Thing:
    """A shared object."""

    id: str
    kind: str
    count: int = 0
    """Of a lock or semaphore: how many can have it still; of a queue: its places, 0 for no bound;
    of a barrier: its parties."""
    recursive: bool = False
    holder: str = ""
    depth: int = 0
    value: str = ""
    is_set: bool = False
    waiting: list[str] = field(default_factory=list)
    """Tasks that wait in a condition, and have not been notified."""
    notified: set[str] = field(default_factory=set)
    depths: dict[str, int] = field(default_factory=dict)
    """By task that waits in a condition: how many times it had the lock, and will have it again."""
    buffered: dict[str, list[str]] = field(default_factory=dict)
    """By process: items that it has put and not yet written into the pipe."""
    piped: list[str] = field(default_factory=list)
    arrived: int = 0
    passing: int = 0
    """How many of the last round of a barrier have not gone on yet."""


@dataclass
class World:
    """All shared objects, and who has ended."""

    things: dict[str, Thing] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def thing(self, operation: Operation) -> Thing:
        """What an operation is about; one that is not known yet is new and free."""
        return self.things.setdefault(operation.target, Thing(operation.target, operation.kind, 1))


def process_of(task: str) -> str:
    """The process that a task belongs to."""
    return task.partition("/")[0]


def obstacle(world: World, operation: Operation, name: Name) -> str:
    """Why an operation cannot be done now, in words; empty if it can."""
    if not operation.blocking:
        return ""
    find = _OBSTACLES.get(operation.verb)
    return find(world, operation, name) if find is not None else ""


def _no_lock(world: World, operation: Operation, name: Name) -> str:
    thing = world.thing(operation)
    mine = thing.recursive and thing.holder == operation.task
    if mine or thing.count > 0:
        return ""
    held = f", held by {name(thing.holder)}" if thing.holder else ""
    return f"waits for {name(thing.id)}{held}"


def _no_value(world: World, operation: Operation, name: Name) -> str:
    lock = world.things.get(operation.lock)
    if lock is None or lock.count > 0 or lock.holder == operation.task:
        return ""
    return f"waits for {name(lock.id)}, held by {name(lock.holder)}"


def _no_room(world: World, operation: Operation, name: Name) -> str:
    queue = world.thing(operation)
    there = len(queue.piped) + sum(map(len, queue.buffered.values()))
    return f"waits for room in {name(queue.id)}" if 0 < queue.count <= there else ""


def _no_item(world: World, operation: Operation, name: Name) -> str:
    queue = world.thing(operation)
    return "" if queue.piped else f"waits for an item in {name(queue.id)}"


def _not_drained(world: World, operation: Operation, name: Name) -> str:
    queue = world.thing(operation)
    left = queue.buffered.get(process_of(operation.task))
    return f"waits until its items are in the pipe of {name(queue.id)}" if left else ""


def _not_ended(world: World, operation: Operation, name: Name) -> str:
    is_over = operation.target in world.ended
    return "" if is_over else f"waits for {name(operation.target)} to end"


def _not_set(world: World, operation: Operation, name: Name) -> str:
    if operation.kind != "event" or world.thing(operation).is_set:
        return ""
    return f"waits until {name(operation.target)} is set"


def _not_notified(world: World, operation: Operation, name: Name) -> str:
    condition = world.thing(operation)
    if operation.task not in condition.notified:
        return f"waits to be notified by {name(condition.id)}"
    lock = world.things.get(operation.detail)
    if lock is None or lock.count > 0:
        return ""
    return f"waits for the lock of {name(condition.id)}, held by {name(lock.holder)}"


def _not_drained_yet(world: World, operation: Operation, name: Name) -> str:
    barrier = world.thing(operation)
    return f"waits until all of the last round have left {name(barrier.id)}" * (barrier.passing > 0)


def _not_all_there(world: World, operation: Operation, name: Name) -> str:
    barrier = world.thing(operation)
    if barrier.passing > 0:
        return ""
    return f"waits at {name(barrier.id)}: {barrier.arrived} of {barrier.count} are there"


_OBSTACLES: Mapping[str, Callable[[World, Operation, Name], str]] = {
    "acquire": _no_lock,
    "read": _no_value,
    "write": _no_value,
    "put": _no_room,
    "get": _no_item,
    "drain": _not_drained,
    "join": _not_ended,
    "wait": _not_set,
    "wake": _not_notified,
    "arrive": _not_drained_yet,
    "pass": _not_all_there,
}


def who_can_go(
    world: World, pending: Mapping[str, Operation], name: Name
) -> tuple[tuple[Choice, ...], dict[str, str]]:
    """What is possible now, in the order of the tasks; and by task that is blocked, why."""
    possible, blocked = [], {}
    for task, operation in pending.items():
        why = obstacle(world, operation, name)
        if not why:
            possible.append(Choice(task))
            continue
        blocked[task] = why
        if operation.timed and not _is_notified(world, operation):
            possible.append(Choice(task, "timeout"))
    return tuple(possible), blocked


def _is_notified(world: World, operation: Operation) -> bool:
    """Whether a wait in a condition is over, so that its time cannot run out any more."""
    return operation.verb == "wake" and operation.task in world.thing(operation).notified


def apply(world: World, operation: Operation, outcome: str) -> None:
    """Change the objects as this operation does, which is being let go."""
    if outcome != "go":
        if operation.verb == "wake":
            condition = world.thing(operation)
            condition.waiting = [each for each in condition.waiting if each != operation.task]
            condition.depths.pop(operation.task, None)
        return
    act = _ACTS.get(operation.verb)
    if act is not None:
        act(world, operation)


def _take(lock: Thing, task: str) -> None:
    if lock.recursive and lock.holder == task:
        lock.depth += 1
    elif lock.count > 0:
        lock.count -= 1
        lock.holder, lock.depth = task, 1


def _give(lock: Thing) -> None:
    lock.depth -= 1
    if not lock.recursive or lock.depth <= 0:
        lock.count += 1
        lock.holder, lock.depth = "", 0


def _write(world: World, operation: Operation) -> None:
    world.thing(operation).value = operation.detail


def _put(world: World, operation: Operation) -> None:
    if not _no_room(world, operation, str):
        buffered = world.thing(operation).buffered
        buffered.setdefault(process_of(operation.task), []).append(operation.detail)


def _feed(world: World, operation: Operation) -> None:
    queue = world.thing(operation)
    items = queue.buffered.get(process_of(operation.task))
    if items:
        queue.piped.append(items.pop(0))


def _get(world: World, operation: Operation) -> None:
    queue = world.thing(operation)
    if queue.piped:
        queue.piped.pop(0)


def _set(world: World, operation: Operation) -> None:
    world.thing(operation).is_set = operation.verb == "set"


def _wait(world: World, operation: Operation) -> None:
    if operation.kind == "condition":
        condition, lock = world.thing(operation), world.things.get(operation.detail)
        condition.waiting.append(operation.task)
        if lock is not None:
            condition.depths[operation.task] = lock.depth
            lock.depth = 1
            _give(lock)


def _wake(world: World, operation: Operation) -> None:
    condition, lock = world.thing(operation), world.things[operation.detail]
    condition.notified.discard(operation.task)
    _take(lock, operation.task)
    lock.depth = condition.depths.pop(operation.task, 1)


def _notify(world: World, operation: Operation) -> None:
    condition = world.thing(operation)
    number = len(condition.waiting) if operation.detail == "all" else int(operation.detail or 1)
    condition.notified |= set(condition.waiting[:number])
    del condition.waiting[:number]


def _arrive(world: World, operation: Operation) -> None:
    barrier = world.thing(operation)
    barrier.arrived += 1
    if barrier.arrived >= barrier.count:
        barrier.passing, barrier.arrived = barrier.arrived, 0


def _pass(world: World, operation: Operation) -> None:
    world.thing(operation).passing -= 1


def _end(world: World, operation: Operation) -> None:
    world.ended.add(operation.task)


_ACTS: Mapping[str, Callable[[World, Operation], None]] = {
    "acquire": lambda world, operation: _take(world.thing(operation), operation.task),
    "release": lambda world, operation: _give(world.thing(operation)),
    "write": _write,
    "put": _put,
    "feed": _feed,
    "get": _get,
    "set": _set,
    "clear": _set,
    "wait": _wait,
    "wake": _wake,
    "notify": _notify,
    "arrive": _arrive,
    "pass": _pass,
    "end": _end,
}


def in_words(thing: Thing, name: Name) -> Held:
    """What is true of an object now."""
    holders = (thing.holder,) if thing.holder else ()
    if thing.kind == "lock" and thing.holder:
        twice = f", {thing.depth} times" if thing.depth > 1 else ""
        return Held(thing.kind, f"held by {name(thing.holder)}{twice}", holders, thing.count)
    if thing.kind == "lock":
        return Held(thing.kind, "free", free=thing.count)
    words = _WORDS[thing.kind](thing, name) if thing.kind in _WORDS else ""
    if thing.kind == "queue":
        return Held(thing.kind, words, free=len(thing.piped), places=thing.count)
    return Held(thing.kind, words, free=thing.is_set if thing.kind == "event" else thing.count)


def _of_queue(thing: Thing, name: Name) -> str:
    there, more = len(thing.piped), sum(map(len, thing.buffered.values()))
    words = "empty" if not there else f"{there} item{'s' * (there != 1)}: " + ", ".join(thing.piped)
    return words + (f"; {more} on the way" if more else "")


def _of_condition(thing: Thing, name: Name) -> str:
    return f"{', '.join(map(name, thing.waiting))} waits" if thing.waiting else "nobody waits"


_WORDS: Mapping[str, Callable[[Thing, Name], str]] = {
    "semaphore": lambda thing, name: f"{thing.count} free",
    "value": lambda thing, name: thing.value,
    "event": lambda thing, name: "set" if thing.is_set else "not set",
    "queue": _of_queue,
    "condition": _of_condition,
    "barrier": lambda thing, name: f"{thing.arrived} of {thing.count} there",
}
