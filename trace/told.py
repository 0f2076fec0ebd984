"""What processes have told: events from the pipe and the socket, and records from the rings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from mpviz.trace.events import Event
from mpviz.trace.forms import RingRecord
from mpviz.trace.stretches import Stretch

Told: TypeAlias = "Event | Stretch | list[RingRecord]"
"""An event, or ring records in their order."""


def as_events(told: Iterable[Told]) -> list[Event]:
    """Give events and ring records as events, in their order."""
    events: list[Event] = []
    for each in told:
        if isinstance(each, Event):
            events.append(each)
        else:
            records = each if isinstance(each, list) else each.records()
            events += [record[1].event(record) for record in records]
    return events
