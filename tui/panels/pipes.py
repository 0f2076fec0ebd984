"""The pipes: who sends to whom, the messages in flight, and who waits at which end."""

from __future__ import annotations

from rich.cells import cell_len

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.primitives.pipe import (
    Direction,
    Pipe,
    pipe_waiters,
    pipes_made,
    waits_for,
)
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Names
from mpviz.tui.panels.listing import Listing, Order, by_name, in_sight, is_deserted, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import DURATION_WIDTH, SIZE_WIDTH, count, rate, size
from mpviz.tui.render.glyphs import marks, moment_of
from mpviz.tui.render.rows import Part, Row, crop, fit, fit_name, length, right, with_groups
from mpviz.tui.render.view import View

WIDE_SIDE, NARROW_SIDE = 20, 12
"""Cells for those who send, and as many for those who receive."""
SHORTEST_WAY, LONGEST_WAY = 6, 36
"""Cells of the picture of a direction, between those who send and those who receive."""

Waiting = list[tuple[Process, Wait]]


def _is_left(state: RunState, pipe: Pipe) -> bool:
    users = {
        key
        for direction in pipe.directions
        for used_by in (direction.sent_by, direction.received_by)
        for key in used_by
    }
    rates = [
        rate for direction in pipe.directions for rate in (direction.sends, direction.receives)
    ]
    if not is_deserted(state, users, *rates):
        return False
    waiting = [pipe_waiters(state, pipe, direction) for direction in pipe.directions]
    return not any(each["send"] or each["receive"] for each in waiting)


