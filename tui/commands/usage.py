"""What the command line says of itself: to a wrong or a missing word, and in a help text."""

from __future__ import annotations

import click


class Commands(click.Group):
    """The commands; a scenario or a file in the place of a command gets a useful answer."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say what the word could be."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            names = ", ".join(self.list_commands(ctx))
            raise click.UsageError(
                f"there is no command {name!r} (there is {names}); to run it: mpviz run {name}"
            )
        return super().resolve_command(ctx, args)


class Export(click.Command):
    """Says in its help which forms there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the forms below the options."""
        from mpviz.tui.exports import FORMATS

        with formatter.section("Formats"):
            rows = [(f"{each.name} ({', '.join(each.endings)})", each.help) for each in FORMATS]
            formatter.write_dl(rows)


def what_to_type(missing: click.MissingParameter) -> str:
    """What is missing from a command, with a line that works."""
    name = missing.ctx.command.name if missing.ctx is not None else None
    examples = {
        "run": "a TARGET, a scenario or a program, such as mpviz run pool-map,"
        " or mpviz run script.py; mpviz list has the scenarios",
        "replay": "a recording, such as mpviz replay run.jsonl.gz;"
        " mpviz run --record run.jsonl.gz ... makes one",
        "compare": "two recordings or more, such as mpviz compare a.jsonl.gz b.jsonl.gz",
        "export": "a recording and a file, such as mpviz export run.jsonl.gz -o report.html",
    }
    if name not in examples:
        return " ".join(missing.format_message().split())
    return f"{name} needs {examples[name]}"
