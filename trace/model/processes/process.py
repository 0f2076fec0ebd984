"""One observed process: what is known of it, what it waits for, and what it does."""

from __future__ import annotations

from dataclasses import dataclass, field

from mpviz.trace.model.lane import WORDS, Activity, CpuReadings, Lane
from mpviz.trace.model.measures import Series
from mpviz.trace.model.processes.core_times import CoreTimes
from mpviz.trace.model.processes.stacks import Stacks
from mpviz.trace.model.processes.threads import Threads
from mpviz.trace.model.processes.wait import MOST_WAITS, Wait

MOST_SIGNALS = 100
"""Number of signals to a process that are kept: the latest ones."""


@dataclass(slots=True)
class Process:
    """One observed process, from the first news of it to its end."""

    key: str
    """Identifies it: the pid, and ``pid.2`` if a pid is used again."""
    pid: int
    number: int
    """1, 2, 3 … in the order in which they appeared; also picks its colour."""
    first_seen: int
    """Nanoseconds."""
    parent: str = ""
    """Key of the logical parent, which called ``start()``; empty for the first process."""
    kernel_parent: int = 0
    """Pid of the parent in the kernel at the last sample: another one once it is an orphan."""
    name: str = ""
    title: str = ""
    """The title that it set for the system's list of processes; empty if it set none."""
    role: str = "process"
    """main, process, worker (of a pool), fork server, resource tracker, program (no probe)."""
    daemon: bool | None = None
    start_method: str = ""
    function: str = ""
    command: str = ""
    """Its command line as a shell would take it."""
    executable: str = ""
    """The name of the file that it runs, such as python3.12; empty while unknown."""
    command_since: int = 0
    """When a sample first saw this command, nanoseconds."""
    python: str = ""
    """The version of its Python, if the probe in it has told."""
    probed: bool = False
    """True once the probe in it has spoken."""
    seen: bool = False
    """True for a process that is looked at from outside, and has no probe."""
    asleep_since: int = -1
    """When the last of its threads fell asleep, nanoseconds, if looks from outside have found all
    of them asleep; else -1."""
    unobserved: str = ""
    """Why a Python tells nothing of what it does, in words; empty if it does, or still may."""
    started_ticks: int = 0
    """Kernel start time in clock ticks since boot; 0 while unknown."""
    began: int = -1
    """When the child's own code began, nanoseconds; -1 while it starts."""
    exiting: int = -1
    """When its own code had ended, nanoseconds: it ends daemons and joins its other children."""
    failure: str = ""
    """The exception that its function raised, as Python prints it; empty if it raised none."""
    failed_at: int = 0
    """The place in the source where it was raised."""
    unguarded: int = -1
    """When it was to start a process while it imported the program's file, nanoseconds; else -1."""
    unguarded_at: int = 0
    """The place in the body of that file."""
    finished: int = -1
    """When it said that it had finished its work, nanoseconds; -1 if it never did."""
    ended: int = -1
    """Nanoseconds; -1 while alive."""
    exit_code: int | None = None
    """Negative for a death by signal; None while alive, or if nobody could learn it."""
    ended_on_request: bool = False
    """Whether it ended after somebody had asked mpviz to end the program."""
    joined: bool = False
    """True once its parent has collected its exit status."""
    left_behind: str = ""
    """What it did when it was found after the program's end, in words; else empty."""
    threads_at_fork: int = 0
    """How many other threads of the program its parent had at the fork."""
    names_at_fork: str = ""
    """The names of these threads."""
    forked: bool = False
    """It was forked, by multiprocessing, by a fork server or by hand."""
    forked_at: int = 0
    """The place in the parent's source that forked it; 0 if none was told."""
    signals: list[tuple[int, str, int]] = field(default_factory=list)
    """(time, key of the sender or "mpviz", signal number) of the signals that were seen."""
    waits: dict[int, Wait] = field(default_factory=dict)
    """By thread, the longest wait first; 0 is the main thread. See :func:`begin_wait`."""
    last_wait: Stuck | None = None
    """What it waited for when it ended; None if it did not wait."""
    pool: str = ""
    """Id of the pool that it works for."""
    initializing: str = ""
    """The pool's initializer, while the process runs it."""
    task: str = ""
    """Id of the task that it runs."""
    stopping: str = ""
    """Why its pool is about to end it with its task, such as "timed out"; else empty."""
    site: int = 0
    """The place in the source of the last event that was seen."""
    stacks: Stacks | None = None
    """The last look at where its threads stand; None before the first."""
    threads: Threads = field(default_factory=Threads)
    stopped: bool = False
    zombie: bool = False
    idle_since: int = -1
    """When it last became a worker without a task, nanoseconds."""
    receiving: bool = False
    """It unpickles a task from its pool's queue, and imports the module of its function."""
    resting: bool = False
    """Whether it was off the CPU at the last sample, for no known reason."""
    joining: bool = False
    """Whether its main thread slept in a lock at the last sample, as when it joins a thread. Then
    the process does what its other threads do."""
    has_waited: bool = False
    """Whether a wait of it has ended since its last sample, which may have seen it in that wait."""
    at_work_since: int = -1
    """If it used a CPU between the last two samples, whatever its threads waited for: the time of
    the first of the two, nanoseconds; else -1."""
    sampled: int = -1
    """Time of its last sample, nanoseconds; -1 before the first."""
    seen_alive: int = -1
    """Time of the last sample that found it alive and no zombie, nanoseconds; -1 for none."""
    samples: int = 0
    """Number of its samples."""
    busy_samples: int = 0
    """Samples that found it on a core or waiting for one, or other threads of it at work."""
    cpu_percent: float = 0.0
    cpu_seconds: float = 0.0
    main_seconds: float = -1.0
    """CPU seconds of its main thread alone; -1 if unknown."""
    without_core: float = -1.0
    """Seconds that it was ready to run but had no core; -1 if unknown."""
    used_of_late: float = -1.0
    """Percent of a core that it used, averaged over about a second; -1 if unknown."""
    lacked_of_late: float = 0.0
    """Percent of the time that it was ready but had no core, averaged over about a second."""
    lacked: float = 0.0
    """Share (0 to 1) of the time between its last two samples in which a thread of it was ready but
    had no core."""
    demand: float = 0.0
    """How much of a core it would have used recently if it had never had to wait for one."""
    rested_since: int = -1
    """The time of the first of the latest samples that all found it resting; -1 if it is not."""
    handles_sigterm: bool = False
    """A look from outside found a handler for SIGTERM, by which it does not end by itself."""
    asleep_in: str = ""
    """What its main thread slept in at the last sample, in the words of samples."""
    readings: CpuReadings = field(default_factory=CpuReadings)
    """The CPU time of its work."""
    core_times: CoreTimes = field(default_factory=CoreTimes)
    """When it was at work, and for which part of that it had no core."""
    rss: int = 0
    peak_rss: int = 0
    core: int = -1
    status: str = ""
    """The operating system's letter at the last sample; empty before the first."""
    cpu: Series = field(default_factory=lambda: Series(width=100_000_000))
    memory: Series = field(default_factory=lambda: Series(width=100_000_000))
    """Bytes that it held at each sample."""
    lane: Lane = field(default_factory=Lane)
    records: int = 0
    highest_number: int = 0
    dropped: int = 0
    lost_before_exec: int = 0
    slow_way: str = ""
    """Why it uses the pipe instead of shared memory; empty if it does not."""

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self.ended < 0

    @property
    def activity(self) -> Activity:
        """What it is doing now."""
        return self.lane.activity

    @property
    def threads_at_once(self) -> float:
        """How many of its threads had a core or waited for one lately, on average.

        The kernel adds a long wait at its end, so a few samples may show more than there was. The
        average over its life never does: that is the most.
        """
        of_late = max(0.0, self.used_of_late + self.lacked_of_late) / 100
        wanted = self.cpu_seconds + max(0.0, self.without_core)
        return min(of_late, wanted * 1e9 / max(1, self.sampled - self.first_seen))

    @property
    def state(self) -> str:
        """The plain word for what it is doing now."""
        return WORDS[self.lane.activity]

    @property
    def since(self) -> int:
        """Since when it is in this activity, nanoseconds."""
        return self.lane.start

    @property
    def wait(self) -> Wait | None:
        """The wait of its main thread, else the longest wait of another thread."""
        if not self.waits:
            return None
        return self.waits.get(0) or next(iter(self.waits.values()))

    @property
    def lost(self) -> int:
        """Records that it says it dropped; once it has ended, also every gap in its numbers."""
        gaps = 0 if self.alive else self.highest_number - self.records
        return max(self.dropped, gaps) + self.lost_before_exec


