"""What a stepped run and those who choose its order tell each other: operations, choices, steps."""

from __future__ import annotations

import msgspec


class Operation(msgspec.Struct, frozen=True):
    """What a task is about to do."""

    task: str
    """"main", "main.1" for the first child that it started, "main/feeder-main:queue1" …"""
    verb: str
    """acquire release read write put feed get empty set clear wait start join end begin sleep …"""
    target: str
    """Id of the object, as "main:lock1" for the first lock that main made, or of a task."""
    kind: str
    """lock semaphore value queue condition event barrier process time"""
    site: str = ""
    """The program's own line: "bank.py:12"."""
    blocking: bool = True
    """False for what is always possible: the answer may be no."""
    timed: bool = False
    """It has a time-out, so that "times out" is a choice beside "goes on"."""
    detail: str = ""
    """A value to be written, an item, a time: short, and cleaned."""
    element: str = ""
    """Of an array: the index or slice that is read or written, as it was written."""
    line: str = ""
    """The source line, stripped and cleaned."""
    lock: str = ""
    """Of a value: the id of the lock that reading and writing it takes."""
    file: str = ""
    """The whole path."""
    lineno: int = 0


class Choice(msgspec.Struct, frozen=True):
    """Who goes next, and how."""

    task: str
    outcome: str = "go"
    """Or "timeout"."""


class Step(msgspec.Struct, frozen=True):
    """What happened."""

    choice: Choice
    operation: Operation
    result: str = ""
    """What it came to: the value that was read, "no", "timed out"; often empty."""


class Held(msgspec.Struct, frozen=True):
    """A shared object now."""

    kind: str
    words: str = ""
    """"free", "held by adder-1", "2 items: 3, 4", a value …"""
    holders: tuple[str, ...] = ()
    """Ids of the tasks that hold it."""
    free: int = 0
    """How many could have it at once, each without waiting for another: of a lock 1 if nobody has
    it, of a queue its items, of an event 1 if it is set."""
    places: int = 0
    """Of a queue: how many items have room; 0 for no bound."""


class End(msgspec.Struct, frozen=True):
    """How the program has ended."""

    status: int = 0
    error: str = ""
    """The last line that it wrote to stderr, if it or one of its processes failed."""
    failed: dict[str, int] = {}
    """Exit codes of its other processes, by task, where they are not 0."""
    killed: tuple[str, ...] = ()
    """Those that went without a word, by a signal or os._exit: nothing is known of their codes."""


class Moment(msgspec.Struct, frozen=True):
    """All tasks stand, or the program has ended."""

    steps: tuple[Step, ...] = ()
    next: dict[str, Operation] = {}
    """By task at a gate: what it will do."""
    possible: tuple[Choice, ...] = ()
    """In the order of the tasks; none, although somebody is there, is a deadlock."""
    blocked: dict[str, str] = {}
    """By task that cannot go: what it waits for, in words."""
    outside: dict[str, str] = {}
    """By task that is not at a gate and sleeps: where."""
    names: dict[str, str] = {}
    """Names for people, of tasks and objects."""
    objects: dict[str, Held] = {}
    end: End | None = None

    @property
    def is_deadlock(self) -> bool:
        """Whether nobody can go though some are there, and nobody is outside who may come back."""
        return bool(self.next) and not self.possible and not self.outside


class ModelFault(Exception):
    """A step that was let go did not come back, though the model said that it could."""


class Closed(Exception):
    """The run has been ended."""
