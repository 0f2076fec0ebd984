"""The programs of this machine that can be attached to, as a numbered list to pick from."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mpviz.trace.attach.roots import RunningProgram


def print_programs() -> list[RunningProgram]:
    """Print the programs, numbered; returns them."""
    from mpviz.trace.attach.roots import list_programs
    from mpviz.tui.programs.rows import in_one_line

    programs = list_programs()
    if not programs:
        click.echo("no Python program that uses processes runs here, as far as can be seen")
    width = shutil.get_terminal_size((80, 24)).columns
    for number, program in enumerate(programs, 1):
        click.echo(in_one_line(number, program, max(40, width - 1)))
    return programs


def choose() -> int | None:
    """Let a person at a terminal on which nothing can be drawn choose one; its pid, or None."""
    programs = print_programs()
    if not programs or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    answer = click.prompt(
        "why does which one not go on (a number of the list, or a pid; enter for none)",
        default="",
        show_default=False,
    ).strip()
    if not answer:
        return None
    if not answer.isdecimal():
        raise click.UsageError(f"{answer!r} is no number of the list, and no pid")
    number = int(answer)
    return programs[number - 1].pid if 0 < number <= len(programs) else number
