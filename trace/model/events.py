"""The vocabulary: what every event has in common, and the events that no primitive owns.

An event is one line of JSON on the wire and in a recording. Times are nanoseconds of the monotonic
clock, which all processes of one machine share; sizes are bytes; signals and exit codes are those
of ``multiprocessing`` (-15 for a death by SIGTERM).

The types of the fields bound their values, and nothing else checks them again: a line with a number
that is impossible on any machine is unreadable.
"""

from typing import Annotated

import msgspec

Time = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
"""Nanoseconds of the monotonic clock; no machine has been up for a hundred years."""
Pid = Annotated[int, msgspec.Meta(ge=0, le=1 << 22)]
"""Highest possible pid (PID_MAX_LIMIT in include/linux/threads.h)."""
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A number of 64 bits, which also fits into a slot of a ring; -1 often means unknown."""
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A count of things, or of bytes."""
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
"""CPU seconds; no process has used thirty years of them."""
Percent = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
"""Percent of one core since the previous sample."""
Core = Annotated[int, msgspec.Meta(ge=-1, le=1 << 13)]
"""The index of a core; -1 for unknown. Linux knows 8192 (NR_CPUS in arch/x86/Kconfig)."""
CoreCount = Annotated[int, msgspec.Meta(ge=0, le=1 << 13)]
"""Number of cores; 0 if unknown."""
Cores = Annotated[list[Percent], msgspec.Meta(max_length=1 << 13)]
"""Percent of each core that is in use."""
Indexes = Annotated[list[Core], msgspec.Meta(max_length=1 << 13)]
"""Indexes of cores."""
Amount = Annotated[float, msgspec.Meta(ge=-1.0, le=1e12)]
"""Seconds of all threads together, or cores; -1 may mean unknown."""


class Event(
    msgspec.Struct,
    tag_field="k",
    gc=False,
    omit_defaults=True,
    rename={
        "time": "t",
        "pid": "p",
        "number": "n",
        "thread": "h",
        "dropped": "d",
        "site": "s",
        "object": "o",
    },
):
    """What every event says: when, in which process, and where in that process's sequence."""

    time: Time
    """Nanoseconds of the monotonic clock."""
    pid: Pid
    """The process that sent it; 0 for the viewer itself."""
    number: Count = 0
    """1, 2, 3 … in each process; 0 if the sender does not count."""
    thread: Count = 0
    """The thread in that process; 0 for the main thread."""
    dropped: Count = 0
    """How many records this process has had to drop so far; 0 for no news."""


class ObjectEvent(Event, kw_only=True):
    """What an event about one object of the program says, such as a lock."""

    object: str
    """The id of the object."""


class SitedEvent(ObjectEvent, kw_only=True):
    """The same, with the place in the program's source."""

    site: Whole = 0
    """The number of a :class:`Site`; 0 if it is not told."""


class RunStarted(Event, tag="run.started", kw_only=True):
    """The viewer is about to start the program; always the first event."""

    target: str
    """What was asked for: the name of a scenario, or the program."""
    arguments: list[str]
    """The command that is run, word by word."""
    python: str
    """The interpreter's path; empty for a command that is run as it is."""
    start_method: str
    """fork, spawn or forkserver if it was asked for; else empty."""
    cores: CoreCount
    """How many cores the machine has."""
    version: str
    """The version of mpviz."""
    allowed: Indexes = []
    """Indexes of the cores that the program may run on; empty if unknown."""
    granted: Amount = 0.0
    """CPU time that its control groups grant it, in cores; 0 for no limit."""
    captured: bool = True
    """Its output is recorded; otherwise it goes where mpviz itself writes."""
    attached: Pid = 0
    """The first process of a program that ran already; 0 for one that mpviz started."""


class RunEnded(Event, tag="run.ended", kw_only=True):
    """The program and all that it started are gone, and every record has been read."""

    exit_code: Whole | None
    """The program's own, negative for a signal; None if it never ran."""
    trouble: str = ""
    """What went wrong with the run as a whole, in a sentence."""
    left: bool = False
    """The program goes on: mpviz, which was attached to it, no longer looks."""


