"""The event log: what a person would want to be told, or all that came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from mpviz.trace.model.events import Event, Site
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.names import object_name
from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import LogEntry, RunState
from mpviz.tui.panels.listing import Listing
from mpviz.tui.panels.tail_panel import Said, tagged, tail_panel
from mpviz.tui.render.rows import Part, right
from mpviz.tui.render.view import View

TIME_WIDTH = 10
_COMMON = frozenset({"time", "pid", "number", "thread", "dropped"})


def _items(state: RunState, view: View) -> Sequence[LogEntry | Event]:
    return list(state.recent) if view.all_events else state.log


def _words(state: RunState, item: LogEntry | Event) -> tuple[str, str]:
    if isinstance(item, LogEntry):
        return item.text, _name(state.processes.get(item.process))
    return in_words(state, item), _name(state.by_pid.get(item.pid))


LISTING = Listing[LogEntry | Event](items=_items, words=_words)


def _name(process: Process | None) -> str:
    return described(process) if process is not None else ""


def _say(state: RunState, item: LogEntry | Event, tags: int) -> Said:
    """Time, mark, and what there is to say."""
    process, parts = _entry(state, item) if isinstance(item, LogEntry) else _record(state, item)
    seconds = right(f"{max(0, item.time - state.origin) / 1e9:.4f}", TIME_WIDTH)
    said: list[Part] = [(seconds + " ", "dim"), *tagged(process, tags), (" ", ""), *parts]
    return said, process.key if process is not None else ""


def _entry(state: RunState, entry: LogEntry) -> tuple[Process | None, list[Part]]:
    process = state.processes.get(entry.process)
    text = f"{_name(process)} {entry.text}" if process else entry.text
    style, sign = ("trouble", "! ") if entry.trouble else ("", "  ")
    return process, [(sign, style), (text, style)]


def _record(state: RunState, event: Event) -> tuple[Process | None, list[Part]]:
    process = state.by_pid.get(event.pid)
    if process is None and state.supervisor is not None and event.pid == state.supervisor.pid:
        name = "supervisor"
    else:
        name = _name(process) or (f"pid {event.pid}" if event.pid else "mpviz")
    kind, _, rest = in_words(state, event).partition(" ")
    return process, [(name + " ", ""), (kind, "title"), (" " + rest, "dim")]


def in_words(state: RunState, event: Event) -> str:
    """A record in readable form: ``lock.acquired counter``; ids become names, empty fields go."""
    return " ".join([_kind(type(event)), *_fields_in_words(state, event)])


@cache
def _kind(kind: type[Event]) -> str:
    return str(kind.__struct_config__.tag)


@cache
def _fields(kind: type[Event]) -> tuple[tuple[str, Any], ...]:
    """The names of its own fields, and what each is where nothing is told of it."""
    own = [
        (field.name, field.default)
        for field in msgspec.structs.fields(kind)
        if field.name not in _COMMON
    ]
    return tuple(sorted(own, key=lambda field: (field[0] == "site") - (field[0] == "object")))


def _fields_in_words(state: RunState, event: Event) -> Iterator[str]:
    for name, default in _fields(type(event)):
        content = getattr(event, name)
        if content is None or content is False or content in ("", []) or content == default:
            continue
        yield _field_in_words(state, event, name, content)


def _field_in_words(state: RunState, event: Event, name: str, content: Any) -> str:
    if name == "object":
        return object_name(state, content) or _process_name(state, content) or str(content)
    if name in ("child", "parent"):
        return f"{name}={_process_name(state, str(content)) or content}"
    if name == "site" and not isinstance(event, Site):
        return f"at {state.place(content) or content}"
    return signal_name(content) if name == "signal" else _content_in_words(name, content)


def _content_in_words(name: str, content: Any) -> str:
    if isinstance(content, list) and content and isinstance(content[0], msgspec.Struct):
        # What is in each would fill a screen, and has a panel.
        return f"{len(content)} {name}"
    return f"{name}={content:.6g}" if isinstance(content, float) else f"{name}={content}"


def _process_name(state: RunState, pid: str) -> str:
    process = state.by_pid.get(int(pid)) if pid.isdecimal() else None
    return described(process) if process is not None and process.name else ""


def title(state: RunState, view: View) -> str:
    """How many events there are."""
    if view.all_events:
        return f"log, every event: {plural(state.records, 'event')}"
    trouble = sum(entry.trouble for entry in state.log)
    words = f"log, {plural(state.log_entries, 'event')}" if state.log_entries else "log"
    return words + (f", {trouble} in red" if trouble else "")


PANEL = tail_panel(
    "log",
    title=title,
    help=(
        "What happened, with the seconds since the start of the run: starts, ends, signals, "
        "jobs, and in red with a ! what went wrong. Switched to every event, it shows what the "
        "processes tell mpviz, as it came, the last of them at the bottom."
    ),
    thing="event",
    nothing="nothing to tell yet",
    listing=LISTING,
    say=_say,
    text=lambda state, item: " ".join(reversed(_words(state, item))),
    so_far=lambda state, view: state.records if view.all_events else state.log_entries,
)
