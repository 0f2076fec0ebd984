"""Values and arrays in shared memory: what they hold, who wrote, and which updates were lost."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.primitives.value_updates import Content
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.list_panel import Names, Space, labelled, list_panel
from mpviz.tui.panels.listing import Listing, Order, by_name, is_deserted
from mpviz.tui.render.formatting import count, rate
from mpviz.tui.render.glyphs import big_digits, chart, columns_of, mark
from mpviz.tui.render.rows import Part, fit_name, fitting, length
from mpviz.tui.render.view import View

_HIGHEST = 1e300
BIG_ROWS = 6
"""Minimum height, in rows, for a single value in big digits."""
LOST = "lost-updates"
"""The rule that says of which values updates are lost."""
SHOULD = "   should be   "
HIGHEST_CHART = 8
"""Maximum height of the history, in rows."""

TYPES = {
    "b": "signed char",
    "B": "unsigned char",
    "c": "char",
    "u": "unicode character",
    "h": "short",
    "H": "unsigned short",
    "i": "int",
    "I": "unsigned int",
    "l": "long",
    "L": "unsigned long",
    "q": "long long",
    "Q": "unsigned long long",
    "f": "float",
    "d": "double",
}
"""What the type codes of ``multiprocessing.sharedctypes`` stand for, in the words of C."""


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


def _whole(space: Space, value: SharedValue, rows: int) -> list[Sequence[Part]]:
    big = _big(space, value) if rows >= BIG_ROWS and not space.view.ascii else []
    height = min(HIGHEST_CHART, max(1, rows - 2 - len(big)))
    bars = _bars(space, value, height)
    if rows < 3:
        return [_first(space, value), *bars][:rows]
    return [_first(space, value), *big, *bars, _numbers(space, value)]


def content_in_words(content: Content) -> str:
    """A value as it is written on screen."""
    if content is None:
        return "?"
    if isinstance(content, int):
        return count(content)
    if isinstance(content, float):
        return f"{content:,.6g}"
    return repr(content)


def _first(space: Space, value: SharedValue) -> list[Part]:
    """Name, what it holds, who wrote that; lost updates in red."""
    last = content_in_words(value.last)
    if value.length > 1:
        last = f"[{value.last_index}] = {last}" if value.writes.count else ""
    writer = space.state.processes.get(value.last_writer)
    parts: list[Part] = [
        (fit_name(value.name, space.name), "title"),
        (last.rjust(min(12, max(4, space.width - space.name - 30))), "strong"),
    ]
    if writer is not None:
        parts += [("  by ", "dim"), *mark(writer, 3)]
    if value.lost_updates:
        ways = _lost_in_words(value, _expected(space.state, value))
        words = fitting(ways, max(1, space.width - length(parts) - 2)).rstrip()
        parts.append((f"  {words}", "trouble"))
    elif value.stale_writes:
        overwrote = (
            plural(value.stale_writes, "write overwrote", "writes overwrote") + " a newer value"
        )
        parts.append((f"  {overwrote}", "warning"))
    kind = "" if value.length == 1 else f"Array of {value.length} "
    words = f"  {kind}{TYPES.get(value.typecode, value.typecode)}"
    return [*parts, (words, "dim")] if length(parts) + len(words) <= space.width else parts


def _lost_in_words(value: SharedValue, should: int | None) -> list[str]:
    """That updates were lost, from the longest way to say it."""
    ways = [plural(value.lost_updates, "lost update"), f"{value.lost_updates} lost"]
    if should is None:
        return ways
    expected = f"should be {content_in_words(should)}"
    return [*(f"{expected}: {each}" for each in ways), expected]


def _expected(state: RunState, value: SharedValue) -> int | None:
    """What a count should be, of which updates are known to be lost; None of any other value."""
    if value.length > 1 or value.lost_updates <= 0 or not isinstance(value.last, int):
        return None
    return value.last + value.lost_updates if (LOST, value.id) in state.findings else None


def _big(space: Space, value: SharedValue) -> list[Sequence[Part]]:
    """What a single value holds, and beside it what it should, if updates were lost."""
    digits = big_digits(content_in_words(value.last)) if value.length == 1 else None
    if digits is None or len(digits[0]) + space.name > space.width:
        return []
    rows: list[list[Part]] = [[(" " * space.name, ""), (line, "strong")] for line in digits]
    should = _expected(space.state, value)
    beside = big_digits(content_in_words(should)) if should is not None else None
    if beside is not None and length(rows[0]) + len(SHOULD) + len(beside[0]) <= space.width:
        for at, (each, line) in enumerate(zip(rows, beside, strict=True)):
            each += [(SHOULD if at == 1 else " " * len(SHOULD), "trouble"), (line, "trouble")]
    return list(rows)


def _numbers_in(value: SharedValue, count: int) -> list[float | None]:
    """The first elements of an array, as many as this; None for what is no number."""
    known = [value.elements.get(index) for index in range(min(value.length, count))]
    contents = [element.value if element else None for element in known]
    return [content if isinstance(content, int | float) else None for content in contents]


def _bars(space: Space, value: SharedValue, height: int) -> list[Sequence[Part]]:
    """The elements of an array, or the history of a value, as bars."""
    if value.length > 1:
        words, values = "elements", _numbers_in(value, space.chart)
    else:
        words = "history"
        values = columns_of(value.history, space.state.origin, space.now, space.chart)
    # What is beyond a float's range is no height either.
    finite = [each for each in values if each is not None and abs(each) < _HIGHEST]
    base = min(0, min(finite, default=0))
    highest = max(finite, default=0) - base
    bars = chart(
        [None if each is None or abs(each) >= _HIGHEST else each - base for each in values],
        highest,
        height,
    )
    return labelled(f" {words}" if space.name > len(words) + 1 else "", space, bars)


def _numbers(space: Space, value: SharedValue) -> list[Part]:
    parts: list[Part] = [
        (" " * space.name, ""),
        (count(value.writes.count), "number"),
        (" writes ", "dim"),
        (rate(value.writes.per_second(space.now)), "number"),
        ("  ", ""),
        (count(value.reads), "number"),
        (" reads", "dim"),
    ]
    return parts


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


PANEL = list_panel(
    "values",
    title=title,
    help=(
        "Values and arrays that processes share: what each holds, who wrote it last, its history "
        "over the run (of an array, its elements), and how often it was read and written. A write "
        "overwrites a newer value if another process has written since the writer last "
        "read. Lost updates, in red, say how much of a count is missing as a result; where nothing "
        "is missing in the end, the writes that did so are counted in their place."
    ),
    first=_first,
    whole=_whole,
    names=Names(least=9),
    thing="value",
    nothing="no shared value was made",
    listing=LISTING,
    wanted_height=wanted_height,
    matters=lambda state: any(rule == LOST for rule, _ in state.findings),
)
