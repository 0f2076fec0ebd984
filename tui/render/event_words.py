"""What happened at an event, as the rest of a sentence that begins with who did it."""

from __future__ import annotations

from mpviz.trace.model.events import Event, Site
from mpviz.trace.model.names import object_name
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import waits_in_words

_WORDS = {
    "barrier.arrived": "arrives at {object}",
    "barrier.left": "goes on from {object}",
    "barrier.released": "lets all go on from {object}",
    "condition.notified": "notifies {object}",
    "condition.woken": "is woken at {object}",
    "event.cleared": "clears {object}",
    "event.set": "sets {object}",
    "event.waited": "goes on from {object}",
    "job.submitted": "submits {call} of {function}",
    "lock.acquired": "takes {object}",
    "lock.refused": "may not release {object}",
    "lock.released": "releases {object}",
    "manager.called": "calls {method} of {object}",
    "output": "prints: {text}",
    "pipe.received": "receives from {object}",
    "pipe.sent": "sends into {object}",
    "process.began": "begins its work",
    "process.exited": "sees that {child} has ended",
    "process.exiting": "is ending",
    "process.finished": "has done its work",
    "process.hello": "is there",
    "process.joined": "has joined {child}",
    "process.signalled": "sends a signal to {child}",
    "process.started": "starts {child}",
    "program.ended": "sees the program end",
    "program.started": "starts the program",
    "queue.done": "says that an item of {object} is done",
    "queue.got": "gets an item from {object}",
    "queue.put": "puts an item into {object}",
    "task.ended": "ends a task",
    "task.started": "begins task {index} of {function}",
    "thread.started": "starts the thread {name}",
    "value.read": "reads {value} from {object}",
    "value.written": "writes {value} to {object}",
    "wait.over": "waits no more",
}
"""By the word of a record: what its process does. Those that are made are told by their ending."""


def event_in_words(state: RunState, event: Event) -> str:
    """ "writes 3 to counter, at main.py:12"; empty if there are no words for such an event."""
    word = str(type(event).__struct_config__.tag)
    template = "makes {object}" if word.endswith(".created") else _WORDS.get(word, "")
    if word == "wait":
        return _wait_in_words(state, event)
    if not template:
        return ""
    fields = {name: getattr(event, name) for name in type(event).__struct_fields__}
    fields["object"] = object_name(state, str(fields.get("object", ""))) or "an object"
    child = state.by_pid.get(fields.get("child", -1))
    fields["child"] = described(child) if child is not None else "a process"
    return template.format(**fields) + _place(state, event)


def _wait_in_words(state: RunState, event: Event) -> str:
    process = state.by_pid.get(event.pid)
    wait = process.waits.get(event.thread) if process is not None else None
    if wait is None or wait.since != event.time:
        return "waits" + _place(state, event)
    return waits_in_words(state, wait) + _place(state, event)


def _place(state: RunState, event: Event) -> str:
    """The line, if it is told; the record of a line is no event at that line."""
    site = 0 if isinstance(event, Site) else getattr(event, "site", 0)
    place = state.place(site) if site else ""
    return f", at {place}" if place else ""
