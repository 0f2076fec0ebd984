"""Samples the machine ten times a second: the use of each core, and each observed process.

The cores come from psutil. The processes come straight from ``/proc``, one reading for each, since
psutil's ``children(recursive=True)`` and ``oneshot`` would cost ten times as much (measured). A
process that has run since the last sample costs a second reading, for its wait for a core, and one
that has fallen asleep a third, for the place of its sleep.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from mpviz.trace.collect.file_locks import FileLocks
from mpviz.trace.collect.thread_samples import KnownThreads
from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.model.events import Event, ProcessSample, Sample
from mpviz.trace.model.text import clean
from mpviz.trace.system import kernel
from mpviz.trace.system.allowance import allowed_cores, limit_of, read_throttling
from mpviz.trace.system.system_calls import meaning_of_sleep

_TITLE_SECONDS = 1.0
"""Seconds between two looks at whether a process has changed its title."""

_ASLEEP = ("S", "D", "I")

MOST_THREADS = 64
"""Maximum number of threads of a process that are asked how long they waited for a core."""

LOOKS_IN_VAIN = 20
"""Maximum number of samples in a row that ask where a process sleeps, if the kernel does not say.

Since Linux 6.12, a thread that falls asleep on a busy core may stay in that core's queue for a
while (kernel/sched/fair.c, delayed dequeue). Then the kernel does not say where it sleeps.
"""


@dataclass
class _Known:
    """What the last sample said of a process."""

    started: int
    cpu_seconds: float
    time: float
    status: str = ""
    image: int = 0
    """Changes with each exec; 0 while its command was not told."""
    command: tuple[str, ...] = ()
    """Its original command line, as far as known."""
    words: tuple[str, ...] = ()
    """Its command line when last read; this is its title if it has one."""
    read_at: float = 0.0
    read_after: float = -1.0
    """The CPU seconds that it had used at that reading; the title changes only with them."""
    main_seconds: float = -1.0
    without_core: float = -1.0
    waited: dict[int, int] = field(default_factory=dict)
    """Nanoseconds that each thread had waited for a core."""
    asleep_in: str = ""
    threads: KnownThreads = field(default_factory=KnownThreads)
    looks_in_vain: int = 0
    """Number of samples since it fell asleep to which the kernel did not say where it sleeps."""


class Sampler:
    """A thread that hands a :class:`Sample` to ``put`` every ``interval`` seconds.

    It samples the descendants of ``root_pid``, the supervisor, and goes on with those it knows
    when the supervisor itself is gone. Without ``/proc``, samples have cores only.

    ``started``: the start time of the root in clock ticks, if it is sampled as well.
    """

    def __init__(
        self,
        put: Callable[[Event], None],
        root_pid: int,
        interval: float = 0.1,
        started: int | None = None,
    ) -> None:
        self._put = put
        self._interval = interval
        self._descendants = kernel.Descendants(root_pid)
        if started is not None:
            self._descendants.known[root_pid] = started
        self._known: dict[int, _Known] = {}
        self._allowed: list[int] = []
        self._file_locks = FileLocks()
        limit = limit_of(root_pid)
        self._limited = limit.folder if limit else None
        self._throttling = (0, 0)
        self._troubles = Troubles(put)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mpviz-sampler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; may be called again."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        # The first readings are what the next ones are compared with.
        _read_cores()
        if self._limited is not None:
            self._throttling = read_throttling(self._limited) or (0, 0)
        due = time.monotonic() + self._interval
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            with self._troubles.instead_of_errors("the look at the processes"):
                sample = self._sample()
                self._put(sample)
                file_locks = self._file_locks.look(sample.processes)
                if file_locks is not None:
                    self._put(file_locks)
            # Late samples are skipped, not made up for.
            due = max(due + self._interval, time.monotonic() + self._interval / 2)

    def _sample(self) -> Sample:
        self._descendants.look()
        processes: list[ProcessSample] = []
        gone: list[int] = []
        for pid, started in list(self._descendants.known.items()):
            reading = kernel.read_status(pid)
            if reading is None or reading.started != started:
                self._descendants.forget(pid)
                if self._known.pop(pid, None):
                    gone.append(pid)
            else:
                processes.append(self._sample_process(reading))
        cores, allowed, limit = _read_cores(), self._news_of_allowed(processes), self._read_limit()
        return Sample(
            # Not from before the look: who was woken by a signal in the middle of it would seem to
            # have been at work before the signal.
            time=time.monotonic_ns(),
            pid=0,
            cores=cores,
            processes=processes,
            gone=gone,
            allowed=allowed,
            **limit,
        )

    def _news_of_allowed(self, processes: list[ProcessSample]) -> list[int]:
        """The cores that the processes may run on, if that has changed."""
        allowed = allowed_cores(process.pid for process in processes)
        if not allowed or allowed == self._allowed:
            return []
        self._allowed = allowed
        return allowed

    def _read_limit(self) -> dict[str, int]:
        """How often the limit of the program's control group has stopped it so far."""
        read = read_throttling(self._limited) if self._limited is not None else None
        if read is None:
            return {}
        periods, throttled = self._throttling
        return {"periods": max(0, read[0] - periods), "throttled": max(0, read[1] - throttled)}

    def _sample_process(self, reading: kernel.ProcessStatus) -> ProcessSample:
        cpu_seconds = _read_cpu_seconds(reading)
        now = time.monotonic()
        known = self._known.get(reading.pid)
        if known is None:
            # This is its first sample: it gets the mean since its start, to the tick.
            age = (
                time.clock_gettime(time.CLOCK_BOOTTIME) - reading.started / kernel.TICKS_PER_SECOND
            )
            known = _Known(reading.started, 0.0, now - max(age, 1 / kernel.TICKS_PER_SECOND))
            self._known[reading.pid] = known
        cpu_percent = 100 * max(0.0, cpu_seconds - known.cpu_seconds) / max(now - known.time, 1e-6)
        has_slept_on = reading.status == known.status and cpu_seconds == known.cpu_seconds
        if reading.status == "R" or not has_slept_on:
            _look_closer(known, reading)
        elif not known.asleep_in and known.looks_in_vain < LOOKS_IN_VAIN:
            _look_where_it_sleeps(known, reading)
        known.cpu_seconds, known.time, known.status = cpu_seconds, now, reading.status
        times = known.threads.news_of_times(reading.pid)
        return ProcessSample(
            pid=reading.pid,
            started=reading.started,
            parent=reading.parent,
            status=reading.status,
            cpu_percent=round(cpu_percent, 1),
            cpu_seconds=cpu_seconds,
            rss=reading.rss,
            core=reading.core,
            without_core=known.without_core,
            main_seconds=known.main_seconds,
            asleep_in=known.asleep_in,
            listed=reading.threads,
            threads=known.threads.news(reading.pid, now),
            times=times,
            **_news_of_command(known, reading, self._known.get(reading.parent)),
        )


