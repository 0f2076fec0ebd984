"""RunState: what is true of a run at a moment, as plain data that the panels read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias, TypeVar

from mpviz.trace.model.events import Event, RunStarted, Site
from mpviz.trace.model.measures import WORDS, Activity, CpuReadings, Lane, Series, TimingFields
from mpviz.trace.model.stretches import PartHandler
from mpviz.trace.model.told import Recent

T = TypeVar("T")

HELPERS = ("resource tracker", "fork server")
"""Roles of processes that multiprocessing starts for itself."""

LOG_LIMIT = 5_000
TROUBLES_LIMIT = 500
MOST_WAITS = 1 << 15
"""Maximum number of threads of a process whose waits are kept; more than a system lets it have."""

MOST_OBJECTS = 1 << 16
"""Maximum number of objects of one class that are kept of a run: some 100 MB of locks."""

MOST_SITES = 1 << 16
"""Maximum number of places in the program's source that are kept."""

MOST_SIGNALS = 100
"""Number of signals to a process that are kept, the latest."""

OUTPUT_LIMIT = 5_000
CORE_HISTORY = 600
CORE_USES = CORE_HISTORY * 128
"""Maximum samples times cores kept as history; with more than 128 cores, fewer samples are kept."""
CROWD_SAMPLES = 20
LANE_BUDGET = 40_000
"""How many spans all lanes together keep exact; each lane keeps at least 256."""


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
    """When it gives up, nanoseconds; -1 where it waits as long as it takes."""
    turn: bool = False
    """It is this thread's turn: whoever else wants the same waits until it is through."""
    begun: int = -1
    """When a part of it had come, and the rest had not, nanoseconds; -1 for no such news."""


@dataclass(slots=True)
class Process:
    """One observed process, from the first that was heard of it to its end."""

    key: str
    """Names it for good: the pid, and ``pid.2`` where a pid is used again."""
    pid: int
    number: int
    """1, 2, 3 … in the order in which they appeared; also picks its colour."""
    first_seen: int
    """Nanoseconds."""
    parent: str = ""
    """Key of the logical parent: who called ``start()``; empty for the first process."""
    kernel_parent: int = 0
    """Pid of the parent that the kernel names, at the last sample: another once it is an orphan."""
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
    """The version of its Python, where the probe in it has told."""
    probed: bool = False
    """True once the probe in it has spoken."""
    unobserved: str = ""
    """Why a Python tells nothing of what it does inside, in words; empty where it does, or may yet.
    """
    started_ticks: int = 0
    """Kernel start time in clock ticks since boot; 0 while unknown."""
    began: int = -1
    """When the child's own code began, nanoseconds; -1 while it starts."""
    exiting: int = -1
    """When it began to tidy up behind its own code: it ends daemons, and waits for what is left."""
    finished: int = -1
    """When the child said that it had finished its work; -1 if it never did."""
    ended: int = -1
    """Nanoseconds; -1 while alive."""
    exit_code: int | None = None
    """Negative for a death by signal; None while alive, or where nobody could learn it."""
    joined: bool = False
    """True once its parent has collected its exit status."""
    left_behind: str = ""
    """What it was at when it was found there after the program's end, in words; else empty."""
    threads_at_fork: int = 0
    """How many other threads of the program's own its parent had when that forked it."""
    names_at_fork: str = ""
    """The names of these threads."""
    forked_at: int = 0
    """The place in the source of the parent that forked it; 0 where none was told."""
    signals: list[tuple[int, str, int]] = field(default_factory=list)
    """(time, key of the sender or "mpviz", signal number), as far as they were seen."""
    waits: dict[int, Wait] = field(default_factory=dict)
    """By thread, the longest first; 0 is the main thread. See :func:`begin_wait`."""
    last_wait: Stuck | None = None
    """What it waited for when it ended; None where it did not wait then."""
    pool: str = ""
    """Id of the pool whose worker it is."""
    initializing: str = ""
    """The function that makes it ready to be a worker, while it is at that."""
    task: str = ""
    """Id of the task that it is at."""
    stopping: str = ""
    """The reason if its pool is about to end it with its task, such as "timed out"; else empty."""
    site: int = 0
    """The place in the source where it last did something that was seen."""
    stopped: bool = False
    zombie: bool = False
    idle_since: int = -1
    """When it last became a worker without a task, nanoseconds."""
    receiving: bool = False
    """It is unpickling a task from its pool's queue, and imports the module of its function."""
    resting: bool = False
    """Off the CPU at the last sample, with nothing known that it waits for."""
    joining: bool = False
    """At the last sample its main thread slept in a lock, as when it joins a thread. Then the
    process does what its other threads do."""
    at_work_since: int = -1
    """If it used a CPU between the last two samples, whatever its threads waited for, the time of
    the first of these samples in nanoseconds; else -1."""
    sampled: int = -1
    """Time of its last sample, nanoseconds; -1 before the first."""
    samples: int = 0
    """How often it was looked at."""
    busy_samples: int = 0
    """How many of these found it on a core or waiting for one, or other threads of it at work."""
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
    demand: float = 0.0
    """How much of a core it would have used recently if it had never had to wait for one."""
    asleep_in: str = ""
    """What its main thread slept in at the last sample; the words are those of samples."""
    readings: CpuReadings = field(default_factory=CpuReadings)
    """How much of its work it was on a CPU."""
    rss: int = 0
    peak_rss: int = 0
    core: int = -1
    status: str = ""
    """The operating system's letter at the last sample; empty before the first."""
    cpu: Series = field(default_factory=lambda: Series(width=100_000_000))
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
    def state(self) -> str:
        """The plain word for what it is doing now."""
        return WORDS[self.lane.activity]

    @property
    def since(self) -> int:
        """Since when it is in this activity, nanoseconds."""
        return self.lane.start

    @property
    def wait(self) -> Wait | None:
        """What it waits for: its main thread, else the thread that has waited longest."""
        if not self.waits:
            return None
        return self.waits.get(0) or next(iter(self.waits.values()))

    @property
    def lost(self) -> int:
        """Records it dropped by its own account, and once it has ended every gap in its numbers."""
        gaps = 0 if self.alive else self.highest_number - self.records
        return max(self.dropped, gaps) + self.lost_before_exec