@dataclass(frozen=True, slots=True)
class Stuck:
    """A process that waited when it ended, or waits while nobody is at work."""

    process: str
    """Key."""
    what: str
    object: str
    since: int
    """Nanoseconds."""
    words: str
    """What it waits for and who could end the wait, as of that moment."""
    site: int = 0
    chain: tuple[str, ...] = ()
    """Keys along the wait chain, from itself on."""
    chain_words: str = ""
    """The wait chain as a sentence."""


def begin_wait(process: Process, thread: int, wait: Wait) -> None:
    """Note what a thread waits for from now on."""
    waits = process.waits
    # An older wait of the thread must not keep its place: waits are in the order of their starts.
    waits.pop(thread, None)
    if len(waits) < MOST_WAITS:
        waits[thread] = wait


def note_signal(process: Process, time: int, sender: str, number: int) -> None:
    """Note that a process is sent a signal, by the process with this key, or by "mpviz"."""
    process.signals.append((time, sender, number))
    del process.signals[:-MOST_SIGNALS]


def end_wait(process: Process, thread: int) -> Wait | None:
    """Remove the wait of a thread, which is over; None if it did not wait."""
    wait = process.waits.pop(thread, None)
    if wait is not None:
        # The last sample saw it asleep because of this wait.
        process.resting = False
        process.has_waited = True
    return wait


