"""Whether the order of two operations can be noticed, and what lets an operation go.

Both are about operations of different tasks. What is not known here counts as noticed, as soon as
it is about the same object: then an order more is tried, and none is missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mpviz.trace.stepping.model import process_of
from mpviz.trace.stepping.steps import Held, Operation

QUIET = frozenset(["begin", "sleep"])
"""What nobody else can notice."""


def conflict(one: Operation, other: Operation, bounded: Collection[str] = ()) -> bool:
    """Whether it can be noticed which of two came first, where both could go.

    ``bounded``: the queues that have a bound.
    """
    if one.verb in QUIET or other.verb in QUIET:
        return False
    if one.kind == "process" or other.kind == "process":
        return _about_processes(one, other) or _about_processes(other, one)
    ones, others = touched(one), touched(other)
    return any(
        not _commute(frozenset([ones[thing], others[thing]]), one, other, thing in bounded)
        for thing in ones.keys() & others.keys()
    )


def touched(operation: Operation) -> dict[str, str]:
    """The objects that an operation is about, and as what: the verb, or what it does to a lock."""
    things = {operation.target: operation.verb}
    if operation.kind == "value":
        things[operation.lock] = "use"
    if operation.kind == "condition" and operation.verb in ("wait", "wake"):
        things[operation.detail] = "release" if operation.verb == "wait" else "acquire"
    things.pop("", None)
    return things


def enables(earlier: Operation, later: Operation) -> bool:
    """Whether a step can be what another one has waited for, without being noticed otherwise.

    Of an item and of a place in a queue it is known which step they are of: see ``clocks.py``.
    """
    verbs = earlier.verb, later.verb
    if verbs == ("end", "join"):
        return earlier.task == later.target
    if verbs == ("start", "begin"):
        return earlier.target == later.task
    if verbs == ("feed", "drain"):
        return earlier.target == later.target and _same_process(earlier, later)
    return verbs in _ENABLING and earlier.target == later.target


_ENABLING = (("arrive", "pass"), ("pass", "arrive"), ("notify", "wake"))

_HANDS_ON = (("put", "feed"), ("feed", "get"), ("get", "put"))


def bears_on(one: Operation, other: Operation, bounded: Collection[str] = ()) -> bool:
    """Whether a step can change what another operation comes to, or let it go."""
    hands_on = (one.verb, other.verb) in _HANDS_ON and one.target == other.target
    return hands_on or enables(one, other) or conflict(one, other, bounded)


def must_wait(operation: Operation, objects: Mapping[str, Held]) -> bool:
    """Whether an operation certainly cannot go while the objects are like this."""
    if not operation.blocking or operation.timed:
        return False
    held = objects.get(operation.target)
    if operation.verb == "acquire":
        return held is not None and held.free == 0 and operation.task not in held.holders
    if operation.verb in ("read", "write"):
        lock = objects.get(operation.lock)
        return lock is not None and lock.free == 0 and operation.task not in lock.holders
    if operation.verb == "get" or (operation.verb == "wait" and operation.kind == "event"):
        return held is not None and held.free == 0
    return False


def _about_processes(one: Operation, other: Operation) -> bool:
    """As for any two operations, if the first is about a process."""
    if one.verb == "end":
        joins = other.verb == "join" and other.target == one.task
        # The threads of a process end with it.
        return (joins and other.timed) or _is_within(other.task, one.task)
    if one.verb == "start":
        # Their ids are numbers in the order of the starts.
        return other.verb == "start" and _same_process(one, other)
    return False


def _is_within(task: str, process: str) -> bool:
    return task.startswith(f"{process}/")


def _same_process(one: Operation, other: Operation) -> bool:
    return process_of(one.task) == process_of(other.task)


def _commute(pair: frozenset[str], one: Operation, other: Operation, is_bounded: bool) -> bool:
    """Whether two operations on one object can be swapped, if these are what they are to it."""
    if pair <= _LOOKS or pair in _COMMUTING:
        return True
    if pair <= {"wait", "is_set"}:
        return one.kind == "event"
    if pair == {"notify", "wake"}:
        return not (one.timed or other.timed)
    return one.kind == "queue" and _commute_in_queue(pair, one, other, is_bounded)


def _commute_in_queue(
    pair: frozenset[str], one: Operation, other: Operation, is_bounded: bool
) -> bool:
    by_verb = {one.verb: one, other.verb: other}
    if pair == {"put"}:
        return not is_bounded and not _same_process(one, other)
    if pair == {"put", "drain"}:
        return not _same_process(one, other)
    if pair == {"put", "get"}:
        return not is_bounded or _waits(by_verb["put"])
    if pair == {"feed", "get"}:
        return _waits(by_verb["get"])
    return not is_bounded and pair in _ABOUT_ROOM


def _waits(operation: Operation) -> bool:
    return operation.blocking and not operation.timed


_LOOKS = frozenset(["is_set", "empty", "full", "qsize", "read"])
_ABOUT_ROOM = (frozenset(["full", "put"]), frozenset(["full", "get"]))
_COMMUTING = (
    *({"use"}, {"set"}, {"clear"}, {"pass"}, {"arrive", "pass"}, {"drain"}),
    *({"put", "feed"}, {"put", "empty"}, {"feed", "full"}, {"feed", "qsize"}),
    *({"drain", verb} for verb in ("empty", "full", "qsize", "get", "feed")),
)
"""Where one hands on to the other, it is in :func:`enables` or in ``clocks.py``."""
