"""Sending a signal to a process and to no other, even when its pid has been reused."""

from __future__ import annotations

import os
from collections.abc import Collection

from mpviz.trace.system import kernel


def send_signal(
    pid: int,
    started: int,
    number: int,
    *,
    below: Collection[tuple[int, int]] | None = None,
) -> bool:
    """Signal the process that has this pid and started at this clock tick since boot.

    True if it was there to get the signal (also a zombie, to which nothing happens). False if it is
    gone, or is no descendant of a process in ``below``, each a pid and its start time.
    :class:`PermissionError` if it belongs to another user, :class:`ValueError` for a number that is
    no signal.
    """
    if not 0 <= number <= 64:
        raise ValueError(f"{number} is not the number of a signal")
    descriptor = kernel.open_process(pid, started)
    if descriptor is None:
        return False
    try:
        if below is not None and not kernel.is_below(pid, below):
            return False
        return kernel.signal_process(descriptor, number)
    finally:
        os.close(descriptor)
