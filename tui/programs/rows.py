"""Running programs as rows: their name, age, processes and CPU time, and whether all sleep."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mpviz.trace.attach.roots import RunningProgram, short_name
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.text import clean
from mpviz.tui.render.rows import Part, Row, fit, fit_name

LEAST_ASLEEP = 1.0
"""Seconds for which no thread of a program has run before that is told."""

_LEAST_NAME = 16
"""Cells that are kept for the name of a program, if it is so long."""

_GAP = 2


@dataclass(frozen=True)
class _Column:
    """A figure of a program."""

    head: str
    text: Callable[[RunningProgram], str]
    style: str
    stays: int
    """Where there is no room for all, those with a higher number stay longer."""


def state_in_words(program: RunningProgram) -> str:
    """Whether it is at work, or since when all its threads sleep."""
    if program.asleep >= LEAST_ASLEEP:
        return f"all asleep for {duration(program.asleep * 1e9)}"
    return "at work"


def user_of(program: RunningProgram) -> str:
    """The name of the user that it runs as."""
    try:
        return pwd.getpwuid(program.user).pw_name
    except KeyError:
        return str(program.user) if program.user >= 0 else ""


def is_own(program: RunningProgram) -> bool:
    """Whether it runs as our user, so that it can be read without more rights."""
    return program.user in (os.getuid(), -1)


_COLUMNS = (
    _Column("processes", lambda each: str(each.processes), "text", 5),
    _Column("state", state_in_words, "text", 4),
    _Column("age", lambda each: duration(each.age * 1e9), "dim", 3),
    _Column("CPU time", lambda each: duration(each.cpu_seconds * 1e9), "dim", 2),
    _Column("pid", lambda each: str(each.pid), "dim", 6),
)


def matching(programs: Sequence[RunningProgram], text: str) -> list[RunningProgram]:
    """The programs with this text in their command line, their user or their pid."""
    wanted = text.casefold()
    return [
        each
        for each in programs
        if wanted in f"{' '.join(each.command)} {user_of(each)} {each.pid}".casefold()
    ]


def program_rows(
    programs: Sequence[RunningProgram], chosen: int, width: int, *, ascii_only: bool = False
) -> list[Row]:
    """The head, and a row for each program with its pid as the key."""
    columns = list(_COLUMNS)
    if not all(map(is_own, programs)):
        columns.insert(0, _Column("user", user_of, "warning", 1))
    names = [clean(short_name(each.command)) for each in programs]
    longest = max(map(cell_len, ("program", *names)))
    widths = {column.head: _width(column, programs) for column in columns}
    while columns:
        room = width - 3 - sum(widths[each.head] + _GAP for each in columns)
        if room >= min(_LEAST_NAME, longest) or len(columns) == 1:
            break
        columns.remove(min(columns, key=lambda each: each.stays))
    room = max(1, min(room, longest))
    head: list[Part] = [("   " + fit("program", room), "dim")]
    head += [(" " * _GAP + _placed(each, each.head, widths), "dim") for each in columns]
    rows = [Row(tuple(head))]
    mark = "> " if ascii_only else "▸ "
    for program, name in zip(programs, names, strict=True):
        is_chosen = program.pid == chosen
        parts: list[Part] = [(f" {mark if is_chosen else '  '}{fit_name(name, room)}", "text")]
        parts += [
            (" " * _GAP + _placed(each, each.text(program), widths), each.style) for each in columns
        ]
        if is_chosen:
            parts = [(fit("".join(text for text, _ in parts), width), "chosen")]
        rows.append(Row(tuple(parts), str(program.pid)))
    return rows


def _width(column: _Column, programs: Sequence[RunningProgram]) -> int:
    return max(map(cell_len, (column.head, *(column.text(each) for each in programs))))


def _placed(column: _Column, text: str, widths: dict[str, int]) -> str:
    """Figures end below each other, words begin so."""
    width = widths[column.head]
    return fit(text, width) if column.head in ("state", "user") else text.rjust(width)


def in_one_line(number: int, program: RunningProgram, width: int) -> str:
    """A numbered line of what fits: the name is shortened first, then the figures at the end go."""
    parts = [
        plural(program.processes, "process"),
        state_in_words(program),
        f"{duration(program.age * 1e9)} old",
        f"{program.cpu_seconds:.1f} s of CPU",
    ]
    if not is_own(program):
        parts.insert(1, f"user {user_of(program)}")
    name = clean(short_name(program.command))
    pid = f" (pid {program.pid}): "
    while True:
        room = width - 5 - len(pid) - len(", ".join(parts))
        if room >= min(_LEAST_NAME, cell_len(name)) or len(parts) == 1:
            break
        parts.pop()
    shown = fit_name(name, max(1, room)) if cell_len(name) > room else name
    return f"{number:>3}  {shown}{pid}{', '.join(parts)}"
