"""RunState: what is true of a run at a moment, as plain data for panels and reports."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from mpviz.trace.model.events import RunStarted, Site
from mpviz.trace.model.passes import Passes, no_passes
from mpviz.trace.model.processes.process import Process, Stuck
from mpviz.trace.model.processes.wait import MOST_WAITS
from mpviz.trace.model.told import Recent

T = TypeVar("T")

ENDED_BY_CTRL_C = 10_000_000_000
"""Nanoseconds after a Ctrl-C. A program that ends later than that may have ignored it."""

_NUMBER = re.compile(r"(?<!exit code )(?<!signal )(?<![0-9])[0-9]+")
"""Numbers in which entries about the same kind of trouble may differ, such as those of tasks."""

HELPERS = ("resource tracker", "fork server")
"""Roles of processes that multiprocessing starts for itself."""

LOG_LIMIT = 5_000

TROUBLES_LIMIT = 500

MOST_OBJECTS = 1 << 16
"""Maximum number of objects of one class that are kept; locks would take some 100 MB."""

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
    """What is wrong, in one sentence with a number."""
    cause: str
    """Why that is so, in a sentence."""
    fix: str
    """What to do about it, in a sentence."""
    processes: tuple[str, ...]
    """Keys of the processes that it is about; the first is the one to look at first."""
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
    is_a_dead_end: bool = False
    """It says why processes can never go on, as its rule says when the finding is taken in."""


@dataclass(slots=True)
class Suspicion:
    """Something that a rule finds at each look, and that is not told yet."""

    since: int
    """When it was first found, nanoseconds."""
    looked: int
    """When it was last found, nanoseconds."""
    lasted: int = 0
    """Nanoseconds for which it was found while its processes did not lack a core."""


@dataclass(frozen=True, slots=True)
class CoreUse:
    """The use of one core at one sample."""

    percent: float
    """Percent in use by any program."""
    shares: dict[str, float]
    """Process key: percent of this core, for observed processes that last ran on it."""


@dataclass(slots=True)
class Cores:
    """The use of each core over time."""

    count: int = 0
    """How many cores the program can keep busy at once: those that it may run on, up to what its
    control groups grant."""
    machine: int = 0
    """Number of cores of the machine."""
    allowed: frozenset[int] = frozenset()
    """Indexes of the cores that the program may run on; empty if unknown."""
    granted: float = 0.0
    """CPU time that its control groups grant it, in cores; 0 for no limit."""
    periods: int = 0
    """Periods of that limit, usually of 100 ms each, since the first sample."""
    throttled: int = 0
    """Number of these in which the program had used up what it was granted, and was stopped."""
    history: deque[tuple[int, list[CoreUse]]] = field(
        default_factory=lambda: deque(maxlen=CORE_HISTORY)
    )
    """(time, the use of each core), oldest first."""
    samples: int = 0
    percent_total: list[float] = field(default_factory=list)
    """The sum over all samples for each core, so that means are exact."""
    wanted: deque[float] = field(default_factory=lambda: deque(maxlen=CROWD_SAMPLES))
    """For each of the last samples, how many cores the observed processes would have used before
    it if none had had to wait for one; processes that are starting do not count."""
    runnable: deque[float] = field(default_factory=lambda: deque(maxlen=CROWD_SAMPLES))
    """How many threads of these processes had a core, or waited for one, on average."""
    had: deque[float] = field(default_factory=lambda: deque(maxlen=CROWD_SAMPLES))
    """How many cores they did use."""
    own_total: float = 0.0
    """Percent of one core that all observed processes used, summed over all samples."""
    times: deque[int] = field(default_factory=lambda: deque(maxlen=21))
    """Times of the last samples, for the sampling rate."""

    @property
    def reach(self) -> int:
        """Number of cores that the program may run on."""
        return max(1, len(self.allowed) or self.machine)

    @property
    def is_granted_less(self) -> bool:
        """Whether a control group grants less time than the cores that it may run on have."""
        return 0 < self.granted < self.reach

    @property
    def capacity(self) -> float:
        """CPU time that the program can get, in cores: a control group may grant part of one."""
        return self.granted if self.is_granted_less else float(self.reach)

    def may_use(self, index: int) -> bool:
        """Whether the program may run on the core with this index."""
        return not self.allowed or index in self.allowed

    @property
    def samples_per_second(self) -> float:
        """Recent samples per second; 0 before the second sample.

        It comes from the median pause, since mpviz itself may have been stopped for a while.
        """
        pauses = sorted(after - before for before, after in pairwise(self.times))
        return 1e9 / max(1, pauses[len(pauses) // 2]) if pauses else 0.0


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the event log: something that a person wants to know."""

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
    pid: int = 0
    """The writer's, while no process with it is known: its first line may come before its hello."""


