"""The command line: what the words after ``mpviz`` ask for, and the exit status.

``--help``, ``list`` and headless runs import no Textual, and nothing here is imported before it is
needed: a command line should answer at once.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpviz.tui.commands.options import (
    check_can_fail,
    check_json_file,
    check_number,
    check_record_file,
    check_recordings,
    fps_option,
    grace_option,
    has_content,
    is_same_file,
    module_option,
    number_between,
    python_option,
    rule_names,
    say_replaced,
    silence_option,
    start_method_option,
    theme_option,
    version_option,
    why_no_terminal,
)
from mpviz.tui.commands.running.commands import attach, why
from mpviz.tui.commands.scheduled import scheduled
from mpviz.tui.commands.search import search
from mpviz.tui.commands.stdout import Closed, Nowhere, cannot_print, reader_is_gone
from mpviz.tui.commands.step import step
from mpviz.tui.commands.talks.commands import talk
from mpviz.tui.commands.usage import Commands, Export, what_to_type
from mpviz.tui.file_names import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mpviz.trace.launch.start import Target
    from mpviz.tui.commands.sweeps import Sweep
    from mpviz.tui.sessions import Steps

USAGE_ERROR = 2

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Commands, invoke_without_command=True, context_settings=_SETTINGS)
@theme_option
@version_option
@click.pass_context
def command(context: click.Context, *, theme: str | None) -> int:
    """Watch Python multiprocessing live: what every process does, what it waits for and who could
    free it.

    Without a command: pick a scenario and watch it.
    """
    if context.invoked_subcommand is not None:
        context.obj = theme
        return 0
    reason = why_no_terminal()
    if reason:
        raise click.UsageError(f"{reason}; mpviz list and mpviz run --headless need no terminal")
    from mpviz.tui.commands.preferences import preferences
    from mpviz.tui.showing import pick

    return pick(preferences(theme))


@command.command("list", short_help="The scenarios, one line each.")
def list_scenarios() -> int:
    """List the scenarios, one line each: name, chapter, and what to watch for."""
    from mpviz.tui.commands.lists import print_scenarios

    print_scenarios()
    return 0


@command.command(short_help="What can be found wrong, and each threshold.")
def rules() -> int:
    """List the rules of the findings: what each finds, its threshold, and what it leaves alone."""
    from mpviz.tui.commands.lists import print_rules

    print_rules()
    return 0


@command.command(
    short_help="Run a scenario or a program and watch it.",
    options_metavar="[OPTIONS]",
    # Everything from the target on is the program's own.
    context_settings={"allow_interspersed_args": False},
)
@module_option
@python_option
@start_method_option
@click.option("--headless", is_flag=True, help="No screen: the program's output, then a report.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help='The final state as one JSON document ("-" for stdout, headless only).',
)
@click.option(
    "--record",
    "record_file",
    metavar="FILE",
    help="Record the run in FILE (.jsonl.gz), for mpviz replay.",
)
@click.option(
    "--fail-on",
    metavar="NAME,...",
    callback=rule_names,
    help="Exit with 3 if one of these findings was made, or any (all); for CI.",
)
@click.option(
    "--schedule",
    "schedule_file",
    metavar="FILE",
    help="Take the steps of this file first, in their order; without TARGET, those of the program"
    " that it names.",
)
@silence_option
@grace_option
@theme_option
@fps_option
@click.option(
    "--rate",
    type=number_between(0.1, 100),
    callback=check_number,
    default=10.0,
    show_default=True,
    help="Samples of cores and memory a second.",
)
@click.argument("target", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(
    context: click.Context,
    *,
    module: bool,
    python: str | None,
    start_method: str | None,
    headless: bool,
    json_file: str | None,
    record_file: str | None,
    fail_on: frozenset[str],
    schedule_file: str | None,
    silenced: frozenset[str],
    grace: float,
    theme: str | None,
    fps: int | None,
    rate: float,
    target: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Run TARGET and watch it: a scenario with its parameters as name=value, or any program with
    its arguments: a script, a folder or zip file with a __main__.py, a command. If the program is
    no Python, every Python that it starts is observed.

    \b
      mpviz run pool-map workers=8 items=100
      mpviz run script.py --its --own options
      mpviz run -m package.module its arguments
      mpviz run .venv/bin/black src
      mpviz run make test

    A scenario's parameter may have several values: then each is run in turn, without a screen, and
    the runs are compared. Several such lists mean each value with each.

    \b
      mpviz run pool-map chunksize=1,10,100

    A schedule of mpviz search or mpviz step is an order in which something fails, as often as it is
    run. After its steps the program goes on by itself.

    \b
      mpviz run --schedule failing.schedule.json
    """
    check_can_fail(fail_on, silenced)
    words = [target, *arguments] if target is not None else []
    along: Target | None = None
    steps: Steps = ()
    if schedule_file is not None:
        along, steps = scheduled(
            schedule_file, words, module=module, python=python, start_method=start_method
        )
    elif target is None:
        raise click.MissingParameter(ctx=context, param=context.command.params[-2])
    sweep = [] if module or along else _sweep(words, python, start_method)
    if sweep:
        sweep = [(label, replace(each, silenced=silenced)) for label, each in sweep]
        return _compare_runs(sweep, json_file, record_file, rate, fail_on)
    wanted = along or _target(words, module, python, start_method)
    # A scenario has nothing to save: it ends at once.
    wanted = replace(wanted, silenced=silenced, grace=0.0 if wanted.scenario else grace)
    reason = "" if headless else why_no_terminal()
    if reason:
        click.echo(f"mpviz: {reason}, so this run is headless", err=True)
        headless = True
    if json_file is not None:
        check_json_file(json_file, headless)
    if record_file is not None:
        check_record_file(record_file)
    record = Path(record_file) if record_file is not None else None
    if headless:
        from mpviz.tui.commands.headless import run_headless

        return run_headless(wanted, json_file, record, rate, fail_on, steps)
    from mpviz.tui.commands.preferences import preferences
    from mpviz.tui.showing import watch

    settings = preferences(theme or click.get_current_context().obj, fps)
    return watch(wanted, json_file, record, rate, settings, fail_on, steps)


