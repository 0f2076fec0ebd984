"""The names of a stepped run's objects, which the records of a session tell."""

from __future__ import annotations

from typing import Any

from mpviz.trace.model.primitives.barrier import Barrier
from mpviz.trace.model.primitives.condition import Condition
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.mp_event import SharedEvent
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import RunState
from mpviz.trace.stepping.gates import Gates

NAMED = (Lock, SharedValue, Queue, Condition, Barrier, SharedEvent)
"""What has a name."""


def learn_names(gates: Gates, state: RunState) -> None:
    """Take over the names of objects that are folded by now; the others stay observed."""
    for known, observed in list(gates.observed.items()):
        for kind in NAMED:
            table: dict[str, Any] = state.table(kind)
            if observed in table:
                gates.names[known] = table[observed].name
                gates.observed.pop(known, None)
