"""``mpviz step``: what the words after it ask for."""

from __future__ import annotations

import click

from mpviz.tui.commands.options import (
    module_option,
    python_option,
    start_method_option,
    theme_option,
    why_no_terminal,
)


@click.command(
    short_help="Choose who goes next, step by step.",
    options_metavar="[OPTIONS]",
    # Everything from the target on is the program's own.
    context_settings={"allow_interspersed_args": False},
)
@module_option
@python_option
@start_method_option
@click.option(
    "--schedule",
    "schedule_file",
    metavar="FILE",
    help="Take the steps of this file first, which the key w has written; without TARGET, those of"
    " the program that it names.",
)
@theme_option
@click.argument("target", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def step(
    *,
    module: bool,
    python: str | None,
    start_method: str | None,
    schedule_file: str | None,
    theme: str | None,
    target: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Be the scheduler of TARGET: a scenario with its parameters as name=value, or any program with
    its arguments. Each process stops before each operation on a lock, a value, a queue or whatever
    else it shares with others, and you choose who goes next. A scenario is short when it is stepped
    through, unless its parameters say otherwise.

    \b
      mpviz step race
      mpviz step bank way=check-first
      mpviz step script.py --its --own options
      mpviz step --schedule failing.schedule.json
    """
    reason = why_no_terminal()
    if reason:
        raise click.UsageError(f"{reason}; mpviz run --headless needs none")
    from mpviz.tui.commands.preferences import preferences
    from mpviz.tui.commands.scheduled import scheduled
    from mpviz.tui.showing import step_through

    wanted, steps = scheduled(
        schedule_file,
        [target, *arguments] if target is not None else [],
        module=module,
        python=python,
        start_method=start_method,
    )
    if wanted is None:
        raise click.UsageError("name what to step through, such as race, or a --schedule")
    settings = preferences(theme or click.get_current_context().obj)
    return step_through(wanted, settings, steps)
