"""Why a program does not go on, as a text of a screenful: its processes, their waits, the cause."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mpviz.trace.explain.chains import Asked, chain_in_words, chain_of
from mpviz.trace.explain.stalls import as_it_stands, stands_in_a_lock
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitives.pipe import Pipe, holders_of_other_end
from mpviz.trace.model.processes.identity import described, exit_in_words, names_of
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.stacks import own_frame
from mpviz.trace.model.state import HELPERS, Finding, RunState

MOST_PROCESSES = 8
"""Processes that are told one by one; others that do the same are counted."""

MOST_FINDINGS = 3

YOUNG_NANOSECONDS = 1_000_000_000
"""Nanoseconds that a process has been there before it is said that it cannot be looked into."""


def why(state: RunState, width: int = 80) -> list[str]:
    """The lines: the program, its tree, the longest wait chain, and what is wrong."""
    lines = [*_wrapped(_title(state), "", width), ""]
    for words, indent in _processes(state):
        lines += _wrapped(words, indent, width)
    chain = _longest_chain(state)
    findings = [each for each in state.findings.values() if each.over < 0]
    if chain and not any(each.is_a_dead_end for each in findings):
        lines += ["", *_wrapped(chain, "", width)]
    hints = list(_hints(state))
    for place, finding in enumerate(findings[:MOST_FINDINGS]):
        lines += ["", *_finding(finding, width, [] if place else hints)]
    if len(findings) > MOST_FINDINGS:
        lines += [
            "",
            f"and {plural(len(findings) - MOST_FINDINGS, 'more finding')}: --json has all",
        ]
    if not findings:
        lines += ["", *_wrapped(_verdict(state), "", width)]
    for problem in [*([] if findings else hints), *(each.text for each in state.troubles[:2])]:
        lines += ["", *_wrapped(problem, "", width)]
    return lines


def _wrapped(words: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        words,
        max(20, width - 1),
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_on_hyphens=False,
    )


def _title(state: RunState) -> str:
    run = state.run
    main = state.processes.get(state.main)
    name = run.target if run is not None else ""
    count = sum(each.alive for each in state.processes.values())
    python = f", Python {main.python}" if main is not None and main.python else ""
    pid = f", pid {main.pid}" if main is not None else ""
    return f"{name}{pid}{python}: {plural(count, 'process')}"


def _processes(state: RunState) -> Iterator[tuple[str, str]]:
    """What each process does, with its indent, children below their parents."""
    told: set[tuple[str, str]] = set()
    shown = alike = others = 0
    for process, depth in _tree(state):
        what = _doing(state, process)
        kind = process.parent, _kind_of(state, process, what)
        if kind in told:
            alike += 1
            continue
        if shown >= MOST_PROCESSES or (process.role in HELPERS and shown):
            others += 1
            continue
        told.add(kind)
        shown += 1
        pid = f" ({process.pid})" if str(process.pid) not in described(process) else ""
        yield f"{described(process)}{pid} {what}", "  " * depth
    yield from _ended(state)
    if alike:
        yield f"and {plural(alike, 'more that does', 'more that do')} the same", "  "
    if others:
        yield f"and {plural(others, 'more process', 'more processes')}", "  "


def _ended(state: RunState) -> Iterator[tuple[str, str]]:
    """The processes that have ended, and that nobody has joined yet, by how they ended."""
    found: dict[str, list[str]] = {}
    for process in map(state.processes.__getitem__, state.zombies):
        if not process.alive:
            found.setdefault(exit_in_words(process), []).append(process.key)
    for how, keys in found.items():
        yield f"{names_of(state, keys)} {'has' if len(keys) == 1 else 'have'} ended: {how}", "  "


def _kind_of(state: RunState, process: Process, what: str) -> str:
    """What makes two processes alike."""
    wait = process.wait
    if wait is not None and process.role == "worker":
        return f"{wait.what} {wait.object} {wait.turn}"
    if wait is None and process.seen:
        # Not since when.
        return f"{process.state} {process.role} {process.function} {_place(process)}"
    return f"{what} {process.key if wait is not None and wait.what == 'lock' else ''}"


def _tree(state: RunState) -> Iterator[tuple[Process, int]]:
    living = [each for each in state.processes.values() if each.alive]
    keys = {each.key for each in living}
    todo = [(each, 0) for each in reversed(living) if each.parent not in keys]
    while todo:
        process, depth = todo.pop()
        yield process, depth
        todo += [(each, depth + 1) for each in reversed(living) if each.parent == process.key]


def _doing(state: RunState, process: Process) -> str:
    """What it does, since when, and at which line."""
    stuck = as_it_stands(state, process)
    place = _place(process)
    if stuck is None:
        age = (
            f" for {duration(state.now - process.asleep_since)}"
            if process.asleep_since >= 0
            else ""
        )
        words = {"sleeping": "sleeps"}.get(process.state, f"is {process.state}")
        is_task = process.role == "worker" and process.seen and process.function
        task = f" in its task {process.function}" if is_task else ""
        return f"{words}{age if words == 'sleeps' else ''}{task}{place}"
    age = duration(max(0, state.now - stuck.since))
    words = stuck.words
    if stuck.words.startswith("join "):
        return f"waits {age} to {words}{place}"
    if place and place.strip(", ").removeprefix("at ").split(" in ")[0] in words:
        place = ""
    return f"waits {age} for {words}{_other_end(state, process)}{place}"


def _place(process: Process) -> str:
    stacks = process.stacks
    if stacks is None or stacks.main is None:
        return ""
    if (
        process.wait is None
        and process.alive
        and not (process.resting or stands_in_a_lock(process))
    ):
        return ""
    frame = own_frame(stacks.main)
    if frame is None:
        return ""
    return f", at {frame[0].rsplit('/', 1)[-1]}:{frame[1]} in {frame[2]}"


def _other_end(state: RunState, process: Process) -> str:
    """Who has the other end of the pipe at which it waits."""
    wait = process.wait
    if wait is None or wait.what not in ("send", "receive") or wait.object not in state.table(Pipe):
        return ""
    holders = holders_of_other_end(state, wait)
    if holders is None:
        return ""
    if not holders:
        return "; nobody has its other end open"
    names = names_of(state, [each.key for each in holders])
    return f"; its other end is open in {names}"


def _longest_chain(state: RunState) -> str:
    """The wait chain with the most links, in words; empty if none has two."""
    asked = Asked()
    chains = [
        chain_of(state, each, asked, 8)
        for each in state.processes.values()
        if each.alive and each.wait is not None and each.role not in HELPERS
    ]
    longest = max(chains, key=lambda each: len(each.links), default=None)
    if longest is None or len(longest.links) < 2:
        return ""
    return f"chain: {chain_in_words(state, longest)}"


def _finding(finding: Finding, width: int, hints: list[str]) -> list[str]:
    """What is wrong, what would let more be seen of it, why it is so, and what to do."""
    return [
        *_wrapped(f"{finding.rule}: {finding.message}", "", width),
        *(line for each in hints for line in _wrapped(f"hint: {each}", "  ", width)),
        *_wrapped(f"cause: {finding.cause}", "  ", width),
        *_wrapped(f"fix: {finding.fix}", "  ", width),
    ]


def _verdict(state: RunState) -> str:
    living = [each for each in state.processes.values() if each.alive]
    if not living:
        main = state.processes.get(state.main)
        return "it has ended: " + (exit_in_words(main) if main is not None else "nothing was seen")
    return "no finding: what can be seen from outside shows no fault"


def _unheeded(state: RunState) -> Iterator[str]:
    """Who may have been told to end, and goes on: that it was told is not seen from outside."""
    for waiter in state.processes.values():
        process = state.processes.get(waiter.wait.object) if waiter.wait is not None else None
        if process is None or process.exiting >= 0 or not process.handles_sigterm:
            continue
        if waiter.alive and waiter.wait is not None and waiter.wait.what == "process":
            yield (
                f"{described(process)} has a handler for SIGTERM, so terminate() ends it only if"
                f" that handler does; {described(waiter)} waits to join it. A forked process has"
                " the handlers of its parent: signal.signal(signal.SIGTERM, signal.SIG_DFL) in its"
                " function restores the default."
            )


def _hints(state: RunState) -> Iterator[str]:
    """What kept the look from seeing more, such as names and lines, and what would give it."""
    if not state.findings:
        yield from _unheeded(state)
    seen: set[str] = set()
    for process in state.processes.values():
        is_there = process.seen and process.alive and not process.zombie
        is_old = state.now - process.first_seen > YOUNG_NANOSECONDS
        problem = process.unobserved if is_there and is_old else ""
        is_told = process.key == state.main or "no Python" not in problem
        if problem and problem not in seen and is_told:
            seen.add(problem)
            yield f"{described(process)} {problem}"
