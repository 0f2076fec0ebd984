"""The source around the line of a task, with a mark at each line where a task stands."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.stepping.steps import Moment, Operation
from mpviz.tui.render.rows import Part, Row
from mpviz.tui.render.steps.cast import Member

Line = tuple[Part, ...]


def stands_at(moment: Moment, task: str) -> Operation | None:
    """The operation whose line is to be shown for a task: its next, else its last."""
    if task in moment.next:
        return moment.next[task]
    done = (step.operation for step in reversed(moment.steps) if step.operation.task == task)
    return next(done, None)


def source_rows(
    lines: Sequence[Line], at: Operation, moment: Moment, members: Sequence[Member], height: int
) -> list[Row]:
    """The lines around that of an operation, with the keys of the tasks that stand there."""
    marks: dict[int, list[Member]] = {}
    for member in members:
        operation = moment.next.get(member.task)
        if operation is not None and operation.file == at.file:
            marks.setdefault(operation.lineno, []).append(member)
    first = max(0, min(at.lineno - 1 - height // 3, len(lines) - height))
    digits = len(str(first + height))
    rows = []
    seen = lines[first : first + height]
    indent = min([_indent(line) for line in seen if _text(line).strip()] or [0])
    for number, line in enumerate(seen, first + 1):
        here = marks.get(number, ())
        tags: list[Part] = [((each.key or "*") + " ", each.style) for each in here[:3]]
        gap = 6 - 2 * len(tags)
        sign = "▸ " if number == at.lineno else "  "
        numbered = (f"{number:>{digits}} {sign}", "key" if number == at.lineno else "frame.number")
        rows.append(Row(((" " * gap, ""), *tags, numbered, *_dedented(line, indent))))
    return rows


def _text(line: Line) -> str:
    return "".join(text for text, _ in line)


def _indent(line: Line) -> int:
    text = _text(line)
    return len(text) - len(text.lstrip(" "))


def _dedented(line: Line, spaces: int) -> Line:
    """The line without so many spaces at its beginning."""
    parts: list[Part] = []
    for text, style in line:
        cut = min(spaces, len(text) - len(text.lstrip(" ")))
        spaces = spaces - cut if cut == len(text) else 0
        parts.append((text[cut:], style))
    return tuple(parts)
