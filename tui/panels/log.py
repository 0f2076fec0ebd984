"""The event log: what a person would want to be told, or every record as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from mpviz.trace.model.events import Event, Site
from mpviz.trace.model.names import object_name
from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import LogEntry, RunState
from mpviz.tui.panels.listing import Listing, from_bottom, is_found, scrolled_back
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import plural
from mpviz.tui.render.glyphs import mark, tag
from mpviz.tui.render.rows import Part, Row, right, selected
from mpviz.tui.render.view import View

TIME_WIDTH = 10
WIDEST_TAG = 6
_COMMON = frozenset({"time", "pid", "number", "thread", "dropped"})


Said = tuple[int, "Process | None", list[Part]]
"""When, who, and what there is to say."""


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The newest at the bottom."""
    tags = min(WIDEST_TAG, max((len(tag(each)) for each in state.processes.values()), default=1))
    entries = LISTING.listed(state, view, "log")
    say: Callable[[RunState, Any], Said] = _record if view.all_events else _entry
    told = _told(state, view)

    def make(index: int) -> Row:
        found = is_found(view, "log", told, len(entries), index)
        return _line(state, view, say(state, entries[index]), tags, width, found)

    return from_bottom(len(entries), height, scrolled_back(view, "log", told), make)


def _told(state: RunState, view: View) -> int:
    """How many entries or records there have been; filtered, how many there are."""
    if view.filter:
        return len(LISTING.listed(state, view, "log"))
    return state.records if view.all_events else state.log_entries


def _items(state: RunState, view: View) -> Sequence[LogEntry | Event]:
    if view.all_events:
        return list(state.recent)
    return state.log


def _words(state: RunState, item: LogEntry | Event) -> tuple[str, str]:
    if isinstance(item, LogEntry):
        return item.text, _name(state.processes.get(item.process))
    return in_words(state, item), _name(state.by_pid.get(item.pid))


LISTING = Listing[LogEntry | Event](items=_items, words=_words)


def _lines(state: RunState, view: View) -> list[str]:
    listed = LISTING.listed(state, view, "log")
    return [" ".join(reversed(_words(state, item))) for item in listed]


def _name(process: Process | None) -> str:
    return described(process) if process is not None else ""


def _entry(state: RunState, entry: LogEntry) -> Said:
    process = state.processes.get(entry.process)
    text = f"{_name(process)} {entry.text}" if process else entry.text
    style = "trouble" if entry.trouble else ""
    sign = "!" if entry.trouble else " "
    return entry.time, process, [(sign + " ", style), (text, style)]


def _record(state: RunState, event: Event) -> Said:
    process = state.by_pid.get(event.pid)
    if process is None and state.supervisor is not None and event.pid == state.supervisor.pid:
        name = "supervisor"
    else:
        name = _name(process) or (f"pid {event.pid}" if event.pid else "mpviz")
    kind, _, rest = in_words(state, event).partition(" ")
    return event.time, process, [(name + " ", ""), (kind, "title"), (" " + rest, "dim")]


def _line(  # noqa: PLR0917
    state: RunState, view: View, said: Said, tags: int, width: int, found: bool
) -> Row:
    """Time, mark and what is said, cut to the row."""
    time, process, parts = said
    seconds = right(f"{max(0, time - state.origin) / 1e9:.4f}", TIME_WIDTH)
    sign = mark(process, tags) if process is not None else ((" " * (tags + 1), ""),)
    whole: list[Part] = [(seconds + " ", "dim"), *sign, (" ", "")]
    whole += [(text[: 2 * width], style) for text, style in parts]
    chosen = found or (process is not None and process.key == view.selected)
    key = process.key if process is not None else ""
    return Row(selected(whole, width) if chosen else tuple(whole), key)


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
    if name == "signal":
        return signal_name(content)
    if isinstance(content, float):
        return f"{name}={content:.6g}"
    return f"{name}={content}"


def _process_name(state: RunState, pid: str) -> str:
    process = state.by_pid.get(int(pid)) if pid.isdecimal() else None
    return described(process) if process is not None and process.name else ""


def title(state: RunState, view: View) -> str:
    """How many entries or records there are."""
    if view.all_events:
        return f"log, every record: {plural(state.records, 'record')}"
    trouble = sum(entry.trouble for entry in state.log)
    words = f"log, {plural(state.log_entries, 'entry', 'entries')}" if state.log_entries else "log"
    return words + (f", {trouble} in red" if trouble else "")


def wanted_height(state: RunState, view: View) -> int:
    """As many rows as there are entries, within reason."""
    return max(3, min(40, len(state.recent if view.all_events else state.log)))


PANEL = Panel(
    name="log",
    title=title,
    help=(
        "What happened, with the seconds since the start of the run: starts, ends, signals, "
        "jobs, and in red with a ! what went wrong. Switched to every record, it shows what the "
        "processes tell mpviz, as it came, the last of them at the bottom."
    ),
    body=draw,
    thing="event",
    nothing="nothing to tell yet",
    listing=LISTING,
    told=_told,
    lines=_lines,
    length=lambda state, view: len(LISTING.listed(state, view, "log")),
    wanted_height=wanted_height,
)