@dataclass(frozen=True, slots=True)
class Stuck:
    """A process that waits for what may never come: it ended so, or nobody else is at work."""

    process: str
    """Key."""
    what: str
    object: str
    since: int
    """Nanoseconds."""
    words: str
    """What it waits for and who could end it, as it was then."""
    site: int = 0
    chain: tuple[str, ...] = ()
    """Keys along the wait chain, from itself on."""
    chain_words: str = ""
    """The wait chain as a sentence."""


@dataclass(slots=True)
class Finding:
    """Something that a rule says is wrong; see :mod:`mpviz.trace.explain.findings`."""

    rule: str
    """The rule's name."""
    subject: str
    """What it is about, such as the id of a lock: one finding of a rule for each."""
    message: str
    """What is wrong, in one sentence with its number."""
    cause: str
    """Why that is so, in a sentence."""
    fix: str
    """What to do about it, in a sentence."""
    processes: tuple[str, ...]
    """Keys of the processes that it is about, the one to look at first."""
    objects: tuple[str, ...] = ()
    """Ids of the locks, queues, tasks … that it is about."""
    since: int = -1
    """The place on the timeline: when it began, nanoseconds; -1 for when it was found."""
    found: int = -1
    """When the rule first said so, nanoseconds."""
    over: int = -1
    """From when on it was no longer so, nanoseconds; -1 while it is."""


@dataclass(slots=True)
class CoreUse:
    """One core at one sample."""

    percent: float
    """In use by anybody."""
    shares: dict[str, float]
    """Process key: percent of this core, for the observed processes last seen on it."""


