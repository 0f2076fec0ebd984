"""``mpviz attach`` and ``mpviz why``: what the words after them ask for."""

from __future__ import annotations

from pathlib import Path

import click

from mpviz.tui.commands.options import (
    check_can_fail,
    check_json_file,
    check_record_file,
    fps_option,
    rule_names,
    silence_option,
    theme_option,
    why_no_terminal,
)

_only_option = click.option(
    "--only", is_flag=True, help="Only this process and those below it, not the whole program."
)


_sudo_option = click.option(
    "--sudo",
    is_flag=True,
    help="Read the processes as root, by sudo, where the system refuses it to you. Only the process"
    " that reads runs as root.",
)


@click.command(short_help="Watch a program that already runs.")
@_only_option
@_sudo_option
@click.option(
    "--live",
    is_flag=True,
    help="Have the program take in mpviz's probe (Python 3.14 or newer, where its main thread can"
    " run it): from then on all is counted as in mpviz run. This changes the program: see"
    " docs/attach.md.",
)
@click.option(
    "--record",
    "record_file",
    metavar="FILE",
    help="Record what is seen in FILE (.jsonl.gz), for mpviz replay.",
)
@silence_option
@theme_option
@fps_option
@click.argument("pid", type=int, required=False)
def attach(
    *,
    only: bool,
    sudo: bool,
    live: bool,
    record_file: str | None,
    silenced: frozenset[str],
    theme: str | None,
    fps: int | None,
    pid: int | None,
) -> int:
    """Open the screens on a program that already runs. PID is that of any of its processes; without
    one, choose from the Python programs of this machine that use processes. Nothing is stopped, and
    without --live nothing is changed in it; quitting lets it run on.

    \b
      mpviz attach
      mpviz attach 4121
      mpviz attach 4121 --live
    """
    reason = why_no_terminal()
    if live and sudo:
        raise click.UsageError(
            "--live and --sudo do not go together: run mpviz as the program's user"
        )
    if reason and pid is None:
        return _list()
    if reason:
        raise click.UsageError(f"{reason}; mpviz why {pid} needs no terminal")
    if record_file is not None:
        check_record_file(record_file)
    from mpviz.tui.commands.preferences import preferences
    from mpviz.tui.commands.running.attach import CannotAttach, watch_running

    settings = preferences(theme or click.get_current_context().obj, fps)
    if pid is None:
        from mpviz.tui.showing import choose_program

        status, pid = choose_program(settings)
        if pid is None:
            return status
    record = Path(record_file) if record_file is not None else None
    try:
        return watch_running(
            pid, settings, only=only, sudo=sudo, live=live, silenced=silenced, record=record
        )
    except CannotAttach as reason_not_to:
        raise click.UsageError(str(reason_not_to)) from None


def _list() -> int:
    """List the programs where no screen can be drawn; say why the one that is chosen hangs."""
    from mpviz.tui.commands.running.attach import CannotAttach, attach_to
    from mpviz.tui.commands.running.programs import choose
    from mpviz.tui.commands.running.why import explain

    pid = choose()
    if pid is None:
        return 0
    try:
        session = attach_to(pid, only=False, sudo=False, silenced=frozenset())
    except CannotAttach as reason:
        raise click.UsageError(str(reason)) from None
    return explain(session, None, frozenset())


@click.command(short_help="Say why a running program does not go on.")
@_only_option
@_sudo_option
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help='What was seen as one JSON document ("-" for stdout).',
)
@click.option(
    "--record",
    "record_file",
    metavar="FILE",
    help="Record what was seen in FILE (.jsonl.gz), for mpviz replay.",
)
@click.option(
    "--fail-on",
    metavar="NAME,...",
    callback=rule_names,
    help="Exit with 3 if one of these findings is made, or any (all); for CI.",
)
@silence_option
@click.argument("pid", type=int)
def why(
    *,
    only: bool,
    sudo: bool,
    json_file: str | None,
    record_file: str | None,
    fail_on: frozenset[str],
    silenced: frozenset[str],
    pid: int,
) -> int:
    """Look at a program that already runs for two to six seconds, and print why it does not go on:
    its processes, what each waits for and who has that, what is wrong and what to do. PID is that
    of any of its processes. Nothing is stopped, and nothing is changed in it.

    \b
      mpviz why 4121
      mpviz why 4121 --json - --fail-on deadlock
    """
    check_can_fail(fail_on, silenced)
    if json_file is not None:
        check_json_file(json_file, headless=True)
    if record_file is not None:
        check_record_file(record_file)
    from mpviz.tui.commands.running.attach import CannotAttach, attach_to
    from mpviz.tui.commands.running.why import explain

    record = Path(record_file) if record_file is not None else None
    try:
        session = attach_to(pid, only=only, sudo=sudo, silenced=silenced, record=record)
    except CannotAttach as reason:
        raise click.UsageError(str(reason)) from None
    return explain(session, json_file, fail_on)