LISTING = Listing[Pipe](
    items=lambda state, view: pipes_made(state),
    words=lambda state, pipe: (pipe.name,),
    is_left=_is_left,
    orders=(
        Order("messages", lambda state, pipe: -_sent(pipe), lambda pipe: count(_sent(pipe))),
        Order("bytes", lambda state, pipe: -_bytes(pipe), lambda pipe: size(_bytes(pipe))),
        Order("messages in flight", lambda state, pipe: -_in_flight(pipe)),
        by_name(lambda pipe: pipe.name),
    ),
)


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """For each direction a small picture, senders ▶ receivers, with its numbers below."""
    pipes, left = LISTING.standing(state, view, "pipes", height // 2)
    height -= bool(left)
    if not pipes:
        return []
    directions = [(pipe, direction) for pipe in pipes for direction in pipe.directions]
    has_numbers = height >= 2 * len(directions)
    whole = Names(share=4).width((pipe.name for pipe in pipes), width)
    halves = [half for pipe in pipes for half in _halves(pipe, whole)]
    name = max(whole, Names(share=3).width(halves, width)) if has_numbers else whole

    def make(each: tuple[Pipe, Direction]) -> Row:
        pipe, direction = each
        is_first = direction is pipe.directions[0]
        label = (_halves(pipe, name)[0] if has_numbers else pipe.name) if is_first else ""
        end = LISTING.measure(view, "pipes", pipe) if label and not has_numbers else ()
        cells = (name, width - length(end))
        return Row((*_traffic(state, view, pipe, direction, label, cells), *end), pipe.id)

    if has_numbers:
        numbers = [
            Row(_numbers(state, view, pipe, direction, (name, width)), pipe.id)
            for pipe, direction in directions
        ]
        rows = [line for pair in zip(map(make, directions), numbers, strict=True) for line in pair]
    else:
        rows = in_sight(directions, height, view.scroll.get("pipes", 0), make)
    return [*rows, *left_row(left)]


def _halves(pipe: Pipe, width: int) -> tuple[str, str]:
    """The name in two rows, "receiver/" and "sender", if it has no room in one."""
    if cell_len(pipe.name) < width or "/" not in pipe.name:
        return pipe.name, ""
    first, second = pipe.name.split("/", 1)
    return f"{first}/", second


def _sent(pipe: Pipe) -> int:
    return sum(direction.sends.count for direction in pipe.directions)


def _bytes(pipe: Pipe) -> int:
    return sum(direction.sent_size for direction in pipe.directions)


def _in_flight(pipe: Pipe) -> int:
    return sum(direction.in_flight for direction in pipe.directions)


def _traffic(
    state: RunState,
    view: View,
    pipe: Pipe,
    direction: Direction,
    label: str,
    cells: tuple[int, int],
) -> tuple[Part, ...]:
    """Senders, the messages in flight, receivers; a message lies where it will be read."""
    name, width = cells
    now = moment_of(state, view)
    waiting = pipe_waiters(state, pipe, direction)
    is_wide = width - name >= 2 * WIDE_SIDE + LONGEST_WAY // 2
    side = WIDE_SIDE if is_wide else min(NARROW_SIDE, (width - name - SHORTEST_WAY - 2) // 2)
    side = max(4, side)
    body = max(SHORTEST_WAY, min(LONGEST_WAY, width - name - 2 * side - 2))
    left = _side(state, direction.sent_by, direction.sender_end, waiting["send"], now, side)
    right_side = _side(
        state, direction.received_by, direction.receiver_end, waiting["receive"], now, side
    )
    parts: list[Part] = [(fit_name(label, name - 1) + " ", "strong")]
    # Close to the picture, so that it stays in its place when somebody begins to wait.
    parts += [(" " * (side - length(left)), ""), *left, (" ", "")]
    parts += [*_body(direction, body), (" ", ""), *right_side]
    room = width - length(parts)
    fate = next((words for words in _fate(direction) if len(words) + 2 <= room), "")
    return crop([*parts, ("  ", ""), (fate, "dim" if direction.ended else "warning")], width)


def _side(
    state: RunState, used_by: dict[str, int], end: str, waiting: Waiting, now: int, room: int
) -> list[Part]:
    """Who uses an end: those who wait there, with how long; else those who did; else its name."""
    if waiting:
        words = f" {right(duration(max(0, now - waiting[0][1].since)), DURATION_WIDTH)}"
        keys = [process.key for process, _ in waiting]
        ways = ((f" waits{words}", 6), (words, 3))
        words = next((each for each, least in ways if len(each) + least <= room), "")
        return [*marks(state, keys, room - len(words)), (words, "activity.queue")]
    if used_by:
        return marks(state, used_by, room)
    words = end or "nobody yet"
    return [(fit(words, min(room, cell_len(words))), "dim")]


def _body(direction: Direction, width: int) -> list[Part]:
    """The direction, with a block for each message on it, and their number where there is room."""
    flying = max(0, direction.in_flight)
    number = f"{count(flying)} " if flying else ""
    if len(number) + 2 > width:
        number = ""
    room = width - 1 - len(number)
    blocks = min(flying, room)
    return [
        (number, "number"),
        ("═" * (room - blocks), "track"),
        ("█" * blocks, "activity.queue"),
        ("▶", "track" if not flying else "activity.queue"),
    ]


def _fate(direction: Direction) -> list[str]:
    """What has become of it, from the longest way to say it to the shortest."""
    if direction.ended:
        return ["read to its end", "ended"]
    if direction.refused:
        return [f"{plural(direction.refused, 'message')} refused", "refused"]
    return [""]


def _numbers(
    state: RunState, view: View, pipe: Pipe, direction: Direction, cells: tuple[int, int]
) -> tuple[Part, ...]:
    """What there is room for, whole: sent, received, bytes, most in flight, waits.

    Before them is the end of a name that is longer than its column.
    """
    name, width = cells
    now = moment_of(state, view)
    label = _halves(pipe, name)[1] if direction is pipe.directions[0] else ""
    indent = name if width >= 60 or label else 2
    groups: list[list[Part]] = [
        [
            (right(count(direction.sends.count - direction.refused), 5), "number"),
            (" sent ", "dim"),
            (fit(rate(direction.sends.per_second(now)), 7), "number"),
        ],
        [
            (right(count(direction.receives.count), 5), "number"),
            (" got ", "dim"),
            (fit(rate(direction.receives.per_second(now)), 7), "number"),
        ],
        [(right(size(direction.sent_size), SIZE_WIDTH), "number")],
        [("top ", "dim"), (count(direction.most_in_flight), "number"), (" in flight", "dim")],
        *_waits("receive wait", waits_for(state, direction, "receive")),
        *_waits("send wait", waits_for(state, direction, "send")),
    ]
    start: list[Part] = [(fit_name(label, indent - 1) + " " if label else " " * indent, "strong")]
    return crop(with_groups(start, groups, width), width)


def _waits(words: str, waits: Distribution) -> list[list[Part]]:
    if not waits.count:
        return []
    wait = right(duration(waits.quantile(0.5)), DURATION_WIDTH)
    return [[(f"{words} p50 ", "dim"), (wait, "number")]]


def title(state: RunState, view: View) -> str:
    """How many there are, and how many processes wait at one."""
    pipes = pipes_made(state)
    known = state.table(Pipe)
    waiting = sum(
        wait.what in ("send", "receive") and any(end in known for end in wait.object.split(" "))
        for process in state.processes.values()
        for wait in process.waits.values()
    )
    return plural(len(pipes), "pipe") + (f", {waiting} waiting" if waiting else "")


def wanted_height(state: RunState, view: View) -> int:
    """Two rows for each direction."""
    return max(1, 2 * sum(len(pipe.directions) for pipe in pipes_made(state)))


PANEL = Panel(
    name="pipes",
    title=title,
    help=(
        "Each pipe that the program made, a duplex one with a row for each way. To the left who "
        "sent, to the right who received; at an end that nobody has used yet stands its name. The "
        "blocks before the arrow are messages in flight: sent and not yet received. Who waits "
        "says for how long: on the right for a message, on the left for room, because the pipe is "
        "full. Below: messages sent and received, each with those of the last second, bytes, the "
        "most that were in flight at once, and how long half of the waits took at most."
    ),
    body=draw,
    thing="pipe",
    nothing="no pipe was made",
    listing=LISTING,
    used=lambda state: bool(pipes_made(state)),
    wanted_height=wanted_height,
)
