"""Values and arrays in shared memory: what they hold, who wrote, and which updates were lost."""

from __future__ import annotations

from mpviz.trace.model.primitives.value import Content, SharedValue
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import Listing, Order, by_name, in_sight, is_deserted, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import count, plural, rate
from mpviz.tui.render.glyphs import big_digits, chart, columns_of, mark, moment_of
from mpviz.tui.render.rows import Part, Row, crop, finished, fit, fit_name, length, row
from mpviz.tui.render.view import View

WIDEST_NAME = 20
_HIGHEST = 1e300
BIG_ROWS = 6
"""Rows from which on a single value is written in big digits."""
HIGHEST_CHART = 8
"""Rows of the history, at most."""


def _is_left(state: RunState, value: SharedValue) -> bool:
    first = value.elements.get(0)
    users = {*value.written_by, *(first.readers if first is not None else ())}
    return is_deserted(state, users, value.writes)


LISTING = Listing[SharedValue](
    items=lambda state, view: list(state.table(SharedValue).values()),
    words=lambda state, value: (value.name,),
    is_left=_is_left,
    orders=(
        Order("lost updates", lambda state, value: (-value.lost_updates, -value.stale_writes)),
        Order(
            "writes",
            lambda state, value: -value.writes.count,
            lambda value: count(value.writes.count),
        ),
        Order("reads", lambda state, value: -value.reads, lambda value: count(value.reads)),
        by_name(lambda value: value.name),
    ),
)


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """One to three rows for each value; a single one in big digits where there is room."""
    values, left = LISTING.standing(state, view, "values", height)
    height -= bool(left)
    if not values:
        words = "no value matches the filter" if view.filter else "no shared value was made"
        return finished([row((words, "dim"))], width, height, view.ascii)
    each = height // len(values)
    name = max(9, min(WIDEST_NAME, width // 3, max(len(value.name) for value in values) + 1))

    def make(value: SharedValue) -> Row:
        end = LISTING.measure(view, "values", value)
        return Row((*_first(state, value, name, width - length(end)), *end), value.id)

    if each <= 1:
        rows = in_sight(values, height, view.scroll.get("values", 0), make)
    else:
        size = (width, each)
        rows = [line for value in values for line in _value(state, view, value, name, size)]
    return finished([*rows, *left_row(left)], width, height + bool(left), view.ascii)


def _value(
    state: RunState, view: View, value: SharedValue, name: int, size: tuple[int, int]
) -> list[Row]:
    width, each = size
    first = Row(_first(state, value, name, width), value.id)
    numbers = Row(_numbers(state, view, value, name, width), value.id)
    big = _big(value, name, width) if each >= BIG_ROWS and not view.ascii else []
    height = min(HIGHEST_CHART, max(1, each - 2 - len(big)))
    picture = [
        Row(parts, value.id) for parts in _picture(state, view, value, (name, width, height))
    ]
    if each < 3:
        return [first, *picture][: max(1, each)]
    return [first, *big, *picture, numbers]


def content_in_words(content: Content) -> str:
    """A value as it is written on screen."""
    if content is None:
        return "?"
    if isinstance(content, int):
        return count(content)
    if isinstance(content, float):
        return f"{content:,.6g}"
    return repr(content)


def _first(state: RunState, value: SharedValue, name: int, width: int) -> tuple[Part, ...]:
    """Name, what it holds, who wrote that; lost updates in red."""
    last = content_in_words(value.last)
    if value.length > 1:
        last = f"[{value.last_index}] = {last}" if value.writes.count else ""
    writer = state.processes.get(value.last_writer)
    parts: list[Part] = [
        (fit_name(value.name, name), "title"),
        (last.rjust(min(12, max(4, width - name - 30))), "strong"),
    ]
    if writer is not None:
        parts += [("  by ", "dim"), *mark(writer, 3)]
    if value.lost_updates:
        words = plural(value.lost_updates, "lost update")
        parts.append((f"  {words}", "trouble"))
    elif value.stale_writes:
        parts.append((f"  {plural(value.stale_writes, 'stale write')}", "warning"))
    kind = "Value" if value.length == 1 else f"Array of {value.length}"
    parts.append((f"  {kind} {value.typecode}", "dim"))
    return crop(parts, width)


def _big(value: SharedValue, name: int, width: int) -> list[Row]:
    digits = big_digits(content_in_words(value.last)) if value.length == 1 else None
    if digits is None or len(digits[0]) + name > width:
        return []
    return [Row(((" " * name, ""), (line, "strong")), value.id) for line in digits]


def _picture(
    state: RunState, view: View, value: SharedValue, size: tuple[int, int, int]
) -> list[tuple[Part, ...]]:
    """Its history, or the elements of an array, as bars."""
    name, width, height = size
    room = max(1, width - name - 1)
    if value.length > 1:
        known = [value.elements.get(index) for index in range(min(value.length, room))]
        contents = [element.value if element else None for element in known]
        values = [content if isinstance(content, int | float) else None for content in contents]
        words = "elements"
    else:
        values = columns_of(value.history, state.origin, moment_of(state, view), room)
        words = "history"
    # What is beyond a float's range is no height either.
    finite = [each for each in values if each is not None and abs(each) < _HIGHEST]
    base = min(0, min(finite, default=0))
    highest = max(finite, default=0) - base
    bars = chart(
        [None if each is None or abs(each) >= _HIGHEST else each - base for each in values],
        highest,
        height,
    )
    labels = [f" {words}" if name > len(words) + 1 else ""] + [""] * (height - 1)
    return [
        crop([(fit(label, name), "dim"), (bar, "history")], width)
        for label, bar in zip(labels, bars, strict=True)
    ]


def _numbers(
    state: RunState, view: View, value: SharedValue, name: int, width: int
) -> tuple[Part, ...]:
    now = moment_of(state, view)
    parts: list[Part] = [
        (" " * name, ""),
        (count(value.writes.count), "number"),
        (" writes ", "dim"),
        (rate(value.writes.per_second(now)), "number"),
        ("  ", ""),
        (count(value.reads), "number"),
        (" reads", "dim"),
    ]
    if value.stale_writes:
        parts += [("  ", ""), (f"{count(value.stale_writes)} stale", "warning")]
    return crop(parts, width)


def title(state: RunState, view: View) -> str:
    """How many there are, and how many updates were lost."""
    values = list(state.table(SharedValue).values())
    lost = sum(value.lost_updates for value in values)
    words = plural(len(values), "shared value")
    return words + (f", {plural(lost, 'lost update')}" if lost else "")


def wanted_height(state: RunState, view: View) -> int:
    """Three rows for each, and big digits for a single one."""
    values = state.table(SharedValue)
    return BIG_ROWS if len(values) == 1 else max(1, 3 * len(values))


PANEL = Panel(
    name="values",
    title=title,
    help=(
        "Values and arrays that processes share: what each holds, who wrote it last, its history "
        "over the run (of an array, its elements), and how often it was read and written. A write "
        "is stale when another process wrote since the writer last read: what that one had written "
        "is overwritten. Lost updates, in red, say how much of a count is missing for it."
    ),
    draw=draw,
    listing=LISTING,
    used=lambda state: bool(state.table(SharedValue)),
    wanted_height=wanted_height,
)
