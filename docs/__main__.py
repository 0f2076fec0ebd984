"""Writes what the pages say of commands, keys, panels, rules, exports and scenarios from the code.

``python -m docs`` writes; ``python -m docs --check`` changes nothing, and fails if it would.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from mpviz.scenarios.catalogue import scenarios
from mpviz.trace.explain.findings import RULES
from mpviz.tui.actions.action import Action, signs
from mpviz.tui.actions.picker import PICKER_ACTIONS
from mpviz.tui.actions.programs import PROGRAMS_ACTIONS
from mpviz.tui.actions.replay import REPLAY_ACTIONS
from mpviz.tui.actions.run import RUN_ACTIONS
from mpviz.tui.actions.step import STEP_ACTIONS
from mpviz.tui.actions.talk import TALK_ACTIONS
from mpviz.tui.commands.command_line import command
from mpviz.tui.exports import FORMATS
from mpviz.tui.panels import panels_for

ROOT = Path(__file__).parents[1]
COLUMNS = 100


def pages() -> dict[str, str]:
    """Each page that has something made in it, by its path, as it should be."""
    return {
        "docs/command-line.md": "\n".join(_command_line()) + "\n",
        "docs/screens.md": "\n".join(_screens()) + "\n",
        "docs/findings.md": _with_table("docs/findings.md", "the rules", _rules()),
        "docs/recordings.md": _with_table("docs/recordings.md", "the formats", _formats()),
        "screenshots/README.md": "\n".join(_gallery()) + "\n",
    }


def _command_line() -> Iterator[str]:
    yield "# The command line"
    yield "\nWhat `mpviz --help` and `mpviz COMMAND --help` say; see also [Using mpviz](using.md)."
    settings: dict[str, Any] = {**command.context_settings, "terminal_width": COLUMNS}
    top = click.Context(command, info_name="mpviz", **settings)
    yield from _help(command, top)
    for name in command.list_commands(top):
        each = command.get_command(top, name)
        if each is not None:
            yield from _help(each, click.Context(each, parent=top, info_name=name))


def _help(each: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## {context.command_path}\n"
    for line in each.get_help(context).splitlines():
        yield f"    {line}".rstrip()


def _screens() -> Iterator[str]:
    yield "# Panels and keys"
    yield "\nWhat `?` says on screen: every panel, and every key of each screen."
    yield "\n## Panels\n"
    yield from _table(
        ("panel", "what it shows"), ((each.name, each.help) for each in panels_for(()))
    )
    screens: list[tuple[str, Iterable[Action[Any]]]] = [
        ("Keys of a run", RUN_ACTIONS),
        ("Keys of a replay", REPLAY_ACTIONS),
        ("Keys of a stepped run", STEP_ACTIONS),
        ("Keys of a talk", TALK_ACTIONS),
        ("Keys of the first screen", PICKER_ACTIONS),
        ("Keys of the list of running programs", PROGRAMS_ACTIONS),
    ]
    for title, actions in screens:
        yield f"\n## {title}\n"
        rows = ((f"`{signs(each.keys)}`", f"**{each.title}.** {each.help}") for each in actions)
        yield from _table(("keys", "what they do"), rows)


def _rules() -> Iterator[str]:
    rows = ((f"`{rule.name}`", rule.says, rule.threshold, rule.exempt) for rule in RULES)
    return _table(("finding", "what it says", "threshold", "what it leaves alone"), rows)


def _formats() -> Iterator[str]:
    rows = (
        (f"`{each.name}`", " ".join(f"`{ending}`" for ending in each.endings), each.help)
        for each in FORMATS
    )
    return _table(("`--to`", "files", "what it is"), rows)


def _gallery() -> Iterator[str]:
    """Every scenario, chapter by chapter, with what to watch for."""
    yield "# The scenarios"
    yield "\nEach picture is of a real run; `.venv/bin/python -m screenshots` makes them anew."
    yield "Start one with `mpviz run NAME`, or pick it from the list of `mpviz`."
    chapter = ""
    for scenario in scenarios().values():
        if scenario.chapter != chapter:
            chapter = scenario.chapter
            yield f"\n## {chapter}"
        yield f"\n### {scenario.name}\n"
        yield f"{scenario.title}. {scenario.sentence}"
        if scenario.hangs:
            yield f"\nHangs on purpose: {scenario.hangs}"
        if scenario.stepped:
            yield f"\nStep through it with `mpviz step {scenario.name}`."
        yield f"\n![{scenario.name}]({scenario.name}.svg)"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _with_table(path: str, name: str, lines: Iterable[str]) -> str:
    """The page with these lines between the two markers of this name."""
    first, last = f"<!-- {name}, written by python -m docs -->", f"<!-- the end of {name} -->"
    before, _, rest = (ROOT / path).read_text(encoding="utf-8").partition(first)
    _, _, after = rest.partition(last)
    return "\n".join([before + first, "", *lines, "", last + after])


def main() -> None:
    """Write the pages, or only say which would change."""
    is_check = sys.argv[1:] == ["--check"]
    status = 0
    for path, text in pages().items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            print(f"{path} {'is not what python -m docs writes' if is_check else 'is new'}")
            status = int(is_check)
            if not is_check:
                file.write_text(text, encoding="utf-8")
    sys.exit(status)


if __name__ == "__main__":
    main()