@command.command(short_help="Say how recorded runs differ.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help='The comparison as one JSON document ("-" for stdout).',
)
@click.argument("files", nargs=-1, required=True, metavar="FILE FILE...")
def compare(*, json_file: str | None, files: tuple[str, ...]) -> int:
    """Say how recorded runs differ: a table, where the time of each went, and their timelines on
    one scale.

    \b
      mpviz compare before.jsonl.gz after.jsonl.gz
    """
    paths = [Path(file) for file in files]
    check_recordings(paths)
    if json_file is not None:
        check_json_file(json_file, headless=True)
    from mpviz.trace.record.recording import NotARecording
    from mpviz.tui.commands.compare import compare_files

    try:
        return compare_files(paths, json_file)
    except NotARecording as bad:
        raise click.UsageError(str(bad)) from None


@command.command(short_help="Open a recording and walk through it.")
@click.option(
    "--at", metavar="SECONDS", type=float, callback=check_number, help="Begin at this moment."
)
@click.option(
    "--speed",
    metavar="FACTOR",
    type=number_between(1 / 256, 64),
    callback=check_number,
    default=1.0,
    help="Seconds of the run for each second, 1/256 to 64.",
)
@silence_option
@theme_option
@fps_option
@click.argument("file")
def replay(
    *,
    at: float | None,
    speed: float,
    silenced: frozenset[str],
    theme: str | None,
    fps: int | None,
    file: str,
) -> int:
    """Open a recording and walk through it: play, pause, step, go to any moment.

    \b
      mpviz replay run.jsonl.gz
      mpviz replay run.jsonl.gz --at 3.2 --speed 0.25
    """
    reason = why_no_terminal()
    if reason:
        raise click.UsageError(f"{reason}; mpviz export and mpviz compare need no terminal")
    from mpviz.trace.record.recording import NotARecording
    from mpviz.trace.record.replay import Replay

    try:
        recorded = Replay(Path(file), silenced=silenced)
    except NotARecording as bad:
        raise click.UsageError(str(bad)) from None
    recorded.set_speed(speed)
    if at is not None:
        recorded.seek(recorded.start + int(at * 1e9))
    from mpviz.tui.commands.preferences import preferences
    from mpviz.tui.showing import show_replay

    return show_replay(recorded, preferences(theme or click.get_current_context().obj, fps))


