"""``mpviz search``: what the words after it ask for."""

from __future__ import annotations

from pathlib import Path

import click

from mpviz.tui.commands.options import (
    check_file,
    module_option,
    number_between,
    python_option,
    start_method_option,
    whole_number_between,
)

SECONDS = 60.0


def _kinds(context: click.Context, parameter: click.Parameter, value: str | None) -> frozenset[str]:
    """The kinds of failures that are named, by commas apart; all if none is."""
    from mpviz.trace.stepping.search.failure import KINDS

    names = frozenset(KINDS if value is None else (each.strip() for each in value.split(",")))
    for name in sorted(names - set(KINDS)):
        raise click.BadParameter(f"there is no failure {name!r} (there is {', '.join(KINDS)})")
    return names


@click.command(
    short_help="Try other orders until one fails.",
    options_metavar="[OPTIONS]",
    # Everything from the target on is the program's own.
    context_settings={"allow_interspersed_args": False},
)
@module_option
@python_option
@start_method_option
@click.option(
    "--until",
    metavar="KIND,...",
    callback=_kinds,
    help="What counts as a failure: exit (an exit code other than 0, such as that of an assert, of"
    " any process), deadlock, lost-update.  [default: all of them]",
)
@click.option(
    "--seconds",
    type=number_between(0.1, 10_000_000),
    default=SECONDS,
    show_default=True,
    help="How long to search.",
)
@click.option(
    "--runs",
    type=whole_number_between(1, 1_000_000_000),
    help="How many runs at most.  [default: as many as there is time for]",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Of the orders by chance, which come after those by plan.",
)
@click.option(
    "--preemptions",
    type=whole_number_between(0, 1_000),
    metavar="N",
    help="Try only orders in which at most N times the turn is taken from a process that could go"
    " on. Most faults need one or two.",
)
@click.option(
    "--schedule",
    "schedule_file",
    metavar="FILE",
    help="Where to write the order that fails.  [default: a name with the date and time]",
)
@click.option(
    "--record", "record_file", metavar="FILE", help="Record a run in that order too (.jsonl.gz)."
)
@click.option("--junit", "junit_file", metavar="FILE", help="The result as a JUnit report, for CI.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def search(
    *,
    module: bool,
    python: str | None,
    start_method: str | None,
    until: frozenset[str],
    seconds: float,
    runs: int | None,
    seed: int,
    preemptions: int | None,
    schedule_file: str | None,
    record_file: str | None,
    junit_file: str | None,
    target: str,
    arguments: tuple[str, ...],
) -> int:
    """Run TARGET again and again, each time in another order of what its processes do with locks,
    values, queues and whatever else they share, until it fails. The order that fails is written as
    a schedule, which makes it fail each time. A scenario is short, as for mpviz step.

    \b
      mpviz search bank way=check-first
      mpviz search --seconds 600 test_transfer.py
      mpviz run --schedule failing.schedule.json

    Exit status: 3 if an order fails; 0 if none does, and the last line says whether all orders were
    tried.
    """
    from mpviz.tui.commands.interpreters import BadTarget
    from mpviz.tui.commands.searching import Asked, search_for
    from mpviz.tui.commands.targets import from_words

    for option, file in (
        ("--schedule", schedule_file),
        ("--record", record_file),
        ("--junit", junit_file),
    ):
        if file is not None:
            check_file(option, file)
    try:
        wanted = from_words(
            [target, *arguments],
            module=module,
            python=python,
            start_method=start_method,
            is_stepped=True,
        )
    except BadTarget as bad:
        raise click.UsageError(str(bad)) from None
    asked = Asked(
        wanted,
        until,
        seconds=seconds,
        runs=runs or 0,
        seed=seed,
        preemptions=preemptions,
        schedule=Path(schedule_file) if schedule_file else None,
        record=Path(record_file) if record_file else None,
        junit=Path(junit_file) if junit_file else None,
    )
    return search_for(asked)
