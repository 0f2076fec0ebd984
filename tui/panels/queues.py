"""The queues: how full each is and was, how fast items pass, and who waits at which end."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitives.lock import waiters
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Names, Space, labelled, list_panel
from mpviz.tui.panels.listing import Listing, Order, by_name, is_deserted
from mpviz.tui.render.formatting import count, rate
from mpviz.tui.render.glyphs import chart, columns_of, marks, stacked_bar
from mpviz.tui.render.rows import Part, fit, fit_name, right
from mpviz.tui.render.view import View

WIDEST_BAR = 40
HIGHEST_CHART = 10
"""Maximum height of the depth over time, in rows."""


def _is_left(state: RunState, queue: Queue) -> bool:
    users = (*queue.putters, *(key for key in queue.takers if key not in queue.putters))
    if not is_deserted(state, users, queue.puts, queue.gets):
        return False
    return not any(waiters(state, what, queue.id) for what in ("put", "get", "drain", "done"))


LISTING = Listing[Queue](
    items=lambda state, view: list(state.table(Queue).values()),
    words=lambda state, queue: (queue.name,),
    is_left=_is_left,
    orders=(
        Order("depth", lambda state, queue: -queue.depth),
        Order(
            "items put",
            lambda state, queue: -queue.puts.count,
            lambda queue: count(queue.puts.count),
        ),
        Order(
            "time waited",
            lambda state, queue: -_waited(queue),
            lambda queue: duration(_waited(queue)),
        ),
        by_name(lambda queue: queue.name),
    ),
)


def _waited(queue: Queue) -> int:
    return queue.put_wait.total + queue.get_wait.total


def _first(space: Space, queue: Queue) -> list[Part]:
    """Its depth as a bar and a number, and who waits, if there is room for that."""
    name, width = space.name, space.width
    full = _fullness(queue)
    depth = count(queue.depth) if queue.depth >= 0 else "?"
    numbers = f" {right(depth, 6)}{fit(_capacity(queue), 10)}"
    word = fit(f"  {full}", 8)
    bar = max(4, min(WIDEST_BAR, width - name - len(numbers) - len(word)))
    colour = "warning" if full == "full" else "activity.queue"
    highest = queue.maxsize or max(1, queue.max_depth)
    first: list[Part] = [
        (fit_name(queue.name, name), "strong"),
        *stacked_bar(bar, [(max(0, queue.depth) / highest, colour)]),
        (numbers, "number"),
        (word, "warning" if full == "full" else "dim"),
    ]
    left = width - name - bar - len(numbers) - len(word)
    return [*first, *_waiting(space.state, queue, max(0, left))]


def _whole(space: Space, queue: Queue, rows: int) -> list[Sequence[Part]]:
    height = min(HIGHEST_CHART, max(1, rows - 2))
    # The room that the bar of the first row leaves.
    left = max(0, space.width - space.name - WIDEST_BAR - 25)
    history = _history(space, queue, height)
    return [_first(space, queue), _flow(space, queue, left), *history][:rows]


def _capacity(queue: Queue) -> str:
    if queue.maxsize:
        return f" of {count(queue.maxsize)}"
    return f" peak {count(queue.max_depth)}"


def _fullness(queue: Queue) -> str:
    if queue.maxsize and queue.depth >= queue.maxsize:
        return "full"
    is_known = queue.depth >= 0 or not queue.seen
    return "empty" if queue.depth <= 0 and is_known else ""


def _waiting(state: RunState, queue: Queue, room: int) -> list[Part]:
    """Who waits at which end, by their marks; nothing if there is no room for it."""
    if room < 16:
        return []
    groups = [
        (word, [process.key for process, _ in waiters(state, what, queue.id)])
        for what, word in (("put", "put"), ("get", "get"), ("drain", "drain"), ("done", "join"))
    ]
    groups = [group for group in groups if group[1]]
    parts: list[Part] = []
    for word, keys in groups:
        words = f"  waiting to {word} "
        share = room // len(groups) - len(words)
        if share > 2:
            parts += [(words, "activity.queue"), *marks(state, keys, share)]
    return parts


def _flow(space: Space, queue: Queue, left: int) -> list[Part]:
    """Items a second in and out, and the waiters if the first row had no room for them."""
    if queue.seen:
        parts: list[Part] = [(" " * space.name, ""), ("seen from outside", "dim")]
        return parts + _waiting(space.state, queue, space.width - space.name - 17) * (left < 16)
    parts = [
        (" " * space.name, ""),
        ("put ", "dim"),
        (right(rate(queue.puts.per_second(space.now)), 8), "number"),
        ("  got ", "dim"),
        (right(rate(queue.gets.per_second(space.now)), 8), "number"),
    ]
    if left < 16:
        parts += _waiting(space.state, queue, space.width - space.name - 26)
    else:
        parts.append((f"  {count(queue.gets.count)} of {count(queue.puts.count)} got", "dim"))
    return parts


def _history(space: Space, queue: Queue, height: int) -> list[Sequence[Part]]:
    """The depth over the whole run; its full height is the capacity, or else the top."""
    values = columns_of(queue.depths, space.state.origin, space.now, space.chart)
    bars = chart(values, queue.maxsize or queue.max_depth, height)
    return labelled("  depth", space, bars)


def title(state: RunState, view: View) -> str:
    """How many there are, and how many are full."""
    queues = list(state.table(Queue).values())
    full = sum(_fullness(queue) == "full" for queue in queues)
    return plural(len(queues), "queue") + (f", {full} full" if full else "")


def wanted_height(state: RunState, view: View) -> int:
    """Three rows for each, and a higher chart for a single one."""
    queues = len(state.table(Queue))
    return 6 if queues == 1 else max(1, 3 * queues)


PANEL = list_panel(
    "queues",
    title=title,
    help=(
        "Each queue with its depth: items that were put and not yet taken out. The bar is as long "
        "as its capacity; for a queue without bound, as its highest depth so far. Behind it who "
        "waits to put because it is full, to get because it is empty, or to join until all is "
        "done. Below: items put and taken out in the last second, and the depth over the run."
    ),
    first=_first,
    whole=_whole,
    names=Names(least=8, most=18),
    thing="queue",
    nothing="no queue was made",
    listing=LISTING,
    wanted_height=wanted_height,
)
