"""``mpviz talk``: what the words after it ask for."""

from __future__ import annotations

from pathlib import Path

import click

from mpviz.tui.commands.options import fps_option, theme_option, why_no_terminal


@click.command(short_help="Give a talk: step by step, with questions and answers.")
@click.option("--check", is_flag=True, help="No screen: run all steps, and say what goes wrong.")
@click.option(
    "--record", is_flag=True, help="No screen: record what each step is to fall back on (key b)."
)
@theme_option
@fps_option
@click.argument("file", required=False)
def talk(*, check: bool, record: bool, theme: str | None, fps: int | None, file: str | None) -> int:
    """Give a talk: each step asks the room a question, runs a program until it stops by itself,
    and gives the answer. Space goes on, and so does a clicker.

    FILE is a TOML file, which docs/talk.md explains. Without one, the talk that comes with mpviz:
    multiprocessing in twelve minutes.

    \b
      mpviz talk
      mpviz talk my-talk.toml
      mpviz talk my-talk.toml --check
    """
    from mpviz.tui.commands.talks import giving
    from mpviz.tui.talk.plan import PlanError

    if check and record:
        raise click.UsageError("--check and --record are two things: one after the other")
    reason = "" if check or record else why_no_terminal()
    if reason:
        raise click.UsageError(f"{reason}; mpviz talk --check needs no terminal")
    try:
        performance = giving.prepared(Path(file) if file is not None else None)
    except PlanError as bad:
        raise click.UsageError(str(bad)) from None
    if check or record:
        return giving.check(performance) if check else giving.record(performance)
    from mpviz.tui.commands.preferences import preferences

    settings = preferences(theme or click.get_current_context().obj, fps)
    return giving.give(performance, settings)