@dataclass(slots=True)
class Cores:
    """The use of each core over time."""

    count: int = 0
    """How many cores the program can keep busy at once: those that it may run on, but no more than
    its control groups grant."""
    machine: int = 0
    """How many the machine has."""
    allowed: frozenset[int] = frozenset()
    """Indexes of the cores that the program may run on; empty if unknown."""
    granted: float = 0.0
    """CPU time that its control groups grant it, in cores; 0 for no limit."""
    history: deque[tuple[int, list[CoreUse]]] = field(
        default_factory=lambda: deque(maxlen=CORE_HISTORY)
    )
    """(time, one CoreUse for each core), oldest first."""
    samples: int = 0
    percent_total: list[float] = field(default_factory=list)
    """Sum over all samples for each core, so that means stay exact."""
    wanted: deque[float] = field(default_factory=lambda: deque(maxlen=CROWD_SAMPLES))
    """For each of the last samples, how many cores the observed processes would have used before
    it if none had had to wait for one; processes that are starting do not count."""
    had: deque[float] = field(default_factory=lambda: deque(maxlen=CROWD_SAMPLES))
    """How many cores they did use."""
    own_total: float = 0.0
    """Percent of one core that all observed processes used, summed up over all samples."""
    times: deque[int] = field(default_factory=lambda: deque(maxlen=21))
    """Of the last samples, for the rate that was reached."""

    def may_use(self, index: int) -> bool:
        """Whether the program may run on the core with this index."""
        return not self.allowed or index in self.allowed

    @property
    def samples_per_second(self) -> float:
        """The rate that sampling reached of late; 0 before the second sample.

        It is that of the median pause: mpviz itself may have been stopped for a while.
        """
        pauses = sorted(after - before for before, after in pairwise(self.times))
        return 1e9 / max(1, pauses[len(pauses) // 2]) if pauses else 0.0


@dataclass(slots=True)
class LogEntry:
    """A line of the event log: something that a person would want to be told."""

    time: int
    process: str
    """Key; empty for the run itself."""
    text: str
    trouble: bool = False


@dataclass(slots=True)
class OutputLine:
    """A line that an observed process wrote."""

    time: int
    process: str
    stream: str
    text: str
    ended: bool


class TableFullError(Exception):
    """An event is about something new, and there is no room for it; the text says for what."""

    hides_losses = False
    """Whether an unknown number of records may be lost by that."""


class Table(dict[str, Any]):
    """Objects by id. There is room for :data:`MOST_OBJECTS`: a program may create any number."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def with_same_name(self, objects: dict[str, Any]) -> Table:
        """Another table for objects of the same class, with these."""
        table = Table(self._name)
        table.update(objects)
        return table

    def __setitem__(self, key: str, value: Any) -> None:
        if len(self) >= MOST_OBJECTS and key not in self:
            raise TableFullError(
                f"there are more than {MOST_OBJECTS:,} objects of the kind {self._name}:"
                " what happens to the others is not shown"
            )
        super().__setitem__(key, value)


@dataclass(slots=True)
class RunState:
    """Everything that is true of a run at :attr:`now`; made by
    :func:`mpviz.trace.model.reducer.fold`."""

    run: RunStarted | None = None
    origin: int = 0
    """The time of the first event; times on screen count from here."""
    now: int = 0
    """The latest time that any event carried."""
    ended: int = -1
    """When the run was over for good: all gone, all read; -1 while it lasts."""
    exit_code: int | None = None
    """The program's own."""
    failure: str = ""
    """Why the program could not be started; empty where it was."""
    main: str = ""
    """Key of the program's first process."""
    supervisor: Process | None = None
    """The one that started it; not itself an observed process."""
    ending: int = -1
    """When somebody asked for the end, or the first process ended; -1 before."""
    interrupted: int = -1
    """When a person last sent Ctrl-C, nanoseconds; -1 before."""
    frozen: bool = False
    """Whether a person froze the program."""
    stuck: list[Stuck] = field(default_factory=list)
    """Who waited for what when somebody asked for the end, or sent a Ctrl-C that led to it, if
    nobody was at work then."""
    processes: dict[str, Process] = field(default_factory=dict)
    """By key, in the order in which they appeared."""
    by_pid: dict[int, Process] = field(default_factory=dict)
    """The process that has, or last had, this pid."""
    lives: dict[int, int] = field(default_factory=dict)
    """For each pid that was reused, how many processes have had it."""
    just_ended: list[Process] = field(default_factory=list)
    """Deaths that the primitives have not been told of yet; empty between two events."""
    zombies: list[str] = field(default_factory=list)
    """Keys of those that had ended by the last sample, and whose parents had not asked how."""
    forked_beside_threads: dict[str, None] = field(default_factory=dict)
    """Keys of those that were forked while other threads of the program ran in their parents."""
    missing: list[tuple[int, Process]] = field(default_factory=list)
    """(time, process) for those that the last sample missed; the next one counts them as ended."""
    unseen_ends: dict[int, int] = field(default_factory=dict)
    """Exit codes by pid, of those that ended before they were seen for the first time."""
    signalled_unseen: dict[int, int] = field(default_factory=dict)
    """The signals that mpviz sent to such processes, by pid."""
    cores: Cores = field(default_factory=Cores)
    sites: dict[int, Site] = field(default_factory=dict)
    created_at: dict[tuple[int, str], int] = field(default_factory=dict)
    """How many objects of each kind were created at each site, to tell their names apart."""
    output: deque[OutputLine] = field(default_factory=lambda: deque(maxlen=OUTPUT_LIMIT))
    output_lines: int = 0
    """All that were ever written, also those no longer kept."""
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=LOG_LIMIT))
    log_entries: int = 0
    troubles: list[LogEntry] = field(default_factory=list)
    """The first log entries about trouble; a flood of other entries does not push them out."""
    recent: Recent = field(default_factory=Recent)
    records: int = 0
    """Records read that observed processes wrote."""
    unreadable: int = 0
    hidden_losses: list[str] = field(default_factory=list)
    """Reasons why an unknown number of records may be lost, a sentence each."""
    left_out: set[str] = field(default_factory=set)
    """What there is more of than is kept, a sentence each."""
    own_errors: set[str] = field(default_factory=set)
    """Parts of mpviz that have failed, each reported once: a kind of event, or a rule."""
    own_troubles: int = 0
    """How often the viewer itself failed, or the system refused it something."""
    probe_errors: int = 0
    last_probe_error: str = ""
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    """What is wrong, by rule and subject, in the order in which it was found."""
    suspected: dict[tuple[str, str], int] = field(default_factory=dict)
    """Since when a rule would say so, nanoseconds, where it has to stay true for a while first."""
    silenced: frozenset[str] = frozenset()
    """Names of the rules that are not asked."""
    tables: dict[type, dict[str, Any]] = field(default_factory=dict)
    """What the primitives keep, by their class and id; read through :meth:`table`."""

    def table(self, kind: type[T]) -> dict[str, T]:
        """All objects of one class (Lock, Queue, Value, Pool, Task …) by id, oldest first."""
        table = self.tables.get(kind)
        if table is None:
            table = self.tables[kind] = Table(kind.__name__)
        return table

    @property
    def end(self) -> int:
        """When the last process of the run ended, nanoseconds; the latest moment while it lasts.

        The moment when we saw that end may be later, if the terminal did not read meanwhile.
        """
        if self.ended < 0:
            return self.now
        ends = [process.ended for process in self.processes.values()]
        return min(self.ended, max(ends, default=self.ended))

    @property
    def lost(self) -> int:
        """Records that are known to be missing."""
        return sum(process.lost for process in self.processes.values())

    def note(self, time: int, process: str, text: str, *, trouble: bool = False) -> None:
        """Add a line to the event log."""
        entry = LogEntry(time, process, text, trouble)
        self.log.append(entry)
        self.log_entries += 1
        if trouble and len(self.troubles) < TROUBLES_LIMIT:
            self.troubles.append(entry)

    def place(self, site: int) -> str:
        """``file.py:12`` for a site's number; empty where it is unknown."""
        found = self.sites.get(site)
        return f"{found.file.rsplit('/', 1)[-1]}:{found.line}" if found else ""


