"""Wait chains: from a process that waits to the one that is at work, or to a dead end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain

from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitive import Thread, Unblockers
from mpviz.trace.model.processes.identity import described, fate
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import WAIT_KINDS, waits_in_words


class End(Enum):
    """How a chain ends."""

    AT_WORK = "at work"
    """At a thread that does not wait, as far as is known."""
    DEAD = "dead"
    """At a dead process, which can end no wait."""
    CYCLE = "cycle"
    """At a thread that is in the chain already."""
    NOBODY = "nobody"
    """Nobody could end the last wait."""
    UNKNOWN = "unknown"
    """Who could end the last wait is not known."""
    LATER = "later"
    """At more links than were asked for."""


@dataclass(frozen=True, slots=True)
class Link:
    """A thread in a chain, its wait, and who could end that wait."""

    process: Process
    thread: int
    wait: Wait | None
    """None for the last link, which waits for nothing."""
    unblockers: Unblockers | None
    """Who could end the wait, among them the next link."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A wait chain, which begins with the waiter."""

    links: tuple[Link, ...]
    end: End
    back_to: int = -1
    """For a cycle, the index of the link that the last link waits for; else -1."""

    @property
    def cycle(self) -> tuple[Link, ...]:
        """The links that wait for each other in a ring; empty without a cycle."""
        return self.links[self.back_to :] if self.end is End.CYCLE else ()


@dataclass(slots=True)
class Asked:
    """Who could end each wait: many chains of one state lead through the same waits."""

    _sorted: dict[tuple[str, str], _Sorted] = field(default_factory=dict)

    def sorted(self, state: RunState, wait: Wait) -> _Sorted:
        """Who could end this wait, by what they do."""
        key = wait.what, wait.object
        found = self._sorted.get(key)
        if found is None:
            found = self._sorted[key] = _sort(state, wait)
        return found


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Who could end a wait, by what they do."""

    unblockers: Unblockers
    all: frozenset[Thread]
    able: tuple[Thread, ...]
    """They do not wait, as far as is known."""
    elsewhere: tuple[Thread, ...]
    """They wait for something else."""
    here: tuple[Thread, ...]
    """They wait for the same."""
    dead: tuple[Thread, ...]


def _sort(state: RunState, wait: Wait) -> _Sorted:
    unblockers = unblockers_of(state, wait)
    groups: tuple[list[Thread], ...] = [], [], [], []
    able, elsewhere, here, dead = groups
    for thread in unblockers.threads:
        process = state.processes[thread.process]
        own = process.waits.get(thread.thread)
        if not process.alive:
            dead.append(thread)
        elif own is None:
            able.append(thread)
        else:
            is_same = (own.what, own.object) == (wait.what, wait.object)
            (here if is_same else elsewhere).append(thread)
    return _Sorted(unblockers, frozenset(unblockers.threads), *map(tuple, groups))


def chain_of(state: RunState, process: Process, asked: Asked | None = None, most: int = 0) -> Chain:
    """The chain that begins with the wait of this process; see :func:`chain_from`."""
    return chain_from(state, Thread(process.key, _waiting_thread(process)), asked, most)


def chain_from(state: RunState, thread: Thread, asked: Asked | None = None, most: int = 0) -> Chain:
    """The chain that begins with this thread, whose process is known.

    ``asked`` is shared by chains of the same state; a chain has at most ``most`` links, if that is
    more than 0.
    """
    asked = asked or Asked()
    links: list[Link] = []
    places: dict[Thread, int] = {}
    while True:
        process = state.processes[thread.process]
        wait = process.waits.get(thread.thread)
        known = asked.sorted(state, wait) if wait is not None else None
        places[thread] = len(links)
        links.append(Link(process, thread.thread, wait, known.unblockers if known else None))
        if known is None:
            return Chain(tuple(links), End.AT_WORK if process.alive else End.DEAD)
        if not known.all:
            is_known = known.unblockers.complete
            return Chain(tuple(links), End.NOBODY if is_known else End.UNKNOWN)
        further = _next(known, places)
        if further is None:
            return Chain(tuple(links), End.UNKNOWN)
        thread = further
        if thread in places:
            return Chain(tuple(links), End.CYCLE, places[thread])
        if len(links) == most:
            return Chain(tuple(links), End.LATER)


def unblockers_of(state: RunState, wait: Wait) -> Unblockers:
    """Who could end this wait, without processes that were never seen."""
    unblockers = WAIT_KINDS[wait.what].unblockers(state, wait)
    if all(thread.process in state.processes for thread in unblockers.threads):
        return unblockers
    seen = tuple(thread for thread in unblockers.threads if thread.process in state.processes)
    return Unblockers(seen, unblockers.role, False, unblockers.all_needed, unblockers.as_of)


def _rule_that_says_why(state: RunState, process: Process) -> str:
    """The rule of the first finding about this process that is true now; empty for none."""
    found = (each for each in state.findings.values() if each.over < 0)
    return next((each.rule for each in found if process.key in each.processes), "")


def _waiting_thread(process: Process) -> int:
    """The thread whose wait is the process's own."""
    wait = process.wait
    return next((thread for thread, each in process.waits.items() if each is wait), 0)


def _next(known: _Sorted, places: dict[Thread, int]) -> Thread | None:
    """The thread that decides: if all are needed, one that cannot act; else one that can.

    Of those that wait, one that waits for something else says more. If all wait for the same, the
    chain ends at one that it has already led to. It does not lead to the waiter itself, but where
    just that is the trouble; None if nobody else is known.
    """
    *before, _ = places
    candidates = places if known.unblockers.complete else before
    again = (each for each in candidates if each in known.all)
    if known.unblockers.all_needed:
        return next(chain(known.dead, again, known.elsewhere, known.here, known.able))
    if known.able:
        return known.able[0]
    new = next((each for each in known.elsewhere if each not in places), None)
    if new is not None:
        return new
    led_to = (each for each in before if each in known.all)
    new_here = (each for each in known.here if each not in places)
    return next(chain(led_to, new_here, again, known.dead), None)


def chain_in_words(state: RunState, chain: Chain) -> str:
    """The chain in words: "a waits for lock x, held by b; b waits to join c; c is running"."""
    return "; ".join([*links_in_words(state, chain.links), *end_in_words(state, chain)])


def links_in_words(state: RunState, links: Iterable[Link]) -> list[str]:
    """The wait of each link, without links that do not wait."""
    return [
        f"{described(link.process)} {waits_in_words(state, link.wait)}"
        for link in links
        if link.wait is not None
    ]


def end_in_words(state: RunState, chain: Chain) -> list[str]:
    """The end of a chain in words.

    That nobody can end a wait, only a finding knows: it names the process and says why.
    """
    last = chain.links[-1]
    name = described(last.process)
    if chain.end is End.AT_WORK:
        is_idle = last.process.activity is Activity.IDLE
        return [f"{name} " + ("waits for a task" if is_idle else f"is {last.process.state}")]
    if chain.end is End.DEAD:
        return [f"{name} {fate(last.process)}"]
    if chain.end is End.NOBODY:
        rule = _rule_that_says_why(state, last.process)
        return [f"nobody can end that ({rule})" if rule else "nobody was seen who could end that"]
    if chain.end is End.UNKNOWN:
        return ["who could end that is not known"]
    if chain.end is End.LATER:
        return ["and so on"]
    return ["none of them can go on" if len(chain.cycle) > 1 else "it waits for itself"]
