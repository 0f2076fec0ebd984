"""The queues: how full each is and was, how fast items pass, and who waits at which end."""

from __future__ import annotations

from mpviz.trace.model.primitives.lock import waiters
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import Listing, Order, by_name, in_sight, is_deserted, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import count, duration, plural, rate
from mpviz.tui.render.glyphs import chart, columns_of, marks, moment_of, stacked_bar
from mpviz.tui.render.rows import Part, Row, crop, finished, fit, fit_name, length, right, row
from mpviz.tui.render.view import View

WIDEST_NAME = 18
WIDEST_BAR = 40
HIGHEST_CHART = 10
"""Rows of the depth over time, at most."""


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


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """One row or more for each queue, as many as fit for all of them."""
    queues, left = LISTING.standing(state, view, "queues", height)
    height -= bool(left)
    if not queues:
        words = "no queue matches the filter" if view.filter else "no queue was made"
        return finished([row((words, "dim"))], width, height, view.ascii)
    each = max(1, height // len(queues))
    chart_height = min(HIGHEST_CHART, max(1, each - 2))
    name = max(8, min(WIDEST_NAME, width // 3, max(len(queue.name) for queue in queues) + 1))

    def make(queue: Queue) -> Row:
        end = LISTING.measure(view, "queues", queue)
        first = _first(state, queue, (name, width - length(end)))
        return Row((*first, *end), queue.id)

    if each == 1:
        rows = in_sight(queues, height, view.scroll.get("queues", 0), make)
    else:
        size = (name, width, chart_height)
        rows = [line for queue in queues for line in _queue(state, view, queue, size)[:each]]
    return finished([*rows, *left_row(left)], width, height + bool(left), view.ascii)


def _waited(queue: Queue) -> int:
    return queue.put_wait.total + queue.get_wait.total


def _first(state: RunState, queue: Queue, size: tuple[int, int]) -> tuple[Part, ...]:
    """Its depth as a bar and a number, and who waits, if there is room for that."""
    name, width = size
    full = _fullness(queue)
    numbers = f" {right(count(queue.depth), 6)}{fit(_capacity(queue), 10)}"
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
    first += _waiting(state, queue, max(0, left))
    return crop(first, width)


def _queue(state: RunState, view: View, queue: Queue, size: tuple[int, int, int]) -> list[Row]:
    name, width, _ = size
    now = moment_of(state, view)
    # The room that the bar of the first row leaves.
    left = max(0, width - name - WIDEST_BAR - 25)
    return [
        Row(_first(state, queue, (name, width)), queue.id),
        Row(_flow(state, queue, now, name, width, left), queue.id),
        *(Row(parts, queue.id) for parts in _history(state, queue, now, size)),
    ]


def _capacity(queue: Queue) -> str:
    if queue.maxsize:
        return f" of {count(queue.maxsize)}"
    return f" top {count(queue.max_depth)}"


def _fullness(queue: Queue) -> str:
    if queue.maxsize and queue.depth >= queue.maxsize:
        return "full"
    return "empty" if queue.depth <= 0 else ""


def _waiting(state: RunState, queue: Queue, room: int) -> list[Part]:
    """Who waits at which end, by their marks; nothing where there is no room for it."""
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


def _flow(  # noqa: PLR0917
    state: RunState, queue: Queue, now: int, name: int, width: int, left: int
) -> tuple[Part, ...]:
    """Items a second in and out; the waiters too where the first row had no room for them."""
    parts: list[Part] = [
        (" " * name, ""),
        ("put ", "dim"),
        (right(rate(queue.puts.per_second(now)), 8), "number"),
        ("  got ", "dim"),
        (right(rate(queue.gets.per_second(now)), 8), "number"),
    ]
    if left < 16:
        parts += _waiting(state, queue, width - name - 26)
    else:
        parts.append((f"  {count(queue.gets.count)} of {count(queue.puts.count)} got", "dim"))
    return crop(parts, width)


def _history(
    state: RunState, queue: Queue, now: int, size: tuple[int, int, int]
) -> list[tuple[Part, ...]]:
    """The depth over the whole run; its full height is the capacity, or else the top."""
    name, width, height = size
    values = columns_of(queue.depths, state.origin, now, max(1, width - name - 1))
    bars = chart(values, queue.maxsize or queue.max_depth, height)
    labels = ["  depth"] + [""] * (height - 1)
    return [
        crop([(fit(label, name), "dim"), (bar, "history")], width)
        for label, bar in zip(labels, bars, strict=True)
    ]


def title(state: RunState, view: View) -> str:
    """How many there are, and how many are full."""
    queues = list(state.table(Queue).values())
    full = sum(_fullness(queue) == "full" for queue in queues)
    return plural(len(queues), "queue") + (f", {full} full" if full else "")


def wanted_height(state: RunState, view: View) -> int:
    """Three rows for each, and a higher chart for a single one."""
    queues = len(state.table(Queue))
    return 6 if queues == 1 else max(1, 3 * queues)


PANEL = Panel(
    name="queues",
    title=title,
    help=(
        "Each queue with its depth: items that were put and not yet taken out. The bar is as long "
        "as its capacity; for a queue without bound, as its highest depth so far. Behind it who "
        "waits to put because it is full, to get because it is empty, or to join until all is "
        "done. Below: items put and taken out in the last second, and the depth over the run."
    ),
    draw=draw,
    listing=LISTING,
    used=lambda state: bool(state.table(Queue)),
    wanted_height=wanted_height,
)
