"""What passed between processes: who ended the latest waits of others, and by what."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import NamedTuple, TypeAlias

MOST_PASSES = 4_000
"""Number of ended waits that are kept: the latest ones."""


APART = 100_000
"""Minimum nanoseconds between two waits for a lock that are kept."""


class Pass(NamedTuple):
    """A wait that has ended, and who ended it."""

    time: int
    """When it ended, nanoseconds."""
    to: str
    """Key of the process that waited."""
    by: str
    """Key of the process that ended the wait."""
    did: str
    """What that process did, in words that follow its name: "released it"."""


new_pass = partial(tuple.__new__, Pass)
"""Takes half as long as ``Pass(...)``; a program may wait a million times."""

Passes: TypeAlias = "deque[Pass]"
"""Those that are kept, the latest last."""


def no_passes() -> Passes:
    """None yet."""
    return deque(maxlen=MOST_PASSES)