@command.command(cls=Export, short_help="Write a recording in a form that others read.")
@click.option(
    "--to", "format_name", metavar="FORMAT", help="The form.  [default: what OUT's ending says]"
)
@click.option("-o", "out", metavar="OUT", required=True, help='The file to write; "-" for stdout.')
@click.argument("file")
def export(*, format_name: str | None, out: str, file: str) -> int:
    """Write a recording in a form that others read.

    \b
      mpviz export run.jsonl.gz -o report.html      a report to mail
      mpviz export run.jsonl.gz -o trace.json       for ui.perfetto.dev
      mpviz export run.jsonl.gz -o timeline.svg     a picture
      mpviz export run.jsonl.gz --to csv -o -       the tasks, for a spreadsheet
    """
    from mpviz.trace.record.recording import NotARecording
    from mpviz.tui.commands.export import export_by_command
    from mpviz.tui.exports import UnknownFormat, format_for

    if out == "-" and format_name is None:
        raise click.UsageError("-o - needs --to FORMAT: there is no ending that names it")
    if is_same_file(file, out):
        raise click.UsageError(f"{out} is the recording itself")
    try:
        form = format_for(format_name, out)
        if has_content(out):
            say_replaced("-o", "file", out)
        export_by_command(Path(file), form, out)
    except (NotARecording, UnknownFormat) as bad:
        raise click.UsageError(str(bad)) from None
    except BrokenPipeError:
        return reader_is_gone()
    except OSError as error:
        raise click.UsageError(f"cannot write {out}: {error.strerror}") from None
    return 0


command.add_command(step)
command.add_command(search)
command.add_command(talk)
command.add_command(attach)
command.add_command(why)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; the console script's entry point."""
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:
        sys.stderr = Nowhere()
    try:
        status = command.main(arguments, prog_name="mpviz", standalone_mode=False)
        sys.stdout.flush()
    except click.MissingParameter as error:
        click.echo(f"mpviz: {what_to_type(error)}", err=True)
        return USAGE_ERROR
    except click.ClickException as error:
        from mpviz.trace.model.text import clean

        # Names of files may contain terminal escape sequences.
        words = clean(" ".join(error.format_message().split()))
        click.echo(f"mpviz: {words}", err=True)
        return USAGE_ERROR
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return reader_is_gone()
    except OSError as error:
        if error.filename is not None:
            raise
        # Only an error of a stream that was open before us names no file.
        return cannot_print(error)
    return int(status or 0)


def _target(words: list[str], module: bool, python: str | None, start_method: str | None) -> Target:
    from mpviz.tui.commands.interpreters import BadTarget
    from mpviz.tui.commands.targets import from_words

    try:
        return from_words(words, module=module, python=python, start_method=start_method)
    except BadTarget as bad:
        raise click.UsageError(str(bad)) from None


def _sweep(words: list[str], python: str | None, start_method: str | None) -> Sweep:
    from mpviz.tui.commands.interpreters import BadTarget
    from mpviz.tui.commands.sweeps import sweep_of

    try:
        return sweep_of(words, python=python, start_method=start_method)
    except BadTarget as bad:
        raise click.UsageError(str(bad)) from None


def _compare_runs(
    sweep: Sweep,
    json_file: str | None,
    record_file: str | None,
    rate: float,
    fail_on: frozenset[str],
) -> int:
    if json_file is not None:
        check_json_file(json_file, headless=True)
    if record_file is not None:
        for number in range(1, len(sweep) + 1):
            check_record_file(str(numbered(Path(record_file), number)))
    from mpviz.tui.commands.compare import compare_runs

    record = Path(record_file) if record_file is not None else None
    return compare_runs(sweep, json_file, record, rate, fail_on)
