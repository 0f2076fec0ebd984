"""The lanes of a stepped run: a row or two for each task, and a column for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mpviz.trace.stepping.steps import Choice, Moment, Step
from mpviz.tui.render.rows import Part, Row, fit, fit_name, right
from mpviz.tui.render.steps.cast import Member, process_of, short_name, window
from mpviz.tui.render.steps.verdict import Verdict
from mpviz.tui.render.steps.words import SHORT, is_quiet, label

LONGEST_NAME = 16
"""Cells of a task's name before its lane."""

LONGEST_LABEL = 18
"""Cells of what a column says of its step."""

LONGEST_BELOW = 12
"""Cells of the name of its object, below it."""

NEXT_WIDTH = 14
"""Cells at the right end, at least, for what each task will do next."""

LONGEST_NEXT = 32
"""As many of them as are used."""

GAP = 1
"""Cells between two columns."""

MARK = "!"
"""Before a step that something is wrong with: its colour is not the only sign."""


@dataclass(frozen=True, slots=True)
class Column:
    """A step that is shown."""

    number: int
    """Of the step, from 0."""
    label: str
    below: str
    """The name of the object."""
    width: int


@dataclass(frozen=True, slots=True)
class Span:
    """The steps between which a task was there, and those between which it held something."""

    begin: int
    end: int
    held: tuple[tuple[int, int], ...]


def lane_rows(
    moment: Moment,
    members: Sequence[Member],
    told: Verdict,
    width: int,
    height: int,
    every: bool = False,
    back: int = 0,
    focus: str = "",
) -> list[Row]:
    """An axis with the numbers of the steps, then the lanes.

    ``every``: also the steps that go by themselves. ``back``: so many of the latest are not shown.
    ``focus``: the task whose lane is seen even where there is no room for all.
    """
    names = min(LONGEST_NAME, max([cell_len(each.name) for each in members] or [0])) + 4
    tall = height >= 1 + 2 * len(members)
    columns = all_columns(moment, told, every, tall)
    last = max(0, len(columns) - back)
    shown = fitting_columns(columns[:last], width - names - NEXT_WIDTH)
    earlier = last - len(shown)
    rows = [_axis(shown, earlier, names)]
    room = width - names - sum(column.width for column in shown)
    at = next((number for number, each in enumerate(members) if each.task == focus), 0)
    for member in members if tall else members[window(len(members), at, height - 1)]:
        rows += _lane(
            moment,
            member,
            span_of(moment, member.task),
            shown,
            told,
            names,
            tall,
            0 if back else room,
        )
    return rows[:height]


def all_columns(moment: Moment, told: Verdict, every: bool, tall: bool) -> list[Column]:
    """A column for each step that is shown, as wide as its words."""
    columns = []
    for number, step in enumerate(moment.steps):
        if not every and is_quiet(step.operation):
            continue
        words = (MARK if number in told.marked else "") + label(step)
        name = short_name(moment, step.operation.target) if step.operation.target else ""
        if not tall and name and not is_quiet(step.operation):
            words = f"{words} {name}" if step.operation.kind != "value" else words
        words = _short(words, LONGEST_LABEL)
        below = _short(name, max(LONGEST_BELOW, cell_len(words))) if tall else ""
        widest = max(cell_len(words), cell_len(below), len(str(number + 1)))
        columns.append(Column(number, words, below, widest + GAP))
    return columns


def _short(words: str, most: int) -> str:
    return words if cell_len(words) <= most else fit_name(words, most)


def fitting_columns(columns: Sequence[Column], width: int) -> list[Column]:
    """As many of the last as there is room for."""
    shown: list[Column] = []
    for column in reversed(columns):
        width -= column.width
        if width < 0:
            break
        shown.insert(0, column)
    return shown


def span_of(moment: Moment, task: str) -> Span:
    """When a task was there, by the numbers of the steps."""
    begin, end, depth, since = -1, -1, 0, -1
    held: list[tuple[int, int]] = []
    for number, step in enumerate(moment.steps):
        operation = step.operation
        if begin < 0 and (task in (operation.task, operation.target) or task == "main"):
            begin = number
        if operation.task != task:
            continue
        end = number
        was, depth = depth, depth + _taken(step)
        if depth and not was:
            since = number
        elif was and not depth:
            held.append((since, number))
    if depth:
        held.append((since, len(moment.steps)))
    if task in moment.next or task in moment.outside:
        end = len(moment.steps)
        begin = len(moment.steps) if begin < 0 else begin
    return Span(begin, end, tuple(held))


