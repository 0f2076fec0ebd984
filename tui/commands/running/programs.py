"""The programs of this machine that can be attached to, as a list to pick from."""

from __future__ import annotations

import os
import pwd
import shutil
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mpviz.trace.attach.roots import RunningProgram

_LEAST_ASLEEP = 1.0
"""Seconds for which no thread of a program has run before that is told."""


_LEAST_NAME = 16
"""Cells that are kept for the name of a program."""


def print_programs() -> list[RunningProgram]:
    """Print the programs, numbered; returns them."""
    from mpviz.trace.attach.roots import list_programs

    programs = list_programs()
    if not programs:
        click.echo("no Python program that uses processes runs here, as far as can be seen")
    width = shutil.get_terminal_size((80, 24)).columns
    for number, program in enumerate(programs, 1):
        click.echo(_in_words(number, program, max(40, width - 1)))
    return programs


def choose() -> int | None:
    """Let a person choose one; its pid, or None for none."""
    programs = print_programs()
    if not programs:
        return None
    answer = click.prompt(
        "which one (a number of the list, or a pid; enter for none)", default="", show_default=False
    ).strip()
    if not answer:
        return None
    if not answer.isdecimal():
        raise click.UsageError(f"{answer!r} is no number of the list, and no pid")
    number = int(answer)
    return programs[number - 1].pid if number <= len(programs) else number


def _in_words(number: int, program: RunningProgram, width: int) -> str:
    """What fits: the name is shortened first, then the figures at the end go."""
    from rich.cells import cell_len

    from mpviz.trace.attach.roots import short_name
    from mpviz.trace.model.formatting import duration, plural
    from mpviz.trace.model.text import clean
    from mpviz.tui.render.rows import fit_name

    state = "at work"
    if program.asleep >= _LEAST_ASLEEP:
        state = f"all asleep for {duration(program.asleep * 1e9)}"
    parts = [
        plural(program.processes, "process"),
        state,
        f"{duration(program.age * 1e9)} old",
        f"{program.cpu_seconds:.1f} s of CPU",
    ]
    if program.user not in (os.getuid(), -1):
        parts.insert(1, f"user {_user_name(program.user)}")
    name = clean(short_name(program.command))
    pid = f" (pid {program.pid}): "
    while True:
        room = width - 5 - len(pid) - len(", ".join(parts))
        if room >= min(_LEAST_NAME, cell_len(name)) or len(parts) == 1:
            break
        parts.pop()
    shown = fit_name(name, max(1, room)) if cell_len(name) > room else name
    return f"{number:>3}  {shown}{pid}{', '.join(parts)}"


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
