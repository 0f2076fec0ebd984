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


def print_programs() -> list[RunningProgram]:
    """Print the programs, numbered; returns them."""
    from mpviz.trace.attach.roots import list_programs  # noqa: PLC0415 - help needs none

    programs = list_programs()
    if not programs:
        click.echo("no Python program that uses processes runs here, as far as can be seen")
    width = shutil.get_terminal_size((80, 24)).columns
    for number, program in enumerate(programs, 1):
        click.echo(_in_words(number, program)[: max(40, width - 1)])
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


def _in_words(number: int, program: RunningProgram) -> str:
    from mpviz.trace.attach.roots import short_name  # noqa: PLC0415 - as above
    from mpviz.trace.model.formatting import duration, plural  # noqa: PLC0415 - as above
    from mpviz.trace.model.text import clean  # noqa: PLC0415

    state = "at work"
    if program.asleep >= _LEAST_ASLEEP:
        state = f"all asleep for {duration(program.asleep * 1e9)}"
    parts = [
        plural(program.processes, "process"),
        f"{duration(program.age * 1e9)} old",
        f"{program.cpu_seconds:.1f} s of CPU",
        state,
    ]
    if program.user not in (os.getuid(), -1):
        parts.append(f"user {_user_name(program.user)}")
    name = clean(short_name(program.command))
    return f"{number:>3}  {name} (pid {program.pid}): {', '.join(parts)}"


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