class TableFullError(Exception):
    """An event is about a new object, and there is no room for it; the text says of which kind."""

    def __init__(self, text: str, *, hides_losses: bool = False) -> None:
        super().__init__(text)
        self.hides_losses = hides_losses
        """Whether an unknown number of records may be lost because of that."""


class Table(dict[str, Any]):
    """Objects by id, at most :data:`MOST_OBJECTS`, since a program may create any number."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def with_same_name(self, objects: dict[str, Any]) -> Table:
        """Another table for these objects, which are of the same class."""
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
    """When all processes were gone and all records read; -1 while the run lasts."""
    exit_code: int | None = None
    """The program's own."""
    left: bool = False
    """The program ran on when mpviz, which had been attached to it, left."""
    failure: str = ""
    """Why the program could not be started; empty if it was started."""
    main: str = ""
    """Key of the program's first process."""
    supervisor: Process | None = None
    """The process that started it, which is not observed itself."""
    ending: int = -1
    """When somebody asked for the end, or the first process ended; -1 before."""
    interrupted: int = -1
    """When a person last sent Ctrl-C, nanoseconds; -1 before."""
    told_to_end: int = -1
    """When a person, a signal or the scenario's time limit asked for the end of all; -1 before."""
    frozen: bool = False
    """Whether a person froze the program."""
    stuck: list[Stuck] = field(default_factory=list)
    """The waits at the moment when a person asked for the end, or sent the Ctrl-C that led to it,
    if no process was at work then."""
    processes: dict[str, Process] = field(default_factory=dict)
    """By key, in the order in which they appeared."""
    by_pid: dict[int, Process] = field(default_factory=dict)
    """The process that has, or last had, this pid."""
    lives: dict[int, int] = field(default_factory=dict)
    """For each pid that was used again, how many processes have had it."""
    just_ended: list[Process] = field(default_factory=list)
    """Processes whose end the primitives have not been told of yet; empty between two events."""
    zombies: list[str] = field(default_factory=list)
    """Keys of the processes that were zombies at the last sample."""
    forked_beside_threads: dict[str, None] = field(default_factory=dict)
    """Keys of processes that were forked while other threads of the program ran."""
    missing: list[tuple[int, Process]] = field(default_factory=list)
    """(time, process) of those missing in the last sample; the next sample ends them."""
    unseen_ends: dict[int, int] = field(default_factory=dict)
    """Exit codes by pid of processes that ended before they were seen for the first time."""
    signalled_unseen: dict[int, int] = field(default_factory=dict)
    """The signals that mpviz sent to such processes, by pid."""
    cores: Cores = field(default_factory=Cores)
    sites: dict[int, Site] = field(default_factory=dict)
    created_at: dict[tuple[int, str], int] = field(default_factory=dict)
    """How many objects of each kind were created at each site, for distinct names."""
    output: deque[OutputLine] = field(default_factory=lambda: deque(maxlen=OUTPUT_LIMIT))
    output_lines: int = 0
    """Number of all lines that were written, kept or not."""
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=LOG_LIMIT))
    log_entries: int = 0
    troubles: list[LogEntry] = field(default_factory=list)
    """Log entries about trouble, the first of each kind; other entries do not push them out."""
    kinds_of_trouble: dict[str, int] = field(default_factory=dict)
    """By the words of each without its numbers: how many entries there were."""
    recent: Recent = field(default_factory=Recent)
    passes: Passes = field(default_factory=no_passes)
    """Who ended the latest waits of others."""
    records: int = 0
    """Records read that observed processes wrote."""
    unreadable: int = 0
    hidden_losses: list[str] = field(default_factory=list)
    """Reasons why an unknown number of records may be lost, a sentence each."""
    left_out: set[str] = field(default_factory=set)
    """Limits that were reached, a sentence each."""
    own_errors: set[str] = field(default_factory=set)
    """Parts of mpviz that have failed, each reported once: a kind of event, or a rule."""
    own_troubles: int = 0
    """How often the viewer failed, or the system refused it something."""
    probe_errors: int = 0
    last_probe_error: str = ""
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    """What is wrong, by rule and subject, in the order in which it was found."""
    suspected: dict[tuple[str, str], Suspicion] = field(default_factory=dict)
    """What rules find that has to last for a while before it is told."""
    silenced: frozenset[str] = frozenset()
    """Names of the rules that are not asked."""
    tables: dict[type, dict[str, Any]] = field(default_factory=dict)
    """The objects of the primitives, by class and id; read them by :meth:`table`."""

    def table(self, kind: type[T]) -> dict[str, T]:
        """All objects of one class (Lock, Queue, Value, Pool, Task …) by id, oldest first."""
        table = self.tables.get(kind)
        if table is None:
            table = self.tables[kind] = Table(kind.__name__)
        return table

    @property
    def end(self) -> int:
        """When the last process of the run ended, nanoseconds; while it lasts, the latest moment.

        :attr:`ended` may be later, if the terminal did not read meanwhile.
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

    def ends_on_request(self, time: int) -> bool:
        """Whether what ends or fails at this time does so because mpviz was asked to end it."""
        if 0 <= self.told_to_end <= time:
            return True
        return 0 <= self.interrupted <= time <= self.interrupted + ENDED_BY_CTRL_C

    @property
    def dead_ends(self) -> list[Finding]:
        """What is true now and says why processes can never go on."""
        return [each for each in self.findings.values() if each.is_a_dead_end and each.over < 0]

    def pid_of(self, key: str) -> int | None:
        """The pid of the process with this key; None if none is known."""
        process = self.processes.get(key)
        return process.pid if process else None

    def note(self, time: int, process: str, text: str, *, trouble: bool = False) -> None:
        """Add a line to the event log."""
        entry = LogEntry(time, process, text, trouble)
        self.log.append(entry)
        self.log_entries += 1
        if trouble:
            self._keep_trouble(entry)

    def _keep_trouble(self, entry: LogEntry) -> None:
        """Keep it if it is the first of its kind, else count it with that one."""
        kind = _kind_of_trouble(entry)
        if kind in self.kinds_of_trouble:
            self.kinds_of_trouble[kind] += 1
        elif len(self.troubles) < TROUBLES_LIMIT:
            self.kinds_of_trouble[kind] = 1
            self.troubles.append(entry)

    def alike(self, entry: LogEntry) -> int:
        """How many entries tell the same trouble of any process, this one included."""
        return self.kinds_of_trouble.get(_kind_of_trouble(entry), 1)

    def note_failure(self, time: int, process: str, text: str) -> None:
        """Add a line about something that failed; no trouble if the end was asked for."""
        self.note(time, process, text, trouble=not self.ends_on_request(time))

    def keep_site(self, site: Site) -> bool:
        """Keep a place in the program's source; False if there are too many already."""
        has_room = len(self.sites) < MOST_SITES or site.site in self.sites
        if has_room:
            self.sites[site.site] = site
        return has_room

    def place(self, site: int) -> str:
        """``file.py:12`` for the number of a site; empty if it is unknown."""
        found = self.sites.get(site)
        return f"{found.file.rsplit('/', 1)[-1]}:{found.line}" if found else ""


def _kind_of_trouble(entry: LogEntry) -> str:
    """What is alike in troubles of many processes and objects, whatever their numbers are."""
    return _NUMBER.sub("#", entry.text)


def note_thread(
    places: dict[tuple[str, int], int], process: Process, thread: int, time: int, where: str
) -> None:
    """Note when a thread came to an object, for at most as many threads as a system can have."""
    place = process.key, thread
    if len(places) >= MOST_WAITS and place not in places:
        raise TableFullError(f"more than {MOST_WAITS:,} threads {where}: the others are not shown")
    places[place] = time