def begin_wait(process: Process, thread: int, wait: Wait) -> None:
    """Note what a thread waits for from now on."""
    waits = process.waits
    # What a thread waited for before must not keep its place: the order is that of the beginnings.
    waits.pop(thread, None)
    if len(waits) < MOST_WAITS:
        waits[thread] = wait


def note_thread(
    places: dict[tuple[str, int], int], process: Process, thread: int, time: int, where: str
) -> None:
    """Note since when a thread is at an object: there is room for as many as a system can have."""
    place = process.key, thread
    if len(places) >= MOST_WAITS and place not in places:
        raise TableFullError(f"more than {MOST_WAITS:,} threads {where}: the others are not shown")
    places[place] = time


def note_signal(process: Process, time: int, sender: str, number: int) -> None:
    """Note that a process is sent a signal, by the process with this key, or by "mpviz"."""
    process.signals.append((time, sender, number))
    del process.signals[:-MOST_SIGNALS]


def end_wait(process: Process, thread: int) -> Wait | None:
    """Take off what a thread waited for, which it has got or given up; None where it did not."""
    wait = process.waits.pop(thread, None)
    if wait is not None:
        # The last sample saw it asleep because of this wait.
        process.resting = False
    return wait


def go_on(process: Process, time: int, thread: int, site: int) -> int:
    """Let a thread go on that may have waited; how long it has, in nanoseconds, -1 for not."""
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
    """Let the lane show what the process's other fields say it does from this time on."""
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
    """Take in how many CPU seconds a process had used by this time; 0 says nothing."""
    if seconds > process.cpu_seconds:
        process.cpu_seconds = seconds
    lane = process.lane
    if seconds > 0 and lane.start >= 0:
        worked, aside = lane.at_work_and_aside(time)
        process.readings.add(round(seconds * 1e9), worked, aside)


def _doing(process: Process) -> tuple[Activity, str]:
    if process.ended >= 0 or process.zombie or process.stopped:
        return _held(process), ""
    waits = process.waits
    if waits:
        wait = waits.get(0) or next(iter(waits.values()))
        if _is_its_own(process, wait):
            return wait.activity, wait.object
    if process.exiting >= 0 or process.initializing or (process.probed and process.began < 0):
        return _beginning_or_ending(process)
    if process.task:
        return _TASK, process.task
    if process.pool and not _has_got_a_task(process):
        return _IDLE, ""
    is_asleep = process.resting and not process.pool
    return (_SLEEPING if is_asleep else _RUNNING), ""


