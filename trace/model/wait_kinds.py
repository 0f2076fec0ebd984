"""The kinds of waits, from all primitives."""

from __future__ import annotations

from mpviz.trace.model.primitive import WaitKind
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState

WAIT_KINDS: dict[str, WaitKind] = {
    word: kind for primitive in PRIMITIVES for word, kind in primitive.waits.items()
}


def wait_in_words(state: RunState, wait: Wait) -> str:
    """What is waited for, and who could end the wait: "lock counter, held by Process-2"."""
    return WAIT_KINDS[wait.what].words(state, wait)


def waits_in_words(state: RunState, wait: Wait) -> str:
    """The same with the verb: "waits for lock counter, held by …", "waits to join …"."""
    return "waits " + behind_waits(wait_in_words(state, wait))


def behind_waits(words: str) -> str:
    """What is waited for, as it follows the verb: "for lock counter", "to join Process-2"."""
    return f"to {words}" if words.startswith("join ") else f"for {words}"
