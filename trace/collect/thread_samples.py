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

LEAST_NANOSECONDS = 1_000_000
"""A thread whose times have grown by less is not told: helpers of a pool wake ten times a second
for 50 microseconds."""


@dataclass
class KnownThreads:
    """What was last read and told of the threads of a process."""

    used: dict[int, int] = field(default_factory=dict)
    """Nanoseconds that each had a core; as many threads as the sampler asks about."""
    waited: dict[int, int] = field(default_factory=dict)
    """Nanoseconds that each was ready but had none."""
    times_told: dict[int, int] = field(default_factory=dict)
    """The sum of both that was last told of each."""
    told: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    is_stale: bool = False
    """Whether the process has run since its threads were told."""
    due: float = 0.0

    def news_of_times(self, pid: int) -> list[tuple[int, int, int]]:
        """The times of each thread that has run since they were told; none for the main one alone.

        To be called before :meth:`news`.
        """
        if not self.is_stale or len(self.used) < 2:
            return []
        grown = []
        for thread, had in self.used.items():
            lacked = self.waited.get(thread, 0)
            if had + lacked - self.times_told.get(thread, 0) >= LEAST_NANOSECONDS:
                grown.append((thread, had, lacked))
        if all(thread == pid for thread, _, _ in grown):
            return []
        self.times_told = {
            thread: told for thread, told in self.times_told.items() if thread in self.used
        }
        self.times_told.update({thread: had + lacked for thread, had, lacked in grown})
        return grown

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
