"""Events, conditions and barriers: who waits, for what, and who could let them go on."""

from __future__ import annotations

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.primitive import so_far
from mpviz.trace.model.primitives.barrier import REASONS, Barrier
from mpviz.trace.model.primitives.condition import Condition
from mpviz.trace.model.primitives.lock import waiters
from mpviz.trace.model.primitives.mp_event import SharedEvent
from mpviz.trace.model.processes.identity import described, names_of
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Space, list_panel
from mpviz.tui.panels.listing import Listing, Order, by_name, is_deserted
from mpviz.tui.render.formatting import DURATION_WIDTH, count
from mpviz.tui.render.glyphs import in_line, mark, stacked_bar
from mpviz.tui.render.rows import Part, fit_name, length, right, with_groups
from mpviz.tui.render.view import View

Signal = SharedEvent | Condition | Barrier

STYLE = "activity.signal"
NUMBERS_WIDTH = 44
"""Cells that the numbers need to say how often there was a wait, and for how long."""

SHUT, OPEN = "│───│", "│   │"
WAITS = {SharedEvent: "event", Condition: "condition", Barrier: "barrier"}
"""The word of a wait for each, as its primitive registers it."""


def signals_in_use(state: RunState) -> list[Signal]:
    """What the program made of the three, events first."""
    return [
        *state.table(SharedEvent).values(),
        *state.table(Barrier).values(),
        *state.table(Condition).values(),
    ]


def _is_left(state: RunState, signal: Signal) -> bool:
    if not is_deserted(state, signal.used_by):
        return False
    return not waiters(state, WAITS[type(signal)], signal.id)


LISTING = Listing[Signal](
    items=lambda state, view: signals_in_use(state),
    words=lambda state, signal: (signal.name,),
    is_left=_is_left,
    orders=(
        Order(
            "waiters now",
            lambda state, signal: -len(waiters(state, WAITS[type(signal)], signal.id)),
        ),
        Order(
            "time waited",
            lambda state, signal: -signal.wait.total,
            lambda signal: duration(signal.wait.total),
        ),
        by_name(lambda signal: signal.name),
    ),
)


def _first(space: Space, signal: Signal) -> list[Part]:
    status = _status(space, signal, space.width - space.name)
    return [(fit_name(signal.name, space.name - 1) + " ", "strong"), *status]


def _status(space: Space, signal: Signal, room: int) -> list[Part]:
    """What is true of it, and who waits for it."""
    state, now = space.state, space.now
    if isinstance(signal, SharedEvent):
        parts = _gate(state, signal, now, room)
    elif isinstance(signal, Barrier):
        return _places(state, signal, now, room)
    else:
        parts = _bell(state, signal, now, room)
    dead = [(f", {len(signal.dead)} died waiting", "trouble")] if signal.dead else []
    parts = _with_room(parts, dead, room)
    waiting = waiters(state, WAITS[type(signal)], signal.id)
    if waiting:
        parts.append((" ← ", STYLE))
        parts += in_line(waiting, now, room - length(parts), STYLE)
    return parts


def _gate(state: RunState, event: SharedEvent, now: int, room: int) -> list[Part]:
    """Shut or open, since when, and by whom."""
    if not event.is_set:
        return [(SHUT, STYLE), (" shut", STYLE)]
    parts: list[Part] = [(OPEN, "good"), (" open ", "good")]
    parts.append((duration(max(0, now - event.set_at)), "number"))
    return _with_room(parts, _whom(state, ", set by ", event.set_by), room)


def _bell(state: RunState, condition: Condition, now: int, room: int) -> list[Part]:
    """Whether anybody waits to be notified; if not, who was the last to notify."""
    number = len(waiters(state, "condition", condition.id))
    if number:
        return [(f"{number} " + ("waits" if number == 1 else "wait"), STYLE)]
    last = _whom(state, ", last notify by ", condition.last_notifier)
    if last:
        last.append((f" {duration(max(0, now - condition.notified_at))} ago", "dim"))
    return _with_room([("nobody waits", "dim")], last, room)


def _with_room(parts: list[Part], more: list[Part], room: int) -> list[Part]:
    """The parts and as many of these, from the left, as are whole in the room there is."""
    while more and length(parts) + length(more) > room:
        more = more[:-1]
    return parts + more


def _whom(state: RunState, words: str, key: str) -> list[Part]:
    """These words and a process; nothing if there is none."""
    process = state.processes.get(key)
    if process is None:
        return []
    return [(words, "dim"), *mark(process), (f" {described(process)}", "")]


def _places(state: RunState, barrier: Barrier, now: int, room: int) -> list[Part]:
    """The places taken and those still free, and as much about them as there is room for."""
    ways = _ways_to_say(state, barrier, now)
    # A place takes at least two cells, and a barrier may have any number of places.
    if 2 * barrier.parties <= room:
        places = _marked_places(state, barrier)
        for words in ways:
            if length(places) + length(words) <= room:
                return places + words
    shortest = ways[-1]
    return _counted_places(barrier, max(4, room - length(shortest))) + shortest


def _marked_places(state: RunState, barrier: Barrier) -> list[Part]:
    """A place for each party between two posts: a mark if it is taken, else a dot."""
    there = [state.processes[key] for key, _ in barrier.here if key in state.processes]
    places = [*map(mark, there), *[(("·", "track"),)] * (barrier.parties - len(there))]
    inside = [part for place in places for part in (*place, (" ", ""))]
    return [("│", STYLE), *inside[:-1], ("│", STYLE)]