def go_on(process: Process, time: int, thread: int, site: int) -> int:
    """Let a thread go on; return how long it waited in nanoseconds, -1 if it did not."""
    if site:
        process.site = site
    if not process.waits:
        return -1
    wait = end_wait(process, thread)
    settle(process, time)
    return -1 if wait is None else time - wait.since


# Read for every record that changes a lane: a look into an enum takes 100 ns (Python 3.11).
_RUNNING, _TASK, _SLEEPING = Activity.RUNNING, Activity.TASK, Activity.SLEEPING
_LOCK, _RESULT, _IDLE = Activity.LOCK, Activity.RESULT, Activity.IDLE


def settle(process: Process, time: int) -> None:
    """Let the lane show what the process does from this time on, by its other fields."""
    # As in _doing, whose calls would take as long as all else here: this is called for each record.
    detail = ""
    if (
        process.waits
        or process.began < 0
        or process.exiting >= 0
        or process.ended >= 0
        or process.stopped
        or process.zombie
        or process.initializing
    ):
        activity, detail = _doing(process)
    elif process.task:
        activity, detail = _TASK, process.task
    elif process.pool:
        activity = _RUNNING if _has_got_a_task(process) else _IDLE
    else:
        activity = _SLEEPING if process.resting else _RUNNING
    lane = process.lane
    if activity is not lane.activity or detail != lane.detail or lane.start < 0:
        lane.change(time, activity, detail)


def settle_as_seen(process: Process, time: int, before: int) -> None:
    """The same after a sample, which says what the process did since the previous one.

    If the sample shows that a wait or idleness is that of the whole process, this holds for the
    whole time since the previous sample.
    """
    activity, detail = _doing(process)
    was, wait = process.lane.activity, process.wait
    if before >= 0 and activity is _RUNNING and _LOCK <= was <= _IDLE:
        time = before
    elif before >= 0 and was is _RUNNING and wait is not None:
        time = max(before, wait.since) if activity is wait.activity else time
    process.lane.change(time, activity, detail)


def read_cpu(process: Process, time: int, seconds: float) -> None:
    """Add a reading of how many CPU seconds a process had used by this time; 0 is none."""
    if seconds > process.cpu_seconds:
        process.cpu_seconds = seconds
    lane = process.lane
    if seconds > 0 and lane.start >= 0:
        worked, aside = lane.at_work_and_aside(time)
        process.readings.add(round(seconds * 1e9), worked, aside)


def _doing(process: Process) -> tuple[Activity, str]:
    """What a process does, and the id of the task or object that it is about.

    The first that is true. A table of these conditions would take 0.7 microseconds more for each
    record (measured).
    """
    if process.ended >= 0 or process.zombie or process.stopped:
        return _held(process), ""
    wait = process.wait
    if wait is not None and _is_its_own(process, wait):
        return wait.activity, wait.object
    if process.exiting >= 0 or process.initializing or (process.probed and process.began < 0):
        return _beginning_or_ending(process)
    if process.task:
        return _TASK, process.task
    if process.pool:
        return (_RUNNING if _has_got_a_task(process) else _IDLE), ""
    return (_SLEEPING if process.resting else _RUNNING), ""


def _held(process: Process) -> Activity:
    if process.ended >= 0:
        return Activity.ENDED
    return Activity.ZOMBIE if process.zombie else Activity.STOPPED


def _beginning_or_ending(process: Process) -> tuple[Activity, str]:
    if process.exiting >= 0:
        return Activity.ENDING, ""
    if process.initializing:
        return Activity.INITIALIZING, process.initializing
    return Activity.STARTING, ""


def _is_its_own(process: Process, wait: Wait) -> bool:
    """Whether a wait of one of its threads is the wait of the whole process.

    A wait of the main thread is, unless other threads were seen at work during it: a process that
    waits for the results of a pool may be busy receiving them. A wait of another thread is, if the
    main thread only waits for that thread.
    """
    if wait.since <= process.at_work_since and wait.activity is not _RESULT:
        return False
    return 0 in process.waits or (process.joining and not process.task and not process.pool)


def _has_got_a_task(process: Process) -> bool:
    """Whether a worker without a task is busy unpickling one, as far as is known.

    That includes importing the module of the task's function.
    """
    return process.receiving or 0 <= process.idle_since <= process.at_work_since
