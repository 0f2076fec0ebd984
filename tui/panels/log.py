"""The event log: what a person would want to be told, or every record as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from mpviz.trace.events import Event, Site
from mpviz.trace.processes import described, signal_name
from mpviz.trace.state import LogEntry, Process, RunState
from mpviz.tui.listing import from_bottom
from mpviz.tui.panels.panel import Panel
from mpviz.tui.rows import Part, Row, finished, right, row, selected
from mpviz.tui.signs import mark, matches, tag
from mpviz.tui.timeline import object_name
from mpviz.tui.view import View
from mpviz.tui.words import plural

TIME_WIDTH = 10
WIDEST_TAG = 6
_COMMON = frozenset({"time", "pid", "number", "thread", "dropped"})


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The newest at the bottom."""
    if view.all_events:
        rows = _records(state, view, width, height)
    else:
        rows = _sentences(state, view, width, height)
    if not rows:
        words = "nothing matches the filter" if view.filter else "nothing to tell yet"
        rows = [row((words, "dim"))]
    return finished(rows, width, height, view.ascii)


def _sentences(state: RunState, view: View, width: int, height: int) -> list[Row]:
    entries: Sequence[LogEntry] = state.log
    if view.filter:
        entries = [
            entry
            for entry in state.log
            if matches(view, entry.text, _name(state.processes.get(entry.process)))
        ]
    return _listed(
        state, view, height, len(entries), lambda index: _entry(state, view, entries[index], width)
    )


def _records(state: RunState, view: View, width: int, height: int) -> list[Row]:
    records: Sequence[Event] = state.recent
    if view.filter:
        records = [
            event
            for event in state.recent
            if matches(view, in_words(state, event), _name(state.by_pid.get(event.pid)))
        ]
    return _listed(
        state, view, height, len(records), lambda index: _record(state, view, records[index], width)
    )


def _listed(
    state: RunState, view: View, height: int, number: int, make: Callable[[int], Row]
) -> list[Row]:
    return from_bottom(number, height, view.scroll.get("log", 0), make)


def _name(process: Process | None) -> str:
    return described(process) if process is not None else ""


def _entry(state: RunState, view: View, entry: LogEntry, width: int) -> Row:
    process = state.processes.get(entry.process)
    text = f"{_name(process)} {entry.text}" if process else entry.text
    style = "trouble" if entry.trouble else ""
    sign = "!" if entry.trouble else " "
    return _line(state, view, (entry.time, process), [(sign + " ", style), (text, style)], width)


def _record(state: RunState, view: View, event: Event, width: int) -> Row:
    process = state.by_pid.get(event.pid)
    if process is None and state.warden is not None and event.pid == state.warden.pid:
        name = "warden"
    else:
        name = _name(process) or (f"pid {event.pid}" if event.pid else "mpviz")
    text = in_words(state, event)
    kind, _, rest = text.partition(" ")
    parts: list[Part] = [(name + " ", ""), (kind, "title"), (" " + rest, "dim")]
    return _line(state, view, (event.time, process), parts, width)


def _line(
    state: RunState,
    view: View,
    speaker: tuple[int, Process | None],
    parts: list[Part],
    width: int,
) -> Row:
    """Time, mark and what is said, cut to the row."""
    time, process = speaker
    tags = min(WIDEST_TAG, max((len(tag(each)) for each in state.processes.values()), default=1))
    seconds = right(f"{max(0, time - state.origin) / 1e9:.4f}", TIME_WIDTH)
    sign = mark(process, tags) if process is not None else ((" " * (tags + 1), ""),)
    whole: list[Part] = [(seconds + " ", "dim"), *sign, (" ", "")]
    whole += [(text[: 2 * width], style) for text, style in parts]
    chosen = process is not None and process.key == view.selected
    key = process.key if process is not None else ""
    return Row(selected(whole, width) if chosen else tuple(whole), key)


def in_words(state: RunState, event: Event) -> str:
    """A record in readable form: ``lock.acquired counter``; ids become names, empty fields go."""
    return " ".join([_kind(type(event)), *_fields_in_words(state, event)])


@cache
def _kind(kind: type[Event]) -> str:
    return str(kind.__struct_config__.tag)


@cache
def _field_names(kind: type[Event]) -> tuple[str, ...]:
    names = [field.name for field in msgspec.structs.fields(kind) if field.name not in _COMMON]
    return tuple(sorted(names, key=lambda name: name != "object"))


def _fields_in_words(state: RunState, event: Event) -> Iterator[str]:
    for name in _field_names(type(event)):
        content = getattr(event, name)
        if content is None or content is False or content in ("", []):
            continue
        if name == "site" and not content:
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
    process = state.by_pid.get(int(pid)) if pid.isdigit() else None
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
    draw=draw,
    wanted_height=wanted_height,
)
