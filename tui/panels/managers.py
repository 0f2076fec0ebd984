"""The managers: the objects in each, who calls them how often, and who waits for an answer."""

from __future__ import annotations

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitives.manager import (
    Managed,
    Manager,
    answers,
    callers,
    manager_name,
    methods_of,
)
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Names
from mpviz.tui.panels.listing import Listing, Order, by_name, in_sight, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import DURATION_WIDTH, count, rate
from mpviz.tui.render.glyphs import mark, marks, matches, moment_of
from mpviz.tui.render.rows import Part, Row, crop, fit, fit_name, length, right, with_groups
from mpviz.tui.render.view import View

LISTING = Listing[Managed](
    items=lambda state, view: sorted(
        state.table(Managed).values(), key=lambda managed: -managed.calls.count
    ),
    words=lambda state, managed: (managed.name,),
    orders=(
        Order("time waited", lambda state, managed: -managed.wait.total),
        by_name(lambda managed: managed.name),
    ),
)


def _listed(state: RunState, view: View) -> list[tuple[Manager, list[Managed]]]:
    """The managers that the filter lets through, or some of their objects."""
    of_each: dict[str, list[Managed]] = {}
    for each in LISTING.listed(state, view, "managers"):
        of_each.setdefault(each.manager, []).append(each)
    return [
        (manager, of_each.get(manager.id, []))
        for manager in sorted(state.table(Manager).values(), key=lambda it: _has_ended(state, it))
        if manager.id in of_each or matches(view, manager_name(state, manager))
    ]


def _has_ended(state: RunState, manager: Manager) -> bool:
    """Whether the manager's process has ended while the program goes on."""
    server = state.processes.get(manager.server)
    return state.ended < 0 and server is not None and not server.alive


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """A row for each manager, and below it one for each of its objects."""
    listed = _listed(state, view)
    if not listed:
        return []
    name = Names(share=4).width((each.name for _, objects in listed for each in objects), width)
    lines: list[tuple[Manager, Managed | int]] = []
    """The objects, with a heading for each manager that gives their number."""
    for manager, objects in listed:
        lines += [(manager, len(objects)), *((manager, each) for each in objects)]

    def make(line: tuple[Manager, Managed | int]) -> Row:
        manager, each = line
        if isinstance(each, int):
            return Row(_manager(state, view, manager, each, width), manager.server)
        return Row(_object(state, view, manager, each, (name, width)), each.id)

    left = 0
    if len(lines) > height > 1 and not view.filter and not LISTING.order(view, "managers"):
        used = [line for line in lines if not _has_ended(state, line[0])]
        left = sum(isinstance(each, int) for _, each in lines[len(used) :]) if used else 0
        lines = used or lines
    height -= bool(left)
    rows = in_sight(lines, height, view.scroll.get("managers", 0), make)
    return [*rows, *left_row(left, f"{'manager has' if left == 1 else 'managers have'} ended")]


def _manager(
    state: RunState, view: View, manager: Manager, objects: int, width: int
) -> tuple[Part, ...]:
    """The process that serves, how much it is asked, and how many wait for it."""
    server = state.processes.get(manager.server)
    waiting = sum(1 for _ in callers(state, manager))
    parts: list[Part] = [*(mark(server) if server is not None else ()), (" " * bool(server), "")]
    parts.append((manager_name(state, manager), "title"))
    if server is not None and not server.alive:
        parts.append((" has ended", "trouble" if waiting else "dim"))
    per_second = rate(manager.calls.per_second(moment_of(state, view)))
    groups: list[list[Part]] = [
        [(f"{per_second:>7}", "number"), (f" of {count(manager.calls.count)} calls", "dim")],
        [(f"{waiting} waiting", "activity.result")] if waiting else [],
        [(plural(objects, "object"), "dim")],
        [(f"pid {server.pid}", "dim")] if server is not None else [],
    ]
    return crop(with_groups([*parts, ("  ", "")], groups, width, skip=True), width)


def _object(
    state: RunState, view: View, manager: Manager, managed: Managed, size: tuple[int, int]
) -> tuple[Part, ...]:
    """Name, who waits for it, how often it was called, by whom, and by which methods most."""
    name, width = size
    now = moment_of(state, view)
    parts: list[Part] = [("  ", ""), (fit_name(managed.name, name - 1) + " ", "strong")]
    per_second = rate(managed.calls.per_second(now))
    calls = f"{right(count(managed.calls.count), 6)} calls {right(per_second, 7)}"
    wait = right(duration(answers(state, managed).quantile(0.5)), DURATION_WIDTH)
    parts += [(calls, "number"), ("  ", ""), (fit(managed.kind, 9), "dim")]
    left = width - length(parts) - 2
    waits = _waiting(state, manager, managed, now)
    groups: list[list[Part]] = [
        next((words for words in waits if length(words) <= left), []),
        [("p50 ", "dim"), (wait, "number")],
        marks(state, managed.called_by, 12),
        *([(words, "dim")] for words in _methods(managed)),
    ]
    return crop(with_groups([*parts, ("  ", "")], groups, width, skip=True), width)


def _waiting(state: RunState, manager: Manager, managed: Managed, now: int) -> list[list[Part]]:
    """Who has waited longest for an answer of this object, to which call, and how many do.

    From the longest way to say it to the shortest.
    """
    waiting = [each for each in callers(state, manager) if each[3] is managed]
    if not waiting:
        return []
    process, wait, method, _ = min(waiting, key=lambda each: each[1].since)
    called = method.name.removeprefix(f"{managed.name}.")
    more = f" +{len(waiting) - 1}" if len(waiting) > 1 else ""
    time = duration(max(0, now - wait.since))
    ways = (f" waits {time} for {called}{more}", f" {time} {called}{more}", f" {time}{more}")
    return [[*mark(process), (words, "activity.result")] for words in ways]


def _methods(managed: Managed) -> list[str]:
    return [f"{name} {count(method.calls)}" for name, method in methods_of(managed)[:4]]


def title(state: RunState, view: View) -> str:
    """How many there are, how many objects they have, and how many processes wait."""
    managers = list(state.table(Manager).values())
    waiting = sum(1 for manager in managers for _ in callers(state, manager))
    objects = plural(len(state.table(Managed)), "object")
    words = f"{plural(len(managers), 'manager')}, {objects}"
    return words + (f", {waiting} waiting" if waiting else "")


def wanted_height(state: RunState, view: View) -> int:
    """A row for each manager and each object."""
    return max(1, len(state.table(Manager)) + len(state.table(Managed)))


PANEL = Panel(
    name="managers",
    title=title,
    help=(
        "Each manager: the process that serves its objects, its calls in the last second and in "
        "all, and how many processes wait for its answer now. Below are its objects, most calls "
        "first: kind, calls in all and in the last second, the median time of an answer, the "
        "process that waits longest and its call, the callers, and the methods called most. Every "
        "call is a message to that one process and an answer back, and the caller waits for it."
    ),
    body=draw,
    thing="manager",
    nothing="no manager was started",
    listing=LISTING,
    used=lambda state: bool(state.table(Manager)),
    wanted_height=wanted_height,
)
