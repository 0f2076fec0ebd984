"""``mpviz list`` and ``mpviz rules``: what there is to run, and what can be found."""

from __future__ import annotations

import shutil
import textwrap

import click

from mpviz.scenarios.catalogue import problems, scenarios

_WIDEST = 100
"""Longer lines are hard to read."""


def print_scenarios() -> None:
    """Print a line for each scenario, and on stderr what could not be listed."""
    found = scenarios()
    width = max(map(len, found), default=0)
    chapters = max((len(each.chapter) for each in found.values()), default=0)
    for name, scenario in found.items():
        click.echo(f"{name:{width}}  {scenario.chapter:{chapters}}  {scenario.sentence}")
    for problem in problems():
        click.echo(f"mpviz: {problem}", err=True)


def print_rules() -> None:
    """Print each rule in three paragraphs."""
    from mpviz.trace.explain.findings import RULES

    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for number, rule in enumerate(RULES):
        if number:
            click.echo()
        click.echo(rule.name)
        parts = ("what", rule.says), ("from", rule.threshold), ("not", rule.exempt)
        for word, text in parts:
            lines = textwrap.wrap(
                text, width, initial_indent=f"    {word:6}", subsequent_indent=" " * 10
            )
            click.echo("\n".join(lines))
