"""Rule: nothing goes on, since all that could end the waits of the program have ended or wait."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.chains import chain_of, unblockers_of
from mpviz.trace.explain.findings.evidence import waits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.reasons import why_nothing_comes
from mpviz.trace.explain.stalls import as_it_stands, at_a_standstill, last_change
from mpviz.trace.model.formatting import briefly
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.processes.identity import described, ended_badly, failure_in_words, names_of
from mpviz.trace.model.processes.process import Process, Stuck
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import HELPERS, Finding, RunState
from mpviz.trace.model.wait_kinds import behind_waits, waits_in_words

STALLED_NANOSECONDS = 3_000_000_000
"""Nanoseconds for which no process has been at work."""

STALLED_HOLD_NANOSECONDS = 500_000_000
"""Nanoseconds for which looks at all processes have shown that none can go on."""

MOST_LISTED = 4
"""Waits at the root of a stall that are told; of many, the longest."""

_FIX = {
    "get": "Let a process put its result, or what went wrong, in any case (try and except), and"
    " wait with a time-out.",
    "put": "Take out what is put in, or do not put more than is taken out.",
    "receive": "Close each end of a pipe in the processes that do not use it, the parent's copy"
    " too: recv() raises EOFError when no process has the sending end any more.",
    "send": "A pipe holds some 64 KiB, and a send waits until the rest is received: let one side"
    " receive before it sends.",
    "condition": "Look at a variable before the wait, as wait_for() does, and set it before"
    " notify(): then it does not matter which of the two comes first.",
    "event": "Leave an event set until all that wait for it have gone on; if an error may come"
    " before, set it in a finally block.",
    "barrier": "Let a process that cannot come call barrier.abort(): the others then get a"
    " BrokenBarrierError. Or wait with a time-out.",
    "lock": "Take it in a with block, which gives it back after an error, too.",
    "done": "Call task_done() once for each item taken out, in a finally block.",
}
"""What to do about a stall, by what is waited for."""

_ELSE = "Wait with a time-out, and look at the process that should have ended the wait."


def _find(state: RunState) -> Iterator[Finding]:
    processes = at_a_standstill(state)
    if state.now - last_change(state, processes) < STALLED_NANOSECONDS:
        return
    # Chains are long if there are many waits: those of the longest waits are enough.
    processes.sort(key=_since)
    longest = [as_it_stands(state, process) for process in processes[:MOST_LISTED]]
    waiting = [each for each in longest if each is not None]
    if not waiting:
        return
    roots = _roots(state, waiting)
    more = len(processes) - len(longest)
    told = _in_words(state, roots)
    told += [f"and {more} more" if len(told) > 1 else f"and {more} more wait"] if more > 0 else []
    yield Finding(
        subject="run",
        message="nothing goes on: " + "; ".join(told),
        cause="No process is at work, and none is left that could end these waits: each has ended,"
        " or waits itself.",
        fix=_FIX.get(roots[0][0].what, _ELSE),
        processes=tuple(process.key for process in processes),
        objects=tuple(dict.fromkeys(each.object for each, _ in roots if each.object)),
        # The last wait may have begun long before the last process that was at work ended.
        since=max(
            *map(_since, processes),
            *(each.ended for each in state.processes.values() if each.role not in HELPERS),
        ),
    )


def _since(process: Process) -> int:
    return process.wait.since if process.wait is not None else process.since


def _roots(state: RunState, waiting: list[Stuck]) -> list[tuple[Stuck, Wait | None]]:
    """The waits that keep the others waiting, the longest first; None for one that is not told."""
    by_key = {each.process: each for each in waiting}
    roots: dict[str, tuple[Stuck, Wait | None]] = {}
    for each in waiting:
        links = chain_of(state, state.processes[each.process]).links
        last = next((link for link in reversed(links) if link.process.key in by_key), links[0])
        roots.setdefault(last.process.key, (by_key[last.process.key], last.wait))
    return list(roots.values())


def _in_words(state: RunState, roots: list[tuple[Stuck, Wait | None]]) -> list[str]:
    """What they wait for, at which line and why nobody ends that; once for all who wait alike."""
    alike: dict[str, list[str]] = {}
    for waiting, wait in roots:
        place = f", at {state.place(waiting.site)}" if waiting.site in state.sites else ""
        # What has no name is called by the line that waits for it.
        place = "" if place.removeprefix(",") in waiting.words else place
        waiter = state.processes[waiting.process]
        blamed = _why_nobody(state, waiter, wait) if wait is not None else ""
        words = f"{behind_waits(waiting.words)}{place}" + f" ({blamed})" * bool(blamed)
        alike.setdefault(words, []).append(waiting.process)
    return [
        f"{names_of(state, keys)} {'waits' if len(keys) == 1 else 'wait'} {words}"
        for words, keys in alike.items()
    ]


def _why_nobody(state: RunState, waiter: Process, wait: Wait) -> str:
    """Why no process can end this wait, the one to blame first; empty if that is not known."""
    known = why_nothing_comes(state, waiter, wait)
    if known:
        return known
    could = [state.processes[each.process] for each in unblockers_of(state, wait).threads]
    dead = [each for each in could if not each.alive]
    peers = _peers(state, wait) if wait.what == "barrier" else []
    failed = [each for each in _kin(state, [*dead, *peers]) if ended_badly(each)]
    dead = dead or peers
    known_dead = {each.key for each in dead}
    if failed:
        is_kin = failed[0].key not in known_dead
        like = f", started like {names_of(state, [dead[0].key])}," if is_kin else ""
        did = " before it did its part" if is_kin else ""
        how = failure_in_words(state, failed[0])
        return f"{described(failed[0])}{like} failed{did}: {how}"
    living = [each.key for each in could if each.alive and each is not waiter]
    if living:
        return f"{names_of(state, living)} could, and {'waits' if len(living) == 1 else 'wait'} too"
    if dead:
        return _who_is_left(state, waiter, wait, dead)
    return _who_failed(state, state.table(Queue).get(wait.object) if wait.what == "get" else None)


def _who_is_left(state: RunState, waiter: Process, wait: Wait, dead: list[Process]) -> str:
    """Who may still have to put what these have put, if all of them have ended well."""
    names = names_of(state, [each.key for each in dead])
    have_done = wait.what == "get" and all(each.exit_code == 0 for each in dead)
    kin = _waiting_kin(state, dead) if have_done else None
    if kin is None or kin is waiter or kin.wait is None:
        has = {1: "has", 2: "both have"}.get(len(dead), "have all")
        return f"{names} could, and {has} ended"
    words = waits_in_words(state, kin.wait)
    like = names_of(state, [dead[0].key])
    return f"{described(kin)}, started like {like}, has not done its part: it {words}"


def _waiting_kin(state: RunState, dead: list[Process]) -> Process | None:
    """A process that was started like these, and waits instead of doing as they did."""
    kinds = {(each.parent, each.function) for each in dead if each.function}
    alike = (each for each in state.processes.values() if (each.parent, each.function) in kinds)
    return next((each for each in alike if each.alive and each.wait is not None), None)


def _who_failed(state: RunState, queue: Queue | None) -> str:
    """Who may be to blame if nobody was seen to use what is waited for; empty if nobody failed."""
    nothing = (
        f"nothing was ever put into {queue.name}"
        if queue and not (queue.puts.count or queue.seen)
        else ""
    )
    failed = [each for each in state.processes.values() if not each.alive and ended_badly(each)]
    if not failed:
        return nothing
    words = f"{described(failed[0])} failed: {failure_in_words(state, failed[0])}"
    return "; ".join(filter(None, (nothing, words)))


def _peers(state: RunState, wait: Wait) -> list[Process]:
    """The processes that wait for the same."""
    return [process for process, each in waits(state) if each.object == wait.object]


def _kin(state: RunState, known: list[Process]) -> list[Process]:
    """Dead processes: those that were started like these but are none of them, then these.

    A process that failed before it did its part was never seen to use the object.
    """
    kinds = {(each.parent, each.function) for each in known if each.function}
    keys = {each.key for each in known}
    kin = [
        each
        for each in state.processes.values()
        if each.key not in keys and (each.parent, each.function) in kinds
    ]
    return [each for each in (*kin, *known) if not each.alive]


RULE = Rule(
    name="stalled",
    says="nothing goes on, and no process is left that could change that",
    threshold=f"no process has been at work for {briefly(STALLED_NANOSECONDS)}, and a look at each"
    " since then has found no thread that may go on",
    exempt="a stall that another rule explains; a process that sleeps, waits with a time-out, for a"
    " connection that is no Pipe, or for a file lock that another program has; a thread"
    " of the program's own that may wake; a process with several threads at which mpviz cannot"
    " look, or with a handler for SIGALRM, SIGUSR1 or another signal that a timer or another"
    " program sends",
    find=_find,
    stays=Stays.OVER,
    holds=STALLED_HOLD_NANOSECONDS,
    is_last_resort=True,
)