class ProgramStarted(Event, tag="program.started", kw_only=True):
    """The supervisor has started the program's first process."""

    child: Pid
    started: Count
    """Kernel start time in clock ticks since boot."""


class ProgramFailed(Event, tag="program.failed", kw_only=True):
    """The program could not be started at all."""

    error: str


class ProgramEnded(Event, tag="program.ended", kw_only=True):
    """The program's first process has ended; what it left behind is being ended now."""

    child: Pid
    exit_code: Whole


# Its tag is that of recordings made by version 0.1.
class SupervisorSignalled(Event, tag="warden.signalled", kw_only=True):
    """The supervisor is about to send a signal to a process, since all of the program is to end."""

    child: Pid
    signal: Whole
    left_behind: bool
    """The program's first process has ended, and this one is still there."""


class ProcessExited(Event, tag="process.exited", kw_only=True):
    """The exit status of a process, from a source that can know it: its parent, the supervisor that
    adopted it, or the kernel. It may be told more than once.
    """

    child: Pid
    exit_code: Whole
    """Negative for a death by signal."""


class Waiting(Event, tag="wait", kw_only=True):
    """A thread begins to wait, since it could not go on at once.

    The wait ends with the event that takes what it was for, or with a :class:`WaitOver`.
    """

    what: str
    """A word that a primitive registers: lock, put, get, process, results …"""
    object: str
    """The id of what is waited for; a pid for a process."""
    job: Whole = -1
    """For a pool, the number of the job whose results are waited for; -1 for none."""
    site: Whole = 0
    limit: Whole = 0
    """Time-out in milliseconds; 0 for none, as far as the probe can tell."""
    turn: bool = False
    """It is this thread's turn: all others wait until it has what it waits for."""
    begun: bool = False
    """A part of the item has come, and the rest has not."""


class WaitOver(Event, tag="wait.over", kw_only=True):
    """The end of a wait that no other event ends: for a process, by a time-out or an exception."""


class RingOpened(Event, tag="ring.opened", kw_only=True):
    """From the next record on, a process writes frequent records into memory that it shares."""


class RingRefused(Event, tag="ring.refused", kw_only=True):
    """A process uses the pipe instead of shared memory, which is slower and just as exact."""

    how: str
    """denied if the system gave it no shared memory, full if that had no room left."""
    reason: str


class Site(Event, tag="site", kw_only=True):
    """A place in the program's source, told once; other events refer to it by number."""

    site: Whole
    file: str
    line: Count
    function: str
    checksum: Count = 0
    """CRC-32 of the whole file as it was then; 0 if it could not be read."""
    code: str = ""
    """If an object is created there: the statement that creates it, in one line."""
    start: Whole = 0
    end: Whole = 0
    """The call in ``code`` that creates it, in characters; 0 and 0 if it is unknown.

    Before Python 3.11 only the line of the source is known: the call is somewhere in it.
    """
    attribute: str = ""
    """The attribute that the object becomes of what ``code`` creates, if generated code made it."""


class Output(Event, tag="output", kw_only=True):
    """A line that an observed process wrote; ``pid`` is the process that wrote it."""

    stream: str
    """stdout or stderr."""
    text: str
    ended: bool = True
    """False if the line did not end in a line break (yet)."""


class Marked(Event, tag="marked", kw_only=True):
    """A person acted on the program: froze it, let it go on, sent a signal, asked it to end."""

    action: str
    """freeze, go on, signal, interrupt (Ctrl-C), stop."""
    child: Pid = 0
    signal: Whole = 0


class ProbeError(Event, tag="probe.error", kw_only=True):
    """The probe failed inside an observed process, which did not notice."""

    where: str
    error: str


class Unreadable(Event, tag="unreadable", kw_only=True):
    """A line that is no event; the viewer puts this in its place."""

    text: str