def _counted_places(barrier: Barrier, room: int) -> list[Part]:
    """The same as a bar."""
    share = len(barrier.here) / max(1, barrier.parties)
    return [("│", STYLE), *stacked_bar(room - 2, [(min(1.0, share), STYLE)]), ("│", STYLE)]


def _ways_to_say(state: RunState, barrier: Barrier, now: int) -> list[list[Part]]:
    """What is to be said of a barrier, the longest way first; what went wrong is in red."""
    if barrier.broken:
        reason = REASONS.get(barrier.reason, barrier.reason)
        return [
            [(f" broken: {reason}", "trouble"), *_whom(state, " in ", barrier.broken_by)],
            [(f" broken: {reason}", "trouble")],
            [(" broken", "trouble")],
        ]
    there = f" {len(barrier.here)} of {barrier.parties}"
    if barrier.dead:
        dead = names_of(state, barrier.dead)
        return [
            [(f"{there} there, ", "number"), (f"{dead} died in it", "trouble")],
            [(f"{there}, ", "number"), (plural(len(barrier.dead), "dead", "dead"), "trouble")],
            [(" " + plural(len(barrier.dead), "dead", "dead"), "trouble")],
        ]
    if barrier.here:
        since = duration(max(0, now - min(barrier.here.values())))
        return [
            [(f"{there} there", "number"), (f", waiting {since}", STYLE)],
            [(there, "number"), (f", {since}", STYLE)],
            [(there, "number")],
        ]
    last = _whom(state, ", last to arrive ", barrier.last_to_arrive)
    return [[(f"{there} there", "number"), *last], [(there, "number")]]


def _numbers(space: Space, signal: Signal) -> list[Part]:
    """What there is room for, whole: how often, how long, what kind it is."""
    if isinstance(signal, SharedEvent):
        groups = _event_numbers(space.state, signal)
    elif isinstance(signal, Barrier):
        groups = _barrier_numbers(space.state, signal)
    else:
        groups = _condition_numbers(space.state, signal)
    # Where it is narrow, the numbers need the room below the name.
    indent = space.name if space.width >= NUMBERS_WIDTH + space.name else 2
    return with_groups([(" " * indent, "")], groups, space.width)


def _event_numbers(state: RunState, event: SharedEvent) -> list[list[Part]]:
    going_on = so_far(state, event.id, "event")
    groups = [
        _number("set", event.sets),
        _number("cleared", event.clears),
        _number("waits", event.waits + len(going_on)),
        *_waits(event.wait.including(going_on)),
    ]
    if event.timed_out:
        groups.append(_number("timed out", event.timed_out))
    return [*groups, [("Event", "dim")]]


def _condition_numbers(state: RunState, condition: Condition) -> list[list[Part]]:
    groups = [_number("notified", condition.notifies), _number("woken", condition.wakes)]
    wait = condition.wait.including(so_far(state, condition.id, "condition"))
    if condition.unheard:
        groups.append([(f"{count(condition.unheard)} to nobody", "warning")])
    return [*groups, *_waits(wait), [("Condition", "dim")]]


def _barrier_numbers(state: RunState, barrier: Barrier) -> list[list[Part]]:
    wait = barrier.wait.including(so_far(state, barrier.id, "barrier"))
    groups = [_number("rounds", barrier.rounds), *_waits(wait)]
    late = max(barrier.last_by, key=lambda key: barrier.last_by[key], default="")
    process = state.processes.get(late)
    if process is not None:
        times = count(barrier.last_by[late])
        groups.insert(1, [*mark(process), (" last in ", "dim"), (times, "number")])
    return [*groups, [(f"Barrier of {barrier.parties}", "dim")]]


def _number(word: str, number: int) -> list[Part]:
    return [(word + " ", "dim"), (count(number), "number")]


def _waits(wait: Distribution) -> list[list[Part]]:
    if not wait.count:
        return []
    return [
        [
            ("wait p50 ", "dim"),
            (right(duration(wait.quantile(0.5)), DURATION_WIDTH), "number"),
            (" p99 ", "dim"),
            (right(duration(wait.quantile(0.99)), DURATION_WIDTH), "number"),
        ]
    ]


def title(state: RunState, view: View) -> str:
    """How many of each there are, and how many processes wait at one."""
    tables = ((SharedEvent, "event"), (Barrier, "barrier"), (Condition, "condition"))
    numbers = [(len(state.table(kind)), word) for kind, word in tables]
    words = ", ".join(plural(number, word) for number, word in numbers if number)
    waiting = sum(
        wait.what in WAITS.values()
        for process in state.processes.values()
        for wait in process.waits.values()
    )
    return (words or "synchronization") + (f", {waiting} waiting" if waiting else "")


PANEL = list_panel(
    "synchronization",
    title=title,
    help=(
        "Events, barriers and conditions, with who waits at each, in the order in which they came. "
        "An event is a gate: shut until somebody sets it, then open to all until it is cleared. A "
        "barrier has a place for each party: marks are those that have arrived, dots those for "
        "whom they wait. A condition has waiters that somebody else has to notify; a notify to "
        "nobody is lost. Below: how often, and how long a wait took at most for half and for 99 "
        "of 100. Red is a barrier that broke, or one where a process died: it keeps its place."
    ),
    first=_first,
    second=_numbers,
    thing="event, condition or barrier",
    nothing="no event, condition or barrier was made",
    listing=LISTING,
)