def _look_closer(known: _Known, reading: kernel.ProcessStatus) -> None:
    """Read what changes only while a process runs: its waits for a core, and where it sleeps."""
    main = reading.pid
    threads = [main]
    if reading.threads > 1:
        # The main thread comes first, and the same ones each time.
        threads = sorted(kernel.list_threads(main))[:MOST_THREADS]
    before, known.waited = known.waited, {}
    used: dict[int, int] = {}
    for thread in threads:
        times = kernel.read_core_times(main, thread)
        if times is None:
            continue
        used[thread], known.waited[thread] = times
        more = max(0, times[1] - before.get(thread, 0))
        known.without_core = max(0.0, known.without_core) + more / 1e9
        if thread == main:
            known.main_seconds = times[0] / 1e9
    known.threads.used, known.threads.waited = used, known.waited
    known.threads.is_stale = True
    known.looks_in_vain = 0
    _look_where_it_sleeps(known, reading)


def _look_where_it_sleeps(known: _Known, reading: kernel.ProcessStatus) -> None:
    known.asleep_in = ""
    if reading.status in _ASLEEP:
        known.asleep_in = meaning_of_sleep(kernel.read_place_of_sleep(reading.pid))
        if reading.status == "D" and known.asleep_in in ("", "else"):
            # A sleep that no signal ends, "usually IO" (man 1 ps).
            known.asleep_in = "disk"
        known.looks_in_vain += not known.asleep_in


def _news_of_command(
    known: _Known, reading: kernel.ProcessStatus, parent: _Known | None
) -> dict[str, str]:
    """Command and executable, at the first sample and after an exec; and a changed title.

    A title is written over the command line (setproctitle, gunicorn, postgres). Apart from that,
    only an exec changes the command line.
    """
    if reading.status == "Z" and not known.image:
        # It ended before the first look at it, and only the kernel's name is left.
        known.image = -1
        return {"executable": clean(kernel.read_name(reading.pid))}
    if reading.image in (0, known.image):
        return _news_of_title(known, reading.pid)
    words = tuple(kernel.read_command(reading.pid))
    if not words:
        # In the middle of an exec; the next sample tells it.
        return {}
    known.image, known.command, known.words = reading.image, words, words
    news = {}
    if parent is not None and parent.image == reading.image:
        # It was forked: if its command line differs from its parent's, one of them is a title.
        known.command = parent.command
        if words not in (parent.command, tuple(kernel.read_command(reading.parent))):
            news = {"title": as_title(words)}
    elif is_padded_title(words):
        news = {"title": as_title(words)}
    return {
        "command": clean(shlex.join(known.command)),
        "executable": clean(kernel.read_executable(reading.pid)),
        **news,
    }


def _news_of_title(known: _Known, pid: int) -> dict[str, str]:
    if known.time - known.read_at < _TITLE_SECONDS or known.cpu_seconds == known.read_after:
        return {}
    known.read_at, known.read_after = known.time, known.cpu_seconds
    words = tuple(kernel.read_command(pid))
    if words in ((), known.words):
        return {}
    known.words = words
    return {} if words == known.command else {"title": as_title(words)}


def is_padded_title(words: tuple[str, ...]) -> bool:
    """Whether a command line looks like a title: one text followed only by padding."""
    return len(words) > 1 and not any(words[1:]) and " " in words[0]


def as_title(words: tuple[str, ...]) -> str:
    """A title without the padding to the length of the command line."""
    return clean(" ".join(words).strip())


def _read_cores() -> list[float]:
    try:
        return psutil.cpu_percent(percpu=True)
    except (OSError, RuntimeError, psutil.Error):
        # Some containers hide it. No figures are better than wrong ones.
        return []


def _read_cpu_seconds(reading: kernel.ProcessStatus) -> float:
    """Give the process's CPU time to the nanosecond; ``/proc`` has ticks of 10 ms.

    The clock of another process is what ``clock_getcpuclockid`` makes of its pid: the complement
    shifted by three, and 2 for scheduler time (include/linux/posix-timers.h).
    """
    try:
        return time.clock_gettime(~reading.pid << 3 | 2)
    except OSError:
        return reading.cpu_ticks / kernel.TICKS_PER_SECOND