class RecordsDropped(Event, tag="records.dropped", kw_only=True):
    """A process has had to drop records, by the count that it keeps in a file beside the pipe.

    The viewer reads that file, since a process that has been killed can no longer send the count.
    """

    child: int
    last: int
    """The number of the last record that it dropped."""
    count: int
    """The number of records that it has dropped so far."""


class Trouble(Event, tag="trouble", kw_only=True):
    """Something failed in the viewer itself, and the run goes on without it."""

    text: str
    hides_losses: bool = False
    """An unknown number of records may have been lost."""


class ThreadSample(msgspec.Struct, array_like=True, gc=False):
    """What the operating system says of one thread of a process."""

    number: Pid
    """The kernel's number; that of the main thread is the pid."""
    cpu_seconds: Amount
    """-1 if unknown."""
    status: str
    """One letter as in /proc: R, S, D, T …; empty if unknown."""
    name: str = ""
    """The kernel's name, told with the first sample of the thread."""


class ProcessSample(msgspec.Struct, array_like=True, gc=False):
    """What the operating system says of one process at a sample."""

    pid: Pid
    started: Count
    """Kernel start time in clock ticks since boot; with the pid it identifies a process."""
    parent: Pid
    status: str
    """One letter as in /proc: R, S, D, T, Z …"""
    cpu_percent: Percent
    """Percent of one core since the previous sample."""
    cpu_seconds: Seconds
    rss: Count
    core: Core
    """The core that it last ran on; -1 if the system does not say."""
    command: str = ""
    """Its command line as a shell would take it, told with the first sample and after an exec."""
    executable: str = ""
    """The path of the file that it runs, given with the command; empty if it is hidden. If there is
    no command, the kernel's name of a process that was first seen as a zombie."""
    without_core: Amount = -1.0
    """Seconds since its start in which its threads were ready to run but had no core, added up over
    the threads; -1 if unknown."""
    main_seconds: Amount = -1.0
    """CPU seconds of its main thread alone; -1 if unknown."""
    asleep_in: str = ""
    """What its main thread sleeps in: "lock" (a lock between threads, or the join of a thread),
    "file lock", "clock", "disk", "network" or "else"; empty if it does not sleep, or if unknown."""
    title: str = ""
    """The title that it wrote over its command line, as by setproctitle; given when it changes."""
    listed: Count = 0
    """How many threads it has for the kernel; 0 if unknown."""
    threads: list[ThreadSample] = []
    """These threads, or the oldest of many; told when others have come, and once a second if it has
    run. None if there is only one."""
    times: list[tuple[Pid, Count, Count]] = []
    """Threads that have run since they were told here before, if others than the main one have:
    number, nanoseconds with a core, nanoseconds ready without one, both since their start."""


class Sample(Event, tag="sample", kw_only=True):
    """A sample of the machine: the use of each core, and each observed process."""

    cores: Cores
    """Percent of each core that any program used since the previous sample."""
    processes: list[ProcessSample]
    gone: list[Pid] = []
    """Pids of the previous sample that are gone."""
    allowed: Indexes = []
    """The cores that at least one of these processes may run on, if that has changed."""
    periods: Count = 0
    """Periods of the limit of the program's control group since the first sample; 0 for none."""
    throttled: Count = 0
    """Number of these in which the group had used up its CPU time, and was stopped."""


class FileLockSeen(msgspec.Struct, array_like=True, gc=False):
    """A lock of a file that threads of observed processes wait for, as the kernel shows it."""

    object: str
    """The kind, the device and the inode: the id of what is waited for."""
    kind: str
    """flock or lockf."""
    path: str
    """The path by which a waiter has the file open; empty if unknown."""
    holders: list[Pid]
    """The processes that hold it, also if they are no processes of the program."""
    waiters: list[tuple[Pid, Count]]
    """The threads that wait: process, and 0 for the main thread, else the kernel's number."""
    complete: bool = True
    """All that hold it are known."""


class FileLocksSeen(Event, tag="file.locks", kw_only=True):
    """All waits for locks of files, at a moment; told when they change."""

    locks: list[FileLockSeen] = []
