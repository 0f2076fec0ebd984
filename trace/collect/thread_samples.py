"""What samples tell of the threads of a process: all of them, whenever others have come, or gone.

Each costs two readings, so their CPU time and status are told once a second, and only of a process
that has run since.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mpviz.trace.model.events import ThreadSample
from mpviz.trace.model.text import clean
from mpviz.trace.system import kernel

THREADS_SECONDS = 1.0
"""Seconds between two readings of threads that have run."""


@dataclass
class KnownThreads:
    """What was last read and told of the threads of a process."""

    used: dict[int, int] = field(default_factory=dict)
    """Nanoseconds that each had a core; as many threads as the sampler asks about."""
    told: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    is_stale: bool = False
    """Whether the process has run since its threads were told."""
    due: float = 0.0

    def news(self, pid: int, now: float) -> list[ThreadSample]:
        """What there is to tell of its threads, at this time in seconds; mostly nothing."""
        if not self.is_stale or (now < self.due and self.used.keys() == self.told):
            return []
        self.is_stale, self.due = False, now + THREADS_SECONDS
        self.told = set(self.used)
        if self.told == {pid}:
            return []
        named, self.named = self.named, self.told
        return [
            ThreadSample(
                number=thread,
                cpu_seconds=nanoseconds / 1e9,
                status=kernel.read_thread_status(pid, thread),
                name="" if thread in named else clean(kernel.read_thread_name(pid, thread)),
            )
            for thread, nanoseconds in self.used.items()
        ]
