"""RunState: what is true of a run at a moment, as plain data that the panels read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from mpviz.trace.model.events import RunStarted, Site
from mpviz.trace.model.processes.process import MOST_WAITS, Process, Stuck
from mpviz.trace.model.told import Recent

T = TypeVar("T")

HELPERS = ("resource tracker", "fork server")
"""Roles of processes that multiprocessing starts for itself."""

LOG_LIMIT = 5_000

TROUBLES_LIMIT = 500

MOST_OBJECTS = 1 << 16
"""Maximum number of objects of one class that are kept of a run: some 100 MB of locks."""

MOST_SITES = 1 << 16
"""Maximum number of places in the program's source that are kept."""

OUTPUT_LIMIT = 5_000

CORE_HISTORY = 600

CROWD_SAMPLES = 20
"""Samples (2 s of them by default) over which the demand for cores is averaged."""


@dataclass(slots=True)
class Finding:
    """Something that a rule says is wrong; see :mod:`mpviz.trace.explain.findings`."""

    subject: str
    """What it is about, such as the id of a lock; a rule has at most one finding for each."""
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
    """When it began, nanoseconds: its place on the timeline; -1 if that is when it was found."""
    found: int = -1
    """When the rule first found it, nanoseconds."""
    over: int = -1
    """When it ended, nanoseconds; -1 while it lasts."""
    rule: str = ""
    """The name of the rule, which is added when the finding is taken in."""


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
    :func:`mpviz.trace.model.fold.reducer.fold`."""

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

    def seconds(self, time: int) -> float | None:
        """Seconds from the start of the run; None for a moment that has not come (-1)."""
        return (time - self.origin) / 1e9 if time >= 0 else None

    def pid_of(self, key: str) -> int | None:
        """The pid of the process with this key; None if none is known."""
        process = self.processes.get(key)
        return process.pid if process else None

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


def note_thread(
    places: dict[tuple[str, int], int], process: Process, thread: int, time: int, where: str
) -> None:
    """Note since when a thread is at an object: there is room for as many as a system can have."""
    place = process.key, thread
    if len(places) >= MOST_WAITS and place not in places:
        raise TableFullError(f"more than {MOST_WAITS:,} threads {where}: the others are not shown")
    places[place] = time
