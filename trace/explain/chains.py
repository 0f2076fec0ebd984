"""Wait chains: from a process that waits to the one that is at work, or to a dead end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from mpviz.trace.model.primitive import Thread, Unblockers
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, Wait
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


def chain_of(state: RunState, process: Process) -> Chain:
    """The chain that begins with the wait of this process."""
    return chain_from(state, Thread(process.key, _waiting_thread(process)))


def chain_from(state: RunState, thread: Thread) -> Chain:
    """The chain that begins with this thread, whose process is known."""
    links: list[Link] = []
    places: dict[Thread, int] = {}
    while True:
        process = state.processes[thread.process]
        wait = process.waits.get(thread.thread)
        unblockers = unblockers_of(state, wait) if wait is not None else None
        places[thread] = len(links)
        links.append(Link(process, thread.thread, wait, unblockers))
        if unblockers is None:
            return Chain(tuple(links), End.AT_WORK if process.alive else End.DEAD)
        if not unblockers.threads:
            return Chain(tuple(links), End.NOBODY if unblockers.complete else End.UNKNOWN)
        thread = _next(state, unblockers, places)
        if thread in places:
            return Chain(tuple(links), End.CYCLE, places[thread])


def unblockers_of(state: RunState, wait: Wait) -> Unblockers:
    """Who could end this wait, without processes that were never seen."""
    unblockers = WAIT_KINDS[wait.what].unblockers(state, wait)
    if all(thread.process in state.processes for thread in unblockers.threads):
        return unblockers
    seen = tuple(thread for thread in unblockers.threads if thread.process in state.processes)
    return Unblockers(seen, unblockers.role, False, unblockers.all_needed, unblockers.as_of)


def _waiting_thread(process: Process) -> int:
    """The thread whose wait is the process's own."""
    wait = process.wait
    return next((thread for thread, each in process.waits.items() if each is wait), 0)


def _next(state: RunState, unblockers: Unblockers, places: dict[Thread, int]) -> Thread:
    """The thread that decides: if all are needed, one that cannot act; else one that can."""

    def how_far(thread: Thread) -> int:
        process = state.processes[thread.process]
        if not process.alive:
            return 3
        if thread in places:
            return 2
        return 1 if thread.thread in process.waits else 0

    ordered = sorted(unblockers.threads, key=how_far)
    return ordered[-1 if unblockers.all_needed else 0]


def chain_in_words(state: RunState, chain: Chain) -> str:
    """The chain in words: "a waits for lock x, held by b; b waits to join c; c is running"."""
    return "; ".join([*links_in_words(state, chain.links), *end_in_words(chain)])


def links_in_words(state: RunState, links: Iterable[Link]) -> list[str]:
    """The wait of each link, without links that do not wait."""
    return [
        f"{described(link.process)} {waits_in_words(state, link.wait)}"
        for link in links
        if link.wait is not None
    ]


def end_in_words(chain: Chain) -> list[str]:
    """The end of a chain in words."""
    last = chain.links[-1]
    name = described(last.process)
    if chain.end is End.AT_WORK:
        return [f"{name} is {last.process.state}"]
    if chain.end is End.DEAD:
        return [f"{name} is dead"]
    if chain.end is End.NOBODY:
        return ["nobody can end that"]
    if chain.end is End.UNKNOWN:
        return ["who could end that is not known"]
    return ["none of them can go on" if len(chain.cycle) > 1 else "it waits for itself"]