def _held(process: Process) -> Activity:
    if process.ended >= 0:
        return Activity.ENDED
    return Activity.ZOMBIE if process.zombie else Activity.STOPPED


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


def _beginning_or_ending(process: Process) -> tuple[Activity, str]:
    if process.exiting >= 0:
        return Activity.ENDING, ""
    if process.initializing:
        return Activity.INITIALIZING, process.initializing
    return Activity.STARTING, ""


class Thread(NamedTuple):
    """A thread of an observed process."""

    process: str
    """Key."""
    thread: int = 0
    """0 for the main thread, as in events."""


@dataclass(frozen=True, slots=True)
class Freers:
    """Who could end a wait."""

    threads: tuple[Thread, ...]
    """As far as they are known; the dead among them cannot any more."""
    does: str
    """What they have to do with it, in words that follow a name: "holds it"."""
    known: bool = False
    """These are all: nobody else could."""
    each: bool = False
    """It takes each of them, not just any."""
    heard: int = -1
    """How many records had been read when this was last told; -1 where it is always so."""


def main_threads(keys: Iterable[str]) -> tuple[Thread, ...]:
    """The main threads of the processes with these keys."""
    return tuple(Thread(key) for key in keys)


Handler = Callable[[RunState, Process, Any], None]
"""Folds one event of one class into the state; the process is the one that speaks."""


FoldRecord: TypeAlias = Callable[..., None]
"""Folds one ring record: called with its time, its thread and four values, whatever they mean."""

Bind: TypeAlias = "Callable[[RunState, Process, str], FoldRecord]"
"""Makes the function that folds the records of one process about the object with this id.

What it looks up holds for a run of ring records, since objects and processes come and go by events.
"""


@dataclass(frozen=True)
class RingHandler:
    """Folds ring records of one class without making events of them.

    For what programs do a million times. The event's own handler is made from it too.
    """

    bind: Bind
    fields: tuple[str, ...]
    """The event's other fields: at most four whole numbers, in the order of the ring."""


@dataclass(frozen=True)
class FormHandler:
    """The same for a class whose forms say more than the object, such as a function's name."""

    bind: Callable[[Any], Bind]
    """Is given an event of the form, for the fields that all its records share."""
    fields: tuple[str, ...]


def _nothing(state: RunState, wait: Wait, duration: int) -> None:
    """Most waits leave nothing to count when they end."""


@dataclass(frozen=True)
class WaitKind:
    """What a word of a :class:`Wait` means."""

    activity: Activity
    """Its colour on the timeline."""
    words: Callable[[RunState, Wait], str]
    """The wait in words: "lock counter, held by Process-2"."""
    freers: Callable[[RunState, Wait], Freers]
    """Who could end it."""
    ended: Callable[[RunState, Wait, int], None] = _nothing
    """Counts a wait that has ended, however it did, with its duration in nanoseconds."""


@dataclass(frozen=True)
class Summary:
    """How the report lists the objects of a primitive, a line each."""

    thing: str
    things: str
    """The singular and the plural, for "3 more locks and semaphores"."""
    objects: Callable[[RunState], Sequence[Any]]
    """All objects, oldest first."""
    weight: Callable[[Any], Any]
    """If there are too many, the report lists those with the largest weight."""
    line: Callable[[RunState, Any], str]


@dataclass(frozen=True)
class Primitive:
    """What a primitive brings to the viewer; see :mod:`mpviz.trace.model.primitives`."""

    handlers: dict[type[Event], Handler]
    ring_handlers: dict[type[Event], RingHandler] = field(default_factory=dict)
    form_handlers: dict[type[Event], FormHandler] = field(default_factory=dict)
    part_handlers: tuple[PartHandler, ...] = ()
    """For kinds that also have ring handlers."""
    in_rings: tuple[type[Event], ...] = ()
    """Other events that the probe sends by a form; nothing else is accepted from a ring."""
    waits: dict[str, WaitKind] = field(default_factory=dict)
    process_ended: Callable[[RunState, Process], None] | None = None
    """Is told of every death, for what the dead process can no longer do itself.

    What it waited for when it died is still in its ``waits``, and is counted already.
    """
    document: Callable[[RunState], dict[str, Any]] | None = None
    """Its sections of the ``--json`` document."""
    summary: Summary | None = None
    """A line for each of its objects, for the end of a run without a screen."""
    timings: Callable[[RunState], Iterator[TimingFields]] | None = None
    """How long its tasks, waits and holds took; also of what has not happened yet."""