def _taken(step: Step) -> int:
    """By how much a step changes the number of locks that its task holds."""
    verb, said = step.operation.verb, step.result
    if verb in ("acquire", "wake"):
        return 0 if said in ("no", "timed out") or step.choice.outcome == "timeout" else 1
    if verb == "release" or (verb == "wait" and step.operation.kind == "condition"):
        return -1
    return 0


def _axis(shown: Sequence[Column], earlier: int, names: int) -> Row:
    head = right(f"{earlier} earlier ", names) if earlier else fit("", names)
    numbers = "".join(fit(str(column.number + 1), column.width) for column in shown)
    return Row(((head, "dim"), (numbers, "dim")))


def _lane(
    moment: Moment,
    member: Member,
    span: Span,
    shown: Sequence[Column],
    told: Verdict,
    names: int,
    tall: bool,
    room: int,
) -> list[Row]:
    """``room``: cells for what comes next; 0 if steps come next."""
    upper: list[Part] = [
        (f" {member.key or ' '}", "key" if _can_go(moment, member.task) else "dim"),
        (" " + fit_name(member.name, names - 4) + " ", member.style),
    ]
    lower: list[Part] = [(" " * names, "")]
    for column in shown:
        line = _line(span, column.number)
        if moment.steps[column.number].operation.task == member.task:
            style = "alarm" if column.number in told.marked else member.style + "+strong"
            fill = _line(span, column.number + 1) if column.number < span.end else " "
            rest = column.width - cell_len(column.label)
            upper += [(column.label, style), (fill * rest, _line_style(fill, member))]
            lower.append((fit(column.below, column.width), "dim"))
        else:
            upper.append((line * column.width, _line_style(line, member)))
            lower.append((" " * column.width, ""))
    if room:
        end, below = _next(moment, member, told, min(room, LONGEST_NEXT))
        upper, lower = [*upper, *end], [*lower, *below]
    rows = [Row(tuple(upper), member.task)]
    return [*rows, Row(tuple(lower), member.task)] if tall else rows


def _line(span: Span, number: int) -> str:
    """What stands in a lane between its steps: that the task is there, and that it holds a lock."""
    if not span.begin < number <= span.end:
        return " "
    return "━" if any(since < number <= until for since, until in span.held) else "─"


def _line_style(line: str, member: Member) -> str:
    return member.style if line == "━" else "track"


def _can_go(moment: Moment, task: str) -> bool:
    return any(choice.task == task for choice in moment.possible)


def _next(
    moment: Moment, member: Member, told: Verdict, room: int
) -> tuple[list[Part], list[Part]]:
    """The end of a lane: what its task will do next, and with which object."""
    task = member.task
    operation = moment.next.get(task)
    if operation is None and task in moment.outside:
        return _end("   ", "outside", "warning", "", room)
    if operation is None and "/feeder-" in task and process_of(task) in moment.next:
        # It waits for an item of its own process, which stands at a gate.
        return _end("   ", "idle", "faint", "", room)
    if operation is None:
        return _end("   ", "ended" if moment.steps else "", "faint", "", room)
    target = "" if is_quiet(operation) else short_name(moment, operation.target)
    if Choice(task) in moment.possible:
        return _end(" ▸ ", SHORT.get(operation.verb, operation.verb), "head", target, room)
    if _can_go(moment, task):
        return _end(" ▸ ", "time-out", "head", target, room)
    return _end("   ", "waits", "trouble" if task in told.stuck else "dim", target, room)


def _end(
    sign: str, words: str, style: str, below: str, width: int
) -> tuple[list[Part], list[Part]]:
    room = width - cell_len(sign)
    name = fit_name(below, room) if below else ""
    return [(sign, "key"), (fit(words, room), style)], [("   ", ""), (name, "dim")]
