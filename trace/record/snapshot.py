"""Snapshots: copies of a RunState that the fold does not touch any more.

Objects that never change (spans, events, ended tasks, …) are shared with the original. So a
snapshot of a long run takes milliseconds; a copy of everything took half a second.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from mpviz.trace.model.lane import Activity, Span
from mpviz.trace.model.passes import Pass
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.primitives.value_updates import Update
from mpviz.trace.model.state import CoreUse, LogEntry, OutputLine, RunState, Table

_FINISHED = frozenset(
    {int, float, str, bool, type(None), Activity, Span, CoreUse, LogEntry, Pass, Update}
)
"""Types whose objects never change."""

_MAY_CHANGE: dict[type, Callable[[Any], bool]] = {
    Task: lambda task: task.outcome == "running",
    OutputLine: lambda line: not line.ended or bool(line.pid),
}
"""Types with very many objects, and which of these may still change."""


def snapshot(state: RunState) -> RunState:
    """A copy of the state as it is now."""
    copied: RunState = _copy(state, {})
    return copied


def _copy(value: Any, known: dict[int, Any]) -> Any:
    """A copy; ``known`` has each copy by the id of its original, so that one object stays one."""
    kind = type(value)
    if kind in _FINISHED or (kind in _MAY_CHANGE and not _MAY_CHANGE[kind](value)):
        return value
    if kind is dict or kind is Table:
        copies = {key: _copy(each, known) for key, each in value.items()}
        return copies if kind is dict else value.with_same_name(copies)
    if kind in (list, deque):
        return _copy_of_sequence(value, known)
    if kind is tuple:
        return tuple([_copy(each, known) for each in value])
    if kind is array:
        return value[:]
    return value.copy() if kind is set else _copy_of_object(value, kind, known)


def _copy_of_sequence(value: Any, known: dict[int, Any]) -> Any:
    """A copy of a list or deque, whose items are all of one type."""
    if not value or type(value[0]) in _FINISHED:
        return value.copy()
    copies = [_copy(each, known) for each in value]
    return deque(copies, value.maxlen) if isinstance(value, deque) else copies


def _copy_of_object(value: Any, kind: type, known: dict[int, Any]) -> Any:
    """A copy of an object of a data class that may change; all others never change."""
    names = _fields(kind)
    if not names:
        return value
    result = known.get(id(value))
    if result is None:
        result = known[id(value)] = object.__new__(kind)
        for name in names:
            setattr(result, name, _copy(getattr(value, name), known))
    return result


@cache
def _fields(kind: type) -> tuple[str, ...]:
    """The fields of a data class that is not frozen; none for any other type."""
    # No stub has the parameters of a data class.
    if not is_dataclass(kind) or kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return ()
    return tuple([field.name for field in fields(kind)])
