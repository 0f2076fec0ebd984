"""A wait: what a thread of an observed process waits for, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.lane import Activity

MOST_WAITS = 1 << 15
"""Maximum number of threads of a process whose waits are kept: more than a system allows."""


@dataclass(slots=True)
class Wait:
    """What a thread of an observed process waits for."""

    what: str
    """One word that a primitive registers: lock, put, get, process, results …"""
    object: str
    """The id of the object waited for; for a process its key."""
    since: int
    """Nanoseconds."""
    activity: Activity
    site: int = 0
    until: int = -1
    """When it times out, nanoseconds; -1 for never."""
    turn: bool = False
    """It is this thread's turn: all others wait until it has what it waits for."""
    begun: int = -1
    """When a part of an item had come without the rest, nanoseconds; -1 for no such news."""
    own: bool = False
    """It is for all waiters of an object to wake, and one of these is this thread: it has come here
    from a signal handler that interrupted its own wait for the object."""
