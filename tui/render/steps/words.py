"""What a task does, in words: a phrase for the list of who can go, a word or two for a lane."""

from __future__ import annotations

from collections.abc import Mapping

from mpviz.trace.stepping.steps import Moment, Operation, Step
from mpviz.tui.render.steps.cast import name_of

PHRASES: Mapping[str, str] = {
    "acquire": "acquires {target}",
    "release": "releases {target}",
    "read": "reads {target}",
    "write": "writes{detail} to {target}",
    "put": "puts{detail} into {target}",
    "feed": "writes{detail} into the pipe of {target}",
    "get": "gets an item from {target}",
    "empty": "asks whether {target} is empty",
    "full": "asks whether {target} is full",
    "qsize": "asks how many items are in {target}",
    "send": "sends{detail} through {target}",
    "recv": "receives from {target}",
    "poll": "asks whether {target} has something",
    "set": "sets {target}",
    "clear": "clears {target}",
    "is_set": "asks whether {target} is set",
    "wait": "waits for {target}",
    "wake": "wakes up in {target}",
    "notify": "notifies {target}",
    "arrive": "arrives at {target}",
    "start": "starts {target}",
    "join": "joins {target}",
    "begin": "begins",
    "end": "ends",
    "sleep": "sleeps{detail}",
    "drain": "waits until its items are in the pipe of {target}",
    "pass": "goes on at {target}",
    "submit": "submits{detail} to {target}",
    "take": "takes a task of {target}",
    "give": "gives a result back to {target}",
    "call": "calls{detail} of {target}",
}
"""By the verb; any other verb is said as it is."""

SHORT: Mapping[str, str] = {"feed": "into pipe", "arrive": "arrive", "empty": "empty?"}
"""The verb in a lane, where it is not the verb itself."""

YES_OR_NO: Mapping[str, str] = {"True": "yes", "False": "no"}

QUIET = frozenset({"begin", "end", "start", "join", "sleep", "drain"})
"""What no other task can see, or stop: it goes by itself, unless each step is asked for."""


def phrase(operation: Operation, moment: Moment) -> str:
    """What a task is about to do, as the end of a sentence: "writes 1 to counter"."""
    detail = f" {operation.detail}" if operation.detail else ""
    form = PHRASES.get(operation.verb, "{verb} {target}")
    target = name_of(moment, operation.target) if operation.target else ""
    return form.format(verb=operation.verb, target=target, detail=detail).strip()


def label(step: Step) -> str:
    """What a step was, for its column: "read 0", "acquire", "acquire: no"."""
    operation = step.operation
    verb = SHORT.get(operation.verb, operation.verb)
    if step.choice.outcome == "timeout":
        return f"{verb}: time-out"
    said = YES_OR_NO.get(step.result, step.result) or operation.detail
    if operation.verb in ("read", "write", "get", "put", "send", "recv", "feed"):
        return f"{verb} {said}".rstrip()
    return f"{verb}: {said}" if said and operation.verb not in QUIET else verb


def is_quiet(operation: Operation) -> bool:
    """Whether it makes no difference to the others when this is done."""
    return operation.verb in QUIET
