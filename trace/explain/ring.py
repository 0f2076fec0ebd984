"""A ring of waits in words: what each thread holds, what it waits for, and in which lines."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.explain.chains import Link
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import waits_in_words

MOST_TOLD = 3
"""Number of waits that are all told; of a longer ring, the first and the last."""


def ring_in_words(state: RunState, ring: Sequence[Link]) -> str:
    """What each one holds and waits for; each waits for the next, and the last for the first.

    "anna holds locks[0] (shop.py:8) and waits for locks[1] (:10); bert holds …". A place in the
    file that was named last is told by its line alone.
    """
    places = _Places(state)
    told = list(range(len(ring))) if len(ring) <= MOST_TOLD else [0, len(ring) - 1]
    words = [_link_in_words(state, ring[index - 1], ring[index], places) for index in told]
    return "; and so on, until ".join(words) if len(told) < len(ring) else "; ".join(words)


class _Places:
    """Places in parentheses, each file named once as long as no other comes between."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._file = ""

    def words(self, site: int) -> str:
        place = self._state.place(site)
        if not place:
            return ""
        file, _, line = place.rpartition(":")
        told = place if file != self._file else f":{line}"
        self._file = file
        return f" ({told})"


def _link_in_words(state: RunState, before: Link, link: Link, places: _Places) -> str:
    """What this one holds, for which the one before it waits, and what it waits for itself."""
    words = described(link.process)
    kept = before.unblockers.held if before.unblockers is not None else ""
    if before.unblockers is not None and kept:
        words += f" holds {kept}{places.words(before.unblockers.taken_at)} and"
    if link.wait is None:
        return words
    wanted = link.unblockers.held if link.unblockers is not None else ""
    if not wanted:
        waits = waits_in_words(state, link.wait)
    else:
        waits = "waits for " + ("it" if before is link else wanted)
    return f"{words} {waits}{places.words(link.wait.site)}"
