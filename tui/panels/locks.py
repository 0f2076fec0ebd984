"""The locks and semaphores: who holds each, who waits for it, and what that has cost."""

from __future__ import annotations

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Rate
from mpviz.trace.model.primitives.lock import (
    Lock,
    contention,
    hold_times,
    locks_in_use,
    wait_times,
    waiters,
)
from mpviz.trace.model.processes.identity import described, fate
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Space, list_panel
from mpviz.tui.panels.listing import USED_OF_LATE, Listing, Order, by_name, is_deserted
from mpviz.tui.render.formatting import DURATION_WIDTH, count, percent
from mpviz.tui.render.glyphs import in_line, mark
from mpviz.tui.render.rows import Part, fit_name, length, right, with_groups
from mpviz.tui.render.view import View

NUMBERS_WIDTH = 50
"""Cells that the numbers need to say how often there was a wait, and for how long."""


def _is_left(state: RunState, lock: Lock) -> bool:
    """A lock with a dead holder is still in use, because others may wait for it for ever."""
    lately = state.now - lock.taken < USED_OF_LATE * Rate.STEP
    if lately or lock.holders or not is_deserted(state, lock.takers):
        return False
    return not waiters(state, "lock", lock.id)


LISTING = Listing[Lock](
    items=lambda state, view: locks_in_use(state),
    words=lambda state, lock: (lock.name,),
    is_left=_is_left,
    orders=(
        Order(
            "time waited",
            lambda state, lock: -lock.wait.total,
            lambda lock: duration(lock.wait.total),
        ),
        Order("waiters now", lambda state, lock: -len(waiters(state, "lock", lock.id))),
        Order(
            "longest hold",
            lambda state, lock: -lock.hold.longest,
            lambda lock: duration(lock.hold.longest),
        ),
        Order(
            "times taken",
            lambda state, lock: -lock.acquisitions,
            lambda lock: count(lock.acquisitions),
        ),
        by_name(lambda lock: lock.name),
    ),
)


def _first(space: Space, lock: Lock) -> list[Part]:
    parts: list[Part] = [(fit_name(lock.name, space.name - 1) + " ", "strong")]
    parts += _holders(space.state, lock, space.now, space.width)
    waiting = waiters(space.state, "lock", lock.id)
    if waiting:
        parts.append((" ← ", "activity.lock"))
        parts += in_line(waiting, space.now, space.width - length(parts), "activity.lock")
    return parts


def _holders(state: RunState, lock: Lock, now: int, width: int) -> list[Part]:
    """Who has it and for how long; a dead holder is trouble, nobody else can release it."""
    taken: list[Part] = []
    if lock.maximum > 1:
        taken.append((f"{len(lock.holders)} of {lock.maximum} taken ", "number"))
    if lock.lost_since >= 0:
        return [("held by a process that is gone", "trouble")]
    if not lock.holders:
        return taken or _free(state, lock, width)
    holders = [(state.processes.get(key), since) for (key, _), since in lock.holders.items()]
    if len(holders) > 1:
        for process, _ in holders[:6]:
            taken += [*(mark(process) if process else ()), (" ", "")]
        return taken
    process, since = holders[0]
    held = right(duration(max(0, now - since)), DURATION_WIDTH)
    if process is None:
        return [*taken, (f"held {held}", "")]
    if not process.alive:
        words = f" {described(process)} {fate(process)} and holds it {held}"
        return [*taken, *mark(process), (words, "trouble")]
    name = f" {described(process)}" if width >= 50 else ""
    return [*taken, *mark(process), (name, ""), (f" {held}", "number")]


def _free(state: RunState, lock: Lock, width: int) -> list[Part]:
    last = state.processes.get(lock.last_holder)
    if last is None:
        return [("free", "dim")]
    return [("free, last held by " if width >= 60 else "free, last ", "dim"), *mark(last)]


def _numbers(space: Space, lock: Lock) -> list[Part]:
    """What there is room for, whole: contended, wait, hold, how often it was taken, kind."""
    name, width = space.name, space.width
    if lock.seen:
        return [(" " * name, ""), (f"{lock.kind}, seen from outside", "dim")]
    share = contention(space.state, lock)
    if not (lock.acquisitions or lock.wait.count or share):
        return [(" " * name, ""), (f"{lock.kind}, never taken", "dim")]
    wide = DURATION_WIDTH
    wait, hold = wait_times(space.state, lock), hold_times(space.state, lock)
    groups: list[list[Part]] = [
        [("contended ", "dim"), (percent(share), "number")],
        [
            ("wait p50 ", "dim"),
            (right(duration(wait.quantile(0.5)), wide), "number"),
            (" p99 ", "dim"),
            (right(duration(wait.quantile(0.99)), wide), "number"),
        ],
        [("hold p50 ", "dim"), (right(duration(hold.quantile(0.5)), wide), "number")],
        [("taken ", "dim"), (right(count(lock.acquisitions), 6), "number")],
        [(lock.kind, "dim")],
    ]
    # Where it is narrow, the numbers need the room below the name.
    indent = name if width >= NUMBERS_WIDTH + name else 2
    return with_groups([(" " * indent, "")], groups, width)


def title(state: RunState, view: View) -> str:
    """How many there are, and how many processes wait for one."""
    locks = locks_in_use(state)
    waiting = sum(
        wait.what == "lock"
        for process in state.processes.values()
        for wait in process.waits.values()
    )
    return plural(len(locks), "lock") + (f", {waiting} waiting" if waiting else "")


PANEL = list_panel(
    "locks",
    title=title,
    help=(
        "Each lock or semaphore that the program made or took: its holder and for how long, then "
        "behind the arrow the waiters in the order in which they came. Below: contended is the "
        "share of attempts that had to wait, including those without success; half of all waits "
        "took at most p50, and 99 of 100 at most p99; hold is how long it was held. A dead holder "
        "is red: no other process will release its lock."
    ),
    first=_first,
    second=_numbers,
    thing="lock",
    nothing="no lock was taken",
    listing=LISTING,
)
